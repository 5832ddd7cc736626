"""Matrix factorisation: a vector for each user and each item, and nothing between them."""

from typing import Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from ..data.interactions import Interactions
from ..embeddings import Table
from ..embeddings.registry import TableFactory
from .recommender import Recommender, RecommenderSettings, register


class FactorSettings(RecommenderSettings):
    """Sizes; D = 64, as LERS Table 4 gives LightGCN."""

    name: Literal["mf"] = "mf"
    embedding_dim: int = Field(64, ge=1)


@register("mf", FactorSettings)
class MatrixFactorisation(Recommender):
    """s(u, i) = x_u · y_i.

    Args:
        settings: sizes.
        num_users, num_items: U and I.
        generator: of the initial values.
        table: makes the tables of users and of items from (ids,), D, generator; plain ones by default, with
            Xavier's deviation √(2 / (ids + D)).

    Source: Koren et al. 2009; trained by BPR as Rendle et al. 2009.
    """

    table_names = ("users", "items")
    users: Table
    items: Table

    def __init__(
        self,
        settings: FactorSettings,
        num_users: int,
        num_items: int,
        *,
        generator: torch.Generator,
        table: TableFactory | None = None,
    ):
        super().__init__()
        self.settings, self.num_users, self.num_items = settings, num_users, num_items
        self._make_tables(settings.embedding_dim, table, generator)

    @classmethod
    def of(
        cls,
        settings: FactorSettings,
        pairs: Interactions,
        *,
        generator: torch.Generator,
        table: TableFactory | None = None,
    ) -> Self:
        return cls(settings, pairs.num_users, pairs.num_items, generator=generator, table=table)

    def represent(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors [B, D] of ascending rows [B], users first, as scores and as the penalty read them."""
        users = int((rows < self.num_users).sum())
        v = torch.cat([self.users(rows[:users]), self.items(rows[users:] - self.num_users)])
        return v, v

    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.users(users) * self.items(items)).sum(1)

    def factors(self) -> tuple[Tensor, Tensor]:
        return self.users.weight_view(), self.items.weight_view()
