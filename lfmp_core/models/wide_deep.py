"""Wide&Deep."""

from typing import ClassVar

import torch
from torch import Tensor

from .backbone import SHARED, Backbone, BackboneSettings, register
from .layers import MLP


class WideDeepSettings(BackboneSettings):
    """`hidden`: widths of the MLP, as in Light-FMP §3.4."""

    former: ClassVar = SHARED

    name: str = "wide_deep"
    hidden: tuple[int, ...] = (400, 400, 200)


@register("wide_deep", WideDeepSettings)
class WideDeep(Backbone):
    """logit = b + Σ_f w_{x_f} + MLP([e_1 … e_m]): the wide part is linear in the ids, without crosses.

    Source: Cheng et al. 2016.
    """

    settings: WideDeepSettings

    def build(self, generator: torch.Generator) -> None:
        s, inputs = self.settings, self.deep_inputs()
        self.deep = MLP(inputs, s.hidden, dropout=s.dropout, batch_norm=s.batch_norm, generator=generator)

    def interact(self, e: Tensor) -> Tensor:
        return self.deep(e.flatten(1))
