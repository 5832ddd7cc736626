"""Every field with its own choice of columns."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numba
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..kernels import compiled, run_kernel
from .base import Table


@compiled
def _expand(ids, edges, widths, starts, columns, values, out):
    for k in numba.prange(len(ids)):
        f = np.searchsorted(edges, ids[k], side="right") - 1
        at = starts[f] + (ids[k] - edges[f]) * widths[f]
        for d in range(out.shape[1]):
            out[k, d] = 0
        for p in range(widths[f]):
            out[k, columns[f, p]] = values[at + p]


class FieldColumnsTable(Table):
    """The rows of field f store the columns C_f and no others; what is missing reads as zero.

    Of all numbers of a field the same columns stay, so the index is one short list a field, not one entry a
    number. The form in which such a table is served; it is not trained.

    Args:
        field_sizes: ids of each field.
        dim: D.
        columns: C_f for each field, each ascending in 0..D−1; an empty list removes the field's rows.

    Raises:
        ValueError: columns that are not such lists.
    """

    kind: ClassVar[str] = "field_columns"
    uncuttable = "its columns are removed already: cut the fields first"
    columns: Tensor
    widths: Tensor
    edges: Tensor
    starts: Tensor

    def __init__(self, field_sizes: Sequence[int], dim: int, columns: Sequence[Sequence[int]]):
        super().__init__()
        self.field_sizes, self.dim = tuple(field_sizes), dim
        self.kept = [list(c) for c in columns]
        allowed = all(list(c) == sorted(set(c)) and set(c) <= set(range(dim)) for c in columns)
        if len(columns) != len(self.field_sizes) or not allowed:
            raise ValueError(
                f"needs ascending columns in 0..{dim - 1} for {len(field_sizes)} fields: {columns}"
            )
        sizes, widths = torch.tensor(self.field_sizes), torch.tensor([len(c) for c in columns])
        self.values = nn.Parameter(torch.zeros(int((sizes * widths).sum())), requires_grad=False)
        padded = [[*c, *[0] * (dim - len(c))] for c in columns]
        self.register_buffer("columns", torch.tensor(padded, dtype=torch.int16))
        self.register_buffer("widths", widths)
        self.register_buffer("edges", functional.pad(sizes.cumsum(0), (1, 0)))
        self.register_buffer("starts", functional.pad((sizes * widths).cumsum(0), (1, 0)))
        self.register_load_state_dict_post_hook(lambda table, keys: table._check())

    @classmethod
    @torch.no_grad()
    def of(cls, weight: Tensor, mask: Tensor, field_sizes: Sequence[int]) -> "FieldColumnsTable":
        """The entries of `weight` [n, D] where `mask` [n, D] is true; all rows of a field have one mask."""
        first = torch.tensor([0, *field_sizes[:-1]]).cumsum(0).to(mask.device)
        columns = [kept.nonzero().flatten().tolist() for kept in mask[first]]
        table = cls(field_sizes, weight.shape[1], columns).to(weight.device)
        table.values.copy_(weight[mask])
        return table

    def config(self) -> dict[str, Any]:
        """Arguments that make a table of this shape again."""
        return {"field_sizes": self.field_sizes, "dim": self.dim, "columns": self.kept}

    def _check(self) -> None:
        """Refuse an index that would lead a look-up astray."""
        made = dict(FieldColumnsTable(**self.config()).named_buffers())
        if not all(torch.equal(made[name], own.cpu()) for name, own in self.named_buffers(recurse=False)):
            raise ValueError("the index of this table of columns is damaged")

    def forward(self, ids: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return functional.embedding(ids, self.weight_view())
        flat = ids.reshape(-1)
        if not flat.is_cpu:
            return self._rows(flat).view(*ids.shape, self.dim)
        out = self.values.new_empty(len(flat), self.dim)
        own = (self.edges, self.widths, self.starts, self.columns, self.values)
        run_kernel(_expand, flat, *own, out)
        return out.view(*ids.shape, self.dim)

    def _rows(self, ids: Tensor) -> Tensor:
        """What the compiled loop does, in tensor operations."""
        fields = torch.bucketize(ids.long(), self.edges, right=True) - 1
        at = self.starts[fields] + (ids - self.edges[fields]) * self.widths[fields]
        out = self.values.new_zeros(len(ids), self.dim)
        for p in range(int(self.widths.max())):
            rows = (self.widths[fields] > p).nonzero().flatten()
            out[rows, self.columns[fields[rows], p].long()] = self.values[at[rows] + p]
        return out

    def weight_view(self) -> Tensor:
        sizes = [n * len(kept) for n, kept in zip(self.field_sizes, self.kept, strict=True)]
        fields = []
        for n, kept, own in zip(self.field_sizes, self.kept, self.values.split(sizes), strict=True):
            place = torch.tensor(kept, dtype=torch.long, device=own.device)
            fields.append(own.new_zeros(n, self.dim).index_copy(1, place, own.view(n, len(kept))))
        return torch.cat(fields)

    def own_numbers(self) -> tuple[str, Tensor]:
        return "values", self.widths.repeat_interleave(self.edges.diff())

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        self.values.mul_(factors.to(self.values).repeat_interleave(self.starts.diff()))
