"""The plain table: one row per id."""

from collections.abc import Sequence
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from ..axes import FieldAxis
from ..settings import Settings
from .base import NamedTable
from .budget import BudgetError, target_parameters
from .lookup import rows_of
from .registry import register


class FullSettings(Settings):
    """Starting values of a plain table: normal, of deviation `std`."""

    std: float = Field(0.01, ge=0)


@register("full", FullSettings)
class FullTable(NamedTable):
    """One row of D numbers per id: e_i = E[i].

    Args:
        field_sizes: ids of each field; rows of field f stand together, in field order.
        dim: D.
        std: standard deviation of the normal initial values; 0 starts at zero. The usual N(0, 1) would
            give 39 one-dimensional weights a starting logit of deviation √39.
        generator: source of the initial values.
    """

    uncuttable = ""

    def __init__(self, field_sizes: tuple[int, ...], dim: int, *, std: float, generator: torch.Generator):
        super().__init__()
        self.field_sizes, self.dim, self.settings = tuple(field_sizes), dim, FullSettings(std=std)
        self.weight = nn.Parameter(torch.empty(sum(field_sizes), dim))
        if std:
            nn.init.normal_(self.weight, std=std, generator=generator)
        else:
            nn.init.zeros_(self.weight)
        self.field_axes = {"weight": {0: (FieldAxis(self.field_sizes),)}}

    @classmethod
    def make(
        cls, field_sizes: Sequence[int], dim: int, settings: FullSettings, generator: torch.Generator
    ) -> Self:
        return cls(tuple(field_sizes), dim, std=settings.std, generator=generator)

    @classmethod
    def budget(
        cls,
        field_sizes: Sequence[int],
        dim: int,
        sparsity: float,
        *,
        tolerance: float = 0.01,
        **settings: Any,
    ) -> FullSettings:
        target = target_parameters(field_sizes, dim, sparsity)
        if sparsity > tolerance:
            nearest = sum(field_sizes) * dim
            raise BudgetError(cls.kind, target, nearest, "Nothing is removed from it: its sparsity is 0")
        return FullSettings(**settings)

    def forward(self, ids: Tensor) -> Tensor:
        return rows_of(self.weight, ids)

    def weight_view(self) -> Tensor:
        return self.weight

    def own_numbers(self) -> tuple[str, Tensor]:
        return "weight", torch.full((sum(self.field_sizes),), self.dim)

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        sizes = torch.tensor(self.field_sizes, device=self.weight.device)
        self.weight.mul_(factors.to(self.weight).repeat_interleave(sizes).unsqueeze(1))
