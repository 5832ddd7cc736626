"""Paired differences as a table."""

import pandas as pd

from ..show.html import HtmlTable, table
from .outcomes import difference_note, interval_and_outcome, outcomes
from .results import ALL_FIELDS, RANDOM_FIELDS


def difference_table(compared: pd.DataFrame, *, by: str = "backbone") -> HtmlTable:
    """Differences in test AUC against all fields and against random fields, and what each comes to.

    Args:
        compared: see `results.compare`.
        by: what heads the rows besides the arm: backbone or budget.
    """
    all_found = outcomes(compared, (ALL_FIELDS, RANDOM_FIELDS))
    rows = []
    for (head, arm), part in all_found.groupby([by, "arm"], sort=by == "budget"):
        row: dict = {by.replace("budget", "τ"): head, "arm": arm}
        for other in (ALL_FIELDS, RANDOM_FIELDS):
            found = part[part.against == other]
            row[f"against {other}"] = interval_and_outcome(found.iloc[0]) if len(found) else None
        rows.append(row)
    note = difference_note(len(all_found))
    head = next(iter(rows[0]))
    formats = {head: ".2f"} if by == "budget" else None
    return table(
        pd.DataFrame(rows), caption="Differences in test AUC", formats=formats, group=head, note=note
    )
