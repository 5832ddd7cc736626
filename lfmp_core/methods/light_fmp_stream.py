"""Light-FMP in one pass: the gates are on while the one training pass begins, then the model is cut."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pydantic import Field
from scipy.optimize import brentq
from scipy.special import expit, logit
from torch import Tensor

from ..budget import Budget
from ..errors import LfmpError
from ..masking import HIGH, LOW, HardConcrete, MaskSettings, num_kept
from ..models import Backbone
from ..models.batch import ClickBatch
from ..seeds import derive
from ..settings import Settings
from ..surgery import CutPlan, cut, cut_optimizer_state, plan_fields
from ..tasks import Clicks
from ..training import LogLoss, Trainer
from ..training.objective import click_loss
from .base import Context, FieldSelection, Outcome, register
from .light_fmp import load_pruned, save_pruned
from .train import fresh_model, train_to_outcome

# Midpoints of [0, 1], where P(z > t) is summed to E[z]; at 32 of them E[z] is off by less than 1e-3.
_THRESHOLDS = logit(((np.arange(32) + 0.5) / 32 - LOW) / (HIGH - LOW))


class StreamSettings(Settings):
    """Defaults were chosen on validation rows of the Criteo sample (54 batches of 2,048 an epoch, DeepFM, 3
    seeds): four pieces a batch beat one; `agreement` and `fold` made less difference than the seed did.

    Attributes:
        pieces: optimiser steps that a batch of the task is cut into while the gates are on. An epoch of few
            large batches has too few steps for gates to part.
        gate_learning_rate: of the gates.
        check_every: batches between two looks at the gates.
        agreement: share of the fields kept now that were among those kept when half as many batches had
            been seen; from there on the gates count as settled.
        patience: looks in a row that must agree.
        min_steps: optimiser steps over which the budget of open gates falls to 1 − τ; no cut before.
        max_share: share of the first epoch after which the model is cut, settled or not.
        fold: multiply the gates into the kept vectors at the cut.
    """

    pieces: int = Field(4, ge=1)
    gate_learning_rate: float = Field(0.1, gt=0)
    check_every: int = Field(2, ge=1)
    agreement: float = Field(0.85, gt=0, le=1)
    patience: int = Field(2, ge=1)
    min_steps: int = Field(40, ge=0)
    max_share: float = Field(0.5, gt=0, le=1)
    fold: bool = True


def mean_open(log_alpha: np.ndarray, temperature: float) -> float:
    """Mean over fields of E[z] = ∫₀¹ P(z > t) dt, with P(z > t) = σ(log α − β logit((t − γ)/(ζ − γ)))."""
    return float(expit(log_alpha - temperature * _THRESHOLDS[:, None]).mean())


@torch.no_grad()
def hold_budget(gates: HardConcrete, share: float) -> None:
    """Shift all log α by one number, so that the mean E[z] is `share` (as near as |log α| ≤ log 100 lets it).

    This is Light-FMP's eq. 4 as an equality that holds after every step. Multipliers that climb by Adam need
    hundreds of steps to get there and overshoot on the way.
    """
    a, temperature = gates.a.detach().double().cpu().numpy(), gates.settings.temperature
    limits = [mean_open(np.array([sign * np.log(100)]), temperature) for sign in (-1, 1)]
    wanted = min(max(share, limits[0]), limits[1])
    gates.a.add_(brentq(lambda c: mean_open(a + c, temperature) - wanted, -20, 20))
    gates.clamp()


class StreamObjective(LogLoss):
    """Log-loss of the gated model under a budget of open gates that falls from its start to 1 − τ.

    Attributes:
        kept: which fields would be kept, at each look [looks, m].
    """

    kept: Tensor

    def __init__(self, gates: HardConcrete, prune_ratio: float, settings: StreamSettings, looks: int):
        super().__init__()
        self.gates, self.prune_ratio, self.min_steps = gates, prune_ratio, settings.min_steps
        a = np.full(1, gates.settings.mean)
        self.at_start = mean_open(a, gates.settings.temperature)
        self.register_buffer("kept", torch.zeros(looks, len(gates.a), dtype=torch.bool))

    def forward(self, model: Backbone, batch: ClickBatch, step: int) -> Tensor:
        return click_loss(model, batch, self.gates.sample())

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": [self.gates.a], "lr": self.gates.settings.learning_rate, "weight_decay": 0.0}]

    def after_step(self, step: int) -> None:
        done = min(1.0, (step + 1) / self.min_steps) if self.min_steps else 1.0
        hold_budget(self.gates, self.at_start + (1 - self.prune_ratio - self.at_start) * done)


def agreements(looks: Sequence[Sequence[int]]) -> list[float]:
    """Share of the fields kept at look 2, 3, … that were kept at look 1, 1, 2, 2, …: half as far.

    The distance of the comparison grows with the pass. Between neighbouring looks gates that drift slowly
    always agree, though they end elsewhere.
    """
    return [len({*now} & {*looks[k // 2]}) / len(now) for k, now in enumerate(looks[1:])]


def gates_settled(looks: Sequence[Sequence[int]], settings: StreamSettings) -> bool:
    """Whether the last `patience` looks agree with those half as far."""
    last = agreements(looks)[-settings.patience :]
    return len(last) == settings.patience and min(last) >= settings.agreement


class Stretch:
    """The first stretch of the training pass, gates on: the task's own batches in their own order."""

    def __init__(self, task: Clicks, prune_ratio: float, settings: StreamSettings, context: Context):
        self.settings, self.prune_ratio = settings, prune_ratio
        self.model = fresh_model(task, context.seed)
        generator = torch.Generator().manual_seed(derive(context.seed, "gates"))
        mask = MaskSettings(learning_rate=settings.gate_learning_rate)
        self.gates = HardConcrete(self.model.num_fields, mask, generator)
        num_kept(self.model.num_fields, prune_ratio)  # a wrong τ is refused before anything is learnt
        looks = 1 + task.dataset.schema.rows["train"] // (task.training.batch_size * settings.check_every)
        self.objective = StreamObjective(self.gates, prune_ratio, settings, looks)
        self.trainer = Trainer(
            self.model,
            task.dataset.split("train"),
            task.training,
            seed=derive(context.seed, "training"),
            objective=self.objective,
            checkpoint=context.path("pretraining"),
            label=context.label("gates"),
            pieces=settings.pieces,
        )
        self.total = len(self.trainer.batches)
        if self.total < 2:
            raise LfmpError("one batch is the whole epoch; a cut within it needs a smaller batch_size")
        self.longest = max(1, min(round(settings.max_share * self.total), self.total - 1))

    def kept_fields(self) -> tuple[int, ...]:
        """Fields that would be kept now."""
        return self.gates.kept_fields(self.prune_ratio)

    def looks(self) -> list[list[int]]:
        """Fields kept at each look so far."""
        count = self.trainer.position // self.settings.check_every
        return [row.nonzero().flatten().tolist() for row in self.objective.kept[:count]]

    def over(self) -> bool:
        """Note a look that is due, and say whether the model is to be cut here."""
        position = self.trainer.position
        if position and position % self.settings.check_every == 0:
            row = self.objective.kept[position // self.settings.check_every - 1]
            row.zero_()[list(self.kept_fields())] = True
        late = self.trainer.steps >= self.settings.min_steps and gates_settled(self.looks(), self.settings)
        return late or position >= self.longest

    def run(self) -> None:
        """Train until the gates have settled, or for the longest stretch."""
        every, trainer = self.settings.check_every, self.trainer
        while not self.over():
            goal = min(self.longest, (trainer.position // every + 1) * every)
            trainer.fit(stop_at=trainer.steps + (goal - trainer.position) * self.settings.pieces)

    def details(self) -> dict[str, Any]:
        """What a record keeps of it."""
        return {
            "log_alpha": [round(x, 5) for x in self.gates.log_alpha().tolist()],
            "gates": [round(x, 5) for x in self.gates.deterministic().tolist()],
            "cut_batch": self.trainer.position,
            "cut_step": self.trainer.steps,
            "epoch_batches": self.total,
            "settled": gates_settled(self.looks(), self.settings),
            "agreement": [round(x, 5) for x in agreements(self.looks())],
        }

    def cut(self) -> tuple[CutPlan, Backbone, dict[str, dict[str, Tensor]]]:
        """Plan, cut model, and Adam's moments to go on with."""
        plan = plan_fields(self.model, self.kept_fields())
        gate = self.gates.deterministic().detach() if self.settings.fold else None
        return plan, cut(self.model, plan, gate), cut_optimizer_state(self.trainer.optimizer_state(), plan)


def choose(task: Clicks, budget: Budget, settings: StreamSettings, context: Context) -> FieldSelection:
    """The stretch alone; log α ranks the fields."""
    stretch = Stretch(task, budget.share, settings, context)
    stretch.run()
    return FieldSelection(stretch.kept_fields(), tuple(stretch.gates.log_alpha().tolist()), stretch.details())


@register("light_fmp_stream", StreamSettings, chooser=choose)
def light_fmp_stream(task: Clicks, budget: Budget, settings: StreamSettings, context: Context) -> Outcome:
    """Gates on as the one training pass begins; once they settle the model is cut and the same epoch goes on.

    No subset is set apart and no row is seen twice before every other has been seen once: what it costs
    beyond plain training is the gates. Weights and Adam's moments go through the cut. Phase PT ends at the
    cut.

    Departs from Light-FMP: D_S is the first stretch of D; eq. 4's constraint, with the sign that prunes,
    holds exactly at every step (`hold_budget`); the stretch ends by a rule (`gates_settled`), not after a
    number of steps; the first-order weights are never gated.
    """
    saved = context.path("pruned")
    if saved is not None and saved.exists():
        plan, model, state, details = load_pruned(saved, context)
    else:
        with context.phase("PT"):
            stretch = Stretch(task, budget.share, settings, context)
            stretch.run()
            (plan, model, state), details = stretch.cut(), stretch.details()
        if saved is not None:
            save_pruned(saved, plan, model, state, details, context)
    start = (0, details["cut_batch"])
    return train_to_outcome(
        task, model, plan.fields, context, optimizer_state=state, start=start, details=details
    )
