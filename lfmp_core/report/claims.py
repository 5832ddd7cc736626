"""Claims of the papers with their verdicts, computed from records."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from .html import Table, table, verdict


@dataclass(frozen=True)
class Claim:
    """One checkable sentence.

    words: as printed. place: where. test: how it is tested here. found: what the records say, in figures.
    verdict: "holds", "part", "fails" or "untestable".
    """

    words: str
    place: str
    test: str
    found: str
    verdict: str


def share_verdict(passed: Sequence[bool]) -> str:
    """All cases pass: holds; some: holds in part; none: does not hold; no case: not testable here."""
    if not passed:
        return "untestable"
    return "holds" if all(passed) else "part" if any(passed) else "fails"


def claims_table(claims: Sequence[Claim]) -> Table:
    """The claims of a page."""
    rows = [
        {"claim": c.words, "place": c.place, "test": c.test, "found": c.found, "verdict": verdict(c.verdict)}
        for c in claims
    ]
    return table(pd.DataFrame(rows), caption="Verdicts on the reference records")
