"""What the performance page runs: whether the fast ways of training learn as much as the plain one."""

from typing import Any

from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import by_profile
from lfmp_core.training import TrainingSettings

from ..lers import grids as lers
from ..lightfmp.grids import backbone_for, training_for
from ..sets import CRITEO_SAMPLE, planted_ref

# by name: the settings of training that differ from the default
TRAINING_VARIANTS = {
    "every row, float32": {},
    "lazy rows, float32": {"optimizer": "lazy"},
    "every row, bfloat16": {"precision": "bfloat16"},
}


def agreement(profile: str = "quick", *, seeds: int | None = None) -> list[Grid]:
    """All fields, trained in each of the `TRAINING_VARIANTS` with the same seeds: a grid for each way."""
    base = training_for(profile)
    if profile == "reference":
        base = base.model_copy(update={"learning_rate": 3e-3})  # what Table 3's search chose for all fields
    # the two of Light-FMP's pages, and the one that LERS trains in bfloat16 besides DeepFM
    backbones: list[Any] = [
        *(backbone_for(name, profile) for name in ("deepfm", "xdeepfm")),
        lers.backbone_for("dcn_mix", profile),
    ]
    rows: Any = by_profile(profile, quick=planted_ref, reference=CRITEO_SAMPLE)
    return [
        Grid(
            item="agreement",
            profile=profile,
            dataset=rows,
            backbones=backbones,
            arms=[Arm(way, "no_selection")],
            training=TrainingSettings.model_validate({**base.model_dump(), **changes}),
            seeds=range(seeds or by_profile(profile, quick=1, reference=5)),
        )
        for way, changes in TRAINING_VARIANTS.items()
    ]


ITEMS = [
    Item(
        "agreement",
        "performance",
        "whether lazy rows and bfloat16 learn as much as plain training",
        {profile: agreement(profile) for profile in ("quick", "reference")},
    )
]
