"""Where a selector stands among models of as many fields drawn at random.

Its difference to the mean of the draws is that of any two cells whose seeds are resampled (`stats.resample`):
each draw of fields is one training of the cell, so that the interval speaks of new rows, of new trainings of
the selector, and of other draws.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import percentileofscore

from ..errors import LfmpError
from ..metrics import Metric

LEAST = 20  # draws of fields, below which there is no distribution to speak of


def percentile(ours: float, drawn: Sequence[float], metric: Metric) -> float:
    """Share of the draws that something is better than, ties counting one half; 0 to 100.

    Args:
        ours: of the metric. drawn: the same of every draw.

    Raises:
        LfmpError: there are fewer than `LEAST` draws.
    """
    if len(drawn) < LEAST:
        raise LfmpError(
            f"chance needs {LEAST} random draws at least, and has {len(drawn)}; run more seeds of it"
        )
    return float(percentileofscore(metric.sign * np.asarray(drawn), metric.sign * ours, kind="mean"))
