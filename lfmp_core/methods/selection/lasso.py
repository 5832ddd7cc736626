"""Lasso: fields by their weight in a sparse linear model."""

import numpy as np
from pydantic import Field

from ...budget import Budget
from ...tasks import Clicks
from ..base import Context
from ..extras import optional
from .base import FieldImportance, selector
from .encoding import EncodingSettings, encode_training


class LassoSettings(EncodingSettings):
    """Attributes:
    alpha: of the penalty α‖w‖₁ beside the halved mean squared error, as ERASE.
    """

    alpha: float = Field(1e-3, ge=0)


@selector("lasso", LassoSettings)
def lasso(task: Clicks, budget: Budget, settings: LassoSettings, context: Context) -> FieldImportance:
    """Rank fields by |w| of a Lasso on the click.

    min_w ‖y − ȳ − Xw‖²/2N + α‖w‖₁ over encoded and standardised fields X [N, m].

    Departure: ERASE gives it label-encoded ids without scaling, which makes |w| depend on how many ids a
    field has. Fields of weight 0 tie; `details["zeros"]` counts them.

    Source: Tibshirani 1996; α of ERASE.
    """
    rows = encode_training(task, settings, context)
    model = optional("sklearn.linear_model").Lasso(alpha=settings.alpha, max_iter=1000, tol=1e-4)
    model.fit(rows.x, rows.labels.astype(np.float64))
    values = np.abs(model.coef_)
    return FieldImportance(values, {"rows": len(rows.x), "zeros": int((values == 0).sum())})
