"""What a training step minimises."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from ..models import Backbone


class Objective(nn.Module):
    """Mean log-loss of a batch: the objective without any extra. Methods subclass it.

    A subclass may own parameters (gates, thresholds, multipliers); `groups` says how they are optimised.
    """

    def forward(
        self, model: Backbone, ids: Tensor, values: Tensor | None, labels: Tensor, step: int
    ) -> Tensor:
        """Loss of one batch at a step (counted from 0)."""
        return functional.binary_cross_entropy_with_logits(model(ids, values).float(), labels)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Adam's parameter groups for the objective's own parameters; learning_rate is the weights'."""
        return []

    def after_step(self) -> None:
        """Called after each optimiser step."""
