"""What the page of LERS's Fig. 5 runs: MagPrune at several n_min."""

from collections.abc import Sequence
from dataclasses import replace

from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import PROFILES, by_profile
from lfmp_core.experiments.reach import reachable
from lfmp_core.experiments.spec import DatasetRef, plain

from ..arguments import numbers, settings_of
from . import cf_arms
from . import cf_grids as lists
from .cf_search import searched_at
from .grids import SPARSITIES

ITEM = "lers_fig5"
SEARCHED = "MagPrune"  # as in Table 6: n_min as validation has it
SETS = ("gowalla",)  # the reference's; Fig. 5 is of Yelp2018 and Avazu


def fixed(minimum: int) -> str:
    """Label of the arm with one n_min."""
    return f"n_min = {minimum}"


def minimums(dim: int, sparsity: float, profile: str) -> list[int]:
    """The n_min that are tried: 0, 1, and shares of ⌊D(1−t)⌋, what a row has if all have as much.

    Args:
        dim: D. sparsity: t.
    """
    most = int(dim * (1 - sparsity) + 1e-9)
    shares = by_profile(profile, quick=(1.0,), reference=(0.25, 0.5, 1.0), paper=(0.25, 0.5, 0.75, 1.0))
    return sorted({0, min(1, most), *(round(share * most) for share in shares)})


def fig5(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    sets: str | Sequence[str] | None = SETS,
    sparsities: str | Sequence[float] | None = None,
    seeds: int | None = None,
    trials: int | None = None,
) -> list[Grid]:
    """LightGCN pruned with several n_min, as Table 6's search for MagPrune would have it trained.

    All arms of a seed are one training, cut in several ways: nothing but n_min differs.

    Args:
        dataset, sets, trials: as of `cf_grids.tunings`. sparsities, seeds: as of `cf_grids.table6`.
    """
    count = seeds or by_profile(profile, quick=1, reference=2, paper=3)
    shares = numbers(sparsities, SPARSITIES, "sparsities")
    grids = []
    for search, serves in lists.tunings(
        profile, dataset=dataset, sets=sets, recommenders="lightgcn", trials=trials
    ):
        [recommender] = search.backbones
        dim = plain(recommender)["embedding_dim"]
        arms = [arm for t in serves if t in shares for arm in _arms(profile, t, dim)]
        if not arms:
            continue
        search = replace(search, arms=[arm for arm in search.arms if arm.label == SEARCHED])
        final = replace(
            search,
            item=ITEM,
            arms=reachable(arms, dataset, recommender),
            training=cf_arms.training_for("lightgcn", profile, sparsity=searched_at(search), final=True),
            seeds=range(count),
            tpe=None,
            picks=search,
            one_training=True,
        )
        grids += [search, final]
    return grids


def _arms(profile: str, sparsity: float, dim: int) -> list[Arm]:
    """MagPrune with each n_min, and with the one that it searches itself."""
    [searched] = [arm for arm in cf_arms.compressions(profile, sparsity) if arm.label == SEARCHED]
    tried = [
        Arm(
            fixed(minimum),
            searched.method,
            searched.budget,
            settings_of(searched.method, {"row_minimum": minimum}),
            searched_as=SEARCHED,
        )
        for minimum in minimums(dim, sparsity, profile)
    ]
    return [*tried, searched]


ITEMS = [
    Item(
        ITEM,
        "lers_fig5_nmin",
        "MagPrune by the numbers that each row keeps",
        {profile: fig5(profile) for profile in PROFILES},
        against=(fixed(0), SEARCHED),
        keeps_draws=True,
        own=fig5,
    )
]
