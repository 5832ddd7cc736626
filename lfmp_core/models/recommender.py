"""What every recommender of top items is: tables of users and items, and scores of pairs."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from ..data.interactions import Interactions
from ..embeddings import FullTable, Table
from ..embeddings.base import refuse_outside
from ..embeddings.registry import TableFactory
from ..registry import Registry
from ..settings import Settings
from .batch import PairBatch
from .model import Model


class RecommenderSettings(Settings):
    """Which recommender, and the length of its vectors."""

    name: str
    embedding_dim: int = Field(64, ge=1)


class Recommender(Model):
    """Scores of users for items, larger where a user is likelier to take an item.

    Attributes:
        kind: its name in the registry. settings_type: the class of its settings. Both by `register`.
        table_names: attributes that hold its tables, in the order in which they are made; each is of users or
            of items, as its name ends.
        loss: what it is trained by: "bpr" (see `PairwiseLoss`, which asks for `represent`), or "logloss" of
            single pairs (see `PairLogLoss`, which asks for `look_up` and `mix`).
        whole_tables: every step reads all rows, in loops on a CPU; so no GPU, and no table whose rows wait.
        settings: its own.
        num_users, num_items: ids of users lie in 0..users − 1, of items in 0..items − 1.
    """

    kind: ClassVar[str]
    settings_type: ClassVar[type[RecommenderSettings]]
    table_names: ClassVar[tuple[str, ...]]
    loss: ClassVar[Literal["bpr", "logloss"]] = "bpr"
    whole_tables: ClassVar[bool] = False
    settings: Any
    num_users: int
    num_items: int

    @classmethod
    @abstractmethod
    def of(
        cls,
        settings: Any,
        pairs: Interactions,
        *,
        generator: torch.Generator,
        table: TableFactory | None = None,
    ) -> Self:
        """An untrained one for training pairs; see `recommenders.build_recommender`."""

    def tables(self) -> dict[str, Table]:
        return {name: getattr(self, name) for name in self.table_names}

    def _make_tables(self, dim: int, table: TableFactory | None, generator: torch.Generator) -> None:
        """Plain tables of Xavier's deviation, or what `table` makes of (ids,), D and the generator."""
        for name in self.table_names:
            rows = {"users": self.num_users, "items": self.num_items}[side_of(name)]
            std = xavier_std(rows, dim)
            made = table((rows,), dim, generator) if table else None
            setattr(self, name, made or FullTable((rows,), dim, std=std, generator=generator))

    @abstractmethod
    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores [B] of pairs, ids [B] both."""

    def factors(self) -> tuple[Tensor, Tensor] | None:
        """Vectors of users [U, D] and of items [I, D] whose products are the scores; None: they are no
        products."""
        return None

    def scorer(self) -> Callable[[Tensor], Tensor]:
        """From users [B] to their scores for every item [B, items]; what they share is worked out once."""
        factors = self.factors()
        if factors is None:
            raise NotImplementedError(f"{type(self).__name__} has neither factors nor a scorer of its own")
        x, y = factors[0], factors[1].T.contiguous()

        def score(users: Tensor) -> Tensor:
            refuse_outside(users, len(x))
            return x[users] @ y

        return score

    def served(self) -> "Recommender":
        """A recommender of the same scores that is all a server needs: by default itself."""
        return self

    def read(self, batch: PairBatch) -> dict[str, Tensor]:
        ids = {"users": batch.users, "items": torch.cat([batch.taken, batch.others.flatten()])}
        return {name: ids[side_of(name)] for name in self.tables()}


RECOMMENDERS: Registry[type[Recommender]] = Registry("recommender")
register = RECOMMENDERS.register


def xavier_std(rows: int, dim: int) -> float:
    """√(2 / (rows + D)), Xavier's deviation of a table's starting values."""
    return (2 / (rows + dim)) ** 0.5


def side_of(table: str) -> str:
    """Whose vectors a table of that name holds: "users" or "items"."""
    return table.rpartition("_")[2]
