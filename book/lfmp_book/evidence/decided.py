"""The comparisons of one table with what each comes to beside the others."""

import pandas as pd

from lfmp_core.experiments.decisions import decide
from lfmp_core.metrics import metric_of

from .outcomes import contrasts


def decided(compared: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Comparisons with `outcome`, and `gain`, `low`, `high` and `p` adjusted for all of them together.

    Of cells with a single training each, an interval speaks of new rows or users alone.

    Args:
        compared: every comparison of the table, of metrics of one margin; see `results.known_comparisons`.
        reference: the records that they are of; see `results.frame`.
    """
    margin = max((metric_of(name).margin for name in compared.metric.unique()), default=0.0)
    found = decide(contrasts(compared, reference), margin).by_name
    columns = ("outcome", "gain", "low", "high", "p")
    return compared.assign(**{c: [getattr(found[i], c) for i in compared.index] for c in columns})
