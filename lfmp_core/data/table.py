"""One's own CSV, TSV or Parquet file: which column is what."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, UnknownName, check_name
from .canonical import Canonical
from .columns import Column, Reader
from .delimited import DelimitedReader
from .header import delimiter_of, read_own_header
from .kinds import Guess, guess
from .labels import Truth
from .notices import Notice
from .parquet import ParquetReader, parquet_layout
from .schema import Kind
from .spelling import Spelling
from .times import form_of, whole_times

# rows that are looked at: as many of a CSV as of a Parquet file, so that both give the same kinds
_LOOK_CELLS, _LEAST_ROWS, _MOST_ROWS = 1 << 20, 500, 20_000
_LOOK_BYTES = 1 << 20
KINDS = ("categorical", "integer", "scalar")
# what pandas calls the row numbers that it wrote: without index=False, read and written again, to Parquet
_ROW_NUMBERS = ("", "Unnamed: 0", "__index_level_0__")


class _File(NamedTuple):
    """A file of one's own, opened as often as it is read."""

    path: Path
    names: list[str]
    options: dict

    def reader(self, columns: Iterable[Column], label: str, **how) -> Reader:
        return ParquetReader(self.path, tuple(columns), label, **how, **self.options)


class _Text(_File):
    def reader(self, columns: Iterable[Column], label: str, **how) -> Reader:
        return DelimitedReader(self.path, self.names, tuple(columns), label, **how, **self.options)


def open_table(source) -> Reader:
    """Reader of source.path with source.options (see `sources.own_table`)."""
    path, options = source.file(), source.options
    label, time, kinds = options["label"], options["time"], options["kinds"]
    file = _opened(path, options["delimiter"])
    _known(path, file.names, [label], "label column")
    _known(path, file.names, [*kinds], "column in kinds")
    _known(path, file.names, options["drop"], "column in drop")
    _known(path, file.names, [time] if time else [], "time column")
    for kind in kinds.values():
        check_name(kind, KINDS, "field kind")
    canonical = Canonical(tuple(options["missing"]))
    without = {label, time, *options["drop"]}
    fields = [name for name in file.names if name not in without]
    looked, rows = _look(file, [*fields, *([time] if time else [])], Spelling(canonical, _any))
    notices, fields = _without_row_numbers(path, fields, kinds, looked, rows)
    if not fields:
        raise DataError("no field is left", file=path, remedy="The file needs columns besides the label")
    columns = []
    for name in fields:
        inferred = guess(name, looked[name], rows) if name not in kinds else None
        if inferred:
            notices.append(inferred.notice(name))
        columns.append(_column(name, kinds.get(name), inferred))
    positive = canonical(pa.array([str(text) for text in options["positive"]], pa.string()))
    truth = Truth(tuple(positive.to_pylist()))
    times = form_of(looked[time]) if time else whole_times
    spelling = Spelling(canonical, truth, truth.remedy, times)
    return file.reader(columns, label, spelling=spelling, time=time, notices=notices)


def _opened(path: Path, delimiter: str | None) -> _File:
    if path.suffix.lower() in (".parquet", ".pq"):
        if delimiter is not None:
            raise DataError("a Parquet file has no delimiter", file=path, remedy="Leave --delimiter out")
        return _File(path, parquet_layout(path).names, {})
    delimiter = delimiter_of(path, delimiter)
    header = read_own_header(path, delimiter)
    how = {"delimiter": delimiter, "header": header.lines, "recode": header.recode}
    return _Text(path, header.names, how)


def _known(path: Path, names: list[str], wanted: list[str], what: str) -> None:
    known = set(names)
    for name in wanted:
        if name in known:
            continue
        try:
            check_name(name, names, what)
        except UnknownName as error:
            raise DataError(str(error), file=path) from None


def _any(unique: pa.StringArray) -> np.ndarray:
    return np.zeros(len(unique), np.uint8)


def _look(file: _File, names: list[str], spelling: Spelling) -> tuple[dict[str, pa.StringArray], int]:
    """The different texts of the first rows of each column, and how many rows these were."""
    if not names:
        return {}, 0
    wanted = min(max(_LOOK_CELLS // len(names), _LEAST_ROWS), _MOST_ROWS)
    reader = file.reader([Column(name, "categorical", name) for name in names], names[0], spelling=spelling)
    found: dict[str, list[pa.StringArray]] = {name: [pa.array([], pa.string())] for name in names}
    rows = 0
    for piece in reader.pieces(_LOOK_BYTES):
        block = reader.parse(piece)
        take = min(len(block.labels), wanted - rows)
        for name in names:
            coded = block.columns[name]
            used = coded.unique.take(pa.array(np.unique(coded.codes[:take])))
            found[name].append(used)
        rows += take
        if rows == wanted:
            break
    return {name: pc.unique(pa.concat_arrays(parts)) for name, parts in found.items()}, rows


def _without_row_numbers(
    path: Path, fields: list[str], kinds: dict[str, str], looked: dict[str, pa.StringArray], rows: int
) -> tuple[list[Notice], list[str]]:
    """Leave out the row numbers that pandas writes beside the columns."""
    notices = []
    for name in _ROW_NUMBERS:
        if name not in fields or name in kinds:
            continue
        numbers = pc.all(pc.match_substring_regex(looked[name], r"^\d+$")).as_py()
        if numbers and len(looked[name]) == rows:
            text = "left out: it holds pandas' row numbers"
            notices.append(Notice("note", name or "(no name)", text, "Write the file with index=False"))
            fields = [field for field in fields if field != name]
        elif not name:
            remedy = "Give each column a name of its own"
            raise DataError("a column has no name", file=path, remedy=remedy)
    return notices, fields


def _column(name: str, declared: Kind | None, inferred: Guess | None) -> Column:
    missing = "--missing TEXT if it stands for a missing value"
    if inferred is None:
        return Column(name, declared or "categorical", name, None, f"Correct the value, or give {missing}")
    remedy = f"Give --kind {name}=categorical (kinds={{{name!r}: 'categorical'}} in Python), or {missing}"
    return Column(name, inferred.kind, name, None, remedy)
