"""One finding: a printed statement held against what the same paper prints elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ..show.html import HtmlTable, table, verdict
from .sentences import Sentence

ROUNDING = {None: "", True: " (beyond rounding)", False: " (within rounding)"}


@dataclass(frozen=True)
class Finding:
    """A sentence of a paper judged by the paper's own numbers.

    Attributes:
        sentence: id of the sentence that it judges, see `sentences.load_sentences`; several ids with blanks
            between where a paper says the same more than once.
        against: the place that it is held against. says: what is printed there.
        computed: what follows, in figures.
        verdict: "holds", "part", "fails", "slip" for what is off and changes nothing, or "untestable" where
            what is printed can't decide.
        beyond_rounding: whether the difference is larger than the rounding of the printed numbers allows;
            None where no number is in question.
        consequence: what a reader should make of it.
    """

    sentence: str
    against: str
    says: str
    computed: str
    verdict: str
    consequence: str = ""
    beyond_rounding: bool | None = None

    @property
    def sentences(self) -> list[str]:
        """Ids of the sentences that it judges."""
        return self.sentence.split()


def audit_table(
    found: Sequence[Finding], sentences: Mapping[str, Sentence], caption: str, only: str = ""
) -> HtmlTable:
    """Findings as a table, each with the words that it judges.

    Args:
        only: one verdict; all where empty.
    """
    rows = []
    for f in found:
        if only and f.verdict != verdict(only).kind:
            continue
        first, *others = (sentences[name] for name in f.sentences)
        places = ", ".join(dict.fromkeys([first.place, *(other.place for other in others)]))
        rows.append(
            {
                "the paper says": f"“{first.words}” ({places})",
                "held against": f"{f.says} ({f.against})",
                "computed": f.computed + ROUNDING[f.beyond_rounding],
                "verdict": verdict(f.verdict),
                "so": f.consequence,
            }
        )
    columns = ["the paper says", "held against", "computed", "verdict", "so"]
    return table(pd.DataFrame(rows, columns=columns), caption=caption)
