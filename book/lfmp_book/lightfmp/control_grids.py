"""A control that can come out positive: half of the fields are shadows, so that removing half should help."""

from dataclasses import replace
from typing import Any

from lfmp_core.budget import Budget
from lfmp_core.experiments.chance import LEAST as DRAWS
from lfmp_core.experiments.executor import shadowed
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import by_profile

from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..sets import planted_ref
from .chance_grids import CLOSE, RECHECK
from .grids import rates_for, training_for
from .selection_grids import backbone_on, rows_for, selectors, set_for

ITEM = "lightfmp_control"
SETS = ("criteo", "ml-1m")
SEED = 0  # of the shadows
QUICK_ARMS = ("Lasso", "GBDT", "SFS", "Light-FMP, one pass", RANDOM_FIELDS)


def _shadowed_planted() -> Any:
    return shadowed(planted_ref(), SEED)


def control(profile: str = "quick") -> list[Grid]:
    """Every selector on fields and as many shadows, at τ = .5: it keeps as many as there are real ones.

    On DeepFM, as the choices among shadows. Random fields are drawn as often as chance asks for.
    """
    grids = []
    for name in by_profile(profile, quick=("criteo",), reference=SETS):
        whole = selectors(profile, 0.5, rows_for(name, profile))
        arms = [arm for arm in whole if profile == "reference" or arm.label in QUICK_ARMS]
        first = Grid(
            item=ITEM,
            profile=profile,
            dataset=_shadowed_planted if profile == "quick" else shadowed(set_for(name, profile), SEED),
            backbones=[backbone_on(name, "deepfm", profile)],
            arms=[Arm(ALL_FIELDS, "no_selection"), *(arm for arm in arms if arm.label != RANDOM_FIELDS)],
            training=training_for(profile),
            seeds=range(by_profile(profile, quick=2, reference=3)),
            candidates=rates_for(profile, None),
            recheck_seeds=RECHECK,
            close=CLOSE,
        )
        twin = Arm(RANDOM_FIELDS, "random_fields", Budget(0.5))
        draws = by_profile(profile, quick=5, reference=DRAWS)
        grids += [first, replace(first, arms=[twin], seeds=range(draws))]
    return grids


ITEMS = [
    Item(
        ITEM,
        "lightfmp_table2_overall",
        "every selector where half of the fields mean nothing",
        {profile: control(profile) for profile in ("quick", "reference")},
    )
]
