"""What a third set beside those of LERS's Table 6 runs: Amazon-Book as KGAT's authors split it."""

from lfmp_core.experiments.items import Grid, Item
from lfmp_core.experiments.spec import DatasetRef

from ...evidence.datasets import description, pinned, title
from .. import cf_grids as lists
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
    tuned = lists.tunings_of("lightgcn", NAME, profile, dataset, item=ITEM, methods=METHODS)
    return lists.with_finals(tuned)


ITEMS = [
    Item(
        ITEM,
        "lers_table6_cf",
        "LightGCN, plain and compressed, on a third set (large)",
        {profile: third(profile) for profile in ("reference", "paper")},
        against=(ORIGINAL, SMALLER, SMALLER_IN_BYTES),
    )
]
