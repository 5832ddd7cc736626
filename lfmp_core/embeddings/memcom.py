"""MEmCom: shared rows, told apart by one number per id."""

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from ..settings import Settings
from .compressed import CompressedTable
from .gather import gather
from .registry import register


class MEmComSettings(Settings):
    """Sizes and starting values.

    Attributes:
        buckets: b, the shared rows.
        bias: add a number per id, W[i], to every entry.
        std: of the normal initial values of the shared rows.
    """

    buckets: int = Field(ge=1)
    bias: bool = False
    std: float = Field(0.01, ge=0)


@register("memcom", MEmComSettings)
class MEmComTable(CompressedTable):
    """e_i = U[i mod b] · V[i] (+ W[i]), V and W one number per id, V starting at 1 and W at 0.

    At least n + D numbers (2n + D with bias): with D = 16 no sparsity above 94 % can be reached.

    Source: Pansare et al. 2022; LERS §2.1.1.
    """

    decided = ("buckets",)
    by_rows = True
    settings: MEmComSettings
    remedy = "It has one number per id beside the shared rows: ask for a smaller sparsity"

    def build(self, generator: torch.Generator) -> None:
        shared = torch.empty(self.settings.buckets, self.dim)
        self.shared = nn.Parameter(shared.normal_(std=self.settings.std, generator=generator))
        self.scale = nn.Parameter(torch.ones(self.n, 1))
        self.shift = nn.Parameter(torch.zeros(self.n, 1)) if self.settings.bias else None

    def rows(self, ids: Tensor) -> Tensor:
        vectors = gather(self.shared, ids % self.settings.buckets) * gather(self.scale, ids)
        return vectors if self.shift is None else vectors + gather(self.shift, ids)

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        sizes = torch.tensor(self.field_sizes, device=self.scale.device)
        each = factors.to(self.scale).repeat_interleave(sizes).unsqueeze(1)
        self.scale.mul_(each)
        if self.shift is not None:
            self.shift.mul_(each)

    @classmethod
    def count(cls, field_sizes: Sequence[int], dim: int, settings: MEmComSettings) -> int:
        """b·D + n (+ n)."""
        return settings.buckets * dim + sum(field_sizes) * (2 if settings.bias else 1)

    @classmethod
    def fit(cls, field_sizes: Sequence[int], dim: int, target: float, **settings: Any) -> MEmComSettings:
        one = MEmComSettings(buckets=1, **settings)
        spare = target - cls.count(field_sizes, dim, one)
        return one.model_copy(update={"buckets": max(1, 1 + round(spare / dim))})
