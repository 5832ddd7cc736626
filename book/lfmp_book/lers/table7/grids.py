"""What the page of LERS's Table 7 runs of each task, beside the reference records of Tables 5 and 6."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lfmp_core.experiments.items import Arm, Grid
from lfmp_core.experiments.profiles import by_profile
from lfmp_core.experiments.reach import reachable
from lfmp_core.experiments.spec import DatasetRef

from ...arguments import numbers
from .. import cf_arms
from .. import cf_grids as lists
from .. import grids as clicks
from ..grids import ORIGINAL, SPARSITIES
from .view import CLICKS, LISTS

FEW = ("QR", "PEP", "MagPrune")  # of the quick profile


def halves(
    profile: str = "quick",
    *,
    rows: DatasetRef | None = None,
    pairs: DatasetRef | None = None,
    sparsities: str | Sequence[float] | None = None,
    seeds: int | None = None,
) -> dict[str, list[Grid]]:
    """The grids of each task, with the backbones that Table 7 compares: DCN-Mix and LightGCN.

    They are those of Tables 5 and 6; the quick profile has few methods, without a search.

    Args:
        rows, pairs: clicks and interactions to run on instead of the profile's own.
        sparsities, seeds: as of `grids.table5` and `cf_grids.table6`.
    """
    if by_profile(profile, quick=True, reference=False, paper=False):
        shares = numbers(sparsities, SPARSITIES, "sparsities")
        return {CLICKS: _few_clicks(rows, shares, seeds), LISTS: _few_lists(pairs, shares, seeds)}
    given: dict[str, Any] = {"sparsities": sparsities, "seeds": seeds}
    sets = None if rows else ("criteo", "avazu")
    return {
        CLICKS: clicks.table5(profile, dataset=rows, sets=sets, backbones="dcn_mix", **given),
        LISTS: lists.table6(profile, dataset=pairs, recommenders="lightgcn", **given),
    }


def _few_clicks(dataset: DatasetRef | None, shares: Sequence[float], seeds: int | None) -> list[Grid]:
    given: dict[str, Any] = {"sets": "criteo", "backbones": "dcn_mix", "arms": ORIGINAL}
    [search, *_] = clicks.table4("quick", dataset=dataset, **given)
    every = [arm for t in shares for arm in clicks.compressions("quick", t) if arm.label in FEW]
    arms = [Arm(ORIGINAL, "no_selection"), *reachable(every, dataset, search.backbones[0])]
    return [replace(search, item="lers_table5", arms=arms, tpe=None, seeds=range(seeds or 1))]


def _few_lists(dataset: DatasetRef | None, shares: Sequence[float], seeds: int | None) -> list[Grid]:
    [grid] = lists.conventions("quick", dataset=dataset, recommenders="lightgcn", seeds=seeds)
    every = [arm for t in shares for arm in cf_arms.compressions("quick", t) if arm.label in FEW]
    arms = [Arm(ORIGINAL, "no_selection"), *reachable(every, dataset, grid.backbones[0])]
    return [replace(grid, arms=arms)]
