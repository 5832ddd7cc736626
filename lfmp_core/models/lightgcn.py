"""LightGCN: ids' vectors, averaged over the neighbours of neighbours."""

import torch
from pydantic import Field
from torch import Tensor

from ..embeddings import FullTable, Table
from ..settings import Settings
from .backbone import TableFactory
from .graph import Graph, propagate
from .recommender import Recommender


class LightGCNSettings(Settings):
    """Sizes; LERS Table 4 has D = 64 and searches 1 to 4 layers."""

    embedding_dim: int = Field(64, ge=1)
    layers: int = Field(3, ge=0)


class LightGCN(Recommender):
    """s(u, i) = v_u · v_i, with V = 1/(L + 1) Σ_l Â^l E over users and items together.

    Args:
        settings: sizes.
        graph: whose nodes are the users, then the items.
        num_users: U.
        generator: of the initial values.
        table: makes the table of all U + I ids from (U, I), D, generator; a plain one with Xavier's normal
            deviation √(2 / (n + D)) by default, as of LERS's uniform one.

    Source: He et al. 2020; LERS §3.1.2.
    """

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
        sizes, dim = (self.num_users, self.num_items), settings.embedding_dim
        std = (2 / (len(graph) + dim)) ** 0.5
        make = table or (lambda sizes, dim, g: FullTable(sizes, dim, std=std, generator=g))
        self.table = make(sizes, dim, generator)

    def tables(self) -> dict[str, Table]:
        return {"table": self.table}

    def vectors(self, rows: Tensor | None = None) -> Tensor:
        """V [n, D], users first, or its distinct `rows` [B, D]."""
        return propagate(self.graph, self.table.weight_view(), self.settings.layers, rows)

    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        rows, place = torch.cat([users, items + self.num_users]).unique(return_inverse=True)
        v = self.vectors(rows)[place]
        return (v[: len(users)] * v[len(users) :]).sum(1)

    def scores(self, users: Tensor) -> Tensor:
        v = self.vectors()
        return v[users] @ v[self.num_users :].T
