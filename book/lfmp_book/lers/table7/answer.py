"""What the records of LERS's Table 7 answer."""

from collections.abc import Mapping

import pandas as pd

from ...show.answer import MOST, Answer, waiting
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
        "τ is 1 where both tasks order the methods alike and −1 where they turn the order round; of mean "
        "ratios over the "
        "sets of a task, as in the paper, without an interval.",
    )
