"""How LERS's sentences are held against its printed tables: by the rules of its pages, and by its ratios."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pandas as pd

from ...claims.cases import Case, judge
from ...claims.claim import share_verdict
from ...claims.finding import Finding
from ...claims.sentences import load_sentences
from ...claims.test import Test
from ...evidence import published
from ...evidence.rounding import Span
from ..scores.blocks import ORIGINAL

PAPER = "lers"
TOLERANCE = 0.02  # of a sparsity that is printed with a ~
Remark = Callable[[Sequence[Case]], str]
V = TypeVar("V")


def tally_cases(part: Callable[[Case], str]) -> Remark:
    """How many cases a sentence is right in, by a part of their name."""

    def made(cases: Sequence[Case]) -> str:
        groups: dict[str, list[bool]] = {}
        for case in cases:
            groups.setdefault(part(case), []).append(bool(case.passed))
        return "right in " + ", ".join(f"{sum(own)} of {len(own)} ({name})" for name, own in groups.items())

    return made


def exceptions(cases: Sequence[Case]) -> str:
    """The cases that a sentence is not right in."""
    return "not right: " + "; ".join(f"{c.where}, {c.what}: {c.figure}" for c in cases if not c.passed)


def by_rule(tests: Sequence[Test[V]], printed: V, where: str, remarks: Mapping[str, Remark]) -> list[Finding]:
    """Each sentence by the rule that the records are judged by, on the printed cells.

    Args:
        where: the table. remarks: by the first sentence of a test, what a reader should make of its cases.
    """
    sentences, found = load_sentences(PAPER), []
    for test in tests:
        own = [name for name in test.sentences if sentences[name].audited]
        if own:
            outcome = test.outcome(printed)
            so = remarks[own[0]](outcome.cases) if own[0] in remarks else ""
            verdict = judge(outcome.cases)
            found.append(Finding(" ".join(own), where, test.rule, outcome.found, verdict, so))
    return found


def recomputed_ratios(
    scores: pd.Series, columns: Mapping[str, str], overall: str, against: str, says: str
) -> Finding:
    """The ratios of Table 7 and their means recomputed, with what rounding leaves open of each.

    Args:
        scores: of the backbone that they are of, by data set, method and sparsity as the CSV has it.
        columns: data set → its column in Table 7. overall: the column of the means.
        against, says: of the finding.
    """
    printed = published.printed_table("lers_table7")
    single, means = [], []
    for row in printed[printed[overall] > 0].to_dict("records"):
        for name, column in columns.items():
            whole = Span.printed(scores[name, ORIGINAL, "0"], 4)
            again = Span.printed(scores[name, row["method"], str(row["sparsity"])], 4) / whole
            single.append(again.rounds_to(row[column], 4))
        first, second = (Span.printed(row[column], 4) for column in columns.values())
        means.append((Span(0.5, 0.5) * (first + second)).rounds_to(row[overall], 4))
    return Finding(
        "5.2-9",
        against,
        f"{says} of {len(means)} rows",
        f"{sum(single)} of {len(single)} ratios and {sum(means)} of {len(means)} means agree within rounding",
        share_verdict([*single, *means]),
        "",
        False,
    )
