"""xDeepFM."""

import torch
from torch import Tensor, nn

from .cin import CIN
from .wide_deep import WideDeep


class XDeepFM(WideDeep):
    """logit = b + Σ_f w_{x_f} + w·CIN(e) + MLP([e_1 … e_m]). Source: Lian et al. 2018, eq. 9–10."""

    def build(self, generator: torch.Generator) -> None:
        super().build(generator)
        self.cin = CIN(self.num_fields, self.settings.cin, generator=generator)
        self.cin_out = nn.Linear(sum(self.settings.cin), 1, bias=False)
        nn.init.xavier_uniform_(self.cin_out.weight, generator=generator)

    def interact(self, e: Tensor) -> Tensor:
        return self.cin_out(self.cin(e)).squeeze(-1) + super().interact(e)
