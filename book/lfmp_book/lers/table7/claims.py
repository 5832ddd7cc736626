"""The sentences of LERS on both tasks together: one rule each, for the printed cells and for records."""

from collections.abc import Callable, Sequence

import pandas as pd

from lfmp_core.metrics import NDCG20

from ...claims.cases import Case
from ...claims.claim import Claim
from ...claims.judge import Judge
from ...claims.robust import robust_to_resampling
from ...claims.test import Test, claims_of
from ...evidence.results import all_comparisons, draws_of, reference_frame
from ..scores import clicks as five
from ..scores import lists as six
from ..scores.blocks import EDGE, HIGH, MIDDLE, SHARES, Values
from ..scores.rules import overall
from .view import CLICKS, LISTS, Both, order_agreement

ITEM = "lers_table7"
OF_CLICKS, OF_LISTS = "lers_table5", "lers_table6"  # the items that its records are of
TAU = "Kendall's τ of the order of methods by the mean"


def leanings(v: Both) -> list[Case]:
    """In click prediction the order of methods agrees less between sets than between backbones, in
    collaborative filtering more."""
    found = []
    for task, values, backbones in _tasks(v):
        taus = order_agreement(values, backbones)
        if taus is None:
            found.append(Case(task, "", None))
            continue
        sets, nets = taus
        passed = sets < nets if task == CLICKS else sets > nets
        found.append(Case(task, "", passed, f"{sets:.2f} between sets, {nets:.2f} between backbones"))
    return found


def backbones_apart(v: Both) -> list[Case]:
    """The order of methods agrees less between NeuMF and LightGCN than between DCN and DeepFM."""
    taus = {task: order_agreement(values, backbones) for task, values, backbones in _tasks(v)}
    known = {task: own[1] for task, own in taus.items() if own is not None}
    if len(known) < len(taus):
        return [Case("between backbones", "", None)]
    figure = ", ".join(f"{task} {known[task]:.2f}" for task in taus)
    return [Case("between backbones", "", known[LISTS] < known[CLICKS], figure)]


def _tasks(v: Both) -> tuple[tuple[str, Values, tuple[str, ...]], ...]:
    return (CLICKS, v.clicks, five.BACKBONES), (LISTS, v.lists, six.BACKBONES)


def loses_more(times: float, shares: Sequence[float]) -> Callable[[Both], list[Case]]:
    """By the mean ratio of both sets, each method loses more than so many times as much of Original's NDCG@20
    as of its AUC, at each sparsity; methods that have both."""

    def made(v: Both) -> list[Case]:
        found = []
        for t in shares:
            clicks, lists = overall(v.clicks, t), overall(v.lists, t)
            if not clicks or not lists:
                found.append(Case("both tasks", f"t = {t:.0%}", None))
                continue
            more = [m for m in clicks if 1 - lists[m] > times * (1 - clicks[m]) + EDGE]
            least, most = max(clicks, key=lists.__getitem__), min(clicks, key=clicks.__getitem__)
            figure = (
                f"{len(more)} of {len(clicks)} methods; least {lists[least] - 1:+.1%} of NDCG@20 ({least}), "
                f"most {clicks[most] - 1:+.1%} of AUC ({most})"
            )
            found.append(Case("both tasks", f"t = {t:.0%}", len(more) == len(clicks), figure))
        return found

    return made


TESTS: tuple[Test[Both], ...] = (
    Test(
        ("6.2-5",),
        f"{TAU}: in click prediction less between the sets (same backbone and sparsity) than between the "
        "backbones (same set and sparsity), in collaborative filtering more; means over blocks",
        robust_to_resampling(leanings),
    ),
    Test(
        ("6.2-6",),
        f"{TAU}, same set and sparsity: less between NeuMF and LightGCN than between DCN and DeepFM; means "
        "over blocks",
        robust_to_resampling(backbones_apart),
    ),
    Test(
        ("6.3-11",),
        "at 80 and 95 %, by the mean ratio of both sets (DCN, LightGCN), each method loses more than twice "
        "as large a share of Original's NDCG@20 as of its AUC",
        robust_to_resampling(loses_more(2, (MIDDLE, HIGH))),
    ),
    Test(
        ("7-13",),
        "by the mean ratio of both sets (DCN, LightGCN), each method loses a larger share of Original's "
        "NDCG@20 than of its AUC, at each sparsity",
        robust_to_resampling(loses_more(1, SHARES)),
    ),
)


def claims(
    clicks: tuple[pd.DataFrame, pd.DataFrame],
    lists: tuple[pd.DataFrame, pd.DataFrame],
    tests: Sequence[Test[Both]] = TESTS,
) -> list[Claim]:
    """Every sentence on both tasks, with its verdict.

    Args:
        clicks, lists: reference records and their comparisons, see `claims` of
            `table5.claims` and `table6.claims`.
    """
    values = Both(
        five.MeasuredClicks(clicks[0], draws_of(clicks[1])), six.MeasuredLists(lists[0], draws_of(lists[1]))
    )
    return claims_of("lers", ITEM, tests, {"": values})


def reference() -> pd.DataFrame:
    """The reference records of both tasks; none while one of them has none."""
    lists = reference_frame(OF_LISTS)
    return pd.concat([reference_frame(OF_CLICKS), lists], ignore_index=True) if len(lists) else lists


def _judged(reference: pd.DataFrame) -> list[Claim]:
    # not by the backbone: controls have one of their own
    of_lists = reference[f"test_{NDCG20.name}"].notna()
    tasks = {OF_CLICKS: reference[~of_lists], OF_LISTS: reference[of_lists]}
    clicks, lists = ((frame, all_comparisons(item, frame)) for item, frame in tasks.items())
    return claims(clicks, lists)


JUDGE = Judge(ITEM, "lers_table7_retain", TESTS, reference, _judged)
