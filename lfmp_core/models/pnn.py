"""PNN with inner or outer products."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..axes import FieldAxis
from .backbone import SHARED, Backbone, BackboneSettings, register
from .layers import MLP
from .product import InnerProduct, OuterProduct


class PNNSettings(BackboneSettings):
    """`hidden`: widths of the MLP, as in Light-FMP §3.4; `product` of each pair of field vectors."""

    former: ClassVar = {"cin": SHARED["cin"]}

    name: str = "pnn"
    hidden: tuple[int, ...] = (400, 400, 200)
    product: Literal["inner", "outer"] = "inner"


@register("pnn", PNNSettings)
class PNN(Backbone):
    """logit = b + MLP([e_1 … e_m ; p_12 … p_{m−1,m}]), p_ij = ⟨e_i, e_j⟩ (inner) or e_iᵀ K_ij e_j (outer).

    Source: Qu et al. 2016.
    """

    settings: PNNSettings
    first_order = False

    def build(self, generator: torch.Generator) -> None:
        s, m = self.settings, self.num_fields
        inner = s.product == "inner"
        self.product = InnerProduct(m) if inner else OuterProduct(m, s.embedding_dim, generator=generator)
        inputs = (*self.deep_inputs(), FieldAxis.field_pairs(m))
        self.deep = MLP(inputs, s.hidden, dropout=s.dropout, batch_norm=s.batch_norm, generator=generator)

    def interact(self, e: Tensor) -> Tensor:
        return self.deep(torch.cat([e.flatten(1), self.product(e)], 1))
