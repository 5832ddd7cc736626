"""What the records of Light-FMP's Figure 2b answer."""

import pandas as pd

from ..evidence.outcomes import outcome_counts, outcomes, sure
from ..show.answer import Answer, waiting
from ..show.words import ranged
from .selection_grids import FRESH
from .values import METRICS

ITEM = "lightfmp_fig2b"


def answer(compared: pd.DataFrame) -> Answer:
    """Whether the cut model gains from the pretrained weights.

    Args:
        compared: see `results.compare`.
    """
    own = compared[compared.against == compared.arm + FRESH]
    if not len(own):
        return waiting(f"lfmp run {ITEM} --profile reference")
    auc = outcomes(own, own.against.unique())
    said = []
    for arm in auc.arm.unique():
        figures = []
        for metric in METRICS:
            found = outcomes(own, own.against.unique(), metric)
            mine = found[found.arm == arm]
            gain = mine.difference * metric.sign
            figures.append(
                f"{metric.title} {outcome_counts(mine, 'backbone')}, gain {ranged(gain.tolist(), '+.4f')}"
            )
        said.append(f"**{arm}, pretrained weights against fresh ones**: {'; '.join(figures)}.")
    said.append("Both start from the same fields, so what is gained is the weights' part alone.")
    return Answer(tuple(said), sure(auc))
