"""What the records of Light-FMP's Figure 2c answer."""

import pandas as pd

from ..evidence.outcomes import outcomes, sure
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS, UNPRUNED
from ..show.answer import Answer, waiting

ITEM = "lightfmp_fig3"  # the item whose runs the page shows


def answer(reference: pd.DataFrame, compared: pd.DataFrame) -> Answer:
    """What each share of removed fields costs against no pruning at all, and what it saves.

    Args:
        reference: see `results.frame`. compared: see `results.compare`.
    """
    found = outcomes(compared[compared.budget > 0], (UNPRUNED, ALL_FIELDS))
    time = reference.groupby(["arm", "budget"]).TT.mean()
    said = []
    for arm in [arm for arm in found.arm.unique() if arm != RANDOM_FIELDS]:
        own = found[(found.arm == arm) & (found.against == UNPRUNED)].sort_values("budget")
        if not len(own) or (arm, 0.0) not in time.index:
            continue
        ratios = [float(time[arm, t] / time[arm, 0.0]) for t in own.budget]
        took = [f", time × {ratio:.2f}" * (ratio == ratio) for ratio in ratios]
        told = "; ".join(
            f"τ = {r.budget:g} {r.outcome} ({r.difference:+.4f}{time_of})"
            for r, time_of in zip(own.itertuples(), took, strict=True)
        )
        said.append(f"**{arm}**, against itself without pruning: {told}.")
    whole = found[found.against == ALL_FIELDS]
    if not said or not len(whole):
        return waiting(f"lfmp run {ITEM} --profile reference")
    best = whole.loc[whole.difference.idxmax()]
    said.append(
        f"The best of all ratios and arms, {best.arm} at τ = {best.budget:g}, is {best.outcome} than "
        "all "
        f"fields without Light-FMP ({best.difference:+.4f})."
        if best.outcome in ("better", "worse")
        else f"The best of all ratios and arms, {best.arm} at τ = {best.budget:g}, differs from all "
        "fields "
        f"without Light-FMP by {best.difference:+.4f}: {best.outcome}."
    )
    return Answer(tuple(said), sure(found))
