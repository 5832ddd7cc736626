"""What each comparison of a page comes to beside the others, and the counts in words."""

from collections.abc import Sequence
from statistics import NormalDist

import pandas as pd

from lfmp_core.experiments.decisions import Contrast, decide
from lfmp_core.metrics import AUC, Metric

from ..show.words import listed, number, ranged
from .datasets import test_rows, title
from .differences import interval

OUTCOMES = ("better", "equal", "undecided", "worse")
_REACH = 2 * NormalDist().inv_cdf(0.975)  # a 95 % interval over its standard error


def outcomes(compared: pd.DataFrame, against: Sequence[str], metric: Metric = AUC) -> pd.DataFrame:
    """The comparisons with some arms in one metric, with `outcome`, adjusted for all of them together.

    The standard error is that of the stored 95 % interval, so that pages need neither data nor draws.

    Args:
        compared: see `results.compare`. against: labels.
    """
    contrasts = contrasts_of(compared, against, metric)
    own, found = compared.loc[list(contrasts)], decide(contrasts, metric.margin).by_name
    return own.assign(outcome=pd.Series([found[i].outcome for i in own.index], own.index, dtype="str"))


def contrasts_of(compared: pd.DataFrame, against: Sequence[str], metric: Metric = AUC) -> dict[int, Contrast]:
    """The contrasts that `outcomes` decides on, by the comparisons' index."""
    own = compared[compared.against.isin(list(against)) & (compared.metric == metric.name)]
    return {
        r.Index: Contrast(metric.gain(r.difference, 0.0), (r.high - r.low) / _REACH) for r in own.itertuples()
    }


def outcome_counts(found: pd.DataFrame, noun: str = "comparison") -> str:
    """How many are of each outcome that there is, of how many.

    Args:
        found: see `outcomes`. noun: what a comparison stands for.
    """
    counts = {word: int((found.outcome == word).sum()) for word in OUTCOMES}
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{told or 'none'} of {number(len(found), noun)}"


def mean_of(found: pd.DataFrame) -> str:
    """The mean difference, and the smallest and the largest; the one difference of a single comparison."""
    mean = f"{found.difference.mean():+.4f}"
    if len(found) == 1:
        return mean
    return f"mean {mean}, {found.difference.min():+.4f} to {found.difference.max():+.4f}"


def interval_and_outcome(row: pd.Series) -> str:
    """A difference with its 95 % interval, and what it comes to."""
    return f"{interval(row.difference, row.low, row.high)}, {row.outcome}"


def sure(found: pd.DataFrame) -> str:
    """On how many rows and seeds comparisons stand, and how they are adjusted.

    Args:
        found: see `outcomes`; of sets with a description.
    """
    sets = listed(
        [f"{test_rows(name):,} test rows of {title(name)}" for name in dict.fromkeys(found.dataset)]
    )
    half = ((found.high - found.low) / 2).median()
    return (
        f"{sets}; {ranged(found.seeds.tolist())} seeds a cell. Intervals of 95 % are ± {half:.4f} in the "
        f"median. Better, worse and equal (within ± {AUC.margin:g}) hold for all {len(found)} comparisons "
        "together (Holm). Samples, not the papers' full sets: orders and ratios may carry over, levels don't."
    )
