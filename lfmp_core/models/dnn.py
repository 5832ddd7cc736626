"""DNN: a multi-layer perceptron over the field vectors."""

from typing import ClassVar

import torch
from torch import Tensor

from .backbone import SHARED, Backbone, BackboneSettings, register
from .layers import MLP


class DNNSettings(BackboneSettings):
    """`hidden`: widths of the MLP, as in Light-FMP §3.4."""

    former: ClassVar = SHARED

    name: str = "dnn"
    hidden: tuple[int, ...] = (400, 400, 200)


@register("dnn", DNNSettings)
class DNN(Backbone):
    """logit = b + MLP([e_1 … e_m]). Source: LeCun et al. 2015, as Light-FMP Table 3 uses the name."""

    settings: DNNSettings
    first_order = False

    def build(self, generator: torch.Generator) -> None:
        s, inputs = self.settings, self.deep_inputs()
        self.deep = MLP(inputs, s.hidden, dropout=s.dropout, batch_norm=s.batch_norm, generator=generator)

    def interact(self, e: Tensor) -> Tensor:
        return self.deep(e.flatten(1))
