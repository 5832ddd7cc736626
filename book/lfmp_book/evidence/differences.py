"""Paired differences as a table."""

import pandas as pd

from lfmp_core.metrics import AUC

from ..show.html import HtmlTable, table
from .results import ALL_FIELDS, RANDOM_FIELDS


def interval(difference: float, low: float, high: float) -> str:
    """A difference with its interval."""
    return f"{difference:+.4f} [{low:+.4f}, {high:+.4f}]"


def difference_table(compared: pd.DataFrame, *, by: str = "backbone") -> HtmlTable:
    """Differences in test AUC against all fields and against random fields; tied where the interval holds 0.

    Args:
        compared: see `results.compare`.
        by: what heads the rows besides the arm: backbone or budget.
    """
    auc = compared[compared.metric == AUC.name]
    rows = []
    for (head, arm), part in auc.groupby([by, "arm"], sort=by == "budget"):
        row: dict = {by.replace("budget", "τ"): head, "arm": arm}
        for other in (ALL_FIELDS, RANDOM_FIELDS):
            found = part[part.against == other]
            cell = None
            if len(found):
                d = found.iloc[0]
                tie = " tied" if d.low <= 0 <= d.high else ""
                cell = interval(d.difference, d.low, d.high) + tie
            row[f"against {other}"] = cell
        rows.append(row)
    note = (
        "Difference [95 % interval], paired bootstrap over test rows and seeds; tied: the interval holds 0."
    )
    head = next(iter(rows[0]))
    formats = {head: ".2f"} if by == "budget" else None
    return table(
        pd.DataFrame(rows), caption="Differences in test AUC", formats=formats, group=head, note=note
    )
