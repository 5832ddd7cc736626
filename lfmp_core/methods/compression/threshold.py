"""The finding phase of PEP and CERP: train under a threshold that rises until enough numbers are zero."""

import math
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from ...embeddings.soft_threshold import SoftThresholdTable
from ...models.model import Model
from ...settings import Settings
from ...tasks import Task
from ...training import Objective
from ...training.objective import Extended
from ..base import Context
from .base import stacked
from .magnitude import largest_entries
from .phases import advance, finder


class ThresholdSettings(Settings):
    """How the threshold T = σ(s) rises.

    Attributes:
        threshold_start: s₀. The papers have −15 to −150, from where nothing is pruned for 10³ to 10⁵ steps.
        rise_epochs: passes over the training rows in which s would reach 0 at its first pace. The papers give
            s the weights' learning rate, which on few rows is too slow: weights outgrow the threshold.
        find_epochs: most passes of the finding phase.
        checks: counts of the zeros in a pass, evenly spaced, at most one a step.
    """

    threshold_start: float = Field(-8.0, lt=0)
    rise_epochs: float = Field(4.0, gt=0)
    find_epochs: int = Field(8, ge=1)
    checks: int = Field(50, ge=1)


class Threshold(nn.Module):
    """T = σ(s), where s follows Adam on the gradient of its weight decay alone.

    The papers train one s per entry. Where they start, σ(s) is flat: the loss moves s by σ'(s)·|∂L/∂v̂|, which
    is nothing beside the weight decay λ|s|, and Adam divides λ out: every s climbs by about the learning rate
    a step, all alike. One number says the same and costs nothing: within 0.1 for tables of a thousand ids
    (see the tests), and closer for larger ones, whose entries have smaller gradients. On a table of some tens
    of ids single s part from it by 1 or 2, the masks by a few per cent.
    """

    state: Tensor

    def __init__(self, start: float, rate: float):
        super().__init__()
        self.rate = rate
        # s, Adam's two moments, steps: a buffer, so that it is kept with the rest of a checkpoint
        self.register_buffer("state", torch.tensor([start, 0, 0, 0], dtype=torch.float64))

    @property
    def s(self) -> float:
        return self.state[0].item()

    def value(self) -> float:
        """T."""
        return 1 / (1 + math.exp(-self.s))

    def advance(self) -> None:
        """One step of Adam on s²/2; any factor before it cancels."""
        s, m, v, t = self.state.tolist()
        t += 1
        m, v = 0.9 * m + 0.1 * s, 0.999 * v + 0.001 * s * s
        s -= self.rate * m / (1 - 0.9**t) / (math.sqrt(v / (1 - 0.999**t)) + 1e-30)
        self.state.copy_(torch.tensor([s, m, v, t]))


class RisingThreshold(Extended):
    """The task's loss; after every step the threshold of `tables` rises.

    Args:
        loss: the task's.
        tables: parts of the model.
        settings: see `ThresholdSettings`.
        per_epoch: steps in a pass.
    """

    def __init__(
        self,
        loss: Objective,
        tables: Sequence[SoftThresholdTable],
        settings: ThresholdSettings,
        per_epoch: int,
    ):
        super().__init__(loss)
        self.tables, self.per_epoch = list(tables), per_epoch
        start = settings.threshold_start
        self.threshold = Threshold(start, -start / (settings.rise_epochs * per_epoch))
        self._set()

    def after_step(self, step: int) -> None:
        self.threshold.advance()
        self._set()

    def _set(self) -> None:
        for table in self.tables:
            table.threshold.fill_(self.threshold.value())


def find_mask(
    task: Task,
    model: Model,
    objective: RisingThreshold,
    count: int,
    settings: ThresholdSettings,
    context: Context,
) -> tuple[Tensor, dict]:
    """Train until no more than `count` numbers are over the threshold, and mask the rest.

    The threshold passes the target between two looks, or, since it stays below ½, never. The mask is that of
    the threshold at which exactly `count` stay, so that the sparsity is the one asked for.

    Args:
        model: its tables are, or are made of, `objective.tables`; trained in place.

    Returns:
        the mask [rows of all the objective's tables, D], and what finding has to say of itself: steps, the
        last threshold, and how many numbers were over it.
    """
    trainer = finder(task, model, context, epochs=settings.find_epochs, objective=objective)
    every = max(1, objective.per_epoch // settings.checks)
    left = model.num_embedding_parameters()
    # one that goes on between two looks waits for the next, as it would have without the interrupt
    while not trainer.finished and (trainer.steps % every or left > count):
        advance(trainer, every)
        left = model.num_embedding_parameters()
    weights = stacked(table.table for table in objective.tables)
    details = {"find_steps": trainer.steps, "threshold": objective.threshold.value(), "over_threshold": left}
    return largest_entries(weights.abs(), count), details
