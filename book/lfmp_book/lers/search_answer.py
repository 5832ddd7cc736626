"""What the records of LERS's Table 4 answer."""

import pandas as pd

from ..show.answer import Answer, waiting
from ..show.words import number, ranged
from .search import ITEM, SEARCH, finished, over_first


def answer(frame: pd.DataFrame) -> Answer:
    """Whether guided trials find more than random ones, and whether intervals are wide enough.

    Args:
        frame: see `search.trials`.
    """
    own = finished(frame)
    if not len(own):
        return waiting(f"lfmp run {ITEM} --profile reference")
    gains, border, trials = [], 0, []
    for _, search in own.groupby(SEARCH, sort=False):
        gains.append(over_first(search) or 0.0)
        border += bool(search[search.chosen].border.iloc[0])
        trials.append(len(search))
    gain = pd.Series(gains)
    return Answer(
        (
            f"**Guided trials find more than the best random one in {int((gain > 0).sum())} of {len(gain)} "
            "searches**: "
            f"validation AUC {gain.median():+.4f} in the median, {gain.max():+.4f} at most.",
            f"**In {border} of {len(gain)} searches a chosen value lies at an end of its interval**, where "
            "a better "
            "one may lie outside.",
        ),
        f"{number(len(gain), 'search')[:-1]}es of {ranged(trials)} trials, the same for every method, one "
        "seed each: "
        "a gain may be luck of the seed. No trial reads a test row.",
    )
