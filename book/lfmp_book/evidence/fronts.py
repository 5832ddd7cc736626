"""What points of a front stand for: means of a cell's runs, and differences with their intervals."""

from collections.abc import Sequence

import pandas as pd

from lfmp_core.metrics import Metric

from ..show.front import Value


def mean_and_spread(runs: pd.DataFrame, columns: Sequence[str]) -> dict[str, Value]:
    """The mean of some columns; of metrics of several runs with mean − and + standard deviation."""
    return {
        column: spread_of(runs[column]) if column.startswith("test_") else (float(runs[column].mean()),)
        for column in columns
    }


def spread_of(values: pd.Series) -> Value:
    """The mean; of several values with mean − and + standard deviation."""
    mean = float(values.mean())
    if len(values) == 1:
        return (mean,)
    spread = float(values.std())
    return mean, mean - spread, mean + spread


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
