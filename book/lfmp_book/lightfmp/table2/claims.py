"""The sentences of §4.1 and §4.2, and their like, judged on the reference records of Light-FMP's Table 2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from ...claims.claim import Claim
from ...evidence.results import BASE
from ...show.html import Badge, Table, table, verdict
from . import cases
from .page import SETS
from .view import DEEP, MARGINAL, ONE_STAGE, OURS, RIVALS, SHALLOW, TWO_STAGE, View, judge, said


@dataclass(frozen=True)
class Test:
    """One test of one or more sentences.

    Attributes:
        sentences: place → words. rule: how they are tested. cases: see `table2_cases`.
        arms: of Light-FMP, each judged by itself; none for sentences on its rivals alone.
    """

    sentences: Mapping[str, str]
    rule: str
    cases: cases.Cases
    arms: tuple[str, ...] = OURS


LESS = "less total time (scaled) by Welch's t at 95 %"
ABOVE = "AUC above with its 95 % interval"
NO_ZERO = "95 % intervals without 0"
TEN = "of the ten rows of the paper's table"

ON_OURS = (
    Test(
        {
            "Abstract": "Light-FMP outperforms existing methods in both efficiency and accuracy",
            "§1": "superiority over existing shallow and deep feature selection methods",
        },
        f"{ABOVE} and {LESS} than each of the paper's eight baselines, on each set",
        cases.beats(RIVALS),
    ),
    Test(
        {"§1": "Compared to existing deep methods, Light-FMP not only enhances accuracy"},
        f"{ABOVE} and {LESS} than each of the five deep baselines, on each set",
        cases.beats(DEEP),
    ),
    Test(
        {"§2.7": "Light-FMP significantly improves training and inference efficiency"},
        f"{LESS} than each of the five deep baselines, and as much less inference time, on each set",
        cases.efficient,
    ),
    Test(
        {
            "§1": "reducing computational overhead significantly while improving accuracy",
            "§4.4": "consistent improvements in both predictive accuracy and training efficiency",
            "§5": "Light-FMP can reduce computational cost while improving predictive performance",
        },
        f"AUC and log-loss better than with all fields, {NO_ZERO}, and {LESS}, on each set",
        cases.over_base,
    ),
    Test(
        {"§4.1": "On Criteo, Light-FMP achieves competitive accuracy … compared to the best baselines"},
        "behind the better of OptEmbed and OptFS by no more than in the paper",
        cases.competitive,
    ),
    Test(
        {
            "§4.1": "Light-FMP reduces total training time to 60.84% of the unpruned baseline, significantly "
            "outperforming OptEm … and OptFS"
        },
        f"total time (scaled) at most .6084 of all fields', and {LESS} than OptEmbed and OptFS",
        cases.criteo_time,
    ),
    Test(
        {"§4.1": "on Movielens and Avazu, Light-FMP achieves the best accuracy"},
        f"best mean AUC and log-loss {TEN}, on both sets",
        cases.ranks,
    ),
    Test(
        {"§4.1": "significantly reduce total training time compared to No Selection baseline"},
        f"{LESS} than all fields, on MovieLens and Avazu",
        cases.faster(SETS[1:], (BASE,)),
    ),
    Test(
        {"§4.1": "nearly half the training time of our method"},
        "AdaFS takes .4 to .6 of Light-FMP's total time (scaled), on each set",
        cases.half_time,
    ),
    Test(
        {"§4.1": "the accuracy is substantially lower than our method in both AUC and Logloss"},
        f"AdaFS worse by 0.001 and more in AUC and log-loss, {NO_ZERO}, on each set",
        cases.substantially(ONE_STAGE[:1]),
    ),
    Test(
        {
            "§4.1": "the sensitivity of both category-level … and learned masking methods to dataset "
            "structure, in contrast to Light-FMP's more stable feature-level pruning"
        },
        "total time (scaled) over all fields' ranges less over the sets than that of AdaFS, MvFS, AutoField",
        cases.steady,
    ),
    Test(
        {
            "§4.1": "Compared to two-stage deep methods (OptFS, OptEm, Autofield), Light-FMP achieves better "
            "or comparable accuracy while requiring consistently lower training time"
        },
        f"not worse in AUC by 0.001 and more with its 95 % interval below 0, and {LESS}, on each set",
        cases.comparable,
    ),
    Test(
        {
            "§4.1": "Compared to single-stage deep methods (AdaFS, MvFS), Light-FMP significantly "
            "outperforms in accuracy"
        },
        f"AUC and log-loss better by 0.001 and more, {NO_ZERO}, on each set",
        cases.substantially(ONE_STAGE),
    ),
    Test(
        {
            "§4.1": "Light-FMP consistently strikes the best accuracy-efficiency trade-off",
            "§5": "Light-FMP achieves a consistent trade-off between training efficiency and model accuracy",
        },
        "no other row of the paper's table, nor random fields, has an AUC above with its 95 % interval "
        "without taking longer (scaled, by Welch's t at 95 %), on each set",
        cases.unbeaten,
    ),
    Test(
        {"§4.2": "Light-FMP achieves the highest total training efficiency"},
        f"{LESS} than OptFS, OptEmbed and AutoField, on each set",
        cases.faster(SETS, TWO_STAGE),
    ),
)
_PAIR = ("OptEmbed", "OptFS")
ON_RIVALS = (
    Test(
        {"Abstract": "Existing methods either focus on improving accuracy"},
        f"no baseline has both: {ABOVE} that of all fields, and {LESS}; on each set",
        cases.neither,
        (),
    ),
    Test(
        {"§1": "they struggle with high-dimensional and sparse data, leading to suboptimal performance"},
        f"AUC of Lasso, PCA, XGBoost below all fields', {NO_ZERO}, on each set",
        cases.worse(SETS, SHALLOW),
        (),
    ),
    Test(
        {"§1": "but often neglect training and/or inference efficiency"},
        "each of the five deep baselines takes more total time than all fields by Welch's t at 95 %",
        cases.slower(SETS, DEEP),
        (),
    ),
    Test(
        {"§4.1": "on Movielens, where OptEm … and OptFS … require substantially more training time"},
        "more total time than all fields by Welch's t at 95 %",
        cases.slower(SETS[1:2], _PAIR),
        (),
    ),
    Test(
        {"§4.1": "yet deliver poor accuracy"},
        f"OptEmbed and OptFS on MovieLens: worse than all fields by 0.001 and more in both, {NO_ZERO}",
        cases.worse(SETS[1:2], _PAIR, by=MARGINAL),
        (),
    ),
    Test(
        {"§4.1": "The biggest time reductions are achieved by AdaFS on Criteo"},
        f"AdaFS has the least mean total time {TEN}, on each set",
        cases.quickest,
        (),
    ),
    Test(
        {"§4.1": "MvFS exhibits a similar trade-off, sacrificing accuracy for efficiency"},
        f"AUC below all fields', {NO_ZERO}, and {LESS}, on each set",
        cases.worse(SETS, ONE_STAGE[1:], quicker=True),
        (),
    ),
    Test(
        {
            "§4.1": "Although shallow methods show robust training time reduction across datasets, they "
            "exhibit large variation in accuracy performance"
        },
        f"Lasso, PCA and XGBoost take {LESS} than all fields on each set, and their gain in AUC ranges over "
        "the sets more than the median deep baseline's",
        cases.varied,
        (),
    ),
)
TESTS = (*ON_OURS, *ON_RIVALS)


def claims(reference: pd.DataFrame, compared: pd.DataFrame, tests: Sequence[Test] = TESTS) -> list[Claim]:
    """Every sentence with its verdict, by arm of Light-FMP where it speaks of Light-FMP.

    Args:
        reference: see `results.frame`. compared: see `results.compare`, with `OURS` among `against`.
        tests: all of Table 2's by default.
    """
    view = View(reference, compared)
    found = []
    for test in tests:
        for arm in test.arms or ("",):
            made = test.cases(view, arm)
            for place, words in test.sentences.items():
                where = f"{place} ({arm})" if arm else place
                found.append(Claim(words, where, test.rule, said(made), judge(made)))
    return found


@dataclass(frozen=True)
class Judged:
    """A verdict with what was found, in one cell."""

    badge: Badge
    found: str

    def _repr_html_(self) -> str:
        return f"{self.badge._repr_html_()}<br>{escape(self.found)}"

    def __repr__(self) -> str:
        return f"{self.badge!r}: {self.found}"


def arms_table(found: Sequence[Claim]) -> Table:
    """Claims on Light-FMP, a row for each test, a column for each arm.

    Args:
        found: whose places name an arm in brackets, as `claims` makes them.
    """
    rows: dict[str, dict] = {}
    for claim in found:
        place, _, arm = claim.place.removesuffix(")").partition(" (")
        row = rows.setdefault(claim.test, {"claim": {}, "test": claim.test})
        row["claim"].setdefault(f"{claim.words} ({place})")
        row[arm] = Judged(verdict(claim.verdict), claim.found)
    shown = [{**row, "claim": "; ".join(row["claim"])} for row in rows.values()]
    return table(pd.DataFrame(shown), caption="Verdicts on Light-FMP, by its two readings")
