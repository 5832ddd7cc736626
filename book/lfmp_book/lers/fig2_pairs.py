"""LERS's Figure 2c and 2d: users and items of collaborative filtering, by how often they occur."""

from dataclasses import replace
from typing import Any

import pandas as pd

from lfmp_core.experiments.items import Grid
from lfmp_core.experiments.store import store_for

from ..claims.claim import Claim
from ..claims.judge import Judge
from ..claims.test import CasesFound, Test, claims_of
from . import cf_grids as lists
from . import fig2

ITEM = "lers_fig2"
OF = "lers_table6"  # the item that its records are of
DRAWN = "gowalla"


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


def _tail(own: pd.DataFrame) -> CasesFound:
    """What MagPrune keeps by frequency, of users and items together."""
    kept = _falling(fig2.wholes(own), "kept")
    shares = [
        f"{-part.rare.mean():.0%} of the rarest, {-part.frequent.mean():.0%} of the most frequent at {t:.0%}"
        for t, part in kept.groupby("sparsity")
    ]
    return CasesFound(fig2.beyond_chance(kept), "kept " + "; ".join(shares))


_RANK = f"Spearman over buckets below 0, by chance in fewer than {fig2.CHANCE:.0%}"
TESTS: tuple[Test[pd.DataFrame], ...] = (
    Test(("4.2-6",), f"{_RANK}, of users and of items, each seed", _lower),
    Test(
        ("4.2-7",),
        f"share of numbers kept against frequency, users and items together: {_RANK}, each sparsity and seed",
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
