"""Claims of the papers with their verdicts, computed from records."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from lfmp_core.metrics import AUC

from ..show.html import HtmlTable, table, verdict


@dataclass(frozen=True)
class Claim:
    """One checkable sentence.

    Attributes:
        words: as printed. place: where. test: how it is tested here. found: what the records say, in figures.
        verdict: "holds", "part", "fails" or "untestable".
        sentences: ids of those that it judges. arm: that it speaks of, where a method has several readings.
        beyond: of an arm that the paper doesn't have: shown beside the others, without a say.
    """

    words: str
    place: str
    test: str
    found: str
    verdict: str
    sentences: tuple[str, ...] = ()
    arm: str = ""
    beyond: bool = False

    @property
    def where(self) -> str:
        """The place, with the arm."""
        return f"{self.place} ({self.arm})" if self.arm else self.place


def share_verdict(passed: Sequence[bool]) -> str:
    """All cases pass: holds; some: holds in part; none: does not hold; no case: not testable here."""
    if not passed:
        return "untestable"
    return "holds" if all(passed) else "part" if any(passed) else "fails"


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


def arms_in_words(compared: pd.DataFrame, cases: str) -> Prose:
    """Plain words on each arm against all fields and against random fields, in test AUC.

    Args:
        compared: see `results.compare`.
        cases: what a row stands for, such as "backbones".
    """
    sentences = []
    auc = compared[compared.metric == AUC.name]
    for arm in auc.arm.unique():
        for other in auc.against.unique():
            rows = auc[(auc.arm == arm) & (auc.against == other)]
            if len(rows):
                better, worse = int((rows.low > 0).sum()), int((rows.high < 0).sum())
                tied = len(rows) - better - worse
                mean = rows.difference.mean()
                sentences.append(
                    f"**{arm}** against {other}: better in {better}, tied in {tied}, worse in {worse} of "
                    f"{len(rows)} {cases}; mean difference {mean:+.4f}."
                )
    return Prose(tuple(sentences))
