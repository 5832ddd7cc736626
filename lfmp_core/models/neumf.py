"""NeuMF: a product of two vectors and a network on two others."""

from collections.abc import Callable
from typing import Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from ..axes import FieldAxis
from ..data.interactions import Interactions
from ..embeddings import Table
from ..embeddings.registry import TableFactory
from .layers import MLP
from .recommender import Recommender, RecommenderSettings, register, side_of

BLOCK = 1 << 11  # items whose hidden activations are held at once, so that they stay in the second cache


class NeuMFSettings(RecommenderSettings):
    """Sizes; LERS Table 4 has D = 32 and hidden layers of 64, 32 and 16."""

    name: Literal["neumf"] = "neumf"
    embedding_dim: int = Field(32, ge=1)
    hidden: tuple[int, ...] = Field((64, 32, 16), min_length=1)
    dropout: float = Field(0.0, ge=0, lt=1)


@register("neumf", NeuMFSettings)
class NeuMF(Recommender):
    """s(u, i) = h · (p_u ⊙ q_i) + b + MLP([p'_u; q'_i]), each of the four from a table of its own.

    Args:
        settings: sizes. num_users, num_items: U and I.
        generator: of all initial values.
        table: makes each of the four tables from (ids,), D, generator; plain ones by default, with Xavier's
            deviation √(2 / (ids + D)).

    Source: He et al. 2017; LERS §3.1.1, which adds the two parts.
    """

    loss = "logloss"
    table_names = ("gmf_users", "gmf_items", "mlp_users", "mlp_items")
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
        self._make_tables(dim, table, generator)
        self.product = nn.Linear(dim, 1)
        axes = (FieldAxis.fields(2, dim),)
        self.network = MLP(axes, settings.hidden, dropout=settings.dropout, generator=generator)
        nn.init.xavier_uniform_(self.product.weight, generator=generator)
        nn.init.zeros_(self.product.bias)

    @classmethod
    def of(
        cls,
        settings: NeuMFSettings,
        pairs: Interactions,
        *,
        generator: torch.Generator,
        table: TableFactory | None = None,
    ) -> Self:
        return cls(settings, pairs.num_users, pairs.num_items, generator=generator, table=table)

    def look_up(self, users: Tensor, items: Tensor) -> dict[str, Tensor]:
        """Vectors of users [...] and of items [...] from each table, by its name."""
        ids = {"users": users, "items": items}
        return {name: table(ids[side_of(name)]) for name, table in self.tables().items()}

    def mix(self, rows: dict[str, Tensor]) -> Tensor:
        """Scores [B] of vectors [B, D] from each table."""
        linear = self.product(rows["gmf_users"] * rows["gmf_items"]).squeeze(-1)
        return linear + self.network(torch.cat([rows["mlp_users"], rows["mlp_items"]], dim=-1))

    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        return self.mix(self.look_up(users, items))

    def scorer(self) -> Callable[[Tensor], Tensor]:
        """The network's first layer is a sum of a user's part and an item's, so each is worked out once.

        Scores have no gradients.
        """
        every = torch.arange(self.num_items, device=self.product.weight.device)
        rows = self.look_up(every[:0], every)
        gmf_items = rows["gmf_items"].T.contiguous()
        first, *rest = (m for m in self.network.linears if isinstance(m, nn.Linear))
        dim = self.settings.embedding_dim
        of_items = rows["mlp_items"] @ first.weight[:, dim:].T

        @torch.no_grad()
        def scores(users: Tensor) -> Tensor:
            own = self.look_up(users, every[:0])
            found = (own["gmf_users"] * self.product.weight) @ gmf_items + self.product.bias
            of_users = own["mlp_users"] @ first.weight[:, :dim].T + first.bias
            # every user's activations go where the last one's were: fresh memory would have to be fetched
            widths = [*(layer.in_features for layer in rest), 1]
            held = [found.new_empty(BLOCK, width) for width in widths]
            for start in range(0, self.num_items, BLOCK):
                part = of_items[start : start + BLOCK]
                sums, *hidden, last = (rows[: len(part)] for rows in held)
                for k, user in enumerate(of_users):
                    x = torch.add(user, part, out=sums).relu_()
                    for layer, rows in zip(rest[:-1], hidden, strict=True):
                        x = torch.addmm(layer.bias, x, layer.weight.T, out=rows).relu_()
                    torch.addmm(rest[-1].bias, x, rest[-1].weight.T, out=last)
                    found[k, start : start + BLOCK] += last.squeeze(1)
            return found

        return scores
