"""The compiled loops over packed codes: from ids to vectors, without a table of them in between."""

import numba
import numpy as np
from numba import types

from ..kernels import compiled
from .lanes import LANES, expand_lanes, prefetch, set_bits, single, unpack_lanes, unpack_some

AHEAD = 16  # rows that are asked of the memory, at least, before they are read: which ids come is known


@numba.njit(cache=True)
def _run_of(c, i, edges):
    """The run that row i lies in: of column c of a batch [B, m] mostly that of its field."""
    return c if edges[c] <= i < edges[c + 1] else np.searchsorted(edges, i, side="right") - 1


@numba.njit(cache=True)
def _number(codes, p, bits, step, offset):
    """o + s·q of the code that begins at bit p."""
    code = (codes[p >> 3] >> (p & 7)) & ((1 << bits) - 1)
    return offset + step * np.float32(code)


@compiled
def read_rows(ids, edges, begins, codes, bits, scale, out):
    """out[k] = o + s·q of the codes of row ids[k].

    Args:
        ids: rows [K]. edges: the rows where runs begin [R + 1]. begins: their first bytes [R].
        codes: bytes. bits: of a code, 2, 4 or 8.
        scale: (s, o) of each run or of each row, float32, or float16 as uint16.
        out: [K, width], rows one after the other in memory.
    """
    width, columns = out.shape[1], len(edges) - 1
    source, target, pairs = codes.ctypes.data, out.ctypes.data, scale.ctypes.data
    last = source + len(codes) - LANES  # where 16 bytes can be read from
    by_row, apart = len(scale) == edges[-1], scale.itemsize * 2
    ahead = columns * -(-AHEAD // columns)  # the same column: no division to find it
    for r in numba.prange(-(-len(ids) // columns)):
        for c in range(min(columns, len(ids) - r * columns)):
            k = r * columns + c
            if k + ahead < len(ids):
                i = ids[k + ahead]
                f = _run_of(c, i, edges)
                prefetch(source + begins[f] + ((i - edges[f]) * width * bits >> 3))  # type: ignore[call-arg]
                if by_row:
                    prefetch(types.int64(pairs + i * apart))
            i = ids[k]
            f = _run_of(c, i, edges)
            s = i if by_row else f
            step, offset = single(scale[s, 0]), single(scale[s, 1])
            p = begins[f] * 8 + (i - edges[f]) * width * bits
            if width % LANES == 0:
                at, to = source + (p >> 3), target + 4 * k * width
                for b in range(width // LANES):
                    unpack_lanes(bits, at + 2 * bits * b, step, offset, to + 4 * LANES * b)
                continue
            for d in range(0, width, LANES):
                q, count = p + d * bits, min(LANES, width - d)
                at = source + (q >> 3)
                if at <= last:
                    unpack_some(bits, at, q & 7, step, offset, target + 4 * (k * width + d), count)
                else:
                    _unpack_last(codes, q, bits, step, offset, count, out, k, d)


@numba.njit(cache=True)
def _unpack_last(codes, p, bits, step, offset, count, out, k, d):
    """out[k, d], out[k, d + 1] … from bit p on, where less than 16 bytes are left."""
    for j in range(min(count, (8 * len(codes) - p) // bits)):
        out[k, d + j] = _number(codes, p + j * bits, bits, step, offset)


@compiled
def read_sparse(ids, edges, begins, starts, masks, codes, bits, scale, out):
    """The same of rows that have numbers where a mask has a bit, and zeros elsewhere.

    Args:
        starts, masks: as of `SparseTable`. edges: rows where fields begin.
        out: [K, 16 times the words of a mask]. The others: as of `read_rows`.
    """
    by_row, columns = len(scale) == edges[-1], len(edges) - 1
    source, target = codes.ctypes.data, out.ctypes.data
    last = source + len(codes) - LANES  # where 16 bytes can be read from
    for r in numba.prange(-(-len(ids) // columns)):
        for c in range(min(columns, len(ids) - r * columns)):
            k = r * columns + c
            i = ids[k]
            f = _run_of(c, i, edges)
            s = i if by_row else f
            step, offset = single(scale[s, 0]), single(scale[s, 1])
            p = begins[f] * 8 + types.int64(starts[i] - starts[edges[f]]) * bits
            for b in range(masks.shape[1]):
                at, to = source + (p >> 3), types.int64(target + 4 * LANES * (k * masks.shape[1] + b))
                if at <= last:
                    unpack_some(bits, at, p & 7, step, offset, to, LANES)
                else:
                    _unpack_last(codes, p, bits, step, offset, LANES, out, k, LANES * b)
                expand_lanes(to, masks[i, b], to)  # type: ignore[call-arg]
                p += set_bits(masks[i, b]) * bits


@compiled
def read_leading(ids, edges, begins, starts, unit, codes, bits, scale, out):
    """The same of rows that have their first numbers only, and zeros after them.

    Args:
        starts, unit: as of `RaggedTable`. edges: rows where fields begin.
        out: [K, a multiple of 16]. The others: as of `read_rows`.
    """
    by_row, columns = len(scale) == edges[-1], len(edges) - 1
    source, target = codes.ctypes.data, out.ctypes.data
    last = source + len(codes) - LANES  # where 16 bytes can be read from
    for r in numba.prange(-(-len(ids) // columns)):
        for c in range(min(columns, len(ids) - r * columns)):
            k = r * columns + c
            i = ids[k]
            f = _run_of(c, i, edges)
            s = i if by_row else f
            step, offset = single(scale[s, 0]), single(scale[s, 1])
            p = begins[f] * 8 + types.int64(starts[i] - starts[edges[f]]) * unit * bits
            left = types.int64(starts[i + 1] - starts[i]) * unit
            for d in range(0, out.shape[1], LANES):
                q = p + d * bits
                at, to = source + (q >> 3), types.int64(target + 4 * (k * out.shape[1] + d))
                if at <= last:
                    unpack_some(bits, at, q & 7, step, offset, to, LANES)
                else:
                    _unpack_last(codes, q, bits, step, offset, LANES, out, k, d)
                stay = np.int16((1 << max(0, min(LANES, left - d))) - 1)
                expand_lanes(to, stay, to)  # type: ignore[call-arg]
