"""The training phase that methods share."""

from collections.abc import Sequence
from typing import Any

from ..models import Backbone
from ..models.model import Model
from ..seeds import derive
from ..tasks import Clicks, Task
from .base import Context, Outcome


def fresh_model(task: Clicks, seed: int, fields: Sequence[int] | None = None) -> Backbone:
    """An untrained backbone for the task's data set that reads all fields, or only `fields`."""
    return task.model(derive(seed, "weights"), fields=fields)


def trainer_for(task: Task, model: Model, context: Context, name: str = "training", **options: Any) -> Any:
    """The `Loop` under the task's protocol; `name` is of its checkpoint, `options` are further arguments."""
    return task.trainer(
        model,
        seed=derive(context.seed, "training"),
        checkpoint=context.path(name),
        label=context.label("training"),
        **options,
    )


def train_to_outcome(
    task: Task,
    model: Model,
    kept_fields: Sequence[int] | None,
    context: Context,
    *,
    details: dict | None = None,
    **options: Any,
) -> Outcome:
    """Train `model` under the task's protocol as phase CT and wrap it up; `options` are of `Task.trainer`."""
    with context.checkpointed("CT", "training"):
        history = trainer_for(task, model, context, **options).fit()
    details = {**(details or {}), "cpu_seconds": dict(context.cpu_seconds)}
    kept = None if kept_fields is None else tuple(kept_fields)
    return Outcome(model, kept, context.phases, history, details)
