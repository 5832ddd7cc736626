"""Times of records, where they were taken on one kind of processor."""

from math import nan

import pandas as pd

TIMES = ("PT", "CT", "TT", "clock", "IT", "IT_remembered")
UNTIMED = "No time: taken on another processor than most of the set's, which would compare machines."


def on_one_processor(runs: pd.DataFrame) -> pd.DataFrame:
    """Final runs without the times that were taken elsewhere than most of their data set's and backbone's.

    A record renewed on another machine has the same numbers and other seconds.

    Args:
        runs: see `results.frame`, with `cpu`; without a name it is one of its own.
    """
    if not len(runs):
        return runs
    blocks = runs.groupby(["dataset", "backbone"]).cpu
    usual = blocks.transform(lambda names: names.value_counts().idxmax())
    return runs.assign(**{name: runs[name].where(runs.cpu == usual, nan) for name in TIMES})


def untimed(runs: pd.DataFrame) -> str:
    """What a table's note says where some runs have no time; else nothing."""
    return f" {UNTIMED}" if runs.TT.isna().any() else ""
