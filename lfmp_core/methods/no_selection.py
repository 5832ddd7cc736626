"""No Selection: every field stays."""

from ..settings import Settings
from ..tasks import Clicks
from .base import Context, Outcome, register
from .train import fresh_model, train_to_outcome


@register("no_selection")
def no_selection(task: Clicks, prune_ratio: float, settings: Settings, context: Context) -> Outcome:
    """Train the whole model on all fields; the bound that selection is held against.

    Raises:
        ValueError: prune_ratio is not 0.
    """
    if prune_ratio:
        raise ValueError(f"no_selection removes nothing: prune_ratio must be 0, not {prune_ratio}")
    fields = range(task.dataset.schema.num_fields)
    return train_to_outcome(task, fresh_model(task, context.seed), fields, context)
