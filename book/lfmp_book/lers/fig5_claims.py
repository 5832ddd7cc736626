"""The sentences of LERS on n_min: one rule each, on records."""

from collections.abc import Callable, Sequence

import pandas as pd

from ..claims.cases import Case, any_of
from ..claims.claim import Claim
from ..claims.judge import Judge
from ..claims.robust import robust_to_resampling
from ..claims.test import Test, claims_of
from ..evidence.results import all_comparisons, draws_of
from .cf_arms import recommender_for
from .fig5 import reference
from .fig5_grids import ITEM, SEARCHED, SETS, fixed, minimums
from .scores.blocks import EDGE, MIDDLE, SHARES, Cell, Values
from .scores.lists import DATASETS, GRAPH, MeasuredLists, cells
from .scores.rules import both, by_gap

PLACES = tuple(DATASETS[name] for name in SETS)
WHERE = tuple(cells(PLACES, (GRAPH,)))
_DIM = recommender_for("lightgcn", SETS[0], "reference").embedding_dim


def largest_minimum(cell: Cell) -> str:
    """The arm that leaves every row as many numbers."""
    return fixed(minimums(_DIM, cell.sparsity, "reference")[-1])


def apart(ours: Callable[[Cell], str], theirs: str) -> Callable[[Values, Cell], tuple[float | None, str]]:
    """By how much one n_min has higher mean NDCG@20 than another in a block, and the same in words."""

    def gap_of(v: Values, cell: Cell) -> tuple[float | None, str]:
        gap = v.gap(cell, ours(cell), theirs)
        return gap, "" if gap is None else f"{ours(cell)} {gap:+.4f}"

    return gap_of


def most_when_moderate(v: Values) -> list[Case]:
    """Searching n_min gains the largest share of NDCG@20 at 80 %, on each set."""
    found = []
    for place in PLACES:
        gains = {}
        for t in SHARES:
            cell = Cell(place, GRAPH, t)
            without, searched = v.value(cell, fixed(0)), v.value(cell, SEARCHED)
            if searched is not None and without:
                gains[t] = searched / without - 1
        passed = None
        if len(gains) == len(SHARES):
            best = max(gains, key=gains.__getitem__)
            passed = best == MIDDLE and gains[best] > EDGE
        told = ", ".join(f"{gain:+.1%} at {t:.0%}" for t, gain in gains.items())
        found.append(Case(place, "gain", passed, told if passed is not None else ""))
    return found


def _any(cases: Sequence[Case], place: str) -> Case:
    """One case of several; missing where those that are there don't hold, and others could."""
    passed = any_of(*(c.passed for c in cases))
    known = passed or not any(c.missing for c in cases)
    told = ", ".join(f"{c.what} {c.figure}" for c in cases if not c.missing)
    return Case(place, "at some sparsity", passed, told if known else "")


def somewhere(cases: Callable[[Values], list[Case]]) -> Callable[[Values], list[Case]]:
    """What a sentence says that something can do: it holds on a set where it does at some sparsity."""

    def made(v: Values) -> list[Case]:
        found = cases(v)
        return [_any([c for c in found if c.where.startswith(place)], place) for place in PLACES]

    return made


TESTS: tuple[Test[MeasuredLists], ...] = (
    Test(
        ("6.5-1",),
        "the n_min that validation chooses has higher mean test NDCG@20 than n_min = 0 at some sparsity, and "
        "by the largest share at 80 %, which §5.2 calls moderate",
        robust_to_resampling(both(somewhere(by_gap(WHERE, apart(lambda _: SEARCHED, fixed(0)),
                                                   lambda gap: gap > EDGE)), most_when_moderate)),
    ),
    Test(
        ("6.5-2",),
        "n_min = 1 has higher mean test NDCG@20 than n_min = 0, at some sparsity",
        robust_to_resampling(somewhere(by_gap(WHERE, apart(lambda _: fixed(1), fixed(0)),
                                              lambda gap: gap > EDGE))),
    ),
    Test(
        ("6.5-3",),
        "the largest n_min that the sparsity allows has lower mean test NDCG@20 than the one that validation "
        "chooses, at some sparsity",
        robust_to_resampling(somewhere(by_gap(WHERE, apart(largest_minimum, SEARCHED),
                                              lambda gap: gap < -EDGE))),
    ),
)  # fmt: skip


def claims(reference: pd.DataFrame, compared: pd.DataFrame) -> list[Claim]:
    """Every sentence on n_min with its verdict.

    Args:
        reference: see `fig5.runs_by_minimum`. compared: see `results.known_comparisons`; their draws decide.
    """
    return claims_of("lers", ITEM, TESTS, {"": MeasuredLists(reference, draws_of(compared))})


JUDGE = Judge(
    ITEM,
    "lers_fig5_nmin",
    TESTS,
    reference,
    lambda reference: claims(reference, all_comparisons(ITEM, reference)),
)
