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
    up its checkpoint; the seconds that count are those of the first time.
    """
    with context.phase("PT"):
        yield
    saved = context.path("finding.json")
    if saved is None:
        return
    if not saved.exists():
        times = {"phases": context.phases["PT"], "cpu_seconds": context.cpu_seconds["PT"]}
        atomic_write(saved, canonical_json(times))
    times = json.loads(saved.read_text())
    context.phases["PT"], context.cpu_seconds["PT"] = times["phases"], times["cpu_seconds"]


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


def steps_per_epoch(task: Task) -> int:
    """Batches in a pass over the training rows."""
    return -(-task.dataset.schema.rows["train"] // task.training.batch_size)


def advance(trainer: Trainer, every: int, last: int | None = None) -> None:
    """Train up to the next multiple of `every` steps, and not past step `last`."""
    stop = (trainer.steps // every + 1) * every
    trainer.fit(stop_at=stop if last is None else min(stop, last))
