"""What a third set beside those of LERS's Table 6 runs: Amazon-Book as KGAT's authors split it."""

from dataclasses import replace

from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.spec import DatasetRef

from ...evidence.datasets import description, pinned, title
from .. import cf_grids as lists
from ..grids import ORIGINAL, SEARCHED_AT, SMALLER, SMALLER_IN_BYTES, SPARSITIES

ITEM = "lers_table6_third"
NAME = "kgat-amazon-book"
TITLE = title(NAME)
METHODS = (SMALLER, SMALLER_IN_BYTES, "MagPrune", "QR", "PEP")


def dataset() -> DatasetRef:
    """The set as it is described, so that its runs can be planned where the data is not."""
    return pinned(description(NAME))


def third(profile: str) -> list[Grid]:
    """The search and the final runs of LightGCN, plain and by some methods, as Table 6 has them.

    Large: 30 trials and 16 final runs, of tables with a third more rows than Gowalla's. No quick profile has
    it.
    """
    wanted = lambda t: [arm for arm in lists.compressions(profile, t) if arm.label in METHODS]
    search = Grid(
        item=ITEM,
        profile=profile,
        dataset=dataset,
        backbones=[lists.recommender_for("lightgcn", NAME, profile)],
        arms=lists.with_own_search(
            [Arm(ORIGINAL, "no_selection"), *wanted(SEARCHED_AT)], "lightgcn", profile
        ),
        training=lists.training_for("lightgcn", profile),
        seeds=(),
        tpe=lists.tpe_for("lightgcn", profile),
    )
    final = replace(
        search,
        arms=[Arm(ORIGINAL, "no_selection"), *(arm for t in SPARSITIES for arm in wanted(t))],
        training=lists.training_for("lightgcn", profile, final=True),
        seeds=range(1),
        tpe=None,
        picks=search,
    )
    return [search, final]


ITEMS = [
    Item(
        ITEM,
        "lers_table6_cf",
        "LightGCN, plain and compressed, on a third set (large)",
        {profile: third(profile) for profile in ("reference", "paper")},
        against=(ORIGINAL, SMALLER, SMALLER_IN_BYTES),
    )
]
