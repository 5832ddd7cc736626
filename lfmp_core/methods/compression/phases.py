"""The finding phase: what it trains with, and what is known of it after an interrupt."""

from contextlib import AbstractContextManager

from ...models.model import Model
from ...seeds import derive
from ...tasks import Task
from ...training import Loop, Objective
from ..base import Context


def finding(context: Context) -> AbstractContextManager[None]:
    """The block is phase PT, and its trainer keeps the checkpoint of `finder`."""
    return context.checkpointed("PT", "finding")


def finder(
    task: Task, model: Model, context: Context, *, epochs: int, objective: Objective | None = None
) -> Loop:
    """A trainer for a finding phase: the task's protocol for so many epochs, without early stopping."""
    return task.with_training(epochs=epochs).trainer(
        model,
        seed=derive(context.seed, "finding"),
        validate=False,
        objective=objective,
        checkpoint=context.path("finding"),
        label=context.label("finding"),
    )


def advance(trainer: Loop, every: int, last: int | None = None) -> None:
    """Train up to the next multiple of `every` steps, and not past step `last`."""
    stop = (trainer.steps // every + 1) * every
    trainer.fit(stop_at=stop if last is None else min(stop, last))
