"""How much of a table can go, as the records of a table of LERS answer it."""

import pandas as pd

from ...evidence.decided import decided
from ...evidence.outcomes import outcome_counts, sure
from ...show.answer import Answer
from ...show.words import listed, percent
from ..grids import ORIGINAL, SMALLER, SMALLER_IN_BYTES

PLAIN = (SMALLER, SMALLER_IN_BYTES)


def held_together(count: int) -> str:
    """How sure comparisons of recommenders are, where an answer counts them."""
    return (
        "Test users are drawn again, the same for both, and the seeds of each; outcomes hold for all "
        f"{count} comparisons together (Holm)."
    )


def by_sparsity(reference: pd.DataFrame, compared: pd.DataFrame, metric: str) -> Answer | None:
    """What each share costs against the whole table, and whether methods beat a plain table of that size.

    Args:
        reference: see `results.frame`. compared: see `results.known_comparisons`. metric: by its name.

    Returns:
        None where nothing was compared.
    """
    asked = (compared.metric == metric) & (compared.budget > 0)
    own = compared[asked & compared.against.isin((ORIGINAL, SMALLER))]
    if not len(own):
        return None
    found = decided(own, reference)
    whole = found[found.against == ORIGINAL]
    plain = found[(found.against == SMALLER) & ~found.arm.isin(PLAIN)]
    blocks = found.groupby(["dataset", "backbone"]).ngroups
    said = []
    for t in sorted(whole.budget.unique()):
        rows = whole[whole.budget == t]
        least = rows.groupby("arm").difference.agg(["min", "size"])
        least = least[least["size"] == least["size"].max()]["min"]  # of methods that every block has
        total = rows.arm.nunique()
        some = len(least) < total
        among = f"Of the {len(least)} of {total} ways that have runs in all {blocks} blocks, " * some
        worst = f" at worst{f' of {blocks} blocks' * (not some)}" * (blocks > 1)
        said.append(
            f"**{percent(t)} of the table gone**, against the whole one: {outcome_counts(rows)}. "
            f"{among}{least.idxmax()} loses the least{worst}: {least.max():+.4f}."
        )
    rows = whole[whole.arm == SMALLER]
    if len(rows):
        said.append(
            f"**Fewer dimensions and no method** ({SMALLER}): {outcome_counts(rows)} with the whole table."
        )
    better = plain[plain.outcome == "better"]
    names = listed([f"{arm} ({n})" for arm, n in better.arm.value_counts().items()])
    if len(plain):
        said.append(
            f"**Methods against such a table of as many numbers**: {outcome_counts(plain)}"
            + (f"; better: {names}." if len(better) else "; none is better.")
        )
    return Answer(tuple(said), sure(own))
