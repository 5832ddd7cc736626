"""Nothing is removed: every field and every number stays."""

from ..budget import Budget
from ..seeds import derive
from ..settings import Settings
from ..tasks import Task
from .base import Context, Outcome, register
from .train import train_to_outcome


@register("no_selection", removes=(), task=Task)
def no_selection(task: Task, budget: Budget, settings: Settings, context: Context) -> Outcome:
    """Train the whole model; the bound that selection and compression are held against."""
    model = task.model(derive(context.seed, "weights"))
    return train_to_outcome(task, model, task.all_fields, context)
