"""LPFS++: gates that polarise, thin at zero and flat at one, learnt with the weights."""

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ...budget import Budget
from ...models import Backbone
from ...models.batch import ClickBatch
from ...settings import Settings
from ...tasks import Clicks
from ...training import LogLoss
from ..base import Context
from .base import FieldImportance, selector
from .deep import gated_loss, train_all_fields


class LPFSSettings(Settings):
    """Constants of the gates, and how long and how fast they learn.

    Attributes:
        search_epochs: passes over the training rows. From the second on, values can be recognised, and the
            gates favour fields of many values.
        learning_rate: of the gates; as Light-FMP's. The source has the weights' rate.
        threshold: λ of the proximal step (source: 0.01).
        epsilon, final_epsilon: ε of the first step and of the last. The source multiplies ε by 0.9978 every
            100 steps, which in the 54 steps of a pass over 110,000 rows would leave it at 0.1; here it falls
            geometrically over the steps that there are.
        alpha, tau: of the gate's tail (source: 10 and 2).
    """

    search_epochs: int = Field(1, ge=1)
    learning_rate: float = Field(0.05, gt=0)
    threshold: float = Field(0.01, ge=0)
    epsilon: float = Field(0.1, gt=0)
    final_epsilon: float = Field(0.01, gt=0)
    alpha: float = Field(10.0, gt=0)
    tau: float = Field(2.0, gt=0)


class PolarisingGates(LogLoss):
    """Log-loss under g(x_f) = sign(x_f)·(x_f²/(x_f² + ε) + α ε^{1/τ} atan|x_f|), x = 1 at the start.

    After each of Adam's steps on x comes the proximal step of λ|x|: x ← sign(x)·max(0, |x| − λη).

    Args:
        num_fields: m.
        settings: see `LPFSSettings`.
        steps: of the whole search; ε reaches its end there.
    """

    def __init__(self, num_fields: int, settings: LPFSSettings, steps: int):
        super().__init__()
        self.settings, self.steps = settings, steps
        self.x = nn.Parameter(torch.ones(num_fields))

    def epsilon(self, step: int) -> float:
        """ε at a step (counted from 0)."""
        start, end = self.settings.epsilon, self.settings.final_epsilon
        return start * (end / start) ** min(1.0, step / max(1, self.steps - 1))

    def gates(self, step: int) -> Tensor:
        """g [m] at a step."""
        x, epsilon, alpha = self.x, self.epsilon(step), self.settings.alpha
        # sign(x) atan|x| written so that the slope at 0 is α ε^{1/τ} and not 0: a shut gate may open again
        return x * x.abs() / (x.square() + epsilon) + alpha * epsilon ** (1 / self.settings.tau) * x.atan()

    def forward(self, model: Backbone, batch: ClickBatch, step: int) -> Tensor:
        return gated_loss(model, batch, self.gates(step))

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": [self.x], "lr": self.settings.learning_rate, "weight_decay": 0.0}]

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        self.x.copy_(functional.softshrink(self.x, self.settings.threshold * self.settings.learning_rate))


@selector("lpfs", LPFSSettings)
def lpfs(task: Clicks, budget: Budget, settings: LPFSSettings, context: Context) -> FieldImportance:
    """Learn one polarising gate a field with the weights, ε falling, and keep the fields of largest |gate|.

    Source: LPFS++ (Guo et al. 2022); the constants as the ERASE benchmark (2024) has them. Departures: ε, the
    gates' rate and the passes (see `LPFSSettings`); the gate covers first-order weights too (`gated_loss`);
    fields are ranked by |g| and not by the signed x, for a gate of −1 says as much as one of 1.
    """
    steps = settings.search_epochs * -(-task.dataset.schema.rows["train"] // task.training.batch_size)
    objective = PolarisingGates(task.dataset.schema.num_fields, settings, steps)
    train_all_fields(task, context, epochs=settings.search_epochs, objective=objective)
    gates = objective.gates(steps - 1).detach().cpu().double()
    details = {"gates": [round(g, 5) for g in gates.tolist()], "epsilon": objective.epsilon(steps - 1)}
    return FieldImportance(gates.abs().numpy(), details)
