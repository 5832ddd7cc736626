"""One's own CSV, TSV or Parquet file: which column is what."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, UnknownName, check_name
from .canonical import Canonical
from .columns import Column, Reader
from .delimited import DelimitedReader
from .faults import Guarded, reading
from .given import GivenReader, check_same_columns
from .header import delimiter_of, read_own_header
from .kinds import Guess, guess
from .labels import Truth
from .malformed import check_names
from .multi import LIST_SEPARATOR, Multi, fields_of, multi_of, seems_multi
from .notices import Notice
from .parquet import ParquetReader, is_list, parquet_layout
from .schema import SPLITS, Kind
from .spelling import Spelling
from .times import form_of, whole_times

# rows that are looked at: as many of a CSV as of a Parquet file, so that both give the same kinds
_LOOK_CELLS, _LEAST_ROWS, _MOST_ROWS = 1 << 20, 500, 20_000
_LOOK_BYTES, _LOOK_BYTES_A_FIELD = 1 << 20, 2 << 10
KINDS = ("categorical", "integer", "scalar")
# what pandas calls the row numbers that it wrote: without index=False, read and written again, to Parquet
_ROW_NUMBERS = ("", "Unnamed: 0", "__index_level_0__")


class _File(NamedTuple):
    """A file of one's own, opened as often as it is read."""

    path: Path
    names: list[str]
    options: dict

    def separated(self, name: str, multi: Multi) -> Multi:
        """How a column of several values is read here: lists have a separator of their own."""
        return multi._replace(separator=LIST_SEPARATOR) if name in self.options.get("lists", ()) else multi

    def reader(self, columns: Iterable[Column], label: str, **how) -> Reader:
        return ParquetReader(self.path, tuple(columns), label, **how, **self.options)


class _Text(_File):
    def reader(self, columns: Iterable[Column], label: str, **how) -> Reader:
        return DelimitedReader(self.path, self.names, tuple(columns), label, **how, **self.options)


def open_table(source) -> Reader:
    """Reader of source.path with source.options (see `sources.own_table`)."""
    path, options = source.file(), source.options
    label, time, kinds = options["label"], options["time"], options["kinds"]
    multi = {name: multi_of(name, how, options["separator"]) for name, how in options["multi"].items()}
    file = _opened(path, options["delimiter"], multi)
    if options["delimiter"] is not None and not isinstance(file, _Text):
        raise DataError("a Parquet file has no delimiter", file=path, remedy="Leave --delimiter out")
    _known(path, file.names, [label], "label column")
    _known(path, file.names, [*kinds], "column in kinds")
    _known(path, file.names, [*multi], "column in multi")
    _known(path, file.names, options["drop"], "column in drop")
    _known(path, file.names, [time] if time else [], "time column")
    for kind in kinds.values():
        check_name(kind, KINDS, "field kind")
    canonical = Canonical(tuple(options["missing"]))
    without = {label, time, *options["drop"]}
    fields = [name for name in file.names if name not in without]
    plain = Spelling(canonical, _any)
    looked, rows = _look(file, [*fields, *([time] if time else [])], plain)
    notices, fields = _without_row_numbers(path, fields, kinds, looked, rows)
    if not fields:
        raise DataError("no field is left", file=path, remedy="The file needs columns besides the label")
    columns: list[Column] = []
    for name in fields:
        if name in multi:
            alone = file.reader([Column(name, "categorical", name)], name, spelling=plain)
            columns += fields_of(name, file.separated(name, multi[name]), alone, canonical)
            continue
        inferred = guess(name, looked[name], rows) if name not in kinds else None
        if inferred:
            notices.append(inferred.notice(name))
            notices += seems_multi(name, looked[name])
        columns.append(_column(name, kinds.get(name), inferred))
    check_names(path, [column.name for column in columns])
    positive = canonical(pa.array([str(text) for text in options["positive"]], pa.string()))
    truth = Truth(tuple(positive.to_pylist()))
    times = form_of(looked[time]) if time else whole_times
    spelling = Spelling(canonical, truth, truth.remedy, times)
    others = {split: Path(options[split]) for split in SPLITS if split in options}
    if not others:
        return file.reader(columns, label, spelling=spelling, time=time, notices=notices)
    readers = {"train": file.reader(columns, label, spelling=spelling, notices=notices)}
    for split, other in others.items():
        with reading(other):
            opened = _opened(other, options["delimiter"], multi)
            ignored = {time, *options["drop"], *_ROW_NUMBERS}
            check_same_columns(other, opened.names, path, file.names, ignored)
            readers[split] = opened.reader(columns, label, spelling=spelling)
    return GivenReader({split: Guarded(reader) for split, reader in readers.items()})


def _opened(path: Path, delimiter: str | None, multi: Collection[str]) -> _File:
    if path.suffix.lower() in (".parquet", ".pq"):
        layout = parquet_layout(path)
        lists = [name for name in layout.names if name in multi and is_list(layout.field(name).type)]
        return _File(path, layout.names, {"lists": lists})
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
    for piece in reader.pieces(max(_LOOK_BYTES, _LOOK_BYTES_A_FIELD * len(names))):
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
