"""xDeepFM."""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from .backbone import SHARED, Backbone, BackboneSettings, register
from .cin import CIN
from .layers import MLP


class XDeepFMSettings(BackboneSettings):
    """`hidden`: widths of the MLP, as in Light-FMP §3.4, which is silent on the `cin`: maps of each of its
    layers, 64-64-64 without activation or split in BARS.
    """

    former: ClassVar = {"product": SHARED["product"]}

    name: str = "xdeepfm"
    hidden: tuple[int, ...] = (400, 400, 200)
    cin: tuple[int, ...] = Field((64, 64, 64), min_length=1)


@register("xdeepfm", XDeepFMSettings)
class XDeepFM(Backbone):
    """logit = b + Σ_f w_{x_f} + w·CIN(e) + MLP([e_1 … e_m]). Source: Lian et al. 2018, eq. 9–10."""

    settings: XDeepFMSettings

    def build(self, generator: torch.Generator) -> None:
        s, inputs = self.settings, self.deep_inputs()
        self.deep = MLP(inputs, s.hidden, dropout=s.dropout, batch_norm=s.batch_norm, generator=generator)
        self.cin = CIN(self.num_fields, s.cin, generator=generator)
        self.cin_out = nn.Linear(sum(s.cin), 1, bias=False)
        nn.init.xavier_uniform_(self.cin_out.weight, generator=generator)

    def interact(self, e: Tensor) -> Tensor:
        return self.cin_out(self.cin(e)).squeeze(-1) + self.deep(e.flatten(1))
