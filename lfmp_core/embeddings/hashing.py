"""Hashing: ids share rows at random."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ..settings import Settings
from .compressed import CompressedTable
from .gather import gather
from .registry import register

PRIME = 2**31 - 1  # above any number of ids; a product with an id stays below 2⁶³


class HashingSettings(Settings):
    """How ids share rows.

    Attributes:
        buckets: b, the rows.
        hash: "modulo": i mod b. "universal": ((a(i+1) + c) mod (2³¹−1)) mod b, a and c drawn from the seed.
        std: of the normal initial values.
    """

    buckets: int = Field(ge=1)
    hash: Literal["modulo", "universal"] = "modulo"
    std: float = Field(0.01, ge=0)


@register("hashing", HashingSettings)
class HashingTable(CompressedTable):
    """e_i = U[h(i)], U of b rows, one table for the ids of all fields.

    Source: Weinberger et al. 2009; the baseline of Shi et al. 2020.
    """

    decided = ("buckets",)
    by_rows = True
    settings: HashingSettings

    def build(self, generator: torch.Generator) -> None:
        weight = torch.empty(self.settings.buckets, self.dim)
        self.weight = nn.Parameter(weight.normal_(std=self.settings.std, generator=generator))
        self.constants: Tensor | None
        constants = None
        if self.settings.hash == "universal":
            constants = torch.randint(1, PRIME, (2,), generator=generator)
        self.register_buffer("constants", constants)

    def rows(self, ids: Tensor) -> Tensor:
        if self.constants is not None:
            ids = (self.constants[0] * (ids + 1) + self.constants[1]) % PRIME
        return gather(self.weight, ids % self.settings.buckets)

    @classmethod
    def count(cls, field_sizes: Sequence[int], dim: int, settings: HashingSettings) -> int:
        """b·D."""
        return settings.buckets * dim

    @classmethod
    def fit(cls, field_sizes: Sequence[int], dim: int, target: float, **settings: Any) -> HashingSettings:
        return HashingSettings(buckets=max(1, round(target / dim)), **settings)
