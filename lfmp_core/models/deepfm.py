"""DeepFM."""

from torch import Tensor

from .layers import fm
from .wide_deep import WideDeep


class DeepFM(WideDeep):
    """logit = b + Σ_f w_{x_f} + FM(e) + MLP([e_1 … e_m]). Source: Guo et al. 2017, eq. 1–4."""

    def interact(self, e: Tensor) -> Tensor:
        return fm(e) + super().interact(e)
