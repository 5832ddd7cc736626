"""The finding phase: what it trains with, and what is known of it after an interrupt."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from ...models import Backbone
from ...seeds import derive
from ...settings import atomic_write, canonical_json
from ...training import Objective, Trainer
from ..base import Context, Task


@contextmanager
def finding(context: Context) -> Iterator[None]:
    """The block is phase PT.

    With a folder, a block that was done before an interrupt is quick the next time, since its trainer takes
    up its checkpoint; the seconds that count are those of the first time. A block that Ctrl-C cut off after
    its trainer saved a checkpoint has the seconds of both parts. (A killed process leaves no time behind.)
    """
    saved, checkpoint = context.path("finding.json"), context.path("finding")
    if saved is None or checkpoint is None:
        with context.phase("PT"):
            yield
        return
    before = json.loads(saved.read_text()) if saved.exists() else {"cut_off": True}
    whole = not before.get("cut_off", False)
    clocks = {"phases": context.phases, "cpu_seconds": context.cpu_seconds}
    cut_off = True
    try:
        with context.phase("PT"):
            yield
        cut_off = False
    finally:
        for name, clock in clocks.items():
            clock["PT"] = before[name] if whole else before.get(name, 0.0) + clock["PT"]
        # what is not in a checkpoint is trained again, so its seconds will come again
        if not whole and (checkpoint.exists() or not cut_off):
            times = {name: clock["PT"] for name, clock in clocks.items()}
            atomic_write(saved, canonical_json(times | ({"cut_off": True} if cut_off else {})))


def finder(
    task: Task, model: Backbone, context: Context, *, epochs: int, objective: Objective | None = None
) -> Trainer:
    """A trainer for a finding phase: the task's protocol for so many epochs, without early stopping."""
    return Trainer(
        model,
        task.dataset.split("train"),
        task.training.model_copy(update={"epochs": epochs}),
        seed=derive(context.seed, "finding"),
        objective=objective,
        checkpoint=context.path("finding"),
        label=context.label("finding"),
    )


def advance(trainer: Trainer, every: int, last: int | None = None) -> None:
    """Train up to the next multiple of `every` steps, and not past step `last`."""
    stop = (trainer.steps // every + 1) * every
    trainer.fit(stop_at=stop if last is None else min(stop, last))
