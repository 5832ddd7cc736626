"""LERS's Figure 2c and 2d: users and items of collaborative filtering, by how often they occur."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from lfmp_core.experiments.items import Grid
from lfmp_core.experiments.store import store_for

from ..claims.cases import Case
from ..claims.claim import Claim
from ..claims.judge import Judge
from ..claims.test import CasesFound, Test, claims_of
from . import cf_grids as lists
from . import fig2

ITEM = "lers_fig2"
OF = "lers_table6"  # the item that its records are of
DRAWN = "gowalla"
HEAD = 0.1  # of the ids; the rest is the mid and tail range


def grids(profile: str, **given: Any) -> list[Grid]:
    """MagPrune's runs of Table 6 with LightGCN, and before each the search that decides for it: the same
    records.

    Args:
        given: as of `cf_grids.table6`.
    """
    found = []
    for grid in lists.table6(profile, recommenders="lightgcn", **given):
        own = [arm for arm in grid.arms if arm.label == fig2.MAGPRUNE]
        if grid.picks is not None and own:
            search = replace(grid.picks, arms=[a for a in grid.picks.arms if a.label == fig2.MAGPRUNE])
            found += [search, replace(grid, arms=own, picks=search)]
    return found


def _falling(own: pd.DataFrame, what: str) -> pd.DataFrame:
    """Correlations of frequency with what falls with it: rank and chance are those of the opposite."""
    return fig2.correlations(own.assign(**{what: -own[what]}), what)


def _lower(own: pd.DataFrame) -> CasesFound:
    """Magnitude by frequency, of users and of items."""
    sizes = _falling(fig2.parts(fig2.once(own)), "magnitude")
    told = [
        f"{field}: {-part['rank'].max():.2f} to {-part['rank'].min():.2f}"
        for field, part in sizes.groupby("field", sort=False)
    ]
    return CasesFound(fig2.beyond_chance(sizes), "; ".join(told))


def head(own: pd.DataFrame) -> pd.Series:
    """Which buckets are the head of a run: the fewest of the most frequent that hold a tenth of the ids."""
    ordered = own.sort_values("least", ascending=False)
    before = ordered.rows.cumsum() - ordered.rows
    return (before < HEAD * own.rows.sum()).reindex(own.index)


def _kept(buckets: pd.DataFrame) -> float:
    """Share of the numbers of some buckets' ids."""
    return float((buckets.kept * buckets.rows).sum() / buckets.rows.sum())


def head_and_rest(own: pd.DataFrame) -> dict[float, dict[int, tuple[float, float]]]:
    """By sparsity and seed: the share of numbers that MagPrune keeps of the head, and of all other ids.

    Args:
        own: runs on one set, see `fig2.curves`.
    """
    found: dict[float, dict[int, tuple[float, float]]] = {}
    for (t, seed), run in fig2.seen(fig2.wholes(own)).groupby(["sparsity", "seed"]):
        top = head(run)
        found.setdefault(float(t), {})[int(seed)] = _kept(run[top]), _kept(run[~top])
    return found


def over_seeds(shares: Mapping[int, tuple[float, float]]) -> tuple[float, float]:
    """Means of what `head_and_rest` has of one sparsity."""
    ours, rest = zip(*shares.values(), strict=True)
    return sum(ours) / len(ours), sum(rest) / len(rest)


def _tail(own: pd.DataFrame) -> CasesFound:
    """Share of numbers that MagPrune keeps in the head, and in the mid and tail range together."""
    cases, told = [], []
    for t, by_seed in head_and_rest(own).items():
        cases += [
            Case(f"t = {t:.0%}", f"seed {seed}", ours < rest, f"{ours:.1%}, {rest:.1%}")
            for seed, (ours, rest) in by_seed.items()
        ]
        ours, rest = over_seeds(by_seed)
        told.append(f"{ours:.1%} of the head's numbers and {rest:.1%} of the others' at {t:.0%}")
    return CasesFound(cases, "kept " + "; ".join(told))


_RANK = f"Spearman over buckets below 0, by chance in fewer than {fig2.CHANCE:.0%}"
TESTS: tuple[Test[pd.DataFrame], ...] = (
    Test(
        ("4.2-6",),
        f"{_RANK}, of users and of items, each seed, of the training at the lowest sparsity",
        _lower,
    ),
    Test(
        ("4.2-7",),
        f"of the numbers of the most frequent {HEAD:.0%} of users and items (whole buckets) a smaller share "
        "is kept than of the others', each sparsity and seed",
        _tail,
    ),
)


def claims(reference: pd.DataFrame) -> list[Claim]:
    """What §4.2 says of Figure 2c and 2d, judged on the reference records of Gowalla."""
    own = reference[reference.dataset == DRAWN]
    return claims_of("lers", ITEM, TESTS, {"": own}) if len(own) else []


def reference() -> pd.DataFrame:
    """The reference records of users and items that are there."""
    return fig2.curves(grids("reference"), store_for("reference"))


def _spoken_of() -> pd.DataFrame:
    """The records that the sentences speak of."""
    of_clicks, of_lists = fig2.grids("reference", sets="criteo"), grids("reference", sets=DRAWN)
    frames = [fig2.curves(of, store_for("reference")) for of in (of_clicks, of_lists)]
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


JUDGE = Judge(
    ITEM,
    "lers_fig2_frequency",
    (*fig2.TESTS, *TESTS),
    _spoken_of,
    lambda reference: [*fig2.claims(reference), *claims(reference)],
)
