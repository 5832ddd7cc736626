"""Nothing is removed: every field and every number stays."""

from ..seeds import derive
from ..settings import Settings
from ..tasks import Task
from .base import Context, Outcome, register
from .train import train_to_outcome


@register("no_selection", task=Task)
def no_selection(task: Task, prune_ratio: float, settings: Settings, context: Context) -> Outcome:
    """Train the whole model; the bound that selection and compression are held against.

    Raises:
        ValueError: prune_ratio is not 0.
    """
    if prune_ratio:
        raise ValueError(f"no_selection removes nothing: prune_ratio must be 0, not {prune_ratio}")
    model = task.model(derive(context.seed, "weights"))
    return train_to_outcome(task, model, task.all_fields, context)
