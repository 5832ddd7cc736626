"""What an interval, or the seconds of some seeds, say of a statement: yes, no, or nothing."""

from collections.abc import Sequence
from math import sqrt

import pandas as pd
from scipy.stats import t as student

from lfmp_core.metrics import Metric


def above(gain: float, low: float, high: float, by: float = 0.0) -> bool | None:
    """Whether something is better by so much.

    Yes: the interval lies above 0, and the gain is as large. No: it lies below 0, or below what is asked for.

    Args:
        gain, low, high: positive where it is better, with the ends of its interval.
        by: least gain that counts.
    """
    if low > 0 and gain >= by:
        return True
    return False if high < by or high < 0 else None


def no_worse(low: float, high: float, margin: float) -> bool | None:
    """Whether something loses less than a margin.

    Yes: the interval lies above −margin. No: it reaches below, and lies below 0.
    """
    return True if low > -margin else False if high < 0 else None


def within_margin(low: float, high: float, margin: float) -> bool | None:
    """Whether two differ by less than a margin: the interval lies within ± margin, or outside of it."""
    if -margin < low and high < margin:
        return True
    return False if low >= margin or high <= -margin else None


def gained(row: pd.Series, metric: Metric, by: float = 0.0) -> bool | None:
    """`above` of a row of `results.compare`, which may be of a metric of which less is better."""
    ends = (row.difference, row.low, row.high)
    return above(*(ends if metric.higher else (-ends[0], -ends[2], -ends[1])), by)


def below(ours: pd.Series, theirs: pd.Series, share: float = 1.0) -> bool | None:
    """Whether a mean over seeds is below a share of another, by Welch's t at 95 % in either direction.

    None too where one of them has a single seed.
    """
    return positive([(share, theirs), (-1.0, ours)])


def clearly_below(ours: pd.Series, theirs: pd.Series) -> bool | None:
    """Whether `below` says yes: False where it is clearly above and where that can't be told.

    None with fewer than two seeds, or one without a number.
    """
    return below(ours, theirs) is True if _spread(ours, theirs) else None


def _spread(*samples: pd.Series) -> bool:
    """Whether each has a spread over seeds: two of them and more, all with a number."""
    return not any(len(x) < 2 or x.isna().any() for x in samples)


def positive(parts: Sequence[tuple[float, pd.Series]]) -> bool | None:
    """Whether Σ cᵢ·mean(xᵢ) over seeds lies above 0: its t interval at 95 % does, or lies below, or neither.

    The degrees of freedom are those of Welch and Satterthwaite; None too where an xᵢ has a single seed, or
    a seed without a number: seconds of another processor are no seconds of this one.
    """
    if not _spread(*(x for _, x in parts)):
        return None
    total = sum(c * float(x.mean()) for c, x in parts)
    errors = [c**2 * float(x.var()) / len(x) for c, x in parts]
    error = sum(errors)
    if error == 0:
        return None if total == 0 else total > 0
    freedom = error**2 / sum(e**2 / (len(x) - 1) for e, (_, x) in zip(errors, parts, strict=True))
    clear = abs(total) > student.ppf(0.975, freedom) * sqrt(error)
    return total > 0 if clear else None


def beyond(value: float, least: float, most: float) -> bool | None:
    """Whether a count is above what chance gives: yes above `most`, no below `least`, nothing between."""
    return True if value > most else False if value < least else None
