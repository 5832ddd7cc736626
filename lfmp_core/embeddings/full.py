"""The plain table: one row per id."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..axes import FieldAxis
from .base import Table


class FullTable(Table):
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
        self.field_sizes, self.dim = tuple(field_sizes), dim
        self.weight = nn.Parameter(torch.empty(sum(field_sizes), dim))
        if std:
            nn.init.normal_(self.weight, std=std, generator=generator)
        else:
            nn.init.zeros_(self.weight)
        # set during a step of a trainer that moves rows only when they are read
        self.row_adam: Any = None
        self.field_axes = {"weight": {0: (FieldAxis(self.field_sizes),)}}

    def forward(self, ids: Tensor) -> Tensor:
        if self.row_adam is not None and torch.is_grad_enabled():
            return self.row_adam.lookup(ids)
        return functional.embedding(ids, self.weight)

    def weight_view(self) -> Tensor:
        return self.weight

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        sizes = torch.tensor(self.field_sizes, device=self.weight.device)
        self.weight.mul_(factors.to(self.weight).repeat_interleave(sizes).unsqueeze(1))
