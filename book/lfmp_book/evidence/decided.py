"""The comparisons of one table with what each comes to beside the others."""

import pandas as pd

from lfmp_core.experiments.decisions import Contrast, contrast_of, decide
from lfmp_core.metrics import metric_of

from .draws import Draws, Key
from .results import draws_of


def decided(compared: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Comparisons with `outcome`, and `gain`, `low`, `high` and `p` adjusted for all of them together.

    Of cells with a single training each, an interval speaks of new rows or users alone.

    Args:
        compared: every comparison of the table, of an item that keeps its draws and of metrics of one margin;
            see `results.known_comparisons`.
        reference: the records that they are of; see `results.frame`.
    """
    drawn, records = draws_of(compared), reference.set_index("id")
    margin = max((metric_of(name).margin for name in compared.metric.unique()), default=0.0)
    contrasts = {row.Index: _contrast(row, drawn[row.dataset], records) for row in compared.itertuples()}
    found = decide(contrasts, margin).by_name
    columns = ("outcome", "gain", "low", "high", "p")
    return compared.assign(**{c: [getattr(found[i], c) for i in compared.index] for c in columns})


def _contrast(row, drawn: Draws, records: pd.DataFrame) -> Contrast:
    """The contrast of a comparison; its partner is the cell of the other records."""
    metric, own = metric_of(row.metric), (row.backbone, row.arm, row.budget)
    rest = set(row.ids) - set(drawn.runs[own])
    other: Key = next(key for key, ids in drawn.runs.items() if set(ids) == rest)
    values = drawn.values[metric]
    one, two = (records.loc[list(drawn.runs[key]), f"test_{metric.name}"].tolist() for key in (own, other))
    seeds = (one, two) if min(len(one), len(two)) > 1 else None
    return contrast_of(values[own], values[other], metric, seeds)
