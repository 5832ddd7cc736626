"""What the records of LERS's Figure 2a and 2b answer."""

import pandas as pd

from ..evidence.datasets import title
from ..evidence.results import seeds_in_words
from ..show.answer import Answer, waiting
from ..show.words import listed, ranged
from .fig2 import ALL, CHANCE, correlations, once


def answer(frame: pd.DataFrame) -> Answer:
    """Whether frequent ids have larger numbers, and whose numbers MagPrune removes.

    Args:
        frame: see `fig2.curves`.
    """
    if not len(frame):
        return waiting("lfmp run lers_table5 --profile reference")
    sizes = correlations(once(frame), "magnitude")
    whole = sizes[sizes.field == ALL]
    told = []
    for name, own in whole.groupby("dataset", sort=False):
        up, down = int((own.chance < CHANCE).sum()), int((own.below < CHANCE).sum())
        told.append(
            f"{title(str(name))} {ranged(own['rank'].tolist(), '+.2f')} (above 0 beyond chance in {up}, "
            f"below in {down} of "
            f"{len(own)} trainings)"
        )
    kept = correlations(frame[frame.field == ALL], "kept")
    kept = kept[kept.sparsity == kept.sparsity.max()]
    shares = [
        f"{title(str(name))} {own.rare.mean():.0%} of the rarest ids' and {own.frequent.mean():.0%} of the "
        "most "
        "frequent ids' numbers"
        for name, own in kept.groupby("dataset", sort=False)
    ]
    return Answer(
        (
            f"**Rank correlation of a row's magnitude with its id's frequency, over all fields**: "
            f"{listed(told)}.",
            f"**At {kept.sparsity.max():.0%} MagPrune leaves** {listed(shares)}.",
        ),
        f"Spearman over buckets of ids by powers of two, "
        f"{seeds_in_words(whole.groupby(['dataset', 'backbone']).size())} "
        "a backbone; chance by Student's t, of few buckets counted over all of their orders.",
    )
