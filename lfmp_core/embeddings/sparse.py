"""Only the numbers that are not zero, in compressed sparse rows."""

from typing import Any, ClassVar

import numba
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..kernels import compiled, run_kernel
from .base import Table


@compiled
def _expand(ids, starts, columns, values, out):
    for k in numba.prange(len(ids)):
        for d in range(out.shape[1]):
            out[k, d] = 0
        i = ids[k]
        for p in range(starts[i], starts[i + 1]):
            out[k, columns[p]] = values[p]


def refuse_outside(ids: Tensor, rows: int) -> None:
    """Refuse ids outside 0..rows−1, which a compiled loop would follow anywhere.

    Raises:
        IndexError: there is one.
    """
    if len(ids):
        low, high = ids.aminmax()
        if low < 0 or high >= rows:
            raise IndexError(f"ids {int(low)}..{int(high)} given to a table of {rows} rows")


class SparseTable(Table):
    """Row i is zero but for `values[p]` in column `columns[p]`, starts[i] ≤ p < starts[i+1].

    The form in which a pruned table is served; it is not trained. Its bytes are 4 a number, 1 a column
    index (2 where D > 256) and 4 a row: at high sparsity the index weighs more than the numbers.

    Args:
        field_sizes: ids of each field.
        dim: D.
        entries: numbers that are stored.
    """

    kind: ClassVar[str] = "sparse"
    uncuttable = "its numbers are removed already: cut the fields first"
    starts: Tensor
    columns: Tensor

    def __init__(self, field_sizes: tuple[int, ...], dim: int, entries: int):
        super().__init__()
        self.field_sizes, self.dim = tuple(field_sizes), dim
        self.values = nn.Parameter(torch.zeros(entries), requires_grad=False)
        index = torch.uint8 if dim <= 256 else torch.int16
        self.register_buffer("columns", torch.zeros(entries, dtype=index))
        self.register_buffer("starts", torch.zeros(sum(field_sizes) + 1, dtype=torch.int32))
        self.register_load_state_dict_post_hook(lambda table, keys: table._check())

    @classmethod
    @torch.no_grad()
    def of(cls, weight: Tensor, mask: Tensor, field_sizes: tuple[int, ...]) -> "SparseTable":
        """The entries of `weight` [n, D] where `mask` [n, D] is true."""
        rows, columns = mask.nonzero(as_tuple=True)
        table = cls(field_sizes, weight.shape[1], len(rows)).to(weight.device)
        table.values.copy_(weight[mask])
        table.columns.copy_(columns)
        table.starts[1:] = mask.sum(1).cumsum(0)
        return table

    def described(self) -> dict[str, Any]:
        """Arguments that make a table of this shape again."""
        return {"field_sizes": self.field_sizes, "dim": self.dim, "entries": len(self.values)}

    def _check(self) -> None:
        """Refuse an index that would lead a look-up astray."""
        starts, stored = self.starts, len(self.values)
        whole = starts[0] == 0 and starts[-1] == stored and (starts.diff() >= 0).all()
        if not whole or (stored and self.columns.max() >= self.dim):
            raise ValueError("the index of this sparse table is damaged")

    def forward(self, ids: Tensor) -> Tensor:
        if torch.compiler.is_compiling():  # exporters know no sparse rows
            return functional.embedding(ids, self.weight_view())
        flat = ids.reshape(-1)
        out = self.values.new_empty(len(flat), self.dim)
        if out.is_cpu:
            refuse_outside(flat, len(self.starts) - 1)
            run_kernel(_expand, flat, self.starts, self.columns, self.values, out)
        else:
            self._scatter(flat, out.zero_())
        return out.view(*ids.shape, self.dim)

    def _scatter(self, ids: Tensor, out: Tensor) -> None:
        """What the compiled loop does, in tensor operations."""
        starts = self.starts[ids]
        counts = self.starts[ids + 1] - starts
        rows = torch.arange(len(ids), device=ids.device).repeat_interleave(counts)
        nth = torch.arange(len(rows), device=ids.device) - (counts.cumsum(0) - counts)[rows]
        taken = starts[rows] + nth
        out[rows, self.columns[taken].long()] = self.values[taken]

    def weight_view(self) -> Tensor:
        n, stored = len(self.starts) - 1, len(self.values)
        # the row of each number, in operations of fixed shape, which exporters know
        begun = self.starts[1:-1].long()
        rows = begun.new_zeros(stored + 1).scatter_add(0, begun, torch.ones_like(begun)).cumsum(0)[:stored]
        out = self.values.new_zeros(n * self.dim)
        return out.scatter(0, rows * self.dim + self.columns.long(), self.values).view(n, self.dim)

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        rows = torch.tensor([0, *self.field_sizes]).cumsum(0)
        counts = self.starts[rows].diff()
        self.values.mul_(factors.to(self.values).repeat_interleave(counts))
