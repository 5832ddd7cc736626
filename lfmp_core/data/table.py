"""One's own CSV, TSV or Parquet file: which column is what."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import DataError, UnknownName, check_name
from .columns import Column, Reader
from .delimited import DelimitedReader
from .malformed import read_header
from .parquet import ParquetReader, parquet_layout

_LOOK = 4 << 20
_FEW = 50
KINDS = ("categorical", "integer", "scalar")


def open_table(source) -> Reader:
    """Reader of source.path with source.options (label, kinds, drop, time)."""
    path, options = source.path, source.options
    if path is None:
        raise DataError("no file named", remedy="Give --file and --label, or use own_table(path, label)")
    label, time = options["label"], options.get("time")
    parquet = path.suffix in (".parquet", ".pq")
    delimiter = "\t" if path.suffix in (".tsv", ".tab") else ","
    names = parquet_layout(path).names if parquet else read_header(path, delimiter)
    _known(path, names, [label], "label column")
    _known(path, names, [*options["kinds"]], "column in kinds")
    _known(path, names, options["drop"], "column in drop")
    _known(path, names, [time] if time else [], "time column")
    for kind in options["kinds"].values():
        check_name(kind, KINDS, "field kind")
    fields = [name for name in names if name not in (label, time, *options["drop"])]
    if not fields:
        raise DataError("no field is left", file=path, remedy="The file needs columns besides the label")
    guessed = infer_kinds(path, fields, names, label, parquet, delimiter)
    columns = [
        Column(name, options["kinds"].get(name, guessed[name]), name, None, name not in options["kinds"])
        for name in fields
    ]
    if parquet:
        return ParquetReader(path, columns, label, time=time)
    return DelimitedReader(path, names, columns, label, delimiter=delimiter, time=time)


def _known(path: Path, names: list[str], wanted: list[str], what: str) -> None:
    for name in wanted:
        try:
            check_name(name, names, what)
        except UnknownName as error:
            raise DataError(str(error), file=path) from None


def infer_kinds(path, fields, names, label, parquet, delimiter) -> dict[str, str]:
    """Guess each field's kind from the first rows.

    All integers with more than 50 distinct values: integer, unless the name ends in "id". Numbers not all
    integers: scalar. Everything else: categorical.
    """
    if parquet:
        with pq.ParquetFile(path) as file:
            head = next(file.iter_batches(100_000, columns=fields), None)
        texts = (
            {name: pc.cast(head[name].unique(), pa.string()) for name in fields} if head is not None else {}
        )
    else:
        plain = [Column(name, "categorical", name) for name in fields]
        reader = DelimitedReader(path, names, plain, fields[0], delimiter=delimiter, labelling=_any)
        piece = next(iter(reader.pieces(_LOOK)), None)
        texts = {n: c.unique for n, c in reader.parse(piece).columns.items()} if piece else {}
    return {name: _guess(name, texts[name]) if name in texts else "categorical" for name in fields}


def _any(unique: pa.StringArray):
    return np.zeros(len(unique), np.uint8)


def _guess(name: str, unique: pa.StringArray) -> str:
    present = unique.filter(pc.and_kleene(pc.is_valid(unique), pc.not_equal(unique, "")))
    if not len(present):
        return "categorical"
    for kind, wanted in (("integer", pa.int64()), ("scalar", pa.float64())):
        try:
            pc.cast(present, wanted)
        except pa.ArrowInvalid:
            continue
        if kind == "integer" and (len(present) <= _FEW or name.lower().endswith("id")):
            return "categorical"
        return kind
    return "categorical"
