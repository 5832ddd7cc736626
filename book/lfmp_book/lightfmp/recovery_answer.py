"""What the choices among planted fields answer."""

import pandas as pd

from ..evidence.outcomes import UNDECIDED
from ..evidence.results import RANDOM_FIELDS
from ..show.answer import Answer, waiting
from ..show.words import listed
from .arms import LITERAL
from .recovery import ITEM, REPAIRED, beats_chance, order, shown_selectors, to_best


def answer(frame: pd.DataFrame) -> Answer:
    """Who finds what was planted, where choosing works at all, and what Light-FMP's readings find.

    Args:
        frame: see `recovery.with_truth`.
    """
    if not len(frame):
        return waiting(f"lfmp run {ITEM} --profile reference")
    own = shown_selectors(frame)
    means, best = own.groupby("arm").recall.mean(), to_best(own)
    first = [arm for arm in order(own) if best.outcome[arm] == UNDECIDED]
    chance = own.chance.iloc[0]
    above = {case: beats_chance(part) for case, part in own.groupby("case", sort=False)}
    counts = [sum(flags.values()) for flags in above.values()]
    some = next(iter(above.values()))
    said = [
        f"**{means[first[0]]:.2f} of the informative fields are found by the best, "
        f"{listed([f'{arm} ({means[arm]:.2f})' for arm in first])}**, which can't be told apart; by chance "
        "it is "
        f"{chance:.2f}.",
        f"Choosing is clearly better than drawing lots, in each seed, for {min(counts)} to {max(counts)} of "
        f"{len(some)} selectors, by the strength of the signal.",
    ]
    ours = [f"{arm} {means[arm]:.2f}" for arm in (LITERAL, REPAIRED) if arm in means.index]
    if ours:
        wins = [
            f"{sum(flags[arm] for flags in above.values())} of {len(above)}"
            for arm in (LITERAL, REPAIRED)
            if arm in means.index
        ]
        said.append(
            f"**Light-FMP**: {listed(ours)}; above what 95 of 100 random choices find, in each seed, on "
            f"{listed(wins)} sets."
        )
    drawn = own[own.arm == RANDOM_FIELDS].recall
    lots = f" The random choices drawn here happen to find {drawn.mean():.2f}." if len(drawn) else ""
    return Answer(
        tuple(said),
        f"{own.case.nunique()} planted sets, {own.seed.nunique()} seeds, of which the same ten fields are "
        f"informative; nothing here speaks of public sets.{lots}",
    )
