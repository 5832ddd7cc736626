"""A paper's own arithmetic: derived numbers recomputed, text held against tables, formulas against words."""

import pandas as pd

from lfmp_core.errors import check_name

from ..claims.finding import Finding, audit_table
from ..lers import audit as lers_ctr
from ..lightfmp.audit import (
    accuracy as lightfmp_accuracy,
)
from ..lightfmp.audit import (
    backbones as lightfmp_backbones,
)
from ..lightfmp.audit import (
    design as lightfmp_design,
)
from ..lightfmp.audit import (
    methods as lightfmp_methods,
)
from ..lightfmp.audit import (
    times as lightfmp_times,
)
from ..show.html import VERDICTS, Table, table

PAPERS = {
    "lightfmp": {
        "times": lightfmp_times,
        "methods": lightfmp_methods,
        "accuracy": lightfmp_accuracy,
        "backbones": lightfmp_backbones,
        "design": lightfmp_design,
    },
    "lers": {"click prediction": lers_ctr},
}


def findings(paper: str = "lightfmp", part: str | None = None) -> list[Finding]:
    """What is found when a paper's statements are held against what it prints elsewhere.

    Args:
        paper: whose. part: a key of `PAPERS[paper]`; all of them when None.

    Raises:
        UnknownName: no such paper or part.
    """
    parts = PAPERS[check_name(paper, PAPERS, "audited paper")]
    chosen = parts.values() if part is None else [parts[check_name(part, parts, "part of the audit")]]
    return [finding for module in chosen for finding in module.findings()]


def audit_summary(paper: str = "lightfmp") -> Table:
    """How many findings there are of each verdict, by part, and how many no rounding explains."""
    rows = []
    for part in PAPERS[check_name(paper, PAPERS, "audited paper")]:
        found = findings(paper, part)
        counts = {word: sum(f.verdict == kind for f in found) for kind, word in VERDICTS.items()}
        off = sum(f.beyond_rounding is True for f in found)
        rows.append({"part": part, "findings": len(found), **counts, "beyond rounding": off})
    return table(pd.DataFrame(rows), caption="Findings by part and verdict")


__all__ = ["PAPERS", "Finding", "audit_summary", "audit_table", "findings"]
