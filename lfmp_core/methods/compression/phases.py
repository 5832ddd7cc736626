"""The finding phase: what it trains with, and what is known of it after an interrupt."""

from contextlib import AbstractContextManager

from ...models import Backbone
from ...seeds import derive
from ...training import Objective, Trainer
from ..base import Context, Task


def finding(context: Context) -> AbstractContextManager[None]:
    """The block is phase PT, and its trainer keeps the checkpoint of `finder`."""
    return context.checkpointed("PT", "finding")


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
