"""QR: a row is the product of a remainder's row and a quotient's row."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ..settings import Settings
from .compressed import CompressedTable
from .gather import gather
from .registry import register

WHOLE_ENOUGH = 0.01  # distance from the budget up to which few remainders are taken


class QRSettings(Settings):
    """Sizes and starting values.

    Attributes:
        remainders: p, the rows of the first table; the second has ⌈n/p⌉.
        init: "signs": the smaller table ±1 and the larger normal, so that rows start as a plain table's do,
            also those of ids that share a row of the larger. "uniform": both U(√(1/n), 1), as in the public
            implementations: every product is positive and near ¼, and a DeepFM of 39 fields starts with
            logits in the hundreds.
        std: of the larger, for "signs".
    """

    remainders: int = Field(ge=1)
    init: Literal["signs", "uniform"] = "signs"
    std: float = Field(0.01, ge=0)


@register("qr", QRSettings)
class QRTable(CompressedTable):
    """e_i = E1[i mod p] ⊙ E2[⌊i/p⌋], one pair of tables for the ids of all fields.

    The quotient is a whole-number division: in floating point it would be wrong from 2²⁴ ids on. For a
    budget p is few and the quotients many where that comes within 1 % of it, as with the p of LERS (2, 5, 20
    for 50, 80, 95 %) in a large table; in a small one steps of p are too coarse, and the quotients are few,
    which reaches any count from 2√n·D on.

    Source: Shi et al. 2020; LERS §4.1.1.
    """

    decided = ("remainders",)
    by_rows = True
    settings: QRSettings

    def build(self, generator: torch.Generator) -> None:
        p, std = self.settings.remainders, self.settings.std
        first, second = torch.empty(p, self.dim), torch.empty(-(-self.n // p), self.dim)
        if self.settings.init == "signs":
            few, many = sorted((first, second), key=len)
            few.copy_(2 * torch.randint(0, 2, few.shape, generator=generator) - 1)
            many.normal_(std=std, generator=generator)
        else:
            for weight in (first, second):
                weight.uniform_(self.n**-0.5, 1, generator=generator)
        self.remainder, self.quotient = nn.Parameter(first), nn.Parameter(second)

    def rows(self, ids: Tensor) -> Tensor:
        p = self.settings.remainders
        quotient = torch.div(ids, p, rounding_mode="floor")
        return gather(self.remainder, ids - quotient * p) * gather(self.quotient, quotient)

    @classmethod
    def count(cls, field_sizes: Sequence[int], dim: int, settings: QRSettings) -> int:
        """(p + ⌈n/p⌉)·D."""
        return (settings.remainders + -(-sum(field_sizes) // settings.remainders)) * dim

    @classmethod
    def fit(cls, field_sizes: Sequence[int], dim: int, target: float, **settings: Any) -> QRSettings:
        n, rows = sum(field_sizes), target / dim
        # p + n/p = rows has a small root and a large one; below 2√n it has none and √n is nearest
        root = math.sqrt(max(0.0, rows**2 - 4 * n))
        few = 2 * n / (rows + root) if root else math.sqrt(n)
        near = [math.floor(few), math.ceil(few)]
        near += range(math.floor(n / few) - 2, math.ceil(n / few) + 3)
        candidates = [QRSettings(remainders=min(n, max(1, p)), **settings) for p in near]
        gaps = [abs(cls.count(field_sizes, dim, c) / target - 1) for c in candidates]
        best = [k for k in (0, 1) if gaps[k] <= WHOLE_ENOUGH] or range(len(near))
        return candidates[min(best, key=lambda k: gaps[k])]
