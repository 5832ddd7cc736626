"""Permutation: fields by what a model loses when they are shuffled."""

from typing import Any

import numpy as np
from pydantic import Field

from ...budget import Budget
from ...seeds import derive
from ...tasks import Clicks
from ..base import Context
from ..extras import optional
from .base import FieldImportance, selector
from .encoding import EncodedRows, EncodingSettings, encode_training, random_state, threads
from .random_forest import ForestSettings, grow_forest


class PermutedSettings(EncodingSettings):
    """Attributes:
    repeats: shuffles of each field.
    validation_rows: rows that are scored; more are thinned by a random draw.
    """

    repeats: int = Field(5, ge=1)
    validation_rows: int = Field(20_000, ge=1)


class PermutationSettings(PermutedSettings, ForestSettings):
    """A forest's settings and those of the shuffling."""


def loss_by_shuffling(
    model: Any, rows: EncodedRows, task: Clicks, settings: PermutedSettings, context: Context
) -> FieldImportance:
    """Fall of a fitted classifier's validation AUC when a field's column is shuffled, mean over repeats [m].

    The rows scored are not those that the model has seen, so that what it learnt by heart counts for nothing.
    """
    validation = task.dataset.split("val")
    if len(validation) > settings.validation_rows:
        generator = np.random.default_rng(derive(context.seed, "validation"))
        index = generator.choice(len(validation), settings.validation_rows, replace=False)
        validation = validation.take(np.sort(index))
    # each field is shuffled in one thread, by a generator of its own: the bits don't depend on the threads
    with optional("joblib").parallel_config(backend="threading"):
        found = optional("sklearn.inspection").permutation_importance(
            model,
            rows.encoder.transform(validation),
            np.asarray(validation.labels),
            scoring="roc_auc",
            n_repeats=settings.repeats,
            random_state=random_state(context, "shuffles"),
            n_jobs=threads(),
        )
    return FieldImportance(found.importances_mean, {"rows": len(rows.x), "validation_rows": len(validation)})


@selector("permutation", PermutationSettings)
def permutation(
    task: Clicks, budget: Budget, settings: PermutationSettings, context: Context
) -> FieldImportance:
    """Rank fields by the validation AUC that a random forest loses when a field is shuffled.

    Departure: ERASE shuffles the training rows and measures accuracy, which few clicks leave unmoved.

    Source: Breiman 2001; Fisher, Rudin and Dominici 2019.
    """
    rows = encode_training(task, settings, context)
    # a forest adds up its trees in the order in which threads end; one thread a forest keeps the bits
    forest = grow_forest(rows, settings, context).set_params(n_jobs=1)
    return loss_by_shuffling(forest, rows, task, settings, context)
