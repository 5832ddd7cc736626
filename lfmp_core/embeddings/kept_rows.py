"""Some rows of a table, worked out beforehand: those that are asked for most often."""

import numba
import numpy as np
import torch
from torch import Tensor

from ..kernels import compiled, run_kernel
from .lanes import LANES, set_bits


@compiled
def _copy_kept(ids, words, before, rows, out, kept):
    for k in numba.prange(len(ids)):
        word, bit = words[ids[k] // LANES], ids[k] % LANES
        kept[k] = (word >> bit) & 1
        if kept[k]:
            own = before[ids[k] // LANES] + set_bits(np.int16(word & np.int16((1 << bit) - 1)))  # type: ignore[call-arg]
            for d in range(out.shape[1]):
                out[k, d] = rows[own, d]


class KeptRows:
    """Rows of some ids, in the ids' order: a row's place is how many ids before it are kept.

    A bit for each id says whether its row is kept, in words of 16, and each word how many are kept before
    it: 6 bytes for 16 ids, and no key beside a row.

    Args:
        ids: whose rows are kept [k], ascending.
        vectors: their rows [k, D], float32 on the CPU.
        count: n, ids in all.

    Source: Jacobson 1989, rank of a bit vector in one block.
    """

    def __init__(self, ids: Tensor, vectors: Tensor, count: int):
        bits = torch.zeros(-(-count // LANES) * LANES, dtype=torch.int32)
        bits[ids] = 1
        lanes = bits.view(-1, LANES)
        words = (lanes << torch.arange(LANES, dtype=torch.int32)).sum(1)
        self.words = (words - (words >= 1 << (LANES - 1)) * (1 << LANES)).short()  # the same bits, signed
        total = lanes.sum(1).cumsum(0)
        self.before = (total - lanes.sum(1)).int()
        self.rows = vectors.contiguous()

    @staticmethod
    def fitting(limit: int, count: int, dim: int) -> int:
        """How many rows of D numbers `limit` bytes hold beside the index of `count` ids."""
        return max(0, (limit - 6 * -(-count // LANES)) // (4 * dim))

    def num_bytes(self) -> int:
        """Bytes of rows and index."""
        return sum(t.numel() * t.element_size() for t in (self.words, self.before, self.rows))

    def find(self, ids: Tensor, out: Tensor) -> Tensor:
        """Write the rows of ids [K] that are kept into out [K, D]; the places of the other ids [j]."""
        kept = torch.empty(len(ids), dtype=torch.uint8)
        run_kernel(_copy_kept, ids, self.words, self.before, self.rows, out, kept)
        return torch.from_numpy(np.flatnonzero(kept.numpy() == 0))
