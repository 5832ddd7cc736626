"""What the records of Light-FMP's Table 3 and Figure 3 answer, arm by arm."""

import pandas as pd

from ..evidence.outcomes import mean_of, outcome_counts, outcomes, sure
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..show.answer import Answer, waiting


def answer(compared: pd.DataFrame, item: str, case: str) -> Answer:
    """Whether the fields that Light-FMP keeps do as well as all, and better than as many random ones.

    Args:
        compared: see `results.compare`. item: whose. case: what a comparison stands for, such as a backbone.
    """
    found = outcomes(compared[compared.budget > 0], (ALL_FIELDS, RANDOM_FIELDS))
    said = []
    for arm in [arm for arm in found.arm.unique() if arm != RANDOM_FIELDS]:
        whole, chance = (
            found[(found.arm == arm) & (found.against == other)] for other in (ALL_FIELDS, RANDOM_FIELDS)
        )
        if len(whole) and len(chance):
            said.append(
                f"**{arm}**: against all fields {outcome_counts(whole, case)} (AUC {mean_of(whole)}); "
                "against as "
                f"many random fields {outcome_counts(chance, case)} (AUC {mean_of(chance)})."
            )
    return Answer(tuple(said), sure(found)) if said else waiting(f"lfmp run {item} --profile reference")
