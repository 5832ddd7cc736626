"""One's own CSV, TSV or Parquet file: which column is what."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, check_name
from .canonical import Canonical
from .columns import Column, Reader
from .faults import Guarded, reading
from .given import GivenReader, check_same_columns
from .kinds import Guess, guess
from .labels import Truth
from .malformed import check_names
from .multi import fields_of_column, multi_of, seems_multi
from .notices import Notice
from .own_file import check_columns, open_own_file, sample_texts, unlabelled
from .preparation import PrepareSettings
from .schema import SPLITS, Kind
from .spelling import Spelling
from .times import form_of, whole_times

KINDS = ("categorical", "integer", "scalar")
# what pandas calls the row numbers that it wrote: without index=False, read and written again, to Parquet
_ROW_NUMBERS = ("", "Unnamed: 0", "__index_level_0__")


def open_table(source, settings: PrepareSettings) -> Reader:
    """Reader of source.path with source.options (see `sources.own_table`)."""
    path, options = source.file(), source.options
    label, time, kinds = options["label"], options["time"], options["kinds"]
    multi = {name: multi_of(name, how, options["separator"]) for name, how in options["multi"].items()}
    file = open_own_file(path, options["delimiter"], multi)
    check_columns(path, file.names, [label], "label column")
    check_columns(path, file.names, [*kinds], "column in kinds")
    check_columns(path, file.names, [*multi], "column in multi")
    check_columns(path, file.names, options["drop"], "column in drop", several="--drop")
    check_columns(path, file.names, [time] if time else [], "time column")
    for kind in kinds.values():
        check_name(kind, KINDS, "field kind")
    canonical = Canonical(tuple(options["missing"]))
    left_out = {label, time, *options["drop"]}
    fields = [name for name in file.names if name not in left_out]
    plain = Spelling(canonical, unlabelled)
    looked, rows = sample_texts(file, [*fields, *([time] if time else [])], plain)
    notices, fields = _without_row_numbers(path, fields, kinds, looked, rows)
    if not fields:
        raise DataError("no field is left", file=path, remedy="The file needs columns besides the label")
    columns: list[Column] = []
    for name in fields:
        if name in multi:
            alone = file.reader([Column(name, "categorical", name)], name, spelling=plain)
            columns += fields_of_column(name, file.separated(name, multi[name]), alone, canonical)
            continue
        inferred = guess(name, looked[name], rows, settings.numeric) if name not in kinds else None
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
            opened = open_own_file(other, options["delimiter"], multi)
            ignored = {time, *options["drop"], *_ROW_NUMBERS}
            check_same_columns(other, opened.names, path, file.names, ignored)
            readers[split] = opened.reader(columns, label, spelling=spelling)
    return GivenReader({split: Guarded(reader) for split, reader in readers.items()})


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
