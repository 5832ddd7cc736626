"""What every recommender of top items is: tables of users and items, and scores of pairs."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from ..data.interactions import Interactions
from ..embeddings import Table
from ..registry import Registry
from ..settings import Settings
from .backbone import TableFactory
from .batch import PairBatch
from .model import Model


class RecommenderSettings(Settings):
    """Which recommender, and the length of its vectors."""

    name: str
    embedding_dim: int = Field(64, ge=1)


class Recommender(Model):
    """Scores of users for items, larger where a user is likelier to take an item.

    Its tables are of users or of items, as their names end.

    Attributes:
        kind: its name in the registry. settings_type: the class of its settings. Both by `register`.
        table_names: of its tables, in their order.
        loss: what it is trained by: "bpr", or "logloss" of single pairs.
        settings: its own.
        num_users, num_items: ids of users lie in 0..users − 1, of items in 0..items − 1.
    """

    kind: ClassVar[str]
    settings_type: ClassVar[type[RecommenderSettings]]
    table_names: ClassVar[tuple[str, ...]]
    loss: ClassVar[Literal["bpr", "logloss"]] = "bpr"
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

    @abstractmethod
    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores [B] of pairs, ids [B] both."""

    @abstractmethod
    def scorer(self) -> Callable[[Tensor], Tensor]:
        """From users [B] to their scores for every item [B, items]; what they share is worked out once."""

    def served(self) -> "Recommender":
        """A recommender of the same scores that is all a server needs: by default itself."""
        return self

    def read(self, batch: PairBatch) -> dict[str, Tensor]:
        ids = {"users": batch.users, "items": torch.cat([batch.taken, batch.others.flatten()])}
        return {name: ids[side_of(name)] for name in self.tables()}


RECOMMENDERS: Registry[type[Recommender]] = Registry("recommender")
register = RECOMMENDERS.register


def side_of(table: str) -> str:
    """Whose vectors a table of that name holds: "users" or "items"."""
    return table.rpartition("_")[2]
