"""What every recommender of top items is: tables of users and items, and scores of pairs."""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ..settings import Settings
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
        loss: what it is trained by: "bpr", or "logloss" of single pairs.
        num_users, num_items: ids of users lie in 0..users − 1, of items in 0..items − 1.
    """

    loss: ClassVar[Literal["bpr", "logloss"]] = "bpr"
    num_users: int
    num_items: int

    @abstractmethod
    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores [B] of pairs, ids [B] both."""

    @abstractmethod
    def scorer(self) -> Callable[[Tensor], Tensor]:
        """From users [B] to their scores for every item [B, items]; what they share is worked out once."""

    def read(self, batch: PairBatch) -> dict[str, Tensor]:
        ids = {"users": batch.users, "items": torch.cat([batch.taken, batch.others.flatten()])}
        return {name: ids[side_of(name)] for name in self.tables()}


def side_of(table: str) -> str:
    """Whose vectors a table of that name holds: "users" or "items"."""
    return table.rpartition("_")[2]
