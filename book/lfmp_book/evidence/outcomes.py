"""What each comparison of a page comes to beside the others, and the counts in words."""

from collections.abc import Sequence
from math import inf

import pandas as pd

from lfmp_core.experiments.decisions import Contrast, contrast_of, decide
from lfmp_core.metrics import AUC, Metric, metric_of

from ..show.words import listed, number, ranged
from .datasets import holds_interactions, tested_on
from .draws import Draws, Key
from .intervals import bound
from .results import draws_of
from .trainings import independent_samples

BETTER, EQUAL, UNDECIDED, WORSE = OUTCOMES = ("better", "equal", "undecided", "worse")


def contrasts(compared: pd.DataFrame, reference: pd.DataFrame | None = None) -> dict[int, Contrast]:
    """By how much each comparison's arm is better, by the comparison's index.

    Of an item that keeps its draws the error is that of the draws, with as many degrees of freedom as the
    seeds leave (`decisions.contrast_of`). Else it is that of the 95 % interval, which has as many.

    Args:
        compared: see `results.known_comparisons`.
        reference: the records that they are of, see `results.frame`; None: by the stored intervals.
    """
    drawn = {} if reference is None else draws_of(compared)
    records = reference.set_index("id") if reference is not None and drawn else pd.DataFrame()
    return {
        r.Index: _drawn(r, drawn[r.dataset], records) if drawn and r.dataset in drawn else _stored(r)
        for r in compared.itertuples()
    }


def _stored(row) -> Contrast:
    freedom = getattr(row, "freedom", inf)  # an interval that was drawn and not widened is a normal one
    error = (row.high - row.low) / 2 / bound(freedom)
    return Contrast(metric_of(row.metric).gain(row.difference, 0.0), error, freedom)


def _drawn(row, drawn: Draws, records: pd.DataFrame) -> Contrast:
    """The partner of a comparison is the cell of the other records."""
    metric, own = metric_of(row.metric), (row.backbone, row.arm, row.budget)
    rest = set(row.ids) - set(drawn.runs[own])
    other: Key = next(key for key, ids in drawn.runs.items() if set(ids) == rest)
    values = drawn.values[metric]
    one, two = (records.loc[list(drawn.runs[key])] for key in (own, other))
    seeds = independent_samples(one, two, f"test_{metric.name}") if min(len(one), len(two)) > 1 else None
    return contrast_of(values[own], values[other], metric, seeds)


def outcomes(compared: pd.DataFrame, against: Sequence[str], metric: Metric = AUC) -> pd.DataFrame:
    """The comparisons with some arms in one metric, with `outcome`, adjusted for all of them together.

    The standard error is that of the 95 % interval, so that pages need neither data nor draws.

    Args:
        compared: see `results.compare`. against: labels.
    """
    own = compared[compared.against.isin(list(against)) & (compared.metric == metric.name)]
    found = decide(contrasts(own), metric.margin).by_name
    return own.assign(outcome=pd.Series([found[i].outcome for i in own.index], own.index, dtype="str"))


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


def interval(difference: float, low: float, high: float) -> str:
    """A difference with its interval."""
    return f"{difference:+.4f} [{low:+.4f}, {high:+.4f}]"


def difference_note(count: int, of: str = "this table") -> str:
    """What stands under a table of differences with their outcomes.

    Args:
        count: comparisons that were adjusted together. of: where they all are.
    """
    return (
        "Difference [95 % interval], paired bootstrap over test rows and seeds. Better, worse, equal (within "
        f"± {AUC.margin:g}) or undecided: for all {number(count, 'comparison')} of {of} together (Holm)."
    )


def interval_and_outcome(row: pd.Series) -> str:
    """A difference with its 95 % interval, and what it comes to."""
    return f"{interval(row.difference, row.low, row.high)}, {row.outcome}"


def sure(found: pd.DataFrame) -> str:
    """On how many rows or users and seeds comparisons stand, and how they are adjusted.

    Args:
        found: see `outcomes`; of sets with a description, in one metric.
    """
    names = list(dict.fromkeys(found.dataset))
    sets = listed([tested_on(name) for name in names])
    margin = metric_of(found.metric.iloc[0]).margin
    whole = (
        "The papers' own data, whole."
        if all(map(holds_interactions, names))
        else "Samples, not the papers' full sets: orders and ratios may carry over, levels don't."
    )
    half = ((found.high - found.low) / 2).median()
    plural = "s" * bool(found.seeds.max() > 1)
    single = "; with one, no interval covers another training" * bool(found.seeds.min() == 1)
    return (
        f"{sets}; {ranged(found.seeds.tolist())} seed{plural} a cell{single}. Intervals of 95 % are "
        f"± {half:.4f} in the median. Better, worse and equal (within ± {margin:g}) hold for all "
        f"{len(found)} comparisons together (Holm). {whole}"
    )
