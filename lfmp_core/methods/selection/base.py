"""Selectors: a method that only has to say how much each field matters."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ...budget import Budget
from ...errors import Diverged, LfmpError
from ...files import atomic_write
from ...masking import num_kept
from ...settings import Settings, canonical_json
from ...tasks import Clicks
from ..base import Context, FieldSelection, Outcome, register
from ..train import fresh_model, train_to_outcome

Scoring = Callable[[Clicks, Budget, Any, Context], "FieldImportance"]


@dataclass(frozen=True)
class FieldImportance:
    """Importance of every field.

    Attributes:
        values: [m], larger is better; only the order decides.
        details: what the selector has to say of them, JSON-able.
    """

    values: np.ndarray
    details: dict[str, Any] = field(default_factory=dict)


def largest(values: np.ndarray, count: int) -> tuple[int, ...]:
    """Positions of the `count` largest of `values` [m], ascending; of equals the lower position stays."""
    order = np.argsort(-np.asarray(values, dtype=np.float64), kind="stable")
    return tuple(sorted(order[:count].tolist()))


def selector(name: str, settings_type: type[Settings] = Settings) -> Callable[[Scoring], Scoring]:
    """Turn a scoring of the fields into a registered method.

    The method scores the fields (phase PT), keeps the m − ⌊τm⌋ of largest score, and trains a fresh model on
    them (phase CT). Its chooser is the scoring alone. The decorated function `score(task, budget, settings,
    context) → Scores` stays callable as it is, and the first line of its docstring is the method's
    summary.

    Raises:
        LfmpError: when the method runs and the scores are not one finite number a field.
    """

    def enter(score: Scoring) -> Scoring:
        def choose(task: Clicks, budget: Budget, settings: Any, context: Context) -> FieldSelection:
            count = num_kept(task.dataset.schema.num_fields, budget.share)  # a wrong τ costs no scoring
            scores = score(task, budget, settings, context)
            values = _checked(name, task, scores.values)
            return FieldSelection(largest(values, count), tuple(values.tolist()), scores.details)

        def run(task: Clicks, budget: Budget, settings: Any, context: Context) -> Outcome:
            choice = _once(choose, task, budget, settings, context)
            rounded = [float(f"{value:.6g}") for value in choice.scores]
            model = fresh_model(task, context.seed, choice.fields)
            details = {"scores": rounded, **choice.details}
            return train_to_outcome(task, model, choice.fields, context, details=details)

        run.__doc__ = score.__doc__
        vars(run)["__wrapped__"] = score  # what is its own, for who shows a method's code
        register(name, settings_type, chooser=choose)(run)
        return score

    return enter


def _checked(name: str, task: Clicks, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    fields = task.dataset.schema.fields
    if values.shape != (len(fields),):
        raise LfmpError(f"selector {name!r} gave scores of shape {values.shape} for {len(fields)} fields")
    wrong = [fields[i].name for i in np.flatnonzero(~np.isfinite(values))]
    if wrong:
        raise Diverged(f"selector {name!r} gave scores that are not finite: {', '.join(wrong[:8])}")
    return values


def _once(choose: Callable, task: Clicks, budget: Budget, settings: Any, context: Context) -> FieldSelection:
    """Choose as phase PT; with a folder, a choice that was made before an interrupt is taken from it."""
    path = context.path("choice.json")
    if path is not None and path.exists():
        kept = json.loads(path.read_text())
        context.phases.update(kept["phases"])
        context.cpu_seconds.update(kept["cpu_seconds"])
        return FieldSelection(tuple(kept["fields"]), tuple(kept["scores"]), kept["details"])
    with context.phase("PT"):
        choice = choose(task, budget, settings, context)
    if path is not None:
        times = {"phases": context.phases, "cpu_seconds": context.cpu_seconds}
        atomic_write(path, canonical_json({**asdict(choice), **times}))
    return choice
