"""What the page on one's own data runs, cheapest first: the whole model, and ways of removing a part of it.

The ways are those that the committed records speak for (`lfmp notebook decide`). Of the ways to find half of
the fields, GBDT (−.0012 of test AUC in the mean of its cases), permutation (−.0016) and Light-FMP's stream
(−.0030, in the least time) stand against −.021 of random fields, and were worse than these in no case. Of
tables without four fifths of their numbers, cached TT-Rec (+.0010), MEmCom (−.0005) and QR (−.0008) came out
best among those that need no search of their own; MagPrune (−.0052) was worse than a smaller dense table of
its size, and stands in no plan here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lfmp_core.budget import NOTHING, Budget
from lfmp_core.data import PlantedSettings, PrepareSettings
from lfmp_core.errors import check_name
from lfmp_core.experiments.executor import cut_to, dataset_ref, open_dataset
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.own_sizes import batch_size, hidden_layers
from lfmp_core.experiments.profiles import PROFILES, by_profile
from lfmp_core.experiments.reach import unmet
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.stages import LaterGrid, Line
from lfmp_core.experiments.store import Store
from lfmp_core.metrics import AUC
from lfmp_core.models import BackboneSettings
from lfmp_core.training import TrainingSettings

from ..arguments import settings_of, valid_names
from ..sets import AVAZU, CRITEO_SAMPLE, ML_1M
from .choice import WHOLE, Finalists, Together
from .costs import BYTES, COUNTS

ITEM = "your_data"
CHANCE, TOGETHER, MORE = "random fields", "together", "more seeds"
DIMENSION = 16
SELECTORS = {"Light-FMP, stream": "light_fmp_stream", "GBDT": "gbdt", "permutation": "permutation"}
TABLES: dict[str, dict[str, Any]] = {
    "QR": {"table": "qr"},
    "MEmCom": {"table": "memcom"},
    "TT-Rec, cached": {"table": "tt_rec", "table_settings": {"cache_share": 0.01}},
}
PARTS = ("bits", "dimensions", "fields", "tables", TOGETHER)
SETS = ("criteo", "avazu", "ml-1m")
FINALISTS = 3  # that are held against the whole model on test rows


class Size(NamedTuple):
    """How much a profile runs.

    Attributes:
        seeds: trainings of each way. more: further ones of those that are held against the whole model.
        draws: of random fields, of each share. rates: learning rates, tried on the whole model.
        fields, numbers: shares of the fields, and of the numbers by fewer dimensions, that go.
        tables: labels of other forms of table. compressed: shares of the numbers that go by them.
        selectors: labels of ways to choose fields. trees: settings of those whose defaults take too long.
    """

    seeds: int
    more: int
    draws: int
    rates: tuple[float, ...]
    fields: tuple[float, ...]
    numbers: tuple[float, ...]
    tables: tuple[str, ...]
    compressed: tuple[float, ...]
    selectors: tuple[str, ...] = tuple(SELECTORS)
    trees: Mapping[str, Mapping[str, Any]] = {}


_FEW_TREES = {"gbdt": {"trees": 20, "repeats": 1}}
_QUICK = Size(2, 2, 2, (1e-2,), (0.5, 0.75), (0.75,), ("QR",), (0.8,), tuple(SELECTORS)[:2], _FEW_TREES)
_REFERENCE = Size(3, 5, 20, (1e-3, 3e-3), (0.25, 0.5, 0.75), (0.5, 0.75, 0.875), tuple(TABLES), (0.8,))
_FEW_SHUFFLES = {name: {"repeats": 2} for name in ("gbdt", "permutation")}
_OWN = _REFERENCE._replace(draws=5, trees=_FEW_SHUFFLES)


@dataclass(frozen=True)
class Stage:
    """One of the steps, in their order.

    Attributes:
        name: what it tries. grid: its runs. unmet: a line for each way that can't be, known before a run.
    """

    name: str
    grid: Grid
    unmet: tuple[str, ...] = ()


def size_of(profile: str, own: bool) -> Size:
    """How much is run."""
    return by_profile(profile, quick=_QUICK, reference=_OWN if own else _REFERENCE, paper=_REFERENCE)


def backbone_for(profile: str, rows: int | None, dim: int = DIMENSION) -> BackboneSettings:
    """DeepFM; on one's own rows with hidden layers that suit their number."""
    whole = (400, 400, 400)
    own = whole if rows is None else hidden_layers(rows, whole)
    hidden = by_profile(profile, quick=(32, 16), reference=own, paper=whole)
    return BackboneSettings.model_validate({"name": "deepfm", "embedding_dim": dim, "hidden": hidden})


def training_for(profile: str, rows: int | None) -> TrainingSettings:
    """At most 15 epochs, ended by validation; on one's own rows an epoch has about a hundred steps."""
    batch = 2048 if rows is None else batch_size(rows)
    return by_profile(
        profile,
        quick=TrainingSettings(learning_rate=1e-2, batch_size=256, epochs=3),
        reference=TrainingSettings(batch_size=batch, epochs=15, patience=2),
        paper=TrainingSettings(batch_size=4096, epochs=15, patience=2),
    )


def set_for(name: str, profile: str) -> Any:
    """Rows of a profile; on MovieLens fewer of them, to fit two cores."""
    threshold = {"criteo": 10, "avazu": 2, "ml-1m": 1}[name]
    planted = PlantedSettings(rows=8_000, signal=3.0, scale=0.005)
    return by_profile(
        profile,
        quick=lambda: dataset_ref("planted", PrepareSettings(threshold=4, shares=(6, 2, 2)), planted),
        reference={
            "criteo": CRITEO_SAMPLE,
            "avazu": AVAZU,
            "ml-1m": cut_to(ML_1M, {"train": 100_000, "val": 20_000}),
        }[name],
        paper=lambda: dataset_ref(name, PrepareSettings(threshold=threshold, numeric_threshold=threshold)),
    )


def _rounded(bits: int, method: str = "no_selection", settings: Any = None) -> Any:
    inner = {} if settings is None else settings.parts()
    return settings_of("quantise", {"bits": bits, "method": method, "method_settings": inner})


def _bits() -> list[Arm]:
    return [Arm(f"int{b}", "quantise", NOTHING, _rounded(b), WHOLE) for b in (8, 4)]


def _widths(size: Size) -> list[Arm]:
    settings = settings_of("smaller_dense", {})
    return [
        Arm("smaller dense", "smaller_dense", Budget(t, "numbers"), settings, WHOLE) for t in size.numbers
    ]


def _fields(size: Size) -> list[Arm]:
    return [
        Arm(label, method, Budget(share), settings_of(method, dict(size.trees.get(method, {}))), WHOLE)
        for share in sorted(size.fields, key=lambda share: abs(share - 0.5))
        for label, method in SELECTORS.items()
        if label in size.selectors
    ]


def _tables(size: Size) -> list[Arm]:
    return [
        Arm(label, "table", Budget(t, "numbers"), settings_of("table", own), WHOLE)
        for t in size.compressed
        for label, own in TABLES.items()
        if label in size.tables
    ]


def _combined(profile: str, rows: int | None, size: Size) -> list[tuple[BackboneSettings, Arm]]:
    """Every selector, share, width and number of bits that may come together."""
    found = []
    whole = backbone_for(profile, rows)
    dims = [max(1, round((1 - t) * DIMENSION)) for t in size.numbers]
    for bits in (8, 4):
        for arm in _widths(size):
            settings = _rounded(bits, arm.method, arm.method_settings)
            found.append((whole, Arm(f"{arm.label}, int{bits}", "quantise", arm.budget, settings, WHOLE)))
        for arm in _fields(size):
            settings = _rounded(bits, arm.method, arm.method_settings)
            for dim in (DIMENSION, *dims):
                narrow = "" if dim == DIMENSION else f", {dim} dimensions"
                label = f"{arm.label}{narrow}, int{bits}"
                own = Arm(label, "quantise", arm.budget, settings, WHOLE)
                found.append((backbone_for(profile, rows, dim), own))
    return found


def stages(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    sets: str | Sequence[str] | None = None,
    parts: str | Sequence[str] | None = None,
    loss: float = AUC.margin,
    count: str = BYTES,
    patient: bool = True,
) -> list[Stage]:
    """The steps, cheapest first. What comes together, and what is confirmed, follows from those before.

    Args:
        dataset: one's own; the profile's by default.
        sets: names among `SETS`; the quick profile has planted rows alone.
        parts: names among `PARTS`, of what is tried; all by default.
        loss: of AUC that is allowed. count: what is to be saved, see `costs.COUNTS`.
        patient: what follows from steps before waits until all of their runs have ended.
    """
    check_name(count, COUNTS, "count")
    wanted, size, rows = valid_names(parts, PARTS, "part"), size_of(profile, dataset is not None), None
    if dataset is not None:
        rows = open_dataset(dataset).schema.rows["train"]
    found: list[Stage] = []
    for name in valid_names(sets, SETS, "data set")[: 1 if profile == "quick" or dataset else None]:
        whole = Grid(
            item=ITEM,
            profile=profile,
            dataset=dataset or set_for(name, profile),
            backbones=[backbone_for(profile, rows)],
            arms=[Arm(WHOLE, "no_selection", searched_as=WHOLE)],
            training=training_for(profile, rows),
            seeds=range(size.seeds),
            candidates=[{"learning_rate": rate} for rate in size.rates],
        )
        steps = [Stage("the whole model", whole), *_singles(whole, size, dataset, wanted)]
        tried = {step.name: step.grid for step in steps}
        if TOGETHER in wanted and {"fields", "dimensions", "bits"} <= tried.keys():
            chosen = Together(whole, tried["fields"], tried["dimensions"], tried["bits"], loss, patient)
            grid = _later(whole, _combined(profile, rows, size), chosen, Together.COUNT, whole.seeds)
            steps.append(Stage(TOGETHER, grid))
        later = tuple(step.grid for step in steps[1:] if step.name != CHANCE)
        if later:
            pairs = [pair for grid in (whole, *later) for pair in _lines(grid)]
            best = Finalists(whole, later, loss, count, FINALISTS, patient)
            seeds = range(size.seeds, size.seeds + size.more)
            steps.append(Stage(MORE, _later(whole, pairs, best, FINALISTS + 1, seeds)))
        found += steps
    return found


def _singles(whole: Grid, size: Size, dataset: DatasetRef | None, wanted: Sequence[str]) -> list[Stage]:
    """The steps that stand alone: each way with the rate that the whole model found."""
    arms = {"bits": _bits(), "dimensions": _widths(size), "fields": _fields(size)}
    arms[CHANCE] = [Arm(CHANCE, "random_fields", Budget(s), searched_as=WHOLE) for s in size.fields]
    arms["tables"] = _tables(size)
    steps = []
    for part, own in arms.items():
        never = unmet(own, dataset, whole.backbones[0])
        able = [arm for arm in own if not any(arm is other for other, _ in never)]
        if (part if part != CHANCE else "fields") in wanted and able:
            seeds = range(size.draws) if part == CHANCE else whole.seeds
            grid = replace(whole, arms=able, candidates=({},), picks=whole, seeds=seeds)
            steps.append(Stage(part, grid, tuple(map(str, never))))
    return steps


def _later(
    whole: Grid,
    pairs: Sequence[tuple[Any, Arm]],
    chosen: Callable[[Store], Collection[Line]],
    most: int,
    seeds: Sequence[int],
) -> LaterGrid:
    return LaterGrid(
        item=ITEM,
        profile=whole.profile,
        dataset=whole.dataset,
        backbones=[backbone for backbone, _ in pairs],
        arms=[arm for _, arm in pairs],
        training=whole.training,
        seeds=seeds,
        picks=whole,
        chosen=chosen,
        most=most,
    )


def _lines(grid: Grid) -> list[tuple[Any, Arm]]:
    if isinstance(grid, LaterGrid):
        return list(zip(grid.backbones, grid.arms, strict=True))
    return [(grid.backbones[0], arm) for arm in grid.arms]


def default_loss(profile: str, dataset: str, planted: float) -> float:
    """Loss of AUC that is allowed where none is asked for: what the book calls equal.

    Args:
        profile, dataset: parameters of the page, empty where they are not given.
        planted: instead on planted rows, which are too few to show so little.
    """
    return planted if not dataset and profile in ("", "quick") else AUC.margin


def your_data(profile: str = "quick", *, dataset: DatasetRef | None = None, **asked: Any) -> list[Grid]:
    """The grids of all steps; see `stages`."""
    return [stage.grid for stage in stages(profile, dataset=dataset, **asked)]


ITEMS = [
    Item(
        ITEM,
        ITEM,
        "what can go from one's own model, and at what loss",
        {profile: your_data(profile) for profile in PROFILES},
        against=(WHOLE,),
        own=your_data,
    )
]
