"""What the records of LERS's Table 7 answer."""

from collections.abc import Mapping

import pandas as pd

from ...show.answer import MOST, Answer, waiting
from ...show.words import listed
from . import page
from .claims import OF_CLICKS, OF_LISTS


def answer(frames: Mapping[str, pd.DataFrame]) -> Answer:
    """Whether what compresses well in one task does so in the other.

    Args:
        frames: `page.ratios` by task.
    """
    if not all(len(own) for own in frames.values()):
        return waiting(f"lfmp run {OF_CLICKS} and {OF_LISTS} --profile reference")
    return Answer(
        page.answer(frames).sentences[:MOST],
        "τ is 1 where both tasks order the methods alike and −1 where they turn the order round, of mean "
        f"ratios; p: that two random orders agree or disagree as much.{_stale(frames)}",
    )


def _stale(frames: Mapping[str, pd.DataFrame]) -> str:
    """How many ratios rest on stale records, task by task; empty where none does."""
    told = []
    for task, own in frames.items():
        known = own[[*page.HALVES[task].sets]].notna().any(axis=1)
        there = own[known].groupby(["budget", "method"]).stale.any()
        told += [f"{there.sum()} of {len(there)} in {task}"] if there.any() else []
    return f" Ratios of stale records (°): {listed(told)}." if told else ""
