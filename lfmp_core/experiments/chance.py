"""A selector against chance, which is a distribution: of as many fields drawn at random, many times."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import percentileofscore

from ..errors import LfmpError
from ..metrics import Metric
from .stats import Difference, difference_of

LEAST = 20  # draws of fields, below which there is no distribution to speak of


class Chance(NamedTuple):
    """Where something stands among random draws.

    Attributes:
        percentile: share of the draws that it is better than, ties counting one half; 0 to 100.
        difference: of the metric to the mean of the draws, with its interval.
        draws: how many there were.
    """

    percentile: float
    difference: Difference
    draws: int


def against_chance(
    ours: np.ndarray,
    drawn: Sequence[np.ndarray],
    metric: Metric,
    *,
    seed: int = 0,
    level: float = 0.95,
) -> Chance:
    """Hold a selector against random draws of as many fields.

    The interval covers new rows, new trainings of the selector, and other draws: each resample takes the mean
    over N − 1 of the N draws, with replacement, so that its variance over draws is s²/N (see `resample`). A
    draw that was trained once stands for its fields and its training together.

    Args:
        ours: [1 + resamples], of `resample(…, resample_seeds=True)`.
        drawn: the same of every random draw, each a name of its own in the same `resample`.
        metric: what they are values of.
        seed: of the draws that are taken. level: of the interval.

    Raises:
        LfmpError: there are fewer than `LEAST` draws.
    """
    count = len(drawn)
    if count < LEAST:
        raise LfmpError(f"chance needs {LEAST} random draws at least, and has {count}; run more seeds of it")
    values = np.stack(drawn, axis=1)  # [1 + resamples, draws]
    resamples = len(values) - 1
    pick = np.random.default_rng(seed).integers(0, count, (resamples, count - 1))
    mean = values.mean(axis=1)
    mean[1:] = np.take_along_axis(values[1:], pick, axis=1).mean(axis=1)
    signed = metric.sign * values[0], metric.sign * ours[0]
    percentile = float(percentileofscore(*signed, kind="mean"))
    return Chance(percentile, difference_of(ours, mean, level), count)
