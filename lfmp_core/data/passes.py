"""Raw files to a dataset folder, streamed twice over blocks of rows: memory does not grow with the rows.

Pass 1 parses each block on a pool of threads, decides each row's split, writes block-local codes and spills
the block's values with their counts. DuckDB then adds the counts up and gives each field's vocabulary. Pass 2
replaces the codes by global ids in place. What each row costs is parsing, one bincount and one take.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from ..errors import DataError
from ..folders import fresh_folder
from .arrays import GrowingArray, fingerprint_of
from .checks import open_array
from .columns import Reader
from .dataset import PREPARED, Dataset
from .encode import Encoded, column_kind, encode
from .faults import writing
from .leaks import leaking
from .noticed import Watch, check_splits, scarce
from .preparation import PrepareSettings
from .reading import ReadingRules
from .rows import Rows
from .schema import SPLITS, Field, Schema
from .splits import Chronological, GivenSplits, Splitter, StratifiedRuns, chronological_cuts, spill_times
from .vocabulary import Spill, connect, count_fields, lookups, write_vocabulary

# a column of a block costs some time however few its rows are: wide tables are read in larger blocks
BLOCK_BYTES, BYTES_A_FIELD = 4 << 20, 2 << 10
# sums of scalar values are kept as integers, so that they don't depend on how rows fall into blocks
_UNIT, _SQUARE_UNIT = float(1 << 24), float(1 << 20)


def prepare_reader(
    name: str,
    reader: Reader,
    out: Path,
    settings: PrepareSettings,
    *,
    truth: dict[str, Any] | None = None,
    reading: ReadingRules | None = None,
    progress: bool = True,
    watched: bool = False,
    threads: int | None = None,
    block_bytes: int = BLOCK_BYTES,
    replace: bool = True,
    holds: Iterable[Path] = (),
) -> Dataset:
    """Prepare what a reader reads into folder `out`, which is replaced only once the new one is whole.

    Args:
        settings: with thresholds resolved (no None).
        truth, reading: for the schema.
        watched: say which columns tell nothing (`noticed.Watch`).
        threads: parsing threads, default one a core; neither they nor block_bytes change the result.
        replace, holds: see `ownership.check_target`.

    Raises:
        DataError: malformed input, too few rows, a full disk, or another's folder at `out`; nothing is left
            behind.
    """
    out, threads = Path(out), threads or os.cpu_count() or 1
    target = fresh_folder(out, PREPARED, replace=replace, holds=holds)
    with writing(out), target as folder, ThreadPoolExecutor(threads) as pool:
        work = _Work(reader, folder, settings, pool, threads, block_bytes, progress, watched)
        try:
            schema = work.run(name, truth, reading)
        finally:
            work.close()
        schema.write(folder / "schema.json")
    return Dataset.load(out)


class _Work:
    """The state of one preparation."""

    def __init__(self, reader, folder, settings, pool, threads, block_bytes, progress, watched):
        self.reader, self.folder, self.settings, self.pool = reader, folder, settings, pool
        self.threads, self.block_bytes, self.quiet = threads, block_bytes, not progress
        self.spilled = folder / "spill"
        self.spilled.mkdir()
        # while the first rows are read; held here and not by frames, so that an error that someone keeps
        # doesn't keep the connection
        self.connecting = pool.submit(connect, self.spilled, threads)
        self.kinds = [column_kind(column, settings.numeric) for column in reader.columns]
        self.scalars = [i for i, kind in enumerate(self.kinds) if kind == "scalar"]
        m, s = len(self.kinds), len(self.scalars)
        if BYTES_A_FIELD * m > BLOCK_BYTES:
            self.block_bytes = max(self.block_bytes, BYTES_A_FIELD * m)
        self.arrays: dict[str, GrowingArray] = {}
        for split in SPLITS:
            (folder / split).mkdir()
            self._array(split, "ids", np.int32, (m,))
            self._array(split, "labels", np.uint8, ())
            if s:
                self._array(split, "values", np.float32, (s,))
        self.positives = dict.fromkeys(SPLITS, 0)
        self.spill = Spill(self.spilled, m)
        self.block_rows: list[np.ndarray] = []
        self.watch = Watch(reader.columns) if watched else None
        self.sums = [[0, 0, 0] for _ in self.scalars]

    def _array(self, split: str, name: str, dtype: type, width: tuple[int, ...]) -> None:
        self.arrays[f"{split}/{name}"] = GrowingArray(self.folder / split / f"{name}.npy", dtype, width)

    def close(self) -> None:
        """Close files and connection; the folder is the caller's."""
        self.connecting.result().close()
        del self.connecting
        for array in self.arrays.values():
            array.close()

    def run(self, name: str, truth: dict[str, Any] | None, reading: ReadingRules | None) -> Schema:
        splitter = self._splitter()
        numeric = self.settings.numeric
        with self._bar("read", self.reader.size, "B") as bar:
            for encoded in self._stream(lambda p: encode(self.reader.parse(p), self.reader.columns, numeric)):
                self._first(encoded, splitter)
                bar.update(encoded.block.size)
        self.spill.flush()
        rows = {split: self.arrays[f"{split}/labels"].rows for split in SPLITS}
        check_splits(self.reader.path, rows, self.positives, self.settings)
        fields, vocabularies = self._vocabularies()
        write_vocabulary(self.folder / "vocabulary.parquet", fields, vocabularies)
        digests = self._second(fields, [values for values, _ in vocabularies])
        _remove(self.spilled)
        notices = [*self.reader.notices, *scarce(rows, self.positives, self.settings)]
        if self.watch:
            counted = rows["train"] if self.settings.vocabulary_rows == "train" else sum(rows.values())
            leaks = leaking(self._written("train"), self._written("val"), fields)
            notices += self.watch.notices(fields, counted, leaks)
        return Schema(
            name=name,
            fields=tuple(fields),
            rows=rows,
            positives=self.positives,
            settings=self.settings,
            source=self.reader.provenance(),
            fingerprint=fingerprint_of(self.settings, fields, digests),
            truth=truth,
            notices=tuple(notices),
            reading=reading,
        )

    def _written(self, split: str) -> Rows:
        arrays = {"ids": np.int32, "labels": np.uint8} | ({"values": np.float32} if self.scalars else {})
        return Rows(*(open_array(self.folder / split / f"{name}.npy", kind) for name, kind in arrays.items()))

    def _bar(self, what: str, total: int, unit: str) -> tqdm:
        return tqdm(total=total, desc=what, unit=unit, unit_scale=True, disable=self.quiet, leave=False)

    def _stream(self, work: Callable[[Any], Any]) -> Iterator[Any]:
        """Apply work to each piece on the pool; results in order, a few pieces in flight."""
        flying: deque = deque()
        try:
            for piece in self.reader.pieces(self.block_bytes):
                flying.append(self.pool.submit(work, piece))
                if len(flying) > self.threads:
                    yield flying.popleft().result()
            while flying:
                yield flying.popleft().result()
        finally:
            for future in flying:
                future.cancel()

    def _splitter(self) -> Splitter:
        shares = self.settings.shares
        if self.settings.split == "random":
            return StratifiedRuns(self.settings.seed, shares)
        if self.settings.split == "given":
            return GivenSplits()
        with self._bar("find cuts", self.reader.size, "B") as bar:

            def scan() -> Iterator[tuple[int, np.ndarray | None]]:
                for block in self._stream(lambda piece: self.reader.parse(piece, time_only=True)):
                    bar.update(block.size)
                    yield len(block.labels), block.time

            total, timed = spill_times(scan(), self.spilled)
        folder = self.spilled if timed else None
        return Chronological(chronological_cuts(total, shares, folder, self.connecting.result()))

    def _first(self, encoded: Encoded, splitter: Splitter) -> None:
        """Pass 1 of one block."""
        labels = encoded.block.labels
        if self.watch:
            self.watch.rows(encoded.block)
        parts = splitter.assign(labels, encoded.block.time)
        counts = np.zeros(0, np.int64)
        for number, split in enumerate(SPLITS):
            rows = np.flatnonzero(parts == number)
            codes = np.take(encoded.codes, rows, axis=0)
            self.arrays[f"{split}/ids"].append(codes)
            self.arrays[f"{split}/labels"].append(labels[rows])
            self.positives[split] += int(labels[rows].sum(dtype=np.int64))
            if encoded.values is not None:
                self.arrays[f"{split}/values"].append(encoded.values[rows])
            if split == "train":
                counted = codes if self.settings.vocabulary_rows == "train" else encoded.codes
                counts = np.bincount(counted.ravel(), minlength=int(encoded.bases[-1]))
                self._add_moments(encoded.values, rows)
        self.spill.add(encoded.keys, counts, encoded.bases)
        self.block_rows.append(np.bincount(parts, minlength=len(SPLITS)))

    def _add_moments(self, values: np.ndarray | None, rows: np.ndarray) -> None:
        if values is None:
            return
        for j in range(len(self.scalars)):
            x = values[rows, j]
            x = x[~np.isnan(x)]
            self.sums[j][0] += len(x)
            self.sums[j][1] += int(np.rint(x * _UNIT).astype(np.int64).sum())
            self.sums[j][2] += int(np.rint(x * x * _SQUARE_UNIT).astype(np.int64).sum())

    def _vocabularies(self) -> tuple[list[Field], list[tuple[pa.StringArray, np.ndarray]]]:
        fields, vocabularies, offset = [], [], 0
        thresholds = {"integer": self.settings.numeric_threshold, "scalar": 1}
        asked = {
            number: (thresholds.get(kind, self.settings.threshold), kind == "integer")
            for number, kind in enumerate(self.kinds)
            if kind != "scalar"
        }
        sums = iter(self.sums)
        found = count_fields(self.connecting.result(), self.spill, asked, self.pool)
        for number, (column, kind) in enumerate(zip(self.reader.columns, self.kinds, strict=True)):
            threshold = thresholds.get(kind, self.settings.threshold)
            mean = std = None
            if kind == "scalar":
                distinct, counts = 1, np.zeros(1, np.int64)
                values = pa.array(["1"])
                present, total, squares = next(sums)
                counts[0] = present
                mean = total / _UNIT / present if present else 0.0
                variance = squares / _SQUARE_UNIT / present - mean**2 if present else 0.0
                std = float(np.sqrt(variance)) if variance > 1e-9 else 1.0
            else:
                distinct, values, counts = found[number]
            size = len(values) + 1
            fields.append(
                Field(
                    name=column.name,
                    kind=kind,
                    size=size,
                    offset=offset,
                    threshold=threshold,
                    distinct=distinct,
                    kept=len(values),
                    mean=mean,
                    std=std,
                )
            )
            vocabularies.append((values, counts))
            offset += size
        if offset > np.iinfo(np.int32).max:
            raise DataError(f"{offset} ids do not fit 32 bits", remedy="Raise the threshold")
        return fields, vocabularies

    def _second(self, fields: list[Field], vocabularies: list[pa.StringArray]) -> dict[str, str]:
        """Pass 2: block-local codes to global ids, signed logs to standardised values; array digests."""
        for array in self.arrays.values():
            array.rewind()
        offsets = [field.offset for field in fields]
        unseen = np.array(offsets, np.int32)
        mean = np.array([fields[i].mean for i in self.scalars])
        std = np.array([fields[i].std for i in self.scalars])
        block = 0
        with self._bar("number", sum(int(rows.sum()) for rows in self.block_rows), " rows") as bar:
            for run in self.spill.runs:
                for table in lookups(run, self.spill.groups, vocabularies, offsets, self.pool):
                    rows = self.block_rows[block]
                    for count, split in zip(rows.tolist(), SPLITS, strict=True):
                        array = self.arrays[f"{split}/ids"]
                        ids = np.take(table, array.next(count))
                        array.put(ids)
                        if self.watch:
                            self.watch.ids(split, ids, unseen)
                        labels = self.arrays[f"{split}/labels"]
                        labels.put(labels.next(count))
                        if self.scalars:
                            values = self.arrays[f"{split}/values"]
                            x = (values.next(count) - mean) / std
                            values.put(np.where(np.isnan(x), 1.0, x))
                    block += 1
                    bar.update(int(rows.sum()))
        return {name: array.finish() for name, array in self.arrays.items()}


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
