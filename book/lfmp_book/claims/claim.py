"""Claims of the papers with their verdicts, computed from records."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..show.html import HtmlTable, table, verdict
from .cases import NONE, Tally


@dataclass(frozen=True)
class Claim:
    """One checkable sentence.

    Attributes:
        words: as printed. place: where. test: how it is tested here. found: what the records say, in figures.
        verdict: a key of `html.VERDICTS`, but for slip.
        sentences: ids of those that it judges. arm: that it speaks of, where a method has several readings.
        beyond: of an arm that the paper doesn't have: shown beside the others, without a say.
        tally: of the cases that decide.
    """

    words: str
    place: str
    test: str
    found: str
    verdict: str
    sentences: tuple[str, ...] = ()
    arm: str = ""
    beyond: bool = False
    tally: Tally = NONE

    @property
    def where(self) -> str:
        """The place, with the arm."""
        return f"{self.place} ({self.arm})" if self.arm else self.place


def share_verdict(passed: Sequence[bool]) -> str:
    """All cases pass: holds; some: holds in part; none: does not hold; no case: not testable here."""
    if not passed:
        return "untestable"
    return "holds" if all(passed) else "part" if any(passed) else "fails"


def slip_unless(right: Sequence[bool]) -> str:
    """Holds if all are right; else a slip: rounding, a swapped name, on which nothing depends."""
    return "holds" if all(right) else "slip"


def claims_table(claims: Sequence[Claim]) -> HtmlTable:
    """The claims of a page."""
    rows = [
        {"claim": c.words, "place": c.where, "test": c.test, "found": c.found, "verdict": verdict(c.verdict)}
        for c in claims
    ]
    return table(pd.DataFrame(rows), caption="Verdicts on the reference records")


def literal(name: str) -> str:
    """A name of the user in a sentence of `Prose`, none of whose signs is read as markup."""
    return re.sub(r"([\\`*_\[\]<>$|~&])", r"\\\1", name)


@dataclass(frozen=True)
class Prose:
    """Sentences computed from records, shown as text."""

    sentences: tuple[str, ...]

    def _repr_markdown_(self) -> str:
        return "\n".join(f"- {s}" for s in self.sentences)

    def __repr__(self) -> str:
        return "\n".join(self.sentences)
