"""What the pages on choices alone run: shadow fields, and the recovery of planted ones."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from lfmp_core.budget import Budget
from lfmp_core.data import PlantedSettings, PrepareSettings
from lfmp_core.experiments.executor import dataset_ref, open_dataset, shadowed
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import by_profile
from lfmp_core.experiments.reach import planted_truth
from lfmp_core.experiments.spec import DatasetRef, plain
from lfmp_core.methods import LightFMPSettings, literal_settings

from ..sets import planted_ref
from .grids import backbone_for, own_training_rows, training_for
from .selection_grids import SETS, rows_for, selectors, set_for

# By (signal, redundant): pinned, so that records on them can be read without generating rows.
PLANTED = {
    (0.5, 0): "19d0f3e213aeff7009b80809b26fd795f538d43595633ba367f2ea677cfd7657",
    (0.5, 12): "971e7b61e047d4fdd936b01c72ce7bca7845618aa481aa79b957fed97ad41fe5",
    (1.0, 0): "39b33e7f4a7ae303d29bc9c325cb13cd1f6003343eaed5585d3f56b3a3ee14e1",
    (1.0, 12): "875d4b3c65260722740e432a5e31b28d021f806b0dcd5430dc22f41f81677e39",
    (3.0, 0): "94acbfef8f9c411b0231b1565319e90a65ad79fdea749cda7849297273089d44",
    (3.0, 12): "d27ab2b7c90177679fd6ee18af7988a778c7405c0cf817b26ec8be6af3af66b1",
}


def _shadowed_planted() -> DatasetRef:
    return shadowed(planted_ref())


def shadows(
    profile: str = "quick", *, dataset: DatasetRef | None = None, seeds: int | None = None
) -> list[Grid]:
    """Each selector's choice among all fields and as many shadows, keeping as many as at τ = .5 without.

    On DeepFM, without search: a choice has no validation score to search by.

    Args:
        dataset: one's own data instead of the profile's sets; as many fields are kept as at τ = .5.
    """
    grids = []
    planned = by_profile(profile, quick=("criteo",), reference=SETS, paper=("criteo",))
    for name in planned if dataset is None else ("criteo",):
        base = dataset or set_for(name, profile)
        m, rows = {"criteo": 39, "ml-1m": 7, "avazu": 22}[name], rows_for(name, profile)
        if dataset is not None:
            m, rows = open_dataset(dataset).schema.num_fields, own_training_rows(dataset)
        keep = m - m // 2
        arms = selectors(profile, 1 - keep / (2 * m), rows)
        grids.append(
            Grid(
                item="lightfmp_shadows",
                profile=profile,
                dataset=shadowed(base) if isinstance(base, DatasetRef) else _shadowed_planted,
                backbones=[backbone_for("deepfm", profile)],
                arms=arms,
                training=training_for(profile),
                seeds=range(seeds or by_profile(profile, quick=1, reference=3, paper=3)),
                role="choice",
            )
        )
    return grids


def _pinned(prepare: PrepareSettings, signal: float, redundant: int) -> DatasetRef:
    case = PlantedSettings(rows=40_000, signal=signal, redundant=redundant)
    settings = {**plain(prepare), "planted": plain(case)}
    return DatasetRef(name="planted", settings=settings, fingerprint=PLANTED[signal, redundant])


def recovery(
    profile: str = "quick", *, dataset: DatasetRef | None = None, seeds: int | None = None
) -> list[Grid]:
    """Choices on planted rows: by signal, redundancy and pretraining size.

    Args:
        dataset: planted rows of one's own; pretraining sizes beyond half of them are left out.
    """
    prepare = PrepareSettings(threshold=4)
    sets: Sequence[Any] = by_profile(
        profile,
        quick=[partial(dataset_ref, "planted", prepare, PlantedSettings(rows=12_000, signal=3.0))],
        reference=[_pinned(prepare, signal, redundant) for signal, redundant in PLANTED],
    )
    rows = own_training_rows(dataset)
    if dataset is not None:
        planted_truth(dataset)  # refused before anything is computed
    grids = []
    for ref in sets if dataset is None else [dataset]:
        arms = selectors("quick", 0.5, rows)
        sizes = [n for n in (500, 2_000, 8_000) if rows is None or n <= rows // 2]
        for size in by_profile(profile, quick=sizes[:2], reference=sizes):
            passes = max(1, round(50_000 / size))
            for name, make in (("as printed", literal_settings), ("repaired", LightFMPSettings)):
                settings = make(pretrain_rows=size, pretrain_passes=passes)
                arms.append(
                    Arm(f"Light-FMP, {name}, {size:,} × {passes}", "light_fmp", Budget(0.5), settings)
                )
        grids.append(
            Grid(
                item="planted_recovery",
                profile=profile,
                dataset=ref,
                backbones=[backbone_for("deepfm", "quick")],
                arms=[arm for arm in arms if arm.label != "Light-FMP, 2,000 rows"],
                training=training_for("quick"),
                seeds=range(seeds or by_profile(profile, quick=1, reference=3)),
                role="choice",
            )
        )
    return grids


ITEMS = [
    Item(
        "lightfmp_shadows",
        "lightfmp_table2_overall",
        "how many fields without meaning each selector keeps",
        {profile: shadows(profile) for profile in ("quick", "reference")},
        own=shadows,
    ),
    Item(
        "planted_recovery",
        "planted_recovery",
        "which informative fields each selector finds",
        {profile: recovery(profile) for profile in ("quick", "reference")},
        own=recovery,
    ),
]
