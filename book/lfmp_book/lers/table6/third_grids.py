"""What a third set beside those of LERS's Table 6 runs: Amazon-Book as KGAT's authors split it."""

from dataclasses import replace

from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.spec import DatasetRef

from ...evidence.datasets import description, pinned, title
from .. import cf_grids as lists
from .. import cf_search as tuning
from ..grids import ORIGINAL, SMALLER, SMALLER_IN_BYTES

ITEM = "lers_table6_third"
NAME = "kgat-amazon-book"
TITLE = title(NAME)
METHODS = (SMALLER, SMALLER_IN_BYTES, "MagPrune", "QR", "PEP")


def dataset() -> DatasetRef:
    """The set as it is described, so that its runs can be planned where the data is not."""
    return pinned(description(NAME))


def third(profile: str) -> list[Grid]:
    """The search and the final runs of LightGCN, plain and by some methods, as Table 6 has them.

    Large: some 55 trials and 16 final runs, of tables with a third more rows than Gowalla's. No quick
    profile has it.
    """
    wanted = lambda t: [arm for arm in lists.compressions(profile, t) if arm.label in METHODS]
    searches, finals, original = [], [], [Arm(ORIGINAL, "no_selection")]
    for sparsity, serves in tuning.searched_for("lightgcn", profile).items():
        search = Grid(
            item=ITEM,
            profile=profile,
            dataset=dataset,
            backbones=[lists.recommender_for("lightgcn", NAME, profile)],
            arms=tuning.with_own_search([*original, *wanted(sparsity)], "lightgcn", profile, sparsity),
            training=lists.training_for("lightgcn", profile),
            seeds=(),
            tpe=tuning.tpe_for("lightgcn", profile),
        )
        final = replace(
            search,
            arms=[*original, *(arm for t in serves for arm in wanted(t))],
            training=lists.training_for("lightgcn", profile, final=True),
            seeds=range(1),
            tpe=None,
            picks=search,
        )
        searches.append(search)
        finals.append(final)
        original = []
    return [*searches, *finals]


ITEMS = [
    Item(
        ITEM,
        "lers_table6_cf",
        "LightGCN, plain and compressed, on a third set (large)",
        {profile: third(profile) for profile in ("reference", "paper")},
        against=(ORIGINAL, SMALLER, SMALLER_IN_BYTES),
    )
]
