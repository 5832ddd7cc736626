"""Intervals as wide as the seeds that they rest on are few."""

from collections import Counter
from math import inf

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from lfmp_core.experiments.decisions import freedom_of

from .trainings import independent_samples

TAIL = 0.025  # at either end
_NORMAL = float(norm.isf(TAIL))


def bound(freedom: float) -> float:
    """Half of a 95 % interval over its standard error."""
    return float(student.isf(TAIL, freedom))


def by_students_t(compared: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Comparisons with `freedom`, and `low` and `high` moved out as far as so few seeds ask for.

    Quantiles of a bootstrap reach as far as those of a normal distribution. Where seeds spread more than
    rows or users do, two of them a side make that an interval of 81 %, three one of 88 %. A single training
    says nothing of another; intervals of such are left as they are, and speak of new rows or users alone.

    Args:
        compared: as they were drawn, see `results.comparisons`. reference: the records that they are of, see
            `results.frame`.
    """
    trained = reference.drop_duplicates("id").set_index("id")
    cells = reference.groupby(["dataset", "backbone", "arm", "budget"]).id.agg(set).to_dict()
    found = []
    for row in compared.itertuples():
        own = Counter(cells[row.dataset, row.backbone, row.arm, row.budget] & set(row.ids))
        rest = Counter(row.ids) - own  # a run can be both arms'
        seeds = independent_samples(trained.loc[sorted(own)], trained.loc[sorted(rest)], f"test_{row.metric}")
        error = (row.high - row.low) / 2 / _NORMAL
        found.append(freedom_of(error, seeds) if row.seeds > 1 else inf)
    wider = np.array([bound(freedom) for freedom in found]) / _NORMAL
    ends = {
        end: compared.difference + (compared[end] - compared.difference) * wider for end in ("low", "high")
    }
    return compared.assign(**ends, freedom=np.array(found, float))
