"""A table whose rows have lengths of their own: what is left when values or dimensions are removed."""

import math
from typing import Any, ClassVar

import numba
import torch
from torch import Tensor, nn

from ..kernels import compiled, run_kernel
from .base import Table
from .gather import gather


@compiled
def _copy_rows(ids, starts, weight, out):
    for r in numba.prange(len(ids)):
        first, end = starts[ids[r]], starts[ids[r] + 1]
        place = 0
        for u in range(first, end):
            for d in range(weight.shape[1]):
                out[r, place] = weight[u, d]
                place += 1


class RaggedTable(Table):
    """Row i stores its first w_i numbers and no other; what is missing reads as zero.

    e_i = [u_{s_i}, …, u_{s_{i+1}−1}, 0, …, 0], with all stored numbers in one list u, in units of
    `unit` numbers, and the starts s as the index. A removed row has w_i = 0. Where only whole rows were
    removed, the unit is D and a look-up is one row.

    Args:
        field_sizes: ids of each field; they sum to n.
        dim: D.
        units: units stored in all.
        unit: numbers in a unit; divides D and every w_i.
    """

    kind: ClassVar[str] = "ragged"
    uncuttable = "its rows are removed already: cut the fields first"
    starts: Tensor

    def __init__(self, field_sizes: tuple[int, ...], dim: int, units: int, unit: int):
        super().__init__()
        self.field_sizes, self.dim, self.unit = tuple(field_sizes), dim, unit
        self.weight = nn.Parameter(torch.zeros(units, unit))
        self.register_buffer("starts", torch.zeros(sum(field_sizes) + 1, dtype=torch.int32))
        self.register_load_state_dict_post_hook(lambda table, keys: table._check())

    @classmethod
    @torch.no_grad()
    def pack(cls, weight: Tensor, widths: Tensor, field_sizes: tuple[int, ...]) -> "RaggedTable":
        """Keep the first `widths[i]` numbers of each row of `weight`.

        Args:
            weight: [n, D].
            widths: [n], 0..D; 0 removes the row.
            field_sizes: ids of each field.

        Raises:
            ValueError: nothing would be left.
        """
        dim, widths = weight.shape[1], widths.long().cpu()
        if not widths.any():
            raise ValueError("every row of the table would be removed")
        unit = math.gcd(dim, *widths.unique().tolist())
        table = cls(field_sizes, dim, int(widths.sum()) // unit, unit)
        table.starts[1:] = (widths // unit).cumsum(0)
        kept = torch.arange(dim) < widths.unsqueeze(1)
        table.weight.copy_(weight[kept].view(-1, unit))
        return table.to(weight.device)

    def _check(self) -> None:
        """Refuse an index that would lead a look-up astray."""
        widths = self.starts.diff()
        ends = self.starts[0] == 0 and self.starts[-1] == len(self.weight)
        if not ends or widths.min() < 0 or widths.max() * self.unit > self.dim:
            raise ValueError("the index of this ragged table is damaged")

    def config(self) -> dict[str, Any]:
        """Arguments that make a table of this shape again."""
        units = len(self.weight)
        return {"field_sizes": self.field_sizes, "dim": self.dim, "units": units, "unit": self.unit}

    def forward(self, ids: Tensor) -> Tensor:
        flat = ids.reshape(-1)
        if flat.is_cpu and not torch.is_grad_enabled() and not torch.compiler.is_compiling():
            out = self.weight.new_zeros(len(flat), self.dim)
            run_kernel(_copy_rows, flat, self.starts, self.weight, out)
            return out.view(*ids.shape, self.dim)
        first, end = self.starts.index_select(0, flat), self.starts.index_select(0, flat + 1)
        place = first.unsqueeze(1) + torch.arange(self.dim // self.unit, dtype=torch.int32, device=ids.device)
        stored = place < end.unsqueeze(1)
        place = place.clamp(max=len(self.weight) - 1).flatten()
        # exporters know no loops of ours
        plain = torch.compiler.is_compiling()
        e = self.weight.index_select(0, place) if plain else gather(self.weight, place)
        return (e * stored.view(-1, 1).to(e.dtype)).view(*ids.shape, self.dim)

    def weight_view(self) -> Tensor:
        return self.unchecked(torch.arange(len(self.starts) - 1, device=self.starts.device))

    def own_numbers(self) -> tuple[str, Tensor]:
        return "weight", self.starts.diff() * self.unit

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        edges = self.starts[torch.tensor([0, *self.field_sizes]).cumsum(0)]
        self.weight.mul_(factors.to(self.weight).repeat_interleave(edges.diff()).unsqueeze(1))
