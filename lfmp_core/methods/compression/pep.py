"""PEP: a rising soft threshold says which numbers to keep; they are trained again from where they began."""

from ...budget import Budget
from ...embeddings.soft_threshold import SoftThresholdTable
from ...tasks import Task
from ..base import Context, Outcome
from .base import compression, numbers_within, plain_model, train_masked
from .phases import finding
from .threshold import RisingThreshold, ThresholdSettings, find_mask


@compression("pep", ThresholdSettings)
def pep(task: Task, budget: Budget, settings: ThresholdSettings, context: Context) -> Outcome:
    """Train under a rising soft threshold until the budget is met; retrain what is left from its start.

    Phase PT finds the mask; phase CT trains a model with the same initial values, where the mask holds.

    Departures: one threshold for all numbers, moved by its weight decay alone, which is what the entry-wise
    ones do in practice (see `Threshold`); the gradient's norm is not clipped; the mask is that of the
    threshold which leaves exactly the budget, not of the first count below it.

    Source: PEP (Liu et al. 2021), eq. 4–6 and §3.3; LERS §4.1.4.
    """
    with finding(context):
        model, plain = plain_model(task, context.seed)
        thresholded = {name: SoftThresholdTable(table) for name, table in plain.items()}
        model.put(thresholded)
        tables = list(thresholded.values())
        objective = RisingThreshold(task.objective(context.seed), tables, settings, task.steps_per_epoch)
        mask, details = find_mask(task, model, objective, numbers_within(task, budget), settings, context)
    model, plain = plain_model(task, context.seed)
    return train_masked(task, model, plain, mask, context, details=details)
