"""Only the numbers that are not zero, row after row."""

from functools import cache
from typing import Any, ClassVar

import numba
import numpy as np
import torch
from numba import types
from torch import Tensor, nn
from torch.nn import functional

from ..kernels import compiled, run_kernel
from .base import Table
from .lanes import LANES, expand_lanes, set_bits


@cache
def _lanes_of() -> tuple[np.ndarray, np.ndarray]:
    """Of each mask of 16 bits, which are set, and how many before each: two of [2¹⁶, 16], uint8."""
    bits = np.arange(1 << LANES)[:, None] >> np.arange(LANES) & 1
    return bits.astype(np.uint8), (bits.cumsum(1) - bits).astype(np.uint8)


@compiled
def _expand(ids, starts, masks, values, out):
    source, target, blocks = values.ctypes.data, out.ctypes.data, masks.shape[1]
    for k in numba.prange(len(ids)):
        i = ids[k]
        start = types.int64(source + 4 * types.int64(starts[i]))
        for b in range(blocks):
            expand_lanes(start, masks[i, b], types.int64(target + 4 * LANES * (k * blocks + b)))  # type: ignore[call-arg]
            start += 4 * set_bits(masks[i, b])


def sparse_bytes(rows: int, dim: int, entries: int) -> int:
    """Bytes of a `SparseTable` in float32: 4 a number, and for a row 4 and 2 for each 16 columns or part."""
    return 4 * entries + 4 * (rows + 1) + 2 * rows * -(-dim // LANES)


class SparseTable(Table):
    """Row i is zero but where its mask has a bit: there are values[starts[i]] … values[starts[i+1] − 1].

    The form in which a pruned table is served; it is not trained. It is compressed sparse rows (CSR) whose
    columns are bits of a mask, 16 to a word: from two numbers a row on that is smaller than an index for each
    number, and a row is one vector instruction. Its bytes are `sparse_bytes`.

    Args:
        field_sizes: ids of each field.
        dim: D.
        entries: numbers that are stored.
    """

    kind: ClassVar[str] = "sparse"
    uncuttable = "its numbers are removed already: cut the fields first"
    starts: Tensor
    masks: Tensor

    def __init__(self, field_sizes: tuple[int, ...], dim: int, entries: int):
        super().__init__()
        self.field_sizes, self.dim = tuple(field_sizes), dim
        self.values = nn.Parameter(torch.zeros(entries), requires_grad=False)
        rows = sum(field_sizes)
        self.register_buffer("masks", torch.zeros(rows, -(-dim // LANES), dtype=torch.int16))
        self.register_buffer("starts", torch.zeros(rows + 1, dtype=torch.int32))
        self.register_load_state_dict_post_hook(lambda table, keys: table._check())

    @classmethod
    @torch.no_grad()
    def of(cls, weight: Tensor, mask: Tensor, field_sizes: tuple[int, ...]) -> "SparseTable":
        """The entries of `weight` [n, D] where `mask` [n, D] is true."""
        table = cls(field_sizes, weight.shape[1], int(mask.sum())).to(weight.device)
        table.values.copy_(weight[mask])
        lanes = nn.functional.pad(mask.int(), (0, -weight.shape[1] % LANES)).unflatten(1, (-1, LANES))
        words = (lanes << torch.arange(LANES, device=mask.device, dtype=torch.int32)).sum(2)
        table.masks.copy_(words - (words >= 1 << (LANES - 1)) * (1 << LANES))  # the same bits, signed
        table.starts[1:] = mask.sum(1).cumsum(0)
        return table

    def config(self) -> dict[str, Any]:
        """Arguments that make a table of this shape again."""
        return {"field_sizes": self.field_sizes, "dim": self.dim, "entries": len(self.values)}

    def bits(self, rows: Tensor) -> Tensor:
        """Which of their numbers some rows [k] store [k, D]; in operations that exporters know."""
        words = self.masks[rows].long().remainder(1 << LANES).unsqueeze(-1)
        powers = 2 ** torch.arange(LANES, device=words.device)
        return words.div(powers, rounding_mode="floor").remainder(2).flatten(1)[:, : self.dim].bool()

    def _check(self) -> None:
        """Refuse an index that would lead a look-up astray."""
        starts, words = self.starts, self.masks.int().remainder(1 << LANES)
        beyond = -self.dim % LANES  # bits of the last word that stand for no column
        spare = words[:, -1] >> (LANES - beyond)
        # lane by lane: all bits at once would take n×D numbers whenever a table is loaded
        counts = sum((words >> lane & 1 for lane in range(LANES)), torch.zeros_like(words)).sum(1)
        whole = starts[0] == 0 and starts[-1] == len(self.values) and torch.equal(starts.diff(), counts.int())
        if not whole or spare.any():
            raise ValueError("the index of this sparse table is damaged")

    def forward(self, ids: Tensor) -> Tensor:
        flat = ids.reshape(-1)
        # exporters know no compiled loop
        if torch.compiler.is_compiling() or not flat.is_cpu or self.values.dtype != torch.float32:
            return self._rows(flat).view(*ids.shape, self.dim)
        out = self.values.new_empty(len(flat), LANES * self.masks.shape[1])
        run_kernel(_expand, flat, self.starts, self.masks, self.values, out)
        return out[:, : self.dim].reshape(*ids.shape, self.dim)

    def _rows(self, ids: Tensor) -> Tensor:
        """What the compiled loop does, in tensor operations, of ids [k]."""
        ids = ids.long()
        if torch.compiler.is_exporting() and len(self.values):
            return self._by_mask(ids)
        bits = self.bits(ids)
        if not len(self.values):
            return bits.to(self.values.dtype)
        taken = self.starts[ids].unsqueeze(1) + bits.long().cumsum(1) - 1
        return torch.where(bits, self.values[taken.clamp(0)], 0)

    def _by_mask(self, ids: Tensor) -> Tensor:
        """The same for a graph: which numbers a mask has, and where they lie, is looked up by it."""
        own, before = (torch.from_numpy(each).to(ids.device) for each in _lanes_of())
        words = self.masks[ids].int().remainder(1 << LANES)
        bits, start = functional.embedding(words, own), self.starts[ids].unsqueeze(1)
        if words.shape[1] > 1:
            counts = bits.int().sum(-1)
            start = start + counts.cumsum(1) - counts
        places = start.unsqueeze(-1) + functional.embedding(words, before).int()
        places = places.flatten(1)[:, : self.dim].clamp(max=len(self.values) - 1)
        found = self.values.index_select(0, places.flatten()).view(places.shape)
        return torch.where(bits.flatten(1)[:, : self.dim].bool(), found, 0)

    def weight_view(self) -> Tensor:
        return self._rows(torch.arange(len(self.masks), device=self.masks.device))

    def own_numbers(self) -> tuple[str, Tensor]:
        return "values", self.starts.diff()

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        rows = torch.tensor([0, *self.field_sizes]).cumsum(0)
        counts = self.starts[rows].diff()
        self.values.mul_(factors.to(self.values).repeat_interleave(counts))
