"""Wide&Deep."""

from .dnn import DNN


class WideDeep(DNN):
    """logit = b + Σ_f w_{x_f} + MLP([e_1 … e_m]): the wide part is linear in the ids, without crosses.

    Source: Cheng et al. 2016.
    """

    first_order = True
