"""Bootstrap draws of every cell of a data set: the ground of any comparison, and how they are kept."""

import io
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from lfmp_core.errors import DataError, UnknownName
from lfmp_core.experiments.executor import open_dataset
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.stamp import carried, comparable
from lfmp_core.experiments.stats import resample
from lfmp_core.experiments.store import Store
from lfmp_core.files import atomic_write
from lfmp_core.metrics import Metric, metric_of, metrics_among
from lfmp_core.settings import canonical_json

Key = tuple[str, str, float]  # backbone, arm, the budget's share
_TEXTS = ("cells", "logits")  # what a file has of a set in JSON; the rest are its metrics


@dataclass(frozen=True, eq=False)
class Draws:
    """Test scores of the cells of one data set, on its rows or users and on resamples that all cells share.

    Attributes:
        dataset: its name. runs: ids of the records of each cell, by seed.
        values: by metric and cell [1 + draws], means over seeds; see `stats.resample`.
        stamps: of the records of each cell, which all have one; not kept with the draws, the records have
            them. logits: digests of what the records kept when they were drawn from, by id.
    """

    dataset: str
    runs: Mapping[Key, tuple[str, ...]]
    values: Mapping[Metric, Mapping[Key, np.ndarray]]
    stamps: Mapping[Key, Mapping[str, str]] = field(default_factory=dict)
    logits: Mapping[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> set[str]:
        """Ids of all records."""
        return {i for ids in self.runs.values() for i in ids}

    def stamped(self, stamps: Mapping[str, Mapping[str, str]]) -> "Draws":
        """The same, knowing the stamps of its records, by id."""
        return replace(self, stamps={key: stamps.get(ids[0], {}) for key, ids in self.runs.items()})

    def comparable(self, one: Key, other: Key) -> bool:
        """Whether two cells may be held against each other: see `stamp.comparable`."""
        return comparable(self.stamps.get(one, {}), self.stamps.get(other, {}))

    def agreeing(self) -> set[Key]:
        """Cells of which any two of one backbone may be held against each other: those with most partners
        first, the others where they agree with all before them."""
        beside = {key: [other for other in self.runs if other[0] == key[0]] for key in self.runs}
        partners = {key: sum(self.comparable(key, other) for other in beside[key]) for key in self.runs}
        kept: set[Key] = set()
        for key in sorted(self.runs, key=lambda key: -partners[key]):
            if all(self.comparable(key, other) for other in beside[key] if other in kept):
                kept.add(key)
        return kept

    def __deepcopy__(self, memo: object) -> "Draws":
        """Itself: it is never changed, and pandas copies what travels with a frame at every step."""
        return self


def draw(
    found: Iterable[tuple[str, Record]],
    store: Store,
    draws: int = 400,
    *,
    progress: bool = False,
    one_training: Collection[str] = (),
) -> list[Draws]:
    """The draws of finished runs, data set by data set. Of rows it needs the data, for their labels.

    Args:
        found: (arm label, record), a cell's under one stamp; see `results.finals`.
        draws: resamples of rows or users, and of seeds.
        progress: show bars on stderr.
        one_training: ids of the runs that are, seed by seed, one training with others of their backbone and
            budget: seeds are drawn for these together.
    """
    sets: dict[DatasetRef, dict[Key, list[Record]]] = {}
    for arm, record in found:
        spec = record.spec
        key = (spec.backbone["name"], arm, spec.budget.share)
        sets.setdefault(spec.dataset, {}).setdefault(key, []).append(record)
    made = []
    for dataset, cells in sets.items():
        metrics = metrics_among(next(iter(cells.values()))[0].metrics)
        rows = metrics[0].unit == "row"
        labels = open_dataset(dataset).split("test").labels if rows else None
        own = {key: sorted(records, key=lambda r: r.spec.seed) for key, records in cells.items()}
        units = {key: [store.logits(r) for r in records] for key, records in own.items()}
        together = {
            key: (key[0], key[2]) for key, many in own.items() if {r.id for r in many} <= set(one_training)
        }
        bars = {m: f"{dataset.name}, {m.title}" if progress else None for m in metrics}
        values = {
            m: resample(labels, units, m, draws, 0, True, progress=bars[m], one_training=together)
            for m in metrics
        }
        runs = {key: tuple(r.id for r in records) for key, records in own.items()}
        stamps = {key: carried(records[0]) for key, records in own.items()}
        digests = {r.id: r.logits for records in own.values() for r in records}
        made.append(Draws(dataset.name, runs, values, stamps, digests))
    return made


def save_draws(path: Path, drawn: Sequence[Draws]) -> None:
    """Keep draws, as float32; the same draws are the same bytes."""
    arrays: dict[str, Any] = {}
    for one in drawn:
        index = [[*key, *ids] for key, ids in one.runs.items()]
        for part, said in zip(_TEXTS, (index, dict(one.logits)), strict=True):
            arrays[f"{one.dataset}/{part}"] = np.frombuffer(canonical_json(said).encode(), np.uint8)
        for metric, values in one.values.items():
            arrays[f"{one.dataset}/{metric.name}"] = np.stack([values[k] for k in one.runs]).astype(
                np.float32
            )
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    atomic_write(path, buffer.getvalue())


def load_draws(path: Path) -> dict[str, Draws]:
    """The draws kept there by data set; none where there is no file.

    Raises:
        DataError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as file:
            names = dict.fromkeys(name.rpartition("/")[0] for name in file.files)
            return {name: _read(file, name) for name in names}
    except (ValueError, KeyError, TypeError, EOFError, OSError, BadZipFile, UnknownName) as error:
        remedy = f"Delete it and run: lfmp compare {path.stem}"
        raise DataError(f"draws are damaged ({error})", file=path, remedy=remedy) from None


def carrying(compared: pd.DataFrame, drawn: Iterable[Draws]) -> pd.DataFrame:
    """Comparisons with the draws that they rest on."""
    compared.attrs["draws"] = {one.dataset: one for one in drawn}
    return compared


def _read(file: Mapping[str, np.ndarray], name: str) -> Draws:
    index, logits = (json.loads(file[f"{name}/{part}"].tobytes()) for part in _TEXTS)
    runs: dict[Key, tuple[str, ...]] = {(b, arm, float(t)): tuple(ids) for b, arm, t, *ids in index}
    values: dict[Metric, dict[Key, np.ndarray]] = {}
    for part in file:
        own, _, metric = part.rpartition("/")
        if own == name and metric not in _TEXTS:
            values[metric_of(metric)] = dict(zip(runs, file[part].astype(np.float64), strict=True))
    return Draws(name, runs, values, logits=logits)


def eight_digits(value: Any) -> Any:
    """A number as it is kept in a file: to eight places, beyond which the order of a sum decides."""
    # + 0.0: the sign of nothing is noise too
    return round(value, 8) + 0.0 if isinstance(value, float) else value
