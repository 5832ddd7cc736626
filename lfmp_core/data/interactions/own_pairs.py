"""One's own CSV, TSV or Parquet file of users and items, optionally with times."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import DataError
from ..canonical import MISSING, Canonical
from ..columns import Column
from ..faults import Guarded
from ..given import check_given
from ..notices import Notice
from ..own_file import OwnFile, check_columns, open_own_file, sample_texts, unlabelled
from ..schema import SPLITS
from ..sources import SOURCES, Source
from ..spelling import Spelling
from ..times import form_of, whole_times
from ..vocabulary import VOCABULARY
from .gathered import Gathered

_BLOCK_BYTES = 4 << 20
_UNREAD = "not read: the splits are files of their own, and no time decides which pair goes where"


def own_interactions(
    path: Path | str,
    user: str,
    item: str,
    *,
    time: str | None = None,
    missing: tuple[str, ...] | list[str] = MISSING,
    delimiter: str | None = None,
    val: Path | str | None = None,
    test: Path | str | None = None,
    name: str | None = None,
) -> Source:
    """A source of one's own CSV, TSV or Parquet file, a pair a row.

    Args:
        user, item: the columns that say who took what, of any type.
        time: column of whole numbers or ISO dates, for the splits by time.
        missing: the texts that stand for no value; the empty one always does.
        delimiter: between columns, default a tab in .tsv and a comma in other text files.
        val, test: files of the other splits, where `path` holds the training pairs alone; without `val` it is
            drawn from those.

    Raises:
        DataError: test is missing where val is given; one file is given twice.
    """
    path = Path(path)
    options = {
        "user": user,
        "item": item,
        "time": time,
        "missing": sorted(missing),
        "delimiter": delimiter,
    }
    if user == item:
        raise DataError(f"{user!r} is named as the column of users and of items", file=path)
    if val is not None or test is not None:
        given = check_given({"train": path, "val": val, "test": test}, needed=("train", "test"))
        options |= {split: str(given[split].absolute()) for split in SPLITS[1:] if split in given}
    return SOURCES["interactions"].model_copy(
        update={"name": name or path.stem, "path": path, "options": options}
    )


def gather_own(source: Source) -> Gathered:
    """All pairs of the file, or of those of its splits; see `own_interactions`.

    Users and items are numbered by falling count, ties by value. Rows without a user or an item are left out.

    Raises:
        DataError: a file can't be read, lacks a column, or a row has no usable time.
    """
    options, path = source.options, source.file()
    names = (options["user"], options["item"])
    files = own_paths(source)
    time = options["time"] if len(files) == 1 else None
    opened = {split: open_own_file(file, options["delimiter"]) for split, file in files.items()}
    for split, file in opened.items():
        check_columns(files[split], file.names, [options["user"]], "column of users")
        check_columns(files[split], file.names, [options["item"]], "column of items")
    check_columns(path, opened["train"].names, [time] if time else [], "time column")
    canonical = Canonical(tuple(options["missing"]))
    read = [_read(file, names, time, canonical) for file in opened.values()]
    unread = [Notice("note", options["time"], _UNREAD)] if options["time"] and not time else []
    columns = [_together([own.columns[number] for own in read]) for number in range(len(names))]
    absent = [_absent(column) for column in columns]
    kept = ~(absent[0] | absent[1])
    users, items = (_numbered(column.indices.to_numpy()[kept], column.dictionary) for column in columns)
    given = np.repeat([SPLITS.index(split) for split in files], [len(own) for own in read]).astype(np.int8)
    sources = dict(zip(files, (own.source for own in read), strict=True))
    return Gathered(
        users.ids,
        items.ids,
        len(users.words),
        len(items.words),
        times=None if read[0].times is None else read[0].times[kept],
        given=given[kept] if len(files) > 1 else None,
        vocabulary=pa.concat_tables([users.vocabulary(names[0]), items.vocabulary(names[1])]),
        names=names,
        source=sources.pop("train") | sources,
        notices=(*unread, *_left_out(names, absent)),
        file=path,
    )


def own_paths(source: Source) -> dict[str, Path]:
    """The file of each split that has one of its own; all pairs where there is but one."""
    others = {split: Path(source.options[split]) for split in SPLITS[1:] if split in source.options}
    return {"train": source.file()} | others


@dataclass(frozen=True, eq=False)
class _Read:
    """One file: a dictionary array of users and one of items, in pieces."""

    columns: list[list[pa.DictionaryArray]]
    times: np.ndarray | None
    source: dict[str, Any]

    def __len__(self) -> int:
        return sum(map(len, self.columns[0]))


def _read(file: OwnFile, names: tuple[str, str], time: str | None, canonical: Canonical) -> _Read:
    plain = Spelling(canonical, unlabelled)
    form = form_of(sample_texts(file, [time], plain)[0][time]) if time else whole_times
    spelling = Spelling(canonical, unlabelled, times=form)
    columns = [Column(name, "categorical", name) for name in names]
    reader = Guarded(file.reader(columns, names[0], spelling=spelling, time=time))
    parts: list[list[pa.DictionaryArray]] = [[] for _ in names]
    times = []
    for piece in reader.pieces(_BLOCK_BYTES):
        block = reader.parse(piece)
        for part, name in zip(parts, names, strict=True):
            coded = block.columns[name]
            part.append(pa.DictionaryArray.from_arrays(pa.array(coded.codes), coded.unique))
        if block.time is not None:
            times.append(block.time)
    empty = np.zeros(0, np.int64)
    return _Read(parts, np.concatenate([empty, *times]) if time else None, reader.provenance())


def _together(parts: list[list[pa.DictionaryArray]]) -> pa.DictionaryArray:
    """One array of all pieces of all files, with one dictionary."""
    kind = pa.dictionary(pa.int32(), pa.string())
    whole = pa.chunked_array([piece for own in parts for piece in own], kind).unify_dictionaries()
    return whole.combine_chunks() if whole.num_chunks else pa.array([], kind)


def _absent(column: pa.DictionaryArray) -> np.ndarray:
    """Rows without a value: bool [rows]."""
    empty = pc.equal(column.dictionary, "").to_numpy(zero_copy_only=False)
    return empty[column.indices.to_numpy()]


def _left_out(names: tuple[str, str], absent: list[np.ndarray]) -> Iterator[Notice]:
    for name, rows in zip(names, absent, strict=True):
        if rows.any():
            yield Notice("warning", name, f"{int(rows.sum()):,} of {len(rows):,} rows name none: left out")


@dataclass(frozen=True, eq=False)
class _Numbered:
    """Numbers of rows, by falling count, ties by value; and what each stands for."""

    ids: np.ndarray
    words: pa.StringArray
    counts: np.ndarray

    def vocabulary(self, name: str) -> pa.Table:
        ids = pa.array(np.arange(len(self.words), dtype=np.int32))
        field = pa.repeat(pa.scalar(name), len(self.words))
        return pa.table([field, self.words, pa.array(self.counts), ids], schema=VOCABULARY)


def _numbered(codes: np.ndarray, dictionary: pa.StringArray) -> _Numbered:
    counts = np.bincount(codes, minlength=len(dictionary))
    table = pa.table({"value": dictionary, "count": counts, "code": np.arange(len(dictionary))})
    table = table.filter(pc.greater(table["count"], 0))
    table = table.sort_by([("count", "descending"), ("value", "ascending")]).combine_chunks()
    number = np.full(len(dictionary), -1, np.int64)
    number[table["code"].to_numpy()] = np.arange(len(table))
    return _Numbered(
        number[codes], pa.array(table["value"].to_pylist(), pa.string()), table["count"].to_numpy()
    )
