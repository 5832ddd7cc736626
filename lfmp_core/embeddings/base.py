"""What every table answers."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from ..errors import IdError
from ..settings import Settings
from .packed import count_numbers


def refuse_outside(ids: Tensor, rows: int) -> None:
    """Refuse ids outside 0..rows−1, which a compiled loop would follow anywhere and a formula give a row.

    Raises:
        IdError: there is one; it names the first.
    """
    if torch.compiler.is_exporting() or not ids.numel():
        return
    low, high = ids.aminmax()
    if low < 0 or high >= rows:
        flat = ids.reshape(-1)
        place = int(((flat < 0) | (flat >= rows)).nonzero()[0])
        raise IdError(f"id {int(flat[place])} at place {place} of {len(flat)}, in a table of {rows} rows")


class Table(nn.Module):
    """Maps ids to vectors; any table works in any backbone.

    Called, it checks that it has the ids, and answers with `forward`.

    Attributes:
        field_sizes: ids of each field, unseen-value id included; they sum to n.
        dim: D, the length of a vector.
        uncuttable: why fields can't be cut from it; "" where its `field_axes` say how (see `surgery`).
    """

    uncuttable: ClassVar[str] = "its numbers are not laid out by field: cut the fields of a plain table first"
    field_sizes: tuple[int, ...]
    dim: int

    def __call__(self, ids: Tensor) -> Tensor:
        """Vectors [..., D] of integer ids [...].

        Raises:
            IdError: one of them is not in 0..n−1.
        """
        refuse_outside(ids, sum(self.field_sizes))
        return self.unchecked(ids)

    def unchecked(self, ids: Tensor) -> Tensor:
        """The same of ids that are known to be in 0..n−1."""
        return super().__call__(ids)

    @abstractmethod
    def forward(self, ids: Tensor) -> Tensor:
        """Vectors [..., D] of integer ids [...] in 0..n−1."""

    @abstractmethod
    def weight_view(self) -> Tensor:
        """The dense n×D matrix whose row i is `forward(i)`."""

    @abstractmethod
    def scale_fields(self, factors: Tensor) -> None:
        """Multiply every vector of field f by `factors[f]`, in place; factors is [m]."""

    def own_numbers(self) -> tuple[str, Tensor] | None:
        """The parameter that holds the ids' rows one after the other, and how many numbers each has [n].

        None where no row is stored as such.
        """
        return None

    def num_parameters(self) -> int:
        """M(E): the numbers that are learnt and stored."""
        return count_numbers(self)

    def num_bytes(self) -> int:
        """Bytes to serve the table: parameters and side tables (index, hash, mask)."""
        stored = [*self.parameters(), *self.buffers()]
        return sum(t.numel() * t.element_size() for t in stored)


class NamedTable(Table):
    """A table that is made from settings, by the name under which it is registered.

    Attributes:
        kind: that name. settings_type: the class of its settings. Both by `registry.register`.
        settings: its own.
    """

    kind: ClassVar[str]
    settings_type: ClassVar[type[Settings]]
    settings: Settings

    @classmethod
    @abstractmethod
    def make(cls, field_sizes: Sequence[int], dim: int, settings: Any, generator: torch.Generator) -> Self:
        """A fresh table; the generator is the source of its initial values."""

    @classmethod
    @abstractmethod
    def budget(
        cls,
        field_sizes: Sequence[int],
        dim: int,
        sparsity: float,
        *,
        tolerance: float = 0.01,
        **settings: Any,
    ) -> Settings:
        """Settings of a table of (1−t)·n·D parameters.

        Args:
            sparsity: t, the share of parameters removed.
            tolerance: largest relative distance of the reached count from the asked one.
            settings: all that the budget does not decide.

        Raises:
            BudgetError: no such count is reachable; it names the nearest.
            ValueError: t is not in [0, 1), or a setting is given that the budget decides.
        """
