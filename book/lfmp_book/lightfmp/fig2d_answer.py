"""What the records of Light-FMP's Figure 2d answer."""

import pandas as pd

from ..evidence.outcomes import outcome_counts, outcomes, sure
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..show.answer import Answer, waiting
from ..show.words import listed
from .fig2d import ITEM, against, beats_from, rows_pretrained_on, won
from .fig2d_claims import with_interval


def answer(compared: pd.DataFrame) -> Answer:
    """From how many pretraining rows on the cut model is better than chance, and than all fields.

    Args:
        compared: see `results.compare`.
    """
    found = outcomes(compared[compared.arm.map(rows_pretrained_on) > 0], (RANDOM_FIELDS, ALL_FIELDS))
    twin = found[found.against == RANDOM_FIELDS]
    if not len(twin):
        return waiting(f"lfmp run {ITEM} --profile reference")
    said = []
    for other in (RANDOM_FIELDS, ALL_FIELDS):
        own = found[found.against == other]
        rows = {
            word: [f"{rows_pretrained_on(a):,}" for a in own.arm[own.outcome == word]]
            for word in ("better", "worse")
        }
        named = "; ".join(f"{word} at {listed(sizes)} rows" for word, sizes in rows.items() if sizes)
        said.append(f"**Against {other}**: {outcome_counts(own, 'size')}{f' ({named})' if named else ''}.")
    gain = against(compared, RANDOM_FIELDS)
    best = gain.difference.idxmax()
    said.append(
        f"By intervals of 95 % one by one fields and weights together beat {RANDOM_FIELDS} "
        f"{won(beats_from(gain), gain)}; the best size tried "
        f"is {best:,} rows, {with_interval(gain.loc[best])}."
    )
    return Answer(tuple(said), sure(found))
