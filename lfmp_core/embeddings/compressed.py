"""What the tables share whose rows are computed from fewer numbers than n×D."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from ..errors import LfmpError
from ..settings import Settings
from .base import NamedTable
from .budget import BudgetError, target_parameters
from .gather import gather


class NotByField(LfmpError, NotImplementedError):
    """Something was asked of single fields of a table that is not laid out by field."""


class CompressedTable(NamedTable):
    """A table whose row i is a formula of i: `rows(ids)`.

    Ids that a batch repeats (six times on average in a batch of 2,048 of Criteo's rows) are computed once:
    `forward` takes the distinct ids, asks for their rows, and hands the rows out.

    Args:
        field_sizes: ids of each field.
        dim: D.
        settings: what the formula needs.
        generator: source of the initial values.
    """

    uncuttable = "choose the fields with a plain table, then make this one for the kept fields alone"
    decided: ClassVar[tuple[str, ...]]  # settings that follow from a budget
    by_rows: ClassVar[bool] = False  # `rows` reads parameters through `gather` alone, so packed ones will do
    remedy: ClassVar[str] = "Ask for another sparsity, or allow a larger tolerance"

    def __init__(
        self, field_sizes: Sequence[int], dim: int, settings: Settings, *, generator: torch.Generator
    ):
        super().__init__()
        self.field_sizes, self.dim, self.settings = tuple(field_sizes), dim, settings
        self.n = sum(self.field_sizes)
        self.build(generator)

    @classmethod
    def make(
        cls, field_sizes: Sequence[int], dim: int, settings: Settings, generator: torch.Generator
    ) -> Self:
        return cls(field_sizes, dim, settings, generator=generator)

    def config(self) -> dict[str, Any]:
        """What a table of the same shape is made from, JSON-able."""
        sizes = {"field_sizes": self.field_sizes, "dim": self.dim}
        return sizes | self.settings.model_dump(mode="json")

    @abstractmethod
    def build(self, generator: torch.Generator) -> None:
        """Make the parameters and side tables."""

    @abstractmethod
    def rows(self, ids: Tensor) -> Tensor:
        """Vectors [k, D] of distinct ids [k] in ascending order."""

    @classmethod
    @abstractmethod
    def count(cls, field_sizes: Sequence[int], dim: int, settings: Any) -> int:
        """Parameters of a table with these settings, without making it."""

    @classmethod
    @abstractmethod
    def fit(cls, field_sizes: Sequence[int], dim: int, target: float, **settings: Any) -> Settings:
        """Settings whose count comes nearest to `target` parameters, the rest of them as given."""

    @classmethod
    def budget(
        cls,
        field_sizes: Sequence[int],
        dim: int,
        sparsity: float,
        *,
        tolerance: float = 0.01,
        **settings: Any,
    ) -> Settings:
        if fixed := sorted(set(settings) & set(cls.decided)):
            raise ValueError(f"leave {', '.join(fixed)} out: of a {cls.kind} table the budget decides it")
        target = target_parameters(field_sizes, dim, sparsity)
        found = cls.fit(field_sizes, dim, target, **settings)
        reached = cls.count(field_sizes, dim, found)
        if abs(reached - target) > tolerance * target:
            raise BudgetError(cls.kind, target, reached, cls.remedy)
        return found

    def forward(self, ids: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return self.exported(ids)
        distinct, slot = torch.unique(ids, return_inverse=True)
        vectors = self.rows(distinct.long())
        # bfloat16 inside autocast
        return gather(vectors.to(next(self.parameters()).dtype), slot)

    def exported(self, ids: Tensor) -> Tensor:
        """`forward` in operations that other runtimes know: every id of [...] by its own."""
        return self.rows(ids.reshape(-1).long()).view(*ids.shape, self.dim)

    def weight_view(self) -> Tensor:
        return self.rows(torch.arange(self.n, device=next(self.parameters()).device))

    def scale_fields(self, factors: Tensor) -> None:
        raise NotByField(f"single fields of a {self.kind} table can't be scaled: {self.uncuttable}")
