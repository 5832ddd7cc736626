"""The sentences of §4.1 and §4.2, and their like, judged on the reference records of Light-FMP's Table 2."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

import pandas as pd

from ...claims.claim import Claim
from ...claims.judge import Judge
from ...claims.test import Test
from ...evidence import results
from ...evidence.results import ALL_FIELDS
from ...show.html import Badge, HtmlTable, table, verdict
from ..arms import OURS, judged
from ..selectors import ITEM
from ..values import MARGINAL, SETS
from ..view import DEEP, ONE_STAGE, RIVALS, SHALLOW, TWO_STAGE, View
from . import cases

LESS = "less total time (scaled) by Welch's t at 95 %"
ABOVE = "AUC above with its 95 % interval"
NO_ZERO = "95 % intervals without 0"
TEN = "of the ten rows of the paper's table"

ON_OURS = (
    Test(
        ("abstract-3", "1-12a"),
        f"{ABOVE} and {LESS} than each of the paper's eight baselines, on each set",
        cases.beats(RIVALS),
    ),
    Test(
        ("1-8a",),
        f"{ABOVE} and {LESS} than each of the five deep baselines, on each set",
        cases.beats(DEEP),
    ),
    Test(
        ("2.7-1a",),
        f"{LESS} than each of the five deep baselines, and as much less inference time, on each set",
        cases.efficient,
    ),
    Test(
        ("1-9a", "4.4-12a", "5-1"),
        f"AUC and log-loss better than with all fields, {NO_ZERO}, and {LESS}, on each set",
        cases.over_base,
    ),
    Test(
        ("4.1-2a",),
        "behind the better of OptEmbed and OptFS by no more than in the paper, by the 95 % intervals",
        cases.close_to_gating,
    ),
    Test(
        ("4.1-3a",),
        f"total time (scaled) at most .6084 of all fields', and {LESS} than OptEmbed and OptFS",
        cases.criteo_time,
    ),
    Test(
        ("4.1-6",),
        f"AUC and log-loss better than those of each other {TEN}, {NO_ZERO}, on both sets",
        cases.ranks,
    ),
    Test(
        ("4.1-7a",),
        f"{LESS} than all fields, on MovieLens and Avazu",
        cases.faster(SETS[1:], (ALL_FIELDS,)),
    ),
    Test(
        ("4.1-9",),
        "AdaFS takes .4 to .6 of Light-FMP's total time (scaled), by Welch's t at 95 %, on each set",
        cases.half_time,
    ),
    Test(
        ("4.1-10a",),
        f"AdaFS worse by 0.001 and more in AUC and log-loss, {NO_ZERO}, on each set",
        cases.substantially(ONE_STAGE[:1]),
    ),
    Test(
        ("4.1-16a",),
        "total time (scaled) over all fields' ranges less over the sets than that of AdaFS, MvFS, AutoField, "
        "by Welch's t at 95 %",
        cases.steady,
    ),
    Test(
        ("4.1-17a",),
        f"AUC not 0.001 and more worse, by its 95 % interval, and {LESS}, on each set",
        cases.comparable_to_deep,
    ),
    Test(
        ("4.1-18a",),
        f"AUC and log-loss better by 0.001 and more, {NO_ZERO}, on each set",
        cases.substantially(ONE_STAGE),
    ),
    Test(
        ("4.1-20a", "5-2a"),
        "no other row of the paper's table, nor random fields, has an AUC above with its 95 % interval "
        "without taking longer (scaled, by Welch's t at 95 %), on each set",
        cases.unbeaten,
    ),
    Test(
        ("4.2-1a",),
        f"{LESS} than OptFS, OptEmbed and AutoField, on each set",
        cases.faster(SETS, TWO_STAGE),
    ),
)
_PAIR = ("OptEmbed", "OptFS")
ON_RIVALS = (
    Test(
        ("abstract-1a",),
        f"each baseline has one of the two and not the other: {ABOVE} that of all fields, {LESS}; on each "
        "set",
        cases.either,
    ),
    Test(
        ("1-2a",),
        f"AUC of Lasso, PCA, XGBoost below all fields', {NO_ZERO}, on each set",
        cases.worse(SETS, SHALLOW),
    ),
    Test(
        ("1-3a",),
        "each of the five deep baselines takes more total time than all fields by Welch's t at 95 %",
        cases.slower(SETS, DEEP),
    ),
    Test(
        ("4.1-4a",),
        "more total time than all fields by Welch's t at 95 %",
        cases.slower(SETS[1:2], _PAIR),
    ),
    Test(
        ("4.1-5a",),
        f"OptEmbed and OptFS on MovieLens: worse than all fields by 0.001 and more in both, {NO_ZERO}",
        cases.worse(SETS[1:2], _PAIR, by=MARGINAL),
    ),
    Test(
        ("4.1-8a",),
        f"AdaFS takes {LESS} than each other {TEN}, on each set",
        cases.quickest,
    ),
    Test(
        ("4.1-11a",),
        f"AUC below all fields', {NO_ZERO}, and {LESS}, on each set",
        cases.worse(SETS, ONE_STAGE[1:], quicker=True),
    ),
    Test(
        ("4.1-19",),
        f"Lasso, PCA and XGBoost take {LESS} than all fields on each set, and their gain in AUC ranges over "
        "the sets more than the median deep baseline's, by the 95 % intervals",
        cases.varied,
    ),
)
TESTS = (*ON_OURS, *ON_RIVALS)


def claims(
    reference: pd.DataFrame, compared: pd.DataFrame, tests: Sequence[Test[View]] = TESTS
) -> list[Claim]:
    """Every sentence with its verdict, by arm of Light-FMP where it speaks of Light-FMP.

    Args:
        reference: see `results.frame`. compared: see `results.compare`, with `OURS` among `against`.
        tests: all by default.
    """
    view = View(reference, compared)
    ours, whole = {arm: view.of(arm) for arm in OURS}, {"": view}
    return [claim for test in tests for claim in judged(ITEM, [test], ours if test in ON_OURS else whole)]


JUDGE = Judge(
    ITEM,
    "lightfmp_table2_overall",
    TESTS,
    partial(results.reference_frame, ITEM),
    lambda reference: claims(reference, results.all_comparisons(ITEM, reference)),
)


@dataclass(frozen=True)
class Judged:
    """A verdict with what was found, in one cell."""

    badge: Badge
    found: str

    def _repr_html_(self) -> str:
        return f"{self.badge._repr_html_()}<br>{escape(self.found)}"

    def __repr__(self) -> str:
        return f"{self.badge!r}: {self.found}"


def arms_table(found: Sequence[Claim]) -> HtmlTable:
    """Claims on Light-FMP, a row for each test, a column for each arm.

    Args:
        found: of Light-FMP's arms, as `claims` makes them.
    """
    rows: dict[str, dict] = {}
    for claim in found:
        row = rows.setdefault(claim.test, {"claim": {}, "test": claim.test})
        row["claim"].setdefault(f"{claim.words} ({claim.place})")
        row[claim.arm] = Judged(verdict(claim.verdict), claim.found)
    shown = [{**row, "claim": "; ".join(row["claim"])} for row in rows.values()]
    return table(pd.DataFrame(shown), caption="Verdicts on Light-FMP, by its two readings")
