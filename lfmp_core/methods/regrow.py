"""Fields taken back in continued training: what was wrongly removed may replace what was wrongly kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ..axes import range_index
from ..budget import Budget
from ..data.dataset import Rows
from ..models import Backbone
from ..models.batch import ClickBatch
from ..seeds import derive
from ..surgery import CutPlan, cut, cut_optimizer_state, plan_fields
from ..tasks import Clicks
from ..training import Batches, Trainer
from .base import Context, FieldSelection, Outcome, register
from .light_fmp import LightFMPSettings, pretrain_and_prune
from .revision import RevisionSettings, revise
from .train import fresh_model, train_to_outcome, trainer_for

State = dict[str, dict[str, Tensor]]


class RegrowSettings(LightFMPSettings):
    """Light-FMP's settings and those of the one revision of its choice.

    Attributes:
        regrow_after: epochs of continued training before the revision; a part of one is allowed.
        revision: see `RevisionSettings`.
    """

    regrow_after: float = Field(0.5, gt=0)
    revision: RevisionSettings = RevisionSettings()


def upcoming(batches: Batches, epoch: int, position: int, count: int) -> Rows:
    """The next rows of an epoch in training's order, at most `count`; training has not seen them in it."""
    parts: list[ClickBatch] = []
    for batch in batches.epoch(epoch, position):
        parts.append(batch)
        if sum(len(ids) for ids, _, _ in parts) >= count:
            break
    ids, values, labels = zip(*parts, strict=True)
    joined = None if values[0] is None else torch.cat(values).cpu().numpy()
    return Rows(torch.cat(ids).cpu().numpy(), torch.cat(labels).cpu().numpy().astype(np.uint8), joined)[
        :count
    ]


@torch.no_grad()
def put_back(whole: Tensor, part: Tensor, plan: CutPlan, name: str) -> None:
    """Undo `CutPlan.take`: write `part` to where it was taken from, in place."""

    def put(into: Tensor, axes: list[tuple[int, Tensor]]) -> None:
        if not axes:
            into.copy_(part)
            return
        (axis, index), rest = axes[0], axes[1:]
        inner = into.index_select(axis, index)
        put(inner, rest)
        into.index_copy_(axis, index, inner)

    kept = plan.cuts.get(name, {})
    put(whole, [(axis, range_index(ranges).to(whole.device)) for axis, ranges in kept.items()])


def exchange_fields(
    small: Backbone, state: State, plan: CutPlan, fields: Sequence[int], fresh: Backbone
) -> tuple[CutPlan, Backbone, State]:
    """The model that reads `fields`: what `small` knows of the fields it has, `fresh` of the others.

    Moments of what comes back are zero.

    Args:
        small: cut by `plan` from a model with all fields.
        state: Adam's moments of `small`.
        fresh: an untrained model with all fields; changed in place.
    """
    moments: State = {}
    for name, parameter in fresh.named_parameters():
        part = small.get_parameter(name)
        put_back(parameter, part, plan, name)
        moments[name] = {}
        for slot, value in state.get(name, {}).items():
            same = value.shape == part.shape
            moments[name][slot] = parameter.new_zeros(parameter.shape) if same else value.clone()
            if same:
                put_back(moments[name][slot], value, plan, name)
    fresh.copy_statistics(small)
    new = plan_fields(fresh, fields)
    return new, cut(fresh, new), cut_optimizer_state(moments, new)


@dataclass
class Revised:
    """The state of affairs after the revision."""

    trainer: Trainer
    plan: CutPlan
    model: Backbone
    state: State | None
    details: dict[str, Any]
    rows: np.ndarray


def until_revised(task: Clicks, prune_ratio: float, settings: RegrowSettings, context: Context) -> Revised:
    """Pretrain, prune, train for `regrow_after` epochs, revise."""
    plan, model, state, details, subset = pretrain_and_prune(task, prune_ratio, settings, context)
    if not settings.keep_weights:
        model, state = fresh_model(task, derive(context.seed, "again"), plan.fields), None
    with context.checkpointed("CT", "before"):
        rest = subset if settings.continue_on == "rest" else None
        trainer = trainer_for(task, model, context, "before", exclude=rest, optimizer_state=state)
        trainer.fit(stop_at=max(1, round(settings.regrow_after * len(trainer.batches))))
        if trainer.finished:
            return Revised(trainer, plan, model, None, details | {"swaps": []}, subset)
        rows = upcoming(trainer.batches, trainer.epoch, trainer.position, settings.revision.probe_rows)
        found = revise(model, task.dataset.schema, rows, settings.revision, context.seed)
        state = trainer.optimizer_state()
        if found.swaps:
            out, back = ({s[k] for s in found.swaps} for k in (0, 1))
            fields = sorted({*plan.fields} - out | back)
            fresh = fresh_model(task, derive(context.seed, "back"))
            plan, model, state = exchange_fields(model, state, plan, fields, fresh)
    return Revised(trainer, plan, model, state, details | found.details(), subset)


def choose(task: Clicks, budget: Budget, settings: RegrowSettings, context: Context) -> FieldSelection:
    """Everything up to the revision. A field that came back takes the score of the one that went."""
    revised = until_revised(task, budget.share, settings, context)
    scores = list(revised.details["log_alpha"])
    for out, back in revised.details["swaps"]:
        scores[out], scores[back] = scores[back], scores[out]
    return FieldSelection(revised.plan.fields, tuple(scores), revised.details)


@register("light_fmp_regrow", RegrowSettings, chooser=choose)
def light_fmp_regrow(task: Clicks, budget: Budget, settings: RegrowSettings, context: Context) -> Outcome:
    """Light-FMP, but part of the way through continued training the worst kept fields may go for better ones.

    The number of fields stays. What the swaps are decided by, and what that costs: see `revision.revise`. A
    field that comes back does so untrained: the gates had kept its vectors from learning. The epoch goes on
    where it was; Adam's moments of what stays are carried. Light-FMP never takes a field back.
    """
    revised = until_revised(task, budget.share, settings, context)
    trainer = revised.trainer
    if trainer.finished:
        details = revised.details | {"cpu_seconds": dict(context.cpu_seconds)}
        return Outcome(revised.model, revised.plan.fields, context.phases, trainer.history, details)
    outcome = train_to_outcome(
        task,
        revised.model,
        revised.plan.fields,
        context,
        exclude=revised.rows if settings.continue_on == "rest" else None,
        optimizer_state=revised.state,
        start=(trainer.epoch, trainer.position),
        details=revised.details,
    )
    return replace(outcome, history=trainer.history + outcome.history)
