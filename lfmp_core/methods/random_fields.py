"""Random fields: the baseline that a selector has to beat."""

import numpy as np

from ..budget import Budget
from ..masking import num_kept
from ..seeds import derive
from ..settings import Settings
from ..tasks import Clicks
from .base import Context, FieldSelection, Outcome, register
from .train import fresh_model, train_to_outcome


def choose(task: Clicks, budget: Budget, settings: Settings, context: Context) -> FieldSelection:
    """The fields alone; nothing ranks them."""
    m = task.dataset.schema.num_fields
    rng = np.random.default_rng(derive(context.seed, "fields"))
    return FieldSelection(tuple(sorted(rng.permutation(m)[: num_kept(m, budget.share)].tolist())))


@register("random_fields", chooser=choose)
def random_fields(task: Clicks, budget: Budget, settings: Settings, context: Context) -> Outcome:
    """Keep m − ⌊τm⌋ fields drawn uniformly, and train the smaller model from scratch."""
    with context.phase("PT"):
        kept = choose(task, budget, settings, context).fields
        model = fresh_model(task, context.seed, kept)
    return train_to_outcome(task, model, kept, context)
