"""What the pages on Light-FMP's rivals run: Table 2 and Fig. 2."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lfmp_core.budget import Budget
from lfmp_core.data import MovieLensSettings, PrepareSettings
from lfmp_core.experiments.executor import cut_to, dataset_ref
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import PROFILES, by_profile
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.methods import LightFMPSettings
from lfmp_core.methods.light_fmp_stream import StreamSettings

from ..arguments import settings_of, valid_names
from ..sets import AVAZU, CRITEO_SAMPLE, ML_1M, planted_ref
from .grids import backbone_for, base_arms, own_training_rows, rates_for, table3, training_for

AVAZU_ROWS, MOVIELENS_ROWS = 27_182, 60_000
# for all methods alike, to fit two cores; all test rows stay
MOVIELENS = cut_to(ML_1M, {"train": MOVIELENS_ROWS, "val": 20_000})
SETS = ("criteo", "ml-1m", "avazu")
# as in the paper (§3.4), and on planted rows; the backbone's other sizes are the same everywhere
DIMENSIONS = {"criteo": 10, "ml-1m": 64, "avazu": 10, "planted": 10}

# a method's settings by profile where its defaults are too long for it
_SHORT: dict[str, dict[str, Any]] = {
    "autofield": {"search_epochs": 2},
    "adafs": {"pretrain_epochs": 1},
    "mvfs": {"pretrain_epochs": 1},
    "optfs": {"search_epochs": 3},
    "optembed": {"search_epochs": 1, "fitness_rows": 1000, "evolution": {"generations": 1}},
}
_REFERENCE: dict[str, dict[str, Any]] = {"optembed": {"evolution": {"generations": 5}}}
SHALLOW = {
    "Lasso": "lasso",
    "PCA": "pca",
    "random forest": "random_forest",
    "GBDT": "gbdt",
    "XGBoost": "xgboost",
    "permutation": "permutation",
}
DEEP = {
    "AutoField": "autofield",
    "AdaFS, soft": "adafs",
    "AdaFS, hard": "adafs",
    "MvFS": "mvfs",
    "OptFS": "optfs",
    "OptEmbed": "optembed",
    "LPFS": "lpfs",
    "SFS": "sfs",
    "SHARK": "shark",
}


def selectors(profile: str, prune_ratio: float, rows: int | None = None) -> list[Arm]:
    """Every selector at one prune ratio, and the random fields that it has to beat.

    Args:
        rows: training rows, where they may be fewer than a profile's pretraining rows.
    """
    quick = by_profile(profile, quick=True, reference=False, paper=False)
    own = _SHORT if quick else _REFERENCE
    arms = []
    for label, method in {**SHALLOW, **DEEP}.items():
        settings = {**own.get(method, {}), **({"mode": "hard"} if label == "AdaFS, hard" else {})}
        arms.append(Arm(label, method, Budget(prune_ratio), settings_of(method, settings)))
    *light_fmp, twin = base_arms(profile, prune_ratio, rows)
    stream = Arm("Light-FMP, stream", "light_fmp_stream", Budget(prune_ratio), StreamSettings())
    return [*arms, *light_fmp, stream, twin]


def backbone_on(dataset: str, name: str, profile: str) -> dict[str, Any]:
    """Settings of a backbone with the dimension that a data set has; the quick profile's has one for all."""
    settings = backbone_for(name, profile)
    return settings if profile == "quick" else {**settings, "embedding_dim": DIMENSIONS[dataset]}


def set_for(name: str, profile: str) -> Any:
    """Data of one column of Table 2."""
    source = "ml-20m" if name == "ml-1m" else name
    settings = {
        "criteo": PrepareSettings(shares=(72, 18, 10)),
        "ml-1m": MovieLensSettings(genres="combined"),
        "avazu": PrepareSettings(),
    }[name]
    return by_profile(
        profile,
        quick=planted_ref,
        reference={"criteo": CRITEO_SAMPLE, "ml-1m": MOVIELENS, "avazu": AVAZU}[name],
        paper=lambda: dataset_ref(source, settings),
    )


def rows_for(name: str, profile: str) -> int | None:
    small = {"avazu": AVAZU_ROWS, "ml-1m": MOVIELENS_ROWS}
    return small.get(name) if profile == "reference" else None


def table2(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    sets: str | Sequence[str] | None = None,
    backbone: str = "xdeepfm",
    prune_ratio: float = 0.5,
    seeds: int | None = None,
    learning_rates: str | Sequence[float] | None = None,
) -> list[Grid]:
    """Every selector on xDeepFM, a grid for each data set.

    Args:
        dataset: what to run on instead; the profile's own sets by default.
        sets: names among `SETS`; the quick profile has planted rows alone.
        backbone, prune_ratio, seeds, learning_rates: of the grids; the profile's own where None.
    """
    grids = []
    for name in valid_names(sets, SETS, "data set")[: 1 if profile == "quick" else None]:
        rows = rows_for(name, profile) if dataset is None else own_training_rows(dataset)
        settings = backbone_on(name, backbone, profile)
        count = by_profile(profile, quick=1, reference=10 if name == "avazu" else 3, paper=3)
        default = (3e-4, 1e-3, 3e-3) if profile == "reference" else None
        grids.append(
            Grid(
                item="lightfmp_table2",
                profile=profile,
                dataset=dataset or set_for(name, profile),
                backbones=[settings],
                arms=[Arm("all fields", "no_selection"), *selectors(profile, prune_ratio, rows)],
                training=training_for(profile),
                seeds=range(seeds or count),
                candidates=rates_for(profile, learning_rates or default),
            )
        )
    return grids


def paper_rates(profile: str = "reference") -> Grid:
    """The two lowest rates of the paper's grid, for the arms that they could help most; validation only."""
    whole = table2(profile, sets="criteo")[0]
    chosen = [arm for arm in whole.arms if arm.label in ("all fields", "Light-FMP, as printed")]
    return replace(whole, arms=chosen, seeds=(), candidates=rates_for(profile, (1e-5, 1e-4)))


FRESH = ", fresh weights"


def fig2b(
    profile: str = "quick", *, dataset: DatasetRef | None = None, seeds: int | None = None
) -> list[Grid]:
    """Pretrained weights kept (Table 3's runs) and fresh ones, on five backbones."""
    kept = table3(profile, dataset=dataset, seeds=seeds)
    fresh = [
        replace(
            arm,
            label=f"{arm.label}{FRESH}",
            method_settings=arm.method_settings.model_copy(update={"keep_weights": False}),
        )
        for arm in kept.arms
        if isinstance(arm.method_settings, LightFMPSettings) and "printed" not in arm.label
    ]
    return [kept, replace(kept, item="lightfmp_fig2b", arms=fresh, seeds=kept.seeds[: seeds or 3])]


# D_S: 0.0005 %, 0.001 % and 0.1 % of the paper's 45.8 million rows are 229, 458 and 45,840; ours between
SUBSET_SIZES = (229, 458, 2_000, 10_000, 45_840, 100_000)


def fig2d(
    profile: str = "quick", *, dataset: DatasetRef | None = None, seeds: int | None = None
) -> list[Grid]:
    """Pretraining sizes with about the same number of optimiser steps, and the random twin (Table 3's).

    Args:
        dataset: what to run on; sizes beyond its training rows are left out.
    """
    shared = table3(profile, dataset=dataset, backbones="xdeepfm", seeds=seeds)
    quick, rows = profile == "quick", own_training_rows(dataset)
    sizes = [n for n in ((250, 2_000, 8_000) if quick else SUBSET_SIZES) if rows is None or n <= rows]
    seen = 2_000 * (25 if quick else 125)
    base = LightFMPSettings()
    subset = next(arm for arm in shared.arms if arm.label.endswith(" rows"))
    arms = []
    for size in sizes:
        passes = max(1, round(seen / size))
        settings = base.model_copy(
            update={"pretrain_rows": size, "pretrain_passes": passes, "continue_on": "all"}
        )
        arms.append(
            Arm(f"{size:,} rows × {passes}", "light_fmp", Budget(0.5), settings, searched_as=subset.label)
        )
    twin = [arm for arm in shared.arms if arm.label in ("all fields", "random fields")]
    own = replace(
        shared,
        item="lightfmp_fig2d",
        arms=arms,
        candidates=({},),
        picks=shared,
        seeds=range(seeds or (1 if quick else 3)),
    )
    return [replace(shared, arms=twin), own]


ITEMS = [
    Item(
        "lightfmp_table2",
        "lightfmp_table2_overall",
        "every selector on xDeepFM, three data sets",
        {
            profile: [*table2(profile), *([paper_rates()] if profile == "reference" else [])]
            for profile in PROFILES
        },
        against=("Light-FMP, as printed", "Light-FMP, 2,000 rows"),
        own=partial(table2, sets="criteo"),
    ),
    Item(
        "lightfmp_fig2b",
        "lightfmp_fig2b_domain_init",
        "pretrained weights kept against fresh ones",
        {profile: fig2b(profile) for profile in PROFILES},
        tuple(f"{arm}{FRESH}" for arm in ("Light-FMP, 2,000 rows", "Light-FMP, one pass")),
        own=fig2b,
    ),
    Item(
        "lightfmp_fig2d",
        "lightfmp_fig2d_pretrain_size",
        "how many rows the gates need",
        {profile: fig2d(profile) for profile in PROFILES},
        own=fig2d,
    ),
]
