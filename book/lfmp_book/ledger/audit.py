"""A paper's own arithmetic: derived numbers recomputed, text held against tables, formulas against words."""

import pandas as pd

from lfmp_core.errors import check_name

from ..claims.finding import Finding, audit_table
from ..lers import judges as lers
from ..lightfmp import judges as lightfmp
from ..show.html import VERDICTS, HtmlTable, table

PAPERS = {"lightfmp": lightfmp.AUDIT, "lers": lers.AUDIT}


def audit_findings(paper: str = "lightfmp", part: str | None = None) -> list[Finding]:
    """What is found when a paper's statements are held against what it prints elsewhere.

    Args:
        paper: whose. part: a key of `PAPERS[paper]`; all of them when None.

    Raises:
        UnknownName: no such paper or part.
    """
    parts = PAPERS[check_name(paper, PAPERS, "audited paper")]
    chosen = parts.values() if part is None else [parts[check_name(part, parts, "part of the audit")]]
    return [finding for found in chosen for finding in found()]


def audit_summary(paper: str = "lightfmp") -> HtmlTable:
    """How many findings there are of each verdict, by part, and how many no rounding explains."""
    rows = []
    for part in PAPERS[check_name(paper, PAPERS, "audited paper")]:
        found = audit_findings(paper, part)
        counts = {word: sum(f.verdict == kind for f in found) for kind, word in VERDICTS.items()}
        off = sum(f.beyond_rounding is True for f in found)
        rows.append({"part": part, "findings": len(found), **counts, "beyond rounding": off})
    return table(pd.DataFrame(rows), caption="Findings by part and verdict")


__all__ = ["PAPERS", "Finding", "audit_findings", "audit_summary", "audit_table"]
