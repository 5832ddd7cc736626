"""PCA: fields by their share in what varies together."""

import numpy as np
from pydantic import Field

from ...budget import Budget
from ...tasks import Clicks
from ..base import Context
from ..extras import optional
from .base import FieldImportance, selector
from .encoding import EncodingSettings, encode_training


class PCASettings(EncodingSettings):
    """Attributes:
    components: leading components that count; 1 is ERASE's reading. None takes those whose variance is above
        what m unrelated fields of N rows reach, (1 + √(m/N))², and at least the first.
    """

    components: int | None = Field(None, ge=1)


@selector("pca", PCASettings)
def pca(task: Clicks, budget: Budget, settings: PCASettings, context: Context) -> FieldImportance:
    """Rank fields by the part of their variance that the leading principal components explain.

    s_f = Σ_k λ_k v_kf² over the leading components k with variance λ_k and loadings v_k [m]. Over all
    components s_f is the field's variance, 1 for each, and ranks nothing. The components see no clicks
    (target-encoded fields do): PCA finds fields that repeat each other, useful or not.

    Departure: ERASE ranks by |v_1f|, which is the order of s_f with `components` = 1.

    Source: ERASE for the idea; Marchenko and Pastur 1967 for the edge.
    """
    rows = encode_training(task, settings, context)
    n, m = rows.x.shape
    model = optional("sklearn.decomposition").PCA(svd_solver="covariance_eigh").fit(rows.x)
    variance, edge = model.explained_variance_, (1 + np.sqrt(m / n)) ** 2
    count = settings.components or max(1, int((variance > edge).sum()))
    values = variance[:count] @ model.components_[:count] ** 2
    return FieldImportance(values, {"rows": n, "components": int(min(count, len(variance)))})
