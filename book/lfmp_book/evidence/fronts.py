"""What points of a front stand for: means of a cell's runs, and differences with their intervals."""

from collections.abc import Sequence

import pandas as pd

from lfmp_core.metrics import Metric

from ..show.front import Value


def mean_and_spread(runs: pd.DataFrame, columns: Sequence[str]) -> dict[str, Value]:
    """The mean of some columns; of metrics of several runs with mean − and + standard deviation."""
    found: dict[str, Value] = {}
    for column in columns:
        mean = float(runs[column].mean())
        spread = float(runs[column].std()) if column.startswith("test_") and len(runs) > 1 else None
        found[column] = (mean,) if spread is None else (mean, mean - spread, mean + spread)
    return found


def over_others(compared: pd.DataFrame, arm: str, budget: float, other: str, metric: Metric) -> Value | None:
    """The difference in a test metric to another arm with its interval; None where they weren't compared.

    Args:
        compared: see `results.compare`; of one set and backbone.
    """
    own = compared[(compared.metric == metric.name) & (compared.against == other)]
    own = own[(own.arm == arm) & (own.budget == budget)]
    if not len(own):
        return None
    row = own.iloc[0]
    return float(row.difference), float(row.low), float(row.high)
