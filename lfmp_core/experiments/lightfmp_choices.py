"""What the pages on choices alone run: shadow fields, and the recovery of planted ones."""

from functools import partial
from typing import Any

from ..data import PlantedSettings, PrepareSettings
from ..methods import LightFMPSettings, literal
from .executor import reference, shadowed
from .items import Arm, Grid, Item
from .lightfmp import backbone_for, planted, rows_of, training_for
from .lightfmp_selection import SETS, rows_for, selectors, set_for
from .profiles import by_profile
from .reach import planted_truth
from .spec import DatasetRef


def _shadowed_planted() -> DatasetRef:
    return shadowed(planted())


def shadows(profile: str = "quick", *, seeds: int | None = None) -> list[Grid]:
    """Each selector's choice among all fields and as many shadows, keeping as many as at τ = .5 without.

    On DeepFM, without search: a choice has no validation score to search by.
    """
    grids = []
    for name in by_profile(profile, quick=("criteo",), reference=SETS, paper=("criteo",)):
        base = set_for(name, profile)
        m = {"criteo": 39, "ml-1m": 7, "avazu": 22}[name]
        keep = m - m // 2
        arms = selectors(profile, 1 - keep / (2 * m), rows_for(name, profile))
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


def recovery(
    profile: str = "quick", *, dataset: DatasetRef | None = None, seeds: int | None = None
) -> list[Grid]:
    """Choices on planted rows: by signal, redundancy and pretraining size.

    Args:
        dataset: planted rows of one's own; pretraining sizes beyond half of them are left out.
    """
    cases = by_profile(
        profile,
        quick=[PlantedSettings(rows=12_000, signal=3.0)],
        reference=[
            PlantedSettings(rows=40_000, signal=signal, redundant=redundant)
            for signal in (0.5, 1.0, 3.0)
            for redundant in (0, 12)
        ],
    )
    sets: list[Any] = [partial(reference, "planted", PrepareSettings(threshold=4), case) for case in cases]
    rows = rows_of(dataset)
    if dataset is not None:
        planted_truth(dataset)  # refused before anything is computed
    grids = []
    for ref in sets if dataset is None else [dataset]:
        arms = selectors("quick", 0.5, rows)
        sizes = [n for n in (500, 2_000, 8_000) if rows is None or n <= rows // 2]
        for size in by_profile(profile, quick=sizes[:2], reference=sizes):
            passes = max(1, round(50_000 / size))
            for name, make in (("as printed", literal), ("repaired", LightFMPSettings)):
                settings = make(pretrain_rows=size, pretrain_passes=passes)
                arms.append(Arm(f"Light-FMP, {name}, {size:,} × {passes}", "light_fmp", 0.5, settings))
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
    ),
    Item(
        "planted_recovery",
        "planted_recovery",
        "which informative fields each selector finds",
        {profile: recovery(profile) for profile in ("quick", "reference")},
    ),
]
