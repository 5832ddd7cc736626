"""What the records of Light-FMP's Figure 2a answer."""

import pandas as pd

from ..evidence import datasets
from ..show.answer import Answer, waiting
from ..show.words import listed, ranged
from .arms import LITERAL
from .selectors import ITEM, seeds_of
from .values import size
from .view import TWO_STAGE


def answer(reference: pd.DataFrame) -> Answer:
    """What share of the training is pretraining, and from how many rows on a fixed number of steps is less.

    Args:
        reference: see `results.frame`, on Criteo.
    """
    means = reference.groupby("arm")[["PT", "CT"]].mean()
    there = [arm for arm in (LITERAL, *TWO_STAGE) if arm in means.index]
    if LITERAL not in there or len(there) < 2:
        return waiting(f"lfmp run {ITEM} --profile reference")
    share = {arm: means.PT[arm] / (means.PT[arm] + means.CT[arm]) for arm in there}
    ours, rivals = means.loc[LITERAL], there[1:]
    told = listed([f"{arm} {share[arm]:.0%}" for arm in rivals])
    rows = datasets.description("criteo")["rows"]["train"]
    par = [rows * ours.PT / means.PT[arm] for arm in rivals]
    paper = size("Criteo", "train").middle
    scaled = [rows / paper * ours.PT / means.PT[arm] for arm in rivals]
    return Answer(
        (
            f"**On {rows:,} training rows {LITERAL}, spends {share[LITERAL]:.0%} of its training on "
            "pretraining** "
            f"({ours.PT:.0f} of {ours.PT + ours.CT:.0f} s); the searches of its rivals: {told}.",
            f"Its steps are fixed and theirs grow with the rows: both take as long at {ranged(par)} rows. "
            "On the "
            f"paper's {paper / 1e6:.0f} million its pretraining would take {ranged(scaled, '.1%')} "
            "of theirs.",
            f"What comes after is not shorter by itself: continued training takes {ours.CT:.0f} s, theirs "
            f"{ranged([means.CT[arm] for arm in rivals])} s.",
        ),
        f"{seeds_of(reference[reference.arm.isin(there)])} a method, processor seconds on one thread of one "
        "machine. The step to the paper's rows is arithmetic, not a measurement.",
    )
