"""The training phase that methods share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ..models import Backbone, build_model
from ..seeds import derive
from ..training import Objective, Trainer
from ..training.batches import num_batches
from .base import Context, Outcome, Task


def steps_per_epoch(task: Task) -> int:
    """Batches in a pass over the training rows."""
    least = 2 if task.backbone.batch_norm else 1
    return num_batches(task.dataset.schema.rows["train"], task.training.batch_size, least)


def fresh_model(task: Task, seed: int, fields: Sequence[int] | None = None) -> Backbone:
    """An untrained backbone for the task's data set that reads all fields, or only `fields`."""
    schema = task.dataset.schema
    return build_model(
        task.backbone, schema.field_sizes, schema.scalar_columns, seed=derive(seed, "weights"), fields=fields
    )


def trainer_for(
    task: Task, model: Backbone, context: Context, name: str = "training", **options: Any
) -> Trainer:
    """A trainer under the task's protocol; `name` is of its checkpoint, `options` are further arguments."""
    return Trainer(
        model,
        task.dataset.split("train"),
        task.training,
        seed=derive(context.seed, "training"),
        validation=task.dataset.split("val"),
        checkpoint=context.path(name),
        label=context.label("training"),
        **options,
    )


def train_to_outcome(
    task: Task,
    model: Backbone,
    kept_fields: Sequence[int],
    context: Context,
    *,
    objective: Objective | None = None,
    exclude: np.ndarray | None = None,
    optimizer_state: dict[str, dict[str, Tensor]] | None = None,
    start: tuple[int, int] = (0, 0),
    details: dict | None = None,
) -> Outcome:
    """Train `model` under the task's protocol as phase CT and wrap it up; see `Trainer` for the arguments."""
    with context.checkpointed("CT", "training"):
        history = trainer_for(
            task,
            model,
            context,
            objective=objective,
            exclude=exclude,
            optimizer_state=optimizer_state,
            start=start,
        ).fit()
    details = {**(details or {}), "cpu_seconds": dict(context.cpu_seconds)}
    return Outcome(model, tuple(kept_fields), context.phases, history, details)
