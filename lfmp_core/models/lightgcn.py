"""LightGCN: ids' vectors, averaged over the neighbours of neighbours."""

from typing import Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from ..data.interactions import Interactions
from ..embeddings import Table
from ..embeddings.base import refuse_outside
from ..embeddings.registry import TableFactory
from .factors import FactorSettings, MatrixFactorisation
from .graph import Graph, propagate
from .recommender import Recommender, RecommenderSettings, register


class LightGCNSettings(RecommenderSettings):
    """Sizes; LERS Table 4 has D = 64 and searches 1 to 4 layers."""

    name: Literal["lightgcn"] = "lightgcn"
    embedding_dim: int = Field(64, ge=1)
    layers: int = Field(3, ge=0)


@register("lightgcn", LightGCNSettings)
class LightGCN(Recommender):
    """s(u, i) = v_u · v_i, with V = 1/(L + 1) Σ_l Â^l E over users and items together.

    Args:
        settings: sizes.
        graph: whose nodes are the users, then the items.
        num_users: U.
        generator: of the initial values.
        table: makes the tables of users and of items from (ids,), D, generator; plain ones by default, with
            Xavier's deviation √(2 / (ids + D)).

    Source: He et al. 2020; LERS §3.1.2.
    """

    whole_tables = True
    table_names = ("users", "items")
    users: Table
    items: Table

    def __init__(
        self,
        settings: LightGCNSettings,
        graph: Graph,
        num_users: int,
        *,
        generator: torch.Generator,
        table: TableFactory | None = None,
    ):
        super().__init__()
        self.settings, self.graph = settings, graph
        self.num_users, self.num_items = num_users, len(graph) - num_users
        self._make_tables(settings.embedding_dim, table, generator)

    @classmethod
    def of(
        cls,
        settings: LightGCNSettings,
        pairs: Interactions,
        *,
        generator: torch.Generator,
        table: TableFactory | None = None,
    ) -> Self:
        return cls(settings, Graph(pairs), pairs.num_users, generator=generator, table=table)

    def embeddings(self) -> Tensor:
        """E [n, D], users first, in float32, whatever autocast made of a compressed table's rows."""
        return torch.cat([self.users.weight_view(), self.items.weight_view()]).float()

    def vectors(self, rows: Tensor | None = None) -> Tensor:
        """V [n, D], users first, or its distinct `rows` [B, D]."""
        return propagate(self.graph, self.embeddings(), self.settings.layers, rows)

    def represent(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Distinct rows [B] of V and of E, [B, D] both."""
        e = self.embeddings()
        return propagate(self.graph, e, self.settings.layers, rows), e[rows]

    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        refuse_outside(users, self.num_users)
        refuse_outside(items, self.num_items)
        rows, place = torch.cat([users, items + self.num_users]).unique(return_inverse=True)
        v = self.vectors(rows)[place]
        return (v[: len(users)] * v[len(users) :]).sum(1)

    def factors(self) -> tuple[Tensor, Tensor]:
        users, items = self.vectors().split([self.num_users, self.num_items])
        return users, items

    @torch.no_grad()
    def served(self) -> MatrixFactorisation:
        """V as factors: D numbers for every user and item, in whatever form the tables are."""
        sizes, dim = (self.num_users, self.num_items), self.settings.embedding_dim
        model = MatrixFactorisation(FactorSettings(embedding_dim=dim), *sizes, generator=torch.Generator())
        was_training = self.training
        for table, vectors in zip(model.tables().values(), self.eval().factors(), strict=True):
            table.load_state_dict({"weight": vectors})
        self.train(was_training)
        return model.train(was_training)
