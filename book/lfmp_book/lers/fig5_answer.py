"""What the records of LERS's Figure 5 answer."""

import pandas as pd

from ..show.answer import MOST, Answer, waiting
from . import fig5
from .fig5_grids import ITEM
from .scores.answer import held_together


def answer(reference: pd.DataFrame, compared: pd.DataFrame) -> Answer:
    """What searching n_min gains, and what too large a one costs.

    Args:
        reference: see `fig5.runs_by_minimum`. compared: see `evidence.decided.decided`.
    """
    if not len(reference):
        return waiting(f"lfmp run {ITEM} --profile reference")
    return Answer(
        fig5.answer(reference, compared).sentences[:MOST],
        held_together(len(compared)) if len(compared) else "",
    )
