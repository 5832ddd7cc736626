"""What the records of LERS's Figure 7 answer."""

import pandas as pd

from ..show.answer import MOST, Answer, waiting
from . import fig7
from .fig7_grids import ITEM
from .scores.answer import held_together


def answer(reference: pd.DataFrame, compared: pd.DataFrame) -> Answer:
    """What InfoNCE adds, and how much sooner a training is as good with it.

    Args:
        reference: see `fig7.runs_by_weight`. compared: see `evidence.decided.decided`.
    """
    if not len(reference):
        return waiting(f"lfmp run {ITEM} --profile reference")
    return Answer(
        fig7.answer(reference, compared).sentences[:MOST],
        f"{held_together(len(compared))} Which epoch is as good is read off validation users.",
    )
