"""AutoField: drop and keep logits, learnt on validation rows while the weights learn on training rows."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn

from ...budget import Budget
from ...models import Backbone
from ...models.batch import ClickBatch
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ...training import LogLoss
from ..base import Context
from .base import FieldImportance, selector
from .deep import endless, gated_loss, train_all_fields


class AutoFieldSettings(Settings):
    """The defaults suit hundreds of steps; the source's (8, 10, 1e-3, 5e-5) suit hundreds of thousands.

    Attributes:
        search_epochs: passes over the training rows, all of them made (source: at most 8, stopped early).
            More of them overfit the weights, whose rare vectors then harm held-out rows, and the logits turn
            against fields of many values.
        update_every: training steps for each step of the logits (source: 10).
        learning_rate: of Adam for the logits.
        temperature_decay: what the temperature loses a training step; it ends at 0.01.
    """

    search_epochs: int = Field(2, ge=1)
    update_every: int = Field(1, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    temperature_decay: float = Field(5e-5, ge=0)


class TwoLevel(LogLoss):
    """Log-loss of a training batch under the gates p^keep; every so often one of Adam's steps on the logits.

    p_f = softmax((l_f + g_f)/t) of the logits l_f = (drop, keep), (½, ½) at the start, with Gumbel noise g_f
    drawn anew for each batch and t = max(0.01, 1 − decay·T) after T training steps. First-order bi-level: a
    training batch moves the weights alone, a validation batch the logits alone, with the weights as they are.

    Args:
        num_fields: m.
        settings: see `AutoFieldSettings`.
        validation: batches for the logits, as many as are asked for.
        seed: of the noise.
    """

    def __init__(
        self, num_fields: int, settings: AutoFieldSettings, validation: Iterator[ClickBatch], seed: int
    ):
        super().__init__()
        self.settings, self.validation, self.updates = settings, validation, 0
        self.generator = torch.Generator().manual_seed(seed)
        self.logits = nn.Parameter(torch.full((num_fields, 2), 0.5))
        self.optimizer = torch.optim.Adam([self.logits], settings.learning_rate)

    def forward(self, model: Backbone, batch: ClickBatch, step: int) -> Tensor:
        # here and not in `after_step`: within a step, rows that a lazy trainer owes steps to are made up
        if (step + 1) % self.settings.update_every == 0:
            self._update(model, step)
        return gated_loss(model, batch, self.sample(step).detach())

    def _update(self, model: Backbone, step: int) -> None:
        loss = gated_loss(model, next(self.validation), self.sample(step))
        # the trainer has turned autocast on for forward passes only
        with torch.autocast(loss.device.type, enabled=False):
            # not backward(): that would leave this loss' gradient in the weights
            (self.logits.grad,) = torch.autograd.grad(loss, [self.logits])
        self.optimizer.step()
        self.logits.grad = None
        self.updates += 1

    def temperature(self, step: int) -> float:
        """t at a training step (counted from 0)."""
        return max(0.01, 1 - self.settings.temperature_decay * step)

    def sample(self, step: int) -> Tensor:
        """p^keep [m] with fresh noise."""
        u = torch.rand(self.logits.shape, generator=self.generator).clamp_(1e-6, 1 - 1e-6).to(self.logits)
        return ((self.logits - (-u.log()).log()) / self.temperature(step)).softmax(1)[:, 1]

    def margins(self) -> Tensor:
        """keep − drop [m], without noise."""
        return (self.logits[:, 1] - self.logits[:, 0]).detach()


@selector("autofield", AutoFieldSettings)
def autofield(task: Clicks, budget: Budget, settings: AutoFieldSettings, context: Context) -> FieldImportance:
    """Learn a drop and a keep logit a field by the validation loss, and keep the largest differences.

    Source: AutoField (Wang et al. 2022). Departures: passes and rhythm (`AutoFieldSettings`); the temperature
    counts training steps alone; the gate covers first-order weights too (`gated_loss`). The two logits have
    opposite gradients, so keep + drop stays 1 and the keep logit alone would give the same order.
    """
    least = 2 if task.backbone.batch_norm else 1
    validation = endless(task, derive(context.seed, "validation"), least)
    m, noise = task.dataset.schema.num_fields, derive(context.seed, "gumbel noise")
    objective = TwoLevel(m, settings, validation, noise)
    train_all_fields(task, context, epochs=settings.search_epochs, objective=objective)
    margins = objective.margins().cpu().double()
    probabilities = [round(p, 5) for p in margins.sigmoid().tolist()]
    return FieldImportance(
        margins.numpy(), {"keep_probabilities": probabilities, "updates": objective.updates}
    )
