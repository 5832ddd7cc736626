"""What the records of LERS's Figure 6 answer."""

import pandas as pd

from ..evidence.results import seeds_in_words
from ..show.answer import Answer, waiting
from .fig6 import ITEM, preferred
from .preference import lower

SAYS = {True: "lower", False: "not lower", None: "can't be told"}


def answer(frame: pd.DataFrame) -> Answer:
    """Whether a sparser table prefers a lower weight decay.

    Args:
        frame: see `fig6.measured`.
    """
    best = preferred(frame)
    if not len(best):
        return waiting(f"lfmp run {ITEM} --profile reference")
    found, told, tied = {}, [], []
    for arm, own in best.groupby("arm", sort=False):
        low, high = own.loc[own.sparsity.idxmin()], own.loc[own.sparsity.idxmax()]
        found[arm] = lower(low, high)
        told.append(
            f"{arm} {low.best:g} at {low.sparsity:.0%} and {high.best:g} at {high.sparsity:.0%}: "
            f"{SAYS[found[arm]]}"
        )
        tied += [len(row.tied) for row in own.itertuples()]
    counts = [sum(flag is value for flag in found.values()) for value in (True, False, None)]
    return Answer(
        (
            f"**A sparser table wants a lower weight decay in {counts[0]} of {len(found)} methods**; in "
            f"{counts[1]} it doesn't, in {counts[2]} seeds can't tell.",
            f"Best λ: {'; '.join(told)}.",
            f"Of {best.tried.max()} values tried, {min(tied)} to {max(tied)} can't be told from the best.",
        ),
        f"Validation AUC, {seeds_in_words(frame.groupby(['arm', 'sparsity', 'l2']).size())} a value, "
        "Welch's t "
        "at 95 %; no test row was read.",
    )
