"""Light-FMP: pretrain with gates on few rows, cut, train on."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..budget import Budget
from ..folders import fresh_folder
from ..masking import LITERAL, HardConcrete, MaskSettings, SparsityConstraint
from ..models import Backbone, load_model, save_model
from ..models.batch import ClickBatch
from ..ownership import FolderKind
from ..seeds import derive
from ..settings import Settings, canonical_json
from ..surgery import CutPlan, cut, cut_optimizer_state, plan_fields
from ..tasks import Clicks
from ..training import LogLoss, Trainer
from ..training.objective import click_loss
from .base import Context, FieldSelection, Outcome, register
from .subsets import Kind, pretraining_rows
from .tau_search import fields_within
from .train import fresh_model, train_to_outcome

PRUNED = FolderKind(
    "pruned phase",
    "plan.json",
    frozenset({"fields", "num_fields", "cuts"}),
    ("plan.json", "details.json", "optimizer.safetensors", "model", "model/*"),
)


class LightFMPSettings(Settings):
    """Defaults are the readings that work; `literal_settings()` gives the paper's own words.

    Attributes:
        pretrain_rows: size of D_S (paper: 2,000).
        pretrain_batch_size: the paper states none; at OptFS' 4,096 the 2,000 rows would be one step an epoch.
        pretrain_passes: passes over D_S; 125 passes of 2,000 rows in batches of 256 are 1,000 steps.
        pretrain_learning_rate: of the weights while pretraining; None takes the task's.
        continue_on: "rest", D − D_S as the paper; "all", every training row again.
        keep_weights: start phase three from the pretrained weights (the paper's domain-adapted parameters),
            not afresh.
        fold: multiply the gates into the kept vectors before the mask is dropped; False copies weights as
            saved.
        optimizer_state: Adam's moments after the cut.
        mask: see `MaskSettings`.
        subset: how D_S is taken from D; "random" as the paper, see `subsets` for the others.
        tolerance: rise of the validation log-loss, in nats, at which removing stops; ⌊τm⌋ fields are then the
            most that may go, and τ/2 is what the constraint aims at (see `tau_search`). None removes ⌊τm⌋.
    """

    later: ClassVar[frozenset[str]] = frozenset({"subset", "tolerance"})

    pretrain_rows: int = Field(2000, ge=1)
    pretrain_batch_size: int = Field(256, ge=1)
    pretrain_passes: int = Field(125, ge=1)
    pretrain_learning_rate: float | None = Field(None, gt=0)
    continue_on: Literal["rest", "all"] = "rest"
    keep_weights: bool = True
    fold: bool = True
    optimizer_state: Literal["fresh", "carried"] = "fresh"
    mask: MaskSettings = MaskSettings()
    subset: Kind = "random"
    tolerance: float | None = Field(None, ge=0)


def literal_settings(**changes: Any) -> LightFMPSettings:
    """Light-FMP exactly as printed: log of α, Eq. 4 on the sampled z, no ascent, one learning rate."""
    return LightFMPSettings(**({"mask": LITERAL, "fold": False} | changes))


class GatedObjective(LogLoss):
    """Log-loss of the gated model plus the sparsity constraint (Light-FMP eq. 5)."""

    def __init__(self, gates: HardConcrete, constraint: SparsityConstraint):
        super().__init__()
        self.gates, self.constraint = gates, constraint

    def forward(self, model: Backbone, batch: ClickBatch, step: int) -> Tensor:
        z = self.gates.sample()
        loss = click_loss(model, batch, z, gate_linear=self.gates.settings.gate_linear)
        return loss + self.constraint(self.gates, z, step)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        settings = self.gates.settings
        own = {"lr": settings.learning_rate or learning_rate, "weight_decay": 0.0}
        groups = [{"params": [self.gates.a], **own}]
        if settings.multipliers == "ascent":
            groups.append({"params": [self.constraint.multipliers], "maximize": True, **own})
        return groups

    def after_step(self, step: int) -> None:
        self.gates.clamp()


@dataclass
class Pretrained:
    """End of phase one: weights, gates, Adam's moments, and the sorted training rows that were D_S."""

    model: Backbone
    gates: HardConcrete
    optimizer_state: dict[str, dict[str, Tensor]]
    trace: list[list[float]]
    multipliers: list[float]
    steps: int
    rows: np.ndarray

    def details(self) -> dict[str, Any]:
        """What a record keeps of it."""
        return {
            "log_alpha": [round(x, 5) for x in self.gates.log_alpha().tolist()],
            "gates": [round(x, 5) for x in self.gates.deterministic().tolist()],
            "multipliers": [round(x, 5) for x in self.multipliers],
        }


def pretrain(
    task: Clicks,
    prune_ratio: float,
    settings: LightFMPSettings,
    context: Context,
    *,
    watch: Callable[[int, HardConcrete], None] | None = None,
) -> Pretrained:
    """Phase one: learn weights and gates together on D_S.

    Args:
        watch: called with (step, gates) after every pass.
    """
    seed = context.seed
    subset = pretraining_rows(task, settings.subset, settings.pretrain_rows, seed)
    model = fresh_model(task, seed)
    training = task.training.model_copy(
        update={
            "batch_size": settings.pretrain_batch_size,
            "epochs": settings.pretrain_passes,
            "learning_rate": settings.pretrain_learning_rate or task.training.learning_rate,
        }
    )
    generator = torch.Generator().manual_seed(derive(seed, "gates"))
    gates = HardConcrete(model.num_fields, settings.mask, generator)
    per_pass = -(-len(subset) // settings.pretrain_batch_size)
    warm_up = round(settings.mask.warm_up * settings.pretrain_passes * per_pass)
    objective = GatedObjective(gates, SparsityConstraint(prune_ratio, settings.mask, warm_up))
    trainer = Trainer(
        model,
        task.dataset.split("train").take(subset),
        training,
        seed=derive(seed, "pretraining"),
        objective=objective,
        checkpoint=context.path("pretraining"),
        label=context.label("pretraining"),
    )
    trace = []
    while not trainer.finished:
        trainer.fit(stop_at=(trainer.steps // per_pass + 1) * per_pass)
        trace.append(gates.log_alpha().tolist())
        if watch:
            watch(trainer.steps, gates)
    multipliers = objective.constraint.multipliers.tolist()
    return Pretrained(model, gates, trainer.optimizer_state(), trace, multipliers, trainer.steps, subset)


def prune(
    pretrained: Pretrained,
    prune_ratio: float,
    settings: LightFMPSettings,
    fields: Sequence[int] | None = None,
) -> tuple[CutPlan, Backbone, dict[str, dict[str, Tensor]] | None]:
    """Phase two: plan, cut model, and the moments to go on with (None for fresh ones).

    Args:
        fields: to keep; None keeps the m − ⌊τm⌋ of largest gate.
    """
    plan = plan_fields(pretrained.model, fields or pretrained.gates.kept_fields(prune_ratio))
    gate = pretrained.gates.deterministic().detach() if settings.fold else None
    small = cut(pretrained.model, plan, gate, gate_linear=settings.mask.gate_linear)
    carried = settings.optimizer_state == "carried"
    return plan, small, cut_optimizer_state(pretrained.optimizer_state, plan) if carried else None


def aim(prune_ratio: float, settings: LightFMPSettings) -> float:
    """The share of closed gates that pretraining aims at.

    Gates that the constraint has closed cost nothing to remove. Where τ is found rather than given, aiming at
    the most that is allowed would always find that; half of it leaves room on both sides.
    """
    return prune_ratio if settings.tolerance is None else prune_ratio / 2


def choose_fields(
    task: Clicks, pretrained: Pretrained, prune_ratio: float, settings: LightFMPSettings, seed: int
) -> FieldSelection:
    """The fields to keep: by their number, or by the validation loss. log α ranks them."""
    fields, details = pretrained.gates.kept_fields(prune_ratio), pretrained.details()
    if settings.tolerance is not None:

        def cut_to(kept: Sequence[int]) -> Backbone:
            return prune(pretrained, prune_ratio, settings, kept)[1]

        scores = pretrained.gates.log_alpha().tolist()
        fields, found = fields_within(
            task, scores, len(scores) - len(fields), cut_to, settings.tolerance, seed
        )
        details |= found
    return FieldSelection(fields, tuple(pretrained.gates.log_alpha().tolist()), details)


def choose(task: Clicks, budget: Budget, settings: LightFMPSettings, context: Context) -> FieldSelection:
    """Phase one and the choice."""
    pretrained = pretrain(task, aim(budget.share, settings), settings, context)
    return choose_fields(task, pretrained, budget.share, settings, context.seed)


def pretrain_and_prune(
    task: Clicks, prune_ratio: float, settings: LightFMPSettings, context: Context
) -> tuple[CutPlan, Backbone, dict[str, dict[str, Tensor]] | None, dict[str, Any], np.ndarray]:
    """Phases one and two, or what was kept of them: plan, cut model, moments, details, rows of D_S."""
    saved = context.path("pruned")
    if saved is not None and saved.exists():
        rows = pretraining_rows(task, settings.subset, settings.pretrain_rows, context.seed)
        return *load_pruned(saved, context), rows
    with context.phase("PT"):
        pretrained = pretrain(task, aim(prune_ratio, settings), settings, context)
        choice = choose_fields(task, pretrained, prune_ratio, settings, context.seed)
        plan, model, state = prune(pretrained, prune_ratio, settings, choice.fields)
    if saved is not None:
        save_pruned(saved, plan, model, state, choice.details, context)
    return plan, model, state, choice.details, pretrained.rows


@register("light_fmp", LightFMPSettings, chooser=choose)
def light_fmp(task: Clicks, budget: Budget, settings: LightFMPSettings, context: Context) -> Outcome:
    """Learn one hard-concrete gate a field on D_S, keep the m − ⌊τm⌋ fields of largest gate, train on.

    Source: Light-FMP §2, Algorithm 1.
    """
    plan, model, state, details, rows = pretrain_and_prune(task, budget.share, settings, context)
    if not settings.keep_weights:
        model, state = fresh_model(task, derive(context.seed, "again"), plan.fields), None
    exclude = rows if settings.continue_on == "rest" else None
    return train_to_outcome(
        task, model, plan.fields, context, exclude=exclude, optimizer_state=state, details=details
    )


def save_pruned(
    folder: Path,
    plan: CutPlan,
    model: Backbone,
    state: dict[str, dict[str, Tensor]] | None,
    details: dict[str, Any],
    context: Context,
) -> None:
    """Keep the end of phase two, with the seconds so far."""
    with fresh_folder(folder, PRUNED) as target:
        (target / "plan.json").write_text(canonical_json(plan))
        times = {"phases": context.phases, "cpu_seconds": context.cpu_seconds}
        (target / "details.json").write_text(canonical_json({"details": details, **times}))
        save_model(model, target / "model")
        slots = [(f"{name}/{k}", v) for name, own in (state or {}).items() for k, v in own.items()]
        save_file({k: v.contiguous() for k, v in slots}, target / "optimizer.safetensors")


def load_pruned(
    folder: Path, context: Context
) -> tuple[CutPlan, Backbone, dict[str, dict[str, Tensor]] | None, dict[str, Any]]:
    """What `save_pruned` kept; the seconds go to the context."""
    plan = CutPlan(**json.loads((folder / "plan.json").read_text()))
    kept = json.loads((folder / "details.json").read_text())
    context.phases.update(kept["phases"])
    context.cpu_seconds.update(kept["cpu_seconds"])
    state: dict[str, dict[str, Tensor]] = {}
    for key, value in load_file(folder / "optimizer.safetensors").items():
        name, slot = key.rsplit("/", 1)
        state.setdefault(name, {})[slot] = value
    return plan, load_model(folder / "model"), state or None, kept["details"]
