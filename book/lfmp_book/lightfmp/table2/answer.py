"""What the records of Light-FMP's Table 2 answer."""

import pandas as pd

from ...evidence.datasets import title
from ...evidence.outcomes import interval_and_outcome, mean_of, outcome_counts, outcomes, sure
from ...evidence.results import ALL_FIELDS, RANDOM_FIELDS, fewer_fields
from ...show.answer import Answer, waiting
from ...show.words import listed
from ..arms import OURS
from ..selectors import ITEM, relative, set_of


def answer(reference: pd.DataFrame, compared: pd.DataFrame) -> Answer:
    """Whether half of the fields can go, by which selector, and what Light-FMP's choice is worth.

    Args:
        reference: see `results.frame`. compared: see `results.compare`.
    """
    found = outcomes(compared, (ALL_FIELDS, RANDOM_FIELDS))
    whole = found[(found.against == ALL_FIELDS) & (found.arm != RANDOM_FIELDS)]
    if not len(whole):
        return waiting(f"lfmp run {ITEM} --profile reference")
    fewer = fewer_fields(whole, reference)
    halved, values = whole[fewer], whole[~fewer]
    by_set = ", ".join(
        f"{title(name)} {int((own.outcome == 'worse').sum())} of {len(own)}"
        for name, own in halved.groupby("dataset", sort=False)
    )
    said = [
        f"**With half of the fields a model is better than with all of them in "
        f"{int((halved.outcome == 'better').sum())} of {len(halved)} cases**, a selector on a set each: "
        f"{outcome_counts(halved, 'case')}. Worse: {by_set}."
    ]
    if len(values):
        said.append(
            f"{listed(sorted(set(values.arm)))} keep every field and cut or weigh what is in it: "
            f"{outcome_counts(values, 'case')}."
        )
    for arm in OURS:
        chance = found[(found.arm == arm) & (found.against == RANDOM_FIELDS)]
        if len(chance):
            said.append(
                f"**{arm}**, against as many random fields: {outcome_counts(chance, 'set')} (AUC "
                f"{mean_of(chance)})."
            )
    for name, own in [*halved.groupby("dataset", sort=False)][:1]:
        best = own.loc[own.difference.idxmax()]
        time = relative(reference[reference.dataset == name], "TT")(str(best.arm))
        said.append(
            f"The least loss on {set_of(str(name))} has {best.arm}: AUC {interval_and_outcome(best)} to all "
            "fields, in × "
            f"{float(time or 0):.2f} of their training time."
        )
    return Answer(tuple(said), sure(found))
