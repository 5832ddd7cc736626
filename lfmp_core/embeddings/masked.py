"""A table seen through gates, for learning what to remove from it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .base import Table

# factor [..., 1] or [..., D] of the vectors e [..., D] of ids [...]
Gate = Callable[[Tensor, Tensor], Tensor]


class MaskedRows(Table):
    """e_i ← g_i ⊙ e_i for the ids that are looked up, and no others.

    Args:
        table: whose vectors are gated.
        gate: (ids [...], e [..., D]) → factors [..., 1] or [..., D]. What it learns is not the table's:
            whoever made the gate optimises and keeps it.
    """

    uncuttable = "its gate speaks of the ids of all fields: cut the fields first"

    def __init__(self, table: Table, gate: Gate):
        super().__init__()
        self.table, self.gate = table, gate
        self.field_sizes, self.dim = table.field_sizes, table.dim

    def forward(self, ids: Tensor) -> Tensor:
        return self.gated(ids, self.table.unchecked(ids))

    def weight_view(self) -> Tensor:
        weight = self.table.weight_view()
        return self.gated(torch.arange(len(weight), device=weight.device), weight)

    def gated(self, ids: Tensor, e: Tensor) -> Tensor:
        """g ⊙ e for the vectors e [..., D] of ids [...]."""
        return e * self.gate(ids, e)

    def scale_fields(self, factors: Tensor) -> None:
        self.table.scale_fields(factors)


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor):
        (x,) = ctx.saved_tensors
        size = x.abs()
        slope = torch.where(size <= 0.4, 2 - 4 * size, torch.where(size <= 1, 0.4, 0.0))
        return grad * slope


def unit_step(x: Tensor) -> Tensor:
    """1[x > 0], with a derivative to learn by: 2 − 4|x| up to .4, .4 up to 1, and 0 beyond.

    Source: OptEmbed (Lyu et al. 2022), eq. 8, after Xu and Cheung 2019.
    """
    return _Step.apply(x)


def leading(widths: Tensor, dim: int) -> Tensor:
    """1 on the first `widths` of `dim` places: [..., D] for widths [...]."""
    return (torch.arange(dim, device=widths.device) < widths.unsqueeze(-1)).float()


def widths_by_id(widths: Sequence[int] | Tensor, field_sizes: Sequence[int]) -> Tensor:
    """Width of each id [n] from the width of each field [m]."""
    return torch.as_tensor(widths).repeat_interleave(torch.tensor(field_sizes))


class FixedWidths:
    """A gate that keeps leading dimensions.

    Args:
        of_ids: how many of each id's vector [n]; may be changed at any time.
        dim: D.
    """

    def __init__(self, of_ids: Tensor, dim: int):
        self.of_ids, self.dim = of_ids, dim

    def __call__(self, ids: Tensor, e: Tensor) -> Tensor:
        widths = self.of_ids.to(ids.device).index_select(0, ids.reshape(-1)).view(ids.shape)
        return leading(widths, self.dim)


def field_of_ids(field_sizes: Sequence[int]) -> Tensor:
    """The field of each id, int32 [n]."""
    sizes = torch.tensor(field_sizes)
    return torch.arange(len(sizes), dtype=torch.int32).repeat_interleave(sizes)
