"""NeuMF: a product of two vectors and a network on two others."""

import torch
from pydantic import Field
from torch import Tensor, nn

from ..axes import FieldAxis
from ..embeddings import FullTable, Table
from ..settings import Settings
from .backbone import TableFactory
from .layers import MLP
from .recommender import Recommender

BLOCK = 1 << 20  # pairs whose hidden activations are held at once when all items are scored


class NeuMFSettings(Settings):
    """Sizes; LERS Table 4 has D = 32 and hidden layers of 64, 32 and 16."""

    embedding_dim: int = Field(32, ge=1)
    hidden: tuple[int, ...] = Field((64, 32, 16), min_length=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class NeuMF(Recommender):
    """s(u, i) = h · (p_u ⊙ q_i) + b + MLP([p'_u; q'_i]), each of the four from a table of its own.

    Args:
        settings: sizes. num_users, num_items: U and I.
        generator: of all initial values.
        table: makes each of the four tables from (ids,), D, generator; plain ones by default, with Xavier's
            deviation √(2 / (ids + D)).

    Source: He et al. 2017; LERS §3.1.1, which adds the two parts.
    """

    gmf_users: Table
    gmf_items: Table
    mlp_users: Table
    mlp_items: Table

    def __init__(
        self,
        settings: NeuMFSettings,
        num_users: int,
        num_items: int,
        *,
        generator: torch.Generator,
        table: TableFactory | None = None,
    ):
        super().__init__()
        self.settings, self.num_users, self.num_items = settings, num_users, num_items
        dim = settings.embedding_dim
        sizes = {
            "gmf_users": num_users,
            "gmf_items": num_items,
            "mlp_users": num_users,
            "mlp_items": num_items,
        }
        for name, size in sizes.items():
            std = (2 / (size + dim)) ** 0.5
            made = table((size,), dim, generator) if table else None
            setattr(self, name, made or FullTable((size,), dim, std=std, generator=generator))
        self.product = nn.Linear(dim, 1)
        axes = (FieldAxis.fields(2, dim),)
        self.network = MLP(axes, settings.hidden, dropout=settings.dropout, generator=generator)
        nn.init.xavier_uniform_(self.product.weight, generator=generator)
        nn.init.zeros_(self.product.bias)

    def tables(self) -> dict[str, Table]:
        names = ("gmf_users", "gmf_items", "mlp_users", "mlp_items")
        return {name: getattr(self, name) for name in names}

    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        linear = self.product(self.gmf_users(users) * self.gmf_items(items)).squeeze(-1)
        deep = self.network(torch.cat([self.mlp_users(users), self.mlp_items(items)], dim=-1))
        return linear + deep

    def scores(self, users: Tensor) -> Tensor:
        """The network's first layer is a sum of a user's part and an item's, so each is worked out once."""
        every = torch.arange(self.num_items, device=users.device)
        linear = (self.gmf_users(users) * self.product.weight) @ self.gmf_items(every).T + self.product.bias
        first, *rest = (m for m in self.network.linears if isinstance(m, nn.Linear))
        dim = self.settings.embedding_dim
        of_users = self.mlp_users(users) @ first.weight[:, :dim].T + first.bias
        of_items = self.mlp_items(every) @ first.weight[:, dim:].T
        step = max(1, BLOCK // self.num_items)
        deep = []
        for part in of_users.split(step):
            x = torch.relu(part[:, None] + of_items)
            for layer in rest[:-1]:
                x = torch.relu(layer(x))
            deep.append(rest[-1](x).squeeze(-1))
        return linear + torch.cat(deep)
