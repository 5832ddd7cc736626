"""What chance is made of: models of fields drawn at random, many draws for each data set and backbone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lfmp_core.budget import Budget
from lfmp_core.experiments.chance import LEAST as DRAWS
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import by_profile
from lfmp_core.experiments.spec import DatasetRef

from ..evidence.results import RANDOM_FIELDS
from .grids import TABLE3_BACKBONES, fig3, rates_for, table3, training_for
from .selection_grids import backbone_on, set_for, table2

ITEM = "lightfmp_chance"
# Seeds of Light-FMP's arms spread by about as much in validation AUC; what lies nearer has two seeds more.
CLOSE, RECHECK = 0.004, (1, 2)


class FieldCount(NamedTuple):
    """A number of fields of one data set, on one backbone."""

    dataset: str
    backbone: str
    prune_ratio: float


CELLS = (
    *(FieldCount("criteo", name, 0.5) for name in TABLE3_BACKBONES),
    *(FieldCount("criteo", "xdeepfm", ratio) for ratio in (0.25, 0.75)),
    *(FieldCount(name, "xdeepfm", 0.5) for name in ("ml-1m", "avazu")),
)
QUICK_CELLS = (FieldCount("criteo", "deepfm", 0.5),)


def fresh_draws(cell: FieldCount) -> range:
    """Seeds of a cell's draws, its own: of two cells none has the other's fields."""
    first = 100 * (1 + CELLS.index(cell))
    return range(first, first + DRAWS)


def chance(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    cells: Sequence[FieldCount] | None = None,
    item: str = ITEM,
) -> list[Grid]:
    """As many fields drawn at random, a grid a cell: each draw is trained once, at one rate for all of them.

    The rate is searched at τ = .5 on validation, with several draws where rates are close.

    Args:
        dataset: one's own data. cells: among `CELLS`; the profile's own by default.
    """
    grids: dict[FieldCount, Grid] = {}
    default = by_profile(profile, quick=QUICK_CELLS, reference=CELLS, paper=QUICK_CELLS)
    for cell in cells or default:
        settings = backbone_on(cell.dataset, cell.backbone, profile)
        searched = grids.get(cell._replace(prune_ratio=0.5))
        own: dict[str, Any] = {"recheck_seeds": RECHECK, "close": CLOSE}
        if searched is not None:
            own = {"picks": searched}
        grids[cell] = Grid(
            item=item,
            profile=profile,
            dataset=dataset or set_for(cell.dataset, profile),
            backbones=[settings],
            arms=[Arm(RANDOM_FIELDS, "random_fields", Budget(cell.prune_ratio))],
            training=training_for(profile),
            seeds=fresh_draws(cell),
            candidates=rates_for(profile, None) if searched is None else ({},),
            **own,
        )
    return list(grids.values())


def _without_twin(grid: Grid, less: Sequence[str] = ()) -> Grid:
    return replace(grid, arms=[arm for arm in grid.arms if arm.label not in (RANDOM_FIELDS, *less)])


def against_chance(profile: str = "quick") -> list[Grid]:
    """The draws, and all that stands against them: the runs of Table 2, Table 3 and Figure 3.

    Where Tables 2 and 3 hold one arm, it is Table 3's, which has more seeds.
    """
    own = chance(profile)
    if profile != "reference":
        return [*own, _without_twin(table3(profile, backbones="deepfm"))]
    shared, ratios = fig3(profile)
    both = [arm.label for arm in shared.arms]
    criteo, *others = table2(profile)
    selectors = [_without_twin(criteo, both), *map(_without_twin, others)]
    pruned = replace(ratios, arms=[arm for arm in ratios.arms if arm.budget.share])
    return [*own, _without_twin(table3(profile)), _without_twin(pruned), *selectors]


ITEMS = [
    Item(
        ITEM,
        "lightfmp_robustness",
        "every selector among twenty draws of as many fields",
        {profile: against_chance(profile) for profile in ("quick", "reference")},
    )
]
