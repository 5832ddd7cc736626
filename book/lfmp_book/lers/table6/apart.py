"""What of Table 6 can be told apart from Original and from smaller dense tables."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from lfmp_core.metrics import NDCG20

from ...claims.claim import Prose
from ...claims.pending import NOT_YET
from ...show.html import HtmlTable, table
from ..grids import ORIGINAL, SMALLER, SMALLER_IN_BYTES
from ..scores.lists import BACKBONES, SETS
from .page import ordered

PLAIN = (ORIGINAL, SMALLER, SMALLER_IN_BYTES)
OUTCOMES = ("better", "equal", "undecided", "worse")


def _of(compared: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Comparisons of NDCG@20 on the sets and recommenders of some runs."""
    there = compared.dataset.isin(set(own.dataset)) & compared.backbone.isin(set(own.backbone))
    return compared[there & (compared.metric == NDCG20.name)]


def outcome_table(title: str, own: pd.DataFrame, compared: pd.DataFrame) -> HtmlTable:
    """Paired differences in test NDCG@20 of one set and recommender, and what each comes to.

    Args:
        own: its runs, see `page.completed`. compared: see `evidence.decided.decided`.
    """
    pairs, rows = _of(compared, own), []
    for t, arm in ordered(own):
        found: dict[str, Any] = {"t": f"{t:.0%}", "method": arm}
        for other in PLAIN:
            one = pairs[(pairs.arm == arm) & (pairs.budget == t) & (pairs.against == other)]
            found[f"to {other}"] = f"{one.gain.item():+.4f} {one.outcome.item()}" if len(one) else None
        if len(own[(own.arm == arm) & (own.budget == t)]):
            rows.append(found)
    note = (
        f"Paired bootstrap over test users, and over seeds where there are several; equal: within ± "
        f"{NDCG20.margin}. Adjusted by Holm for all {len(compared):,} comparisons of this run or table."
    )
    caption = f"{title}: differences in test NDCG@20"
    return table(pd.DataFrame(rows), caption=caption, group="t", note=note)


def findings(reference: pd.DataFrame, compared: pd.DataFrame, missing: Sequence[str] = ()) -> Prose:
    """How many methods are better, equal, undecided or worse than each plain table, set by set.

    Args:
        reference: see `page.completed`. compared: see `evidence.decided.decided`.
        missing: why sets have no comparisons.
    """
    said = []
    for name in SETS:
        for network in BACKBONES:
            own = reference[(reference.name == name) & (reference.network == network)]
            rows = _of(compared, own)
            rows = rows[(rows.budget > 0) & ~rows.arm.isin(PLAIN)]
            for other in PLAIN:
                part = rows[rows.against == other]
                if not len(part):
                    continue
                counts = Counter(part.outcome)
                told = ", ".join(f"{outcome} {counts[outcome]}" for outcome in OUTCOMES)
                better = [f"{r.arm} at {r.budget:.0%}" for r in part.itertuples() if r.outcome == "better"]
                names = f" ({', '.join(better)})" * bool(better)
                said.append(f"**{name}, {network}**, against {other}: {told} of {len(part)}{names}.")
    said += [f"{line[0].upper()}{line[1:]}." for line in missing]
    said += [f"**{name}**: {NOT_YET}." for name in SETS if name not in set(reference.name)]
    return Prose(tuple(said))
