"""Random forest: fields by how much they sort clicks from the rest."""

from typing import Any

from pydantic import Field

from ...budget import Budget
from ...tasks import Clicks
from ..base import Context
from ..extras import optional
from .base import FieldImportance, selector
from .encoding import EncodedRows, EncodingSettings, encode_training, random_state, threads


class ForestSettings(EncodingSettings):
    """Attributes:
    trees: ERASE grows 10.
    min_samples_leaf: rows in each leaf at least; ERASE has 1, so trees learn single rows by heart.
    """

    trees: int = Field(30, ge=1)
    min_samples_leaf: int = Field(20, ge=1)


def grow_forest(rows: EncodedRows, settings: ForestSettings, context: Context) -> Any:
    """A fitted RandomForestClassifier of scikit-learn."""
    model = optional("sklearn.ensemble").RandomForestClassifier(
        n_estimators=settings.trees,
        min_samples_leaf=settings.min_samples_leaf,
        random_state=random_state(context, "forest"),
        n_jobs=threads(),
    )
    return model.fit(rows.x, rows.labels)


@selector("random_forest", ForestSettings)
def random_forest(
    task: Clicks, budget: Budget, settings: ForestSettings, context: Context
) -> FieldImportance:
    """Rank fields by the mean decrease of Gini impurity over a forest's splits.

    s_f = mean over trees of Σ (share of the tree's rows at the split) · (fall of impurity), over splits on f.

    Departure: ERASE grows 10 trees to the last row on label-encoded ids.

    Source: Breiman 2001.
    """
    rows = encode_training(task, settings, context)
    return FieldImportance(grow_forest(rows, settings, context).feature_importances_, {"rows": len(rows.x)})
