"""What the records of Light-FMP's open questions answer."""

from collections.abc import Callable, Sequence

import pandas as pd

from ..evidence.outcomes import OUTCOMES, outcome_counts, outcomes, sure
from ..evidence.results import RANDOM_FIELDS
from ..show.answer import Answer, waiting
from ..show.words import listed

ITEM = "lightfmp_open_questions"


def answer(
    reference: pd.DataFrame, compared: pd.DataFrame, changed: Sequence[str], base_of: Callable[[str], str]
) -> Answer:
    """Which change helps, and whether any choice is better than chance.

    Args:
        reference: see `results.frame`. compared: see `results.compare`. changed: arms that change one thing.
        base_of: the arm that one changes.
    """
    pairs = compared.arm.isin(changed) & (
        compared.against.isin([RANDOM_FIELDS]) | (compared.against == compared.arm.map(base_of))
    )
    found = outcomes(compared[pairs], compared[pairs].against.unique())
    if not len(found):
        return waiting(f"lfmp run {ITEM} --profile reference")
    own = found[found.against == found.arm.map(base_of)]
    kept = reference.groupby("arm").fields_kept.mean()
    told = own.apply(lambda r: f"{r.arm} ({r.difference:+.4f}, {kept[r.arm]:.3g} fields)", axis=1)
    named = [
        f"{word} {listed(told[own.outcome == word].tolist())}"
        for word in OUTCOMES
        if (own.outcome == word).any()
    ]
    chance = found[found.against == RANDOM_FIELDS]
    return Answer(
        (
            f"**Of {len(own)} changes, each against the arm that it changes: "
            f"{outcome_counts(own, 'change')}.**",
            f"By name: {'; '.join(named)}.",
            f"Against as many random fields: {outcome_counts(chance, 'change')}; an arm that finds τ by "
            "itself "
            "keeps more fields "
            "than these.",
        ),
        sure(found),
    )
