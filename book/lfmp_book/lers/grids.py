"""What the LERS pages on click prediction run: the search, Table 5 and Fig. 6."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lfmp_core.budget import Budget
from lfmp_core.data import PlantedSettings, PrepareSettings
from lfmp_core.experiments.executor import cut_to, dataset_ref
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import PROFILES, by_profile
from lfmp_core.experiments.reach import reachable, unmet
from lfmp_core.experiments.search import TPE, Interval
from lfmp_core.experiments.spec import DatasetRef, plain
from lfmp_core.models import BackboneSettings
from lfmp_core.training import TrainingSettings

from ..arguments import chosen_labels, numbers, settings_of, valid_names
from ..sets import AVAZU, ML_1M

# LERS drops values seen less than 10 times in 45.8 million rows of Criteo and 2 times in Avazu; in a
# thousandth of the rows the least threshold that drops anything, 2, stands for both
CRITEO = DatasetRef(
    name="criteo",
    settings=plain(PrepareSettings(threshold=2, numeric_threshold=2)),
    fingerprint="890a0d4e9920e0c70e3304d1588f25199919c118455edf6d5dd138905fa985da",
)
MOVIELENS = cut_to(ML_1M, {"train": 100_000, "val": 20_000})  # for all methods alike, to fit two cores
SETS = ("criteo", "avazu", "ml-1m")
BACKBONES = ("deepfm", "dcn_mix")
TITLES = {"deepfm": "DeepFM", "dcn_mix": "DCN-Mix"}  # of backbones, as pages show them
SPARSITIES = (0.5, 0.8, 0.95)
SEARCHED_AT = 0.8  # of every method; what is found there serves its other sparsities
ORIGINAL = "Original"
OWN_SIZE = "OptEmbed, own size"  # its thresholds decide; the paper's row "-%"

# LERS Table 4; dropout ends below 1, where nothing would be left
SPACE = {
    "learning_rate": Interval(low=1e-5, high=1e-2, log=True),
    "l2": Interval(low=1e-5, high=1e-2, log=True),
    "dropout": Interval(low=0.0, high=0.9),
}
# in an epoch of 54 steps the rates below don't learn; the paper's has thousands
REFERENCE_SPACE = {**SPACE, "learning_rate": Interval(low=3e-4, high=1e-2, log=True)}

CACHED = "TT-Rec, cached"
SMALLER, SMALLER_IN_BYTES = "smaller dense", "smaller dense, bytes of sparse"
# arms by what they do to a table
KINDS = {
    "plain": (ORIGINAL, SMALLER, SMALLER_IN_BYTES),
    "composed": ("QR", "TT-Rec", CACHED, "DHE", "hashing", "MEmCom"),
    "pruned": ("PEP", "MagPrune", "DeepLight", "SSEDS", "DSL"),
    "composed and pruned": ("CERP",),
    "searched sizes": (OWN_SIZE, "OptEmbed", "AutoDim", "mixed dimension", "OptEmbed-D"),
}

# the rise that 160 steps gave where the thresholds' own rate was chosen: the sets differ in steps
_EVOLUTION: dict[str, Any] = {"evolution": {"generations": 5}, "threshold_rise": 0.16}
_SHORT_EVOLUTION: dict[str, Any] = {
    **_EVOLUTION,
    "search_epochs": 1,
    "fitness_rows": 1000,
    "evolution": {"generations": 1},
}

# label → method and its settings; the seven of LERS, those that it names beside them, and two baselines
LERS_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "QR": ("table", {"table": "qr"}),
    "TT-Rec": ("table", {"table": "tt_rec"}),
    # LERS caches 1.2 % of Criteo's rows and 4 or 6 % of Avazu's
    CACHED: ("table", {"table": "tt_rec", "table_settings": {"cache_share": 0.01}}),
    # the paper's 1,024 hashes take more time, and leave narrower hidden layers of the same budget
    "DHE": ("table", {"table": "dhe", "table_settings": {"hashes": 128}}),
    "PEP": ("pep", {}),
    "OptEmbed": ("optembed_budget", {"search": _EVOLUTION}),
    "CERP": ("cerp", {}),
    "MagPrune": ("magprune", {}),
}
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "hashing": ("table", {"table": "hashing"}),
    "MEmCom": ("table", {"table": "memcom"}),
    "mixed dimension": ("table", {"table": "mixed_dimension", "tolerance": 0.02}),
    "DeepLight": ("deeplight", {}),
    "SSEDS": ("sseds", {}),
    "DSL": ("dsl", {}),
    "AutoDim": ("autodim", {}),
    SMALLER: ("smaller_dense", {}),
    SMALLER_IN_BYTES: ("smaller_dense", {}),
}
# the whole table in few bits: trained and searched as the original, then rounded
ROUNDED: dict[str, tuple[str, dict[str, Any]]] = {
    f"int{bits}": ("quantise", {"bits": bits, "per": "field"}) for bits in (8, 4, 2)
}
# what has at least one number for each id can't leave a twentieth of 16
ONE_NUMBER_AN_ID = ("MEmCom", "mixed dimension", "AutoDim")
_FULL_EVOLUTION: dict[str, Any] = {
    "regularisation": 1e-4,
    "threshold_learning_rate": 1e-4,
    "evolution": {"mutated": 10, "crossed": 10, "parents": 15, "generations": 30},
}


def _changes(profile: str) -> dict[str, dict[str, Any]]:
    """What a profile changes, by method; the full sets have the papers' own."""
    return by_profile(
        profile,
        quick={"OptEmbed": {"search": _SHORT_EVOLUTION}, "AutoDim": {"find_epochs": 1}},
        reference={},
        paper={"OptEmbed": {"search": _FULL_EVOLUTION}, "DHE": {"table_settings": {"hashes": 1024}}},
    )


def uncompressed(profile: str) -> list[Arm]:
    """The plain table, and OptEmbed where nothing is asked of its size."""
    own = _changes(profile).get("OptEmbed", {"search": _EVOLUTION})["search"]
    return [
        Arm(ORIGINAL, "no_selection"),
        Arm(OWN_SIZE, "optembed", method_settings=settings_of("optembed", own)),
    ]


def budget_of(label: str, sparsity: float) -> Budget:
    """What a compression is asked to remove."""
    return Budget(sparsity, "bytes" if label == SMALLER_IN_BYTES else "numbers")


def compressions(profile: str, sparsity: float) -> list[Arm]:
    """Every method at one sparsity."""
    arms = []
    for label, (method, own) in {**LERS_METHODS, **OTHERS}.items():
        settings = settings_of(method, {**own, **_changes(profile).get(label, {})})
        if sparsity > 0.9 and label in ONE_NUMBER_AN_ID:
            continue
        arms.append(Arm(label, method, budget_of(label, sparsity), settings))
    return arms


def rounded() -> list[Arm]:
    """The plain table after training, in few bits a number."""
    return [
        Arm(label, method, method_settings=settings_of(method, own), searched_as=ORIGINAL)
        for label, (method, own) in ROUNDED.items()
    ]


def backbone_for(name: str, profile: str) -> BackboneSettings:
    """LERS Table 4: D = 16, DeepFM 400-400-400, DCN-Mix 512-512 behind three layers of four experts."""
    whole: dict[str, Any] = {"deepfm": {"hidden": (400, 400, 400)}, "dcn_mix": {"hidden": (512, 512)}}
    small: dict[str, Any] = {
        "deepfm": {"hidden": (32, 32)},
        "dcn_mix": {"hidden": (32, 32), "rank": 8, "cross_layers": 2, "experts": 2},
    }
    sizes = by_profile(profile, quick=small, reference=whole, paper=whole)[name]
    return BackboneSettings.model_validate(
        {"name": name, "embedding_dim": 16, "batch_norm": True, "dropout": 0.2, **sizes}
    )


def training_for(profile: str, name: str = "", *, final: bool = False) -> TrainingSettings:
    """At most 15 epochs of a set, as in LERS, which takes the best of them.

    The reference stops when validation AUC falls; on a set `name` of Table 5 when log-loss rises as well, of
    a `final` run in two epochs in a row, so that no mean holds a seed which had not begun to learn. On
    Avazu's sample, whose epochs of 14 steps do both while a model still learns, a trial of the search stops
    after five epochs without a better AUC, and a final run never.
    The reference multiplies in bfloat16, for every method alike: half the hours, see `performance`.
    """
    ends: dict[str, Any] = {"progress": "either", "patience": 2 if final else 1} if name else {}
    if name == "avazu":
        ends = {"patience": 15 if final else 5}
    return by_profile(
        profile,
        quick=TrainingSettings(learning_rate=1e-2, batch_size=512, epochs=2),
        reference=TrainingSettings(epochs=15, precision="bfloat16", **ends),
        own=TrainingSettings(epochs=15, **ends),
        paper=TrainingSettings(epochs=15, patience=15),
    )


def set_for(name: str, profile: str) -> Any:
    """Data of one half of Table 5."""
    threshold = {"criteo": 10, "avazu": 2, "ml-1m": 1}[name]
    return by_profile(
        profile,
        quick=lambda: dataset_ref("planted", PrepareSettings(threshold=2), PlantedSettings(rows=12_000)),
        reference={"criteo": CRITEO, "avazu": AVAZU, "ml-1m": MOVIELENS}[name],
        paper=lambda: dataset_ref(name, PrepareSettings(threshold=threshold, numeric_threshold=threshold)),
    )


def shorter(tpe: TPE, trials: int | None) -> TPE:
    """A search of as many trials; of as many as it has, where none are asked for."""
    if not trials:
        return tpe
    random = min(tpe.random, trials)
    return tpe.model_copy(update={"trials": trials, "random": random, "starts": tpe.starts[:random]})


def tpe_for(profile: str) -> TPE:
    """LERS §3.3: 30 trials, 10 of them random; fewer where two cores have to do, or one person waits."""
    trials, random = by_profile(profile, quick=(3, 2), reference=(8, 4), own=(4, 2), paper=(30, 10))
    space = by_profile(profile, quick=SPACE, reference=REFERENCE_SPACE, paper=SPACE)
    return TPE(space=space, trials=trials, random=random)


def table4(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    sets: str | Sequence[str] | None = None,
    backbones: str | Sequence[str] | None = None,
    arms: str | Sequence[str] | None = None,
    trials: int | None = None,
    median_pruning: bool = False,
) -> list[Grid]:
    """The search: learning rate, L2 and dropout of every method, at one sparsity, by TPE on validation AUC.

    Args:
        dataset: what to search on instead; the profile's own sets by default.
        sets: names among `SETS`; the quick profile has planted rows alone.
        backbones: names among `BACKBONES`; on one's own data DeepFM alone by default.
        arms: labels of methods, with semicolons; all by default.
        trials: of each search.
        median_pruning: stop trials that fall behind the random ones, see `TPE`.
    """
    tpe = shorter(tpe_for(profile), trials).model_copy(update={"median_pruning": median_pruning})
    few = by_profile(profile, quick=None, reference=None, own=BACKBONES[:1], paper=None)
    models = [backbone_for(b, profile) for b in valid_names(backbones or few, BACKBONES, "backbone")]
    every = [*_asked(uncompressed(profile), arms), *_searchable(profile, dataset, models[0], arms)]
    return [
        Grid(
            item="lers_table4",
            profile=profile,
            dataset=dataset or set_for(name, profile),
            backbones=models,
            arms=every,
            training=training_for(profile, name),
            seeds=(),
            tpe=tpe,
        )
        for name in valid_names(sets, SETS, "data set")[: 1 if profile == "quick" else None]
    ]


def _searchable(
    profile: str,
    dataset: DatasetRef | None,
    model: BackboneSettings,
    labels: str | Sequence[str] | None,
) -> list[Arm]:
    """The methods at the sparsity of the search; where one's own tables can't be so small, at the least."""
    found: dict[str, Arm] = {}
    for t in (SEARCHED_AT, SPARSITIES[0]):
        rest = [arm for arm in _asked(compressions(profile, t), labels) if arm.label not in found]
        found |= {arm.label: arm for arm in reachable(rest, dataset, model)}
    return list(found.values())


def _asked(arms: Sequence[Arm], labels: str | Sequence[str] | None) -> list[Arm]:
    wanted = chosen_labels(labels, (ORIGINAL, OWN_SIZE, *LERS_METHODS, *OTHERS), "method")
    return [arm for arm in arms if arm.label in wanted]


def _shares(profile: str, sparsities: str | Sequence[float] | None) -> list[float]:
    """Shares of the numbers to remove; on one's own data two by default."""
    default = by_profile(
        profile, quick=SPARSITIES, reference=SPARSITIES, own=SPARSITIES[:2], paper=SPARSITIES
    )
    return numbers(sparsities, default, "sparsities")


def table5(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    sets: str | Sequence[str] | None = None,
    backbones: str | Sequence[str] | None = None,
    arms: str | Sequence[str] | None = None,
    sparsities: str | Sequence[float] | None = None,
    seeds: int | None = None,
    trials: int | None = None,
) -> list[Grid]:
    """Every method at every sparsity with the hyper-parameters that its search found.

    Args:
        sparsities: shares of the table's numbers to remove.
        seeds: trainings of each cell.
        dataset, sets, backbones, arms, trials: as of `table4`.
    """
    count = seeds or by_profile(profile, quick=1, reference=3, paper=3)
    searches = table4(profile, dataset=dataset, sets=sets, backbones=backbones, arms=arms, trials=trials)
    searched, model = {arm.label for arm in searches[0].arms}, searches[0].backbones[0]
    planned = [arm for t in _shares(profile, sparsities) for arm in compressions(profile, t)]
    every = _asked([*uncompressed(profile), *planned], arms)
    able = [arm for arm in reachable(every, dataset, model) if arm.label in searched]
    never = unmet(every, dataset, model)
    grids = []
    for search, name in zip(searches, valid_names(sets, SETS, "data set"), strict=False):
        grids.append(
            replace(
                search,
                item="lers_table5",
                arms=able,
                left_out=never,
                training=training_for(profile, name, final=True),
                seeds=range(count),
                tpe=None,
                picks=search,
            )
        )
    return grids


# λ of Fig. 6, around the book's own 1e-5
DECAYS = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
DECAYED = ("QR", "DHE", "PEP")


def fig6(
    profile: str = "quick", *, dataset: DatasetRef | None = None, seeds: int | None = None
) -> list[Grid]:
    """QR, DHE and PEP under five weight decays at each sparsity: which decay suits which size.

    Validation only; the other hyper-parameters stay as they are.
    """
    backbone = backbone_for("deepfm", profile)
    every = [arm for sparsity in SPARSITIES for arm in compressions(profile, sparsity)]
    every = [arm for arm in every if arm.label in DECAYED]
    few = DECAYS[::2]
    decays = by_profile(profile, quick=few, reference=DECAYS, own=few, paper=DECAYS)
    return [
        Grid(
            item="lers_fig6",
            profile=profile,
            dataset=dataset or set_for("criteo", profile),
            backbones=[backbone],
            arms=reachable(every, dataset, backbone),
            left_out=unmet(every, dataset, backbone),
            training=training_for(profile),
            seeds=(),
            candidates=[{"l2": decay} for decay in decays],
            search_seeds=range(seeds or by_profile(profile, quick=1, reference=3, paper=3)),
        )
    ]


ITEMS = [
    Item(
        "lers_table4",
        "lers_table4_search",
        "hyper-parameters of every compression, by TPE",
        {profile: table4(profile) for profile in PROFILES},
        own=partial(table4, sets="criteo"),
    ),
    Item(
        "lers_table5",
        "lers_table5_ctr",
        "every compression on click prediction",
        {profile: table5(profile) for profile in PROFILES},
        against=(ORIGINAL, SMALLER, SMALLER_IN_BYTES),
        keeps_draws=True,
        own=partial(table5, sets="criteo"),
    ),
    Item(
        "lers_fig6",
        "lers_fig6_weight_decay",
        "which weight decay suits which sparsity",
        {profile: fig6(profile) for profile in PROFILES},
        own=fig6,
    ),
]
