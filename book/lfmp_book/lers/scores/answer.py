"""How much of a table can go, as the records of a table of LERS answer it."""

import numpy as np
import pandas as pd

from ...evidence.decided import decided
from ...evidence.outcomes import outcome_counts, sure
from ...show.answer import Answer
from ...show.words import listed, percent
from ..grids import ORIGINAL, SMALLER, SMALLER_IN_BYTES

PLAIN = (SMALLER, SMALLER_IN_BYTES)
_NUMBER = 4.0  # bytes
_PLACES = 1.02  # times the bytes of its numbers: more has what also stores where they are


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
    own = compared[asked & compared.against.isin((ORIGINAL, *PLAIN))]
    if not len(own):
        return None
    found = decided(own, reference)
    whole = found[found.against == ORIGINAL]
    plain = of_their_size(found[~found.arm.isin(PLAIN)], reference)
    blocks = found.groupby(["dataset", "backbone"]).ngroups
    said = []
    for t in sorted(whole.budget.unique()):
        rows = whole[whole.budget == t]
        least = rows.groupby("arm").difference.agg(["min", "size"])
        least = least[least["size"] == least["size"].max()]["min"]  # of methods that every block has
        total = rows.arm.nunique()
        some = len(least) < total
        among = f"Of the {len(least)} of {total} ways that have runs in all {blocks} blocks, " * some
        the = "the" if some else "The"
        worst = f" at worst{f' of {blocks} blocks' * (not some)}" * (blocks > 1)
        said.append(
            f"**{percent(t)} of the table gone**, against the whole one: {outcome_counts(rows)}. "
            f"{among}{the} best{worst} is {least.idxmax()}: {least.max():+.4f}."
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
            "**Methods against such a table of their size**, of as many numbers, or of as many bytes where "
            f"they also store where their numbers are: {outcome_counts(plain)}"
            + (f"; better: {names}." if len(better) else "; none is better.")
            + _of_single(plain)
        )
    return Answer(tuple(said), sure(own))


def of_their_size(found: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """The comparisons of methods with the plain table that takes as much as they do.

    It has as many numbers; of as many bytes it is where the method's model takes more than its numbers do.

    Args:
        found: with `PLAIN` among `against`. reference: see `results.frame`.
    """
    sizes = reference.groupby(["dataset", "backbone", "arm", "budget"])[["bytes", "parameters"]].mean()
    own = sizes.loc[pd.MultiIndex.from_frame(found[list(sizes.index.names)])]
    sparse = (own.bytes > _PLACES * _NUMBER * own.parameters).to_numpy()
    return found[found.against == np.where(sparse, SMALLER_IN_BYTES, SMALLER)]


def _of_single(plain: pd.DataFrame) -> str:
    """How many of the outcomes rest on one training of either side; empty where none does."""
    single = plain[(plain.seeds == 1) & (plain.outcome != "undecided")]
    if not len(single):
        return ""
    return f" Of these {len(single)} are of a single training and say nothing of another."
