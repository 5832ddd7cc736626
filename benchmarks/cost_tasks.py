"""What the costs are measured on, and tasks whose methods can be stopped where a phase of theirs begins."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lfmp_book.lers.cf_arms import SETS, recommender_for
from lfmp_book.lers.grids import CRITEO, backbone_for
from lfmp_core.data import Dataset, InteractionData
from lfmp_core.data.planted import CRITEO_SIZES
from lfmp_core.data.raw_rows import KeptValues
from lfmp_core.data.sources import SOURCES
from lfmp_core.experiments.executor import open_dataset, open_pairs
from lfmp_core.tasks import Clicks, TopItems
from lfmp_core.training import TrainingSettings
from lfmp_core.training.pairs import PairTrainingSettings

from .common import zipf_rows
from .pair_contenders import PairBench, drawn_pairs

ZIPF = 1.1
BATCHES = 96  # of an epoch of generated rows: more than any measurement takes steps
VALIDATION = 20_000  # rows that a candidate of an evolution is valued on
# training rows of an epoch: of the paper's Criteo, 8 : 1 : 1; 0: the set's own
TRAINED = {"clicks": round(0.8 * SOURCES["criteo"].rows), "sample": 0, "pairs": 0}
# what a raw value is: of Criteo 8 hexadecimal digits, of Yelp a key of 22 characters
LETTERS = {"clicks": 8, "sample": 8, "pairs": 22}


@dataclass(frozen=True)
class Setting:
    """What is trained on and scored, and in which batches.

    Attributes:
        task: a key of `TRAINED`: `clicks`, Criteo's 39 fields and 1,086,810 ids with generated rows;
            `sample`, the rows of Criteo that are at hand; `pairs`, Yelp2018.
        batch: B.
        device: of training and scoring.
        seed: of everything random.
        quick: of tiny size: every part runs, no figure means anything.
    """

    task: str
    batch: int
    device: str = "cpu"
    seed: int = 0
    quick: bool = False

    def tiny(self) -> "Setting":
        """The same at tiny size: what it imports and compiles is what the whole one does."""
        return replace(self, batch=min(self.batch, 32), quick=True)


@dataclass
class Watch:
    """Lets a method run up to one of its phases, without training a step.

    Attributes:
        call: of the task's trainers the one that is taken, from 0; the others train nothing. None: all do so.
        fitness: what a candidate is valued by: `nothing`; `measured`, by validation; `taken` to be measured.
        calls: trainers that were asked for.
    """

    call: int | None = None
    fitness: str = "nothing"
    calls: int = 0


class Taken(Exception):
    """What a method was about to work with.

    Args:
        what: a loop, or what values a candidate.
    """

    def __init__(self, what: Any):
        super().__init__(what)
        self.what = what


class Watched:
    """A task under a watch; its methods are this project's own, their settings too."""

    until: Watch

    def trainer(self, model: Any, **options: Any) -> Any:
        """The loop of the protocol, taken away from who asked for it, or one without a step."""
        watch = self.until
        if watch.call == watch.calls:
            raise Taken(super().trainer(model, **options))  # type: ignore[misc]
        watch.calls += 1
        return super().trainer(model, **{**options, "max_steps": 0})  # type: ignore[misc]

    def fitness(self, model: Any, units: int) -> Callable[[], float]:
        """As the watch says."""
        if self.until.fitness == "nothing":
            return lambda: 0.0
        measure = super().fitness(model, units)  # type: ignore[misc]

        def take() -> float:
            raise Taken(measure)

        return take if self.until.fitness == "taken" else measure


@dataclass(frozen=True)
class WatchedClicks(Watched, Clicks):
    """Rows of clicks under a watch."""

    until: Watch = field(default_factory=Watch, compare=False)


@dataclass(frozen=True)
class WatchedTopItems(Watched, TopItems):
    """Pairs under a watch."""

    until: Watch = field(default_factory=Watch, compare=False)


def data_of(setting: Setting) -> Dataset | InteractionData:
    """What is trained on and scored."""
    if setting.task == "pairs":
        return _few_pairs(setting) if setting.quick else open_pairs(SETS["yelp2018"])
    if setting.task == "sample" and not setting.quick:
        return open_dataset(CRITEO)
    sizes = tuple(max(2, size // 2000) for size in CRITEO_SIZES) if setting.quick else CRITEO_SIZES
    held = (64 if setting.quick else VALIDATION) + 4 * setting.batch
    rows = zipf_rows(sizes, BATCHES * setting.batch + held, ZIPF, setting.seed, permuted=True)
    places = np.arange(len(rows))
    splits = {"train": places[held:], "val": places[:held]}
    return Dataset.from_arrays(rows.ids, rows.labels, sizes, splits=splits)


def _few_pairs(setting: Setting) -> InteractionData:
    drawn = drawn_pairs(replace(PairBench(seed=setting.seed).quick(), users=200, items=300, pairs=3000))
    return InteractionData.from_pairs(drawn.users(), drawn.items, num_users=200, num_items=300)


def task_for(
    setting: Setting, data: Dataset | InteractionData, watch: Watch
) -> WatchedClicks | WatchedTopItems:
    """The paper's models: DeepFM of D = 16 and 400-400-400, LightGCN of D = 64; Adam, float32."""
    size, device = setting.batch, setting.device
    if isinstance(data, InteractionData):
        model = recommender_for("lightgcn", "yelp2018", "reference")
        bench = PairBench()
        protocol = PairTrainingSettings(batch_size=size, l2=bench.l2, contrast=bench.contrast, device=device)
        return WatchedTopItems(data, model, protocol, until=watch)
    backbone = backbone_for("deepfm", "quick" if setting.quick else "reference")
    return WatchedClicks(data, backbone, TrainingSettings(batch_size=size, device=device), until=watch)


def epoch_rows(setting: Setting, data: Dataset | InteractionData) -> int:
    """Training rows of an epoch of the paper's, or of the set where that has them all."""
    if isinstance(data, InteractionData):
        return data.schema.pairs["train"]
    return TRAINED[setting.task] or data.schema.rows["train"]


def metadata_of(setting: Setting, data: Dataset | InteractionData) -> list[KeptValues]:
    """Maps of raw values to ids as a server of this project holds them, of generated values, asked once."""
    import pyarrow as pa

    if isinstance(data, InteractionData):
        sizes = [data.num_users, data.num_items]
    else:
        sizes = list(data.schema.field_sizes)
    letters, rng = LETTERS[setting.task], np.random.default_rng(setting.seed)
    maps = []
    for size in sizes:
        numbers = rng.permutation(np.arange(size, dtype=np.uint64) * 3 + 1).tolist()
        maps.append(KeptValues(pa.array([f"{number:0{letters}x}" for number in numbers])))
    for own in maps:  # a single row makes the map by which values are looked up one by one
        own.local(pa.array([own.kept[0].as_py()]))
    return maps
