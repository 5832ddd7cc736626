"""DNN: a multi-layer perceptron over the field vectors."""

import torch
from torch import Tensor

from .backbone import Backbone
from .layers import MLP


class DNN(Backbone):
    """logit = b + MLP([e_1 … e_m]). Source: LeCun et al. 2015, as Light-FMP Table 3 uses the name."""

    first_order = False

    def build(self, generator: torch.Generator) -> None:
        s = self.settings
        self.deep = MLP(
            self.deep_inputs(), s.hidden, dropout=s.dropout, batch_norm=s.batch_norm, generator=generator
        )

    def interact(self, e: Tensor) -> Tensor:
        return self.deep(e.flatten(1))
