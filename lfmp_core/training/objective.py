"""What a training step minimises."""

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from ..models import Backbone
from ..models.batch import ClickBatch


class Objective(nn.Module):
    """The loss of a batch.

    It may own parameters (gates, thresholds, multipliers); `groups` says how they are optimised.
    """

    @abstractmethod
    def forward(self, model: Any, batch: Any, step: int) -> Tensor:
        """Loss of one batch at a step (counted from 0)."""

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Adam's parameter groups for the objective's own parameters; learning_rate is the weights'."""
        return []

    def after_step(self, step: int) -> None:
        """Called after the optimiser step that `forward` was called for with the same number."""


class LogLoss(Objective):
    """Mean log-loss of a batch of rows. Methods of click prediction subclass it."""

    def forward(self, model: Backbone, batch: ClickBatch, step: int) -> Tensor:
        return click_loss(model, batch)


def click_loss(
    model: Backbone, batch: ClickBatch, gate: Tensor | None = None, *, gate_linear: bool = False
) -> Tensor:
    """Mean log-loss of a batch, of a model under a gate where one is given; see `Backbone.forward`."""
    gated = {} if gate is None else {"gate": gate, "gate_linear": gate_linear}
    logits = model(batch.ids, batch.values, **gated)
    # the loss in the labels' float32, whatever autocast made of the logits
    return functional.binary_cross_entropy_with_logits(logits.to(batch.labels), batch.labels)


class Extended(Objective):
    """A task's loss, and what a method adds to it, of whatever task.

    Args:
        loss: the task's.
    """

    def __init__(self, loss: Objective):
        super().__init__()
        self.loss = loss

    def forward(self, model: Any, batch: Any, step: int) -> Tensor:
        return self.loss(model, batch, step)
