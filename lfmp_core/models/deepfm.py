"""DeepFM."""

from typing import ClassVar

import torch
from torch import Tensor

from .backbone import SHARED, Backbone, BackboneSettings, register
from .layers import MLP, fm


class DeepFMSettings(BackboneSettings):
    """`hidden`: widths of the MLP, as in Light-FMP §3.4."""

    former: ClassVar = SHARED

    name: str = "deepfm"
    hidden: tuple[int, ...] = (400, 400, 200)


@register("deepfm", DeepFMSettings)
class DeepFM(Backbone):
    """logit = b + Σ_f w_{x_f} + FM(e) + MLP([e_1 … e_m]). Source: Guo et al. 2017, eq. 1–4."""

    settings: DeepFMSettings

    def build(self, generator: torch.Generator) -> None:
        s, inputs = self.settings, self.deep_inputs()
        self.deep = MLP(inputs, s.hidden, dropout=s.dropout, batch_norm=s.batch_norm, generator=generator)

    def interact(self, e: Tensor) -> Tensor:
        return fm(e) + self.deep(e.flatten(1))
