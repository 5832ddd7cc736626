"""Mixed dimension: large fields get short rows."""

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from ..settings import Settings
from .compressed import CompressedTable
from .gather import gather
from .registry import register


class MixedDimensionSettings(Settings):
    """Sizes and starting values.

    Attributes:
        dims: d_f, the numbers of a row of each field.
        std: deviation of a starting row's entries.
    """

    dims: tuple[int, ...] = Field(min_length=1)
    std: float = Field(0.01, ge=0)


@register("mixed_dimension", MixedDimensionSettings)
class MixedDimensionTable(CompressedTable):
    """e_i = E_f[i] P_f for an id of field f: E_f is n_f×d_f, P_f is d_f×D, and absent where d_f = D.

    For a budget, d_f = λ n_f^(−α) rounded and kept within 1..D, with the largest λ that fits; what is left
    goes to the fields that rounding took most from. α = 0 gives every field the same d: the plain table with
    fewer dimensions, brought back to D. At least n + mD numbers: with D = 16 no sparsity above 93 %.

    Source: Ginart et al. 2021, with a field's popularity taken as 1/n_f.
    """

    decided = ("dims",)
    settings: MixedDimensionSettings
    remedy = "A row has at least one number: ask for a smaller sparsity, or allow a larger tolerance"

    def build(self, generator: torch.Generator) -> None:
        dims, m = self.settings.dims, len(self.field_sizes)
        if len(dims) != m or min(dims) < 1 or max(dims) > self.dim:
            raise ValueError(f"needs one dimension in 1..{self.dim} for each of {m} fields, not {dims}")
        # one vector for all fields, whatever their shapes: one gradient, one optimiser state
        self.sizes = [n * d for n, d in zip(self.field_sizes, dims, strict=True)]
        self.projection_sizes = [d * self.dim if d < self.dim else 0 for d in dims]
        weight, projection = torch.empty(sum(self.sizes)), torch.empty(sum(self.projection_sizes))
        self.weight = nn.Parameter(weight.normal_(std=self.settings.std, generator=generator))
        self.projection = nn.Parameter(projection.normal_(generator=generator))
        with torch.no_grad():
            for p, d in zip(self.projection.split(self.projection_sizes), dims, strict=True):
                p.div_(d**0.5)
        self.starts = [0, *torch.tensor(self.field_sizes).cumsum(0).tolist()]

    def _fields(self) -> list[tuple[Tensor, Tensor | None]]:
        """(E_f, P_f or None) of each field."""
        rows, projections = self.weight.split(self.sizes), self.projection.split(self.projection_sizes)
        return [
            (e.view(-1, d), p.view(d, self.dim) if len(p) else None)
            for e, p, d in zip(rows, projections, self.settings.dims, strict=True)
        ]

    def rows(self, ids: Tensor) -> Tensor:
        edges = torch.searchsorted(ids, torch.tensor(self.starts, device=ids.device)).tolist()
        parts = [self.weight.new_empty(0, self.dim)]
        for f, (e, p) in enumerate(self._fields()):
            if edges[f + 1] > edges[f]:
                own = gather(e, ids[edges[f] : edges[f + 1]] - self.starts[f])
                parts.append(own if p is None else own @ p)
        return torch.cat(parts)

    def weight_view(self) -> Tensor:
        return torch.cat([e if p is None else e @ p for e, p in self._fields()])

    def exported(self, ids: Tensor) -> Tensor:
        """The dense table as a constant of the graph, which a runtime folds once when it loads the model."""
        return torch.nn.functional.embedding(ids, self.weight_view())

    def own_numbers(self) -> tuple[str, Tensor]:
        return "weight", torch.tensor(self.settings.dims).repeat_interleave(torch.tensor(self.field_sizes))

    @torch.no_grad()
    def scale_fields(self, factors: Tensor) -> None:
        for (e, _), factor in zip(self._fields(), factors.tolist(), strict=True):
            e.mul_(factor)

    @classmethod
    def count(cls, field_sizes: Sequence[int], dim: int, settings: MixedDimensionSettings) -> int:
        """Σ_f n_f d_f, and d_f·D where d_f < D."""
        return sum(_numbers(n, d, dim) for n, d in zip(field_sizes, settings.dims, strict=True))

    @classmethod
    def fit(
        cls, field_sizes: Sequence[int], dim: int, target: float, *, alpha: float = 0.3, **settings: Any
    ) -> MixedDimensionSettings:
        """As for every table; alpha is α, how much shorter the rows of large fields are."""
        shares = [n**-alpha for n in field_sizes]

        def wanted(scale: float) -> list[float]:
            return [min(float(dim), max(1.0, scale * share)) for share in shares]

        def count(dims: Sequence[int]) -> int:
            return sum(_numbers(n, d, dim) for n, d in zip(field_sizes, dims, strict=True))

        low, high = 0.0, dim / min(shares)
        for _ in range(60):
            middle = (low + high) / 2
            fits = count([round(d) for d in wanted(middle)]) <= target
            low, high = (middle, high) if fits else (low, middle)
        exact = wanted(low)
        dims = [round(d) for d in exact]
        for f in sorted(range(len(dims)), key=lambda f: dims[f] - exact[f]):
            longer = [d + (g == f) for g, d in enumerate(dims)]
            if longer[f] <= dim and abs(count(longer) - target) < abs(count(dims) - target):
                dims = longer
        return MixedDimensionSettings(dims=tuple(dims), **settings)


def _numbers(n: int, d: int, dim: int) -> int:
    """Numbers of a field of n ids and d dimensions."""
    return n * d + (d * dim if d < dim else 0)
