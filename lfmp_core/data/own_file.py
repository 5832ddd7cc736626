"""A file of one's own, CSV, TSV or Parquet: its columns, and a reader of any of them."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, UnknownName, check_name
from .columns import Column, Reader
from .delimited import DelimitedReader
from .header import delimiter_of, read_own_header
from .multi import LIST_SEPARATOR, Multi
from .parquet import ParquetReader, is_list, parquet_layout
from .spelling import Spelling

# rows that are looked at: as many of a CSV as of a Parquet file, so that both give the same kinds
_LOOK_CELLS, _LEAST_ROWS, _MOST_ROWS = 1 << 20, 500, 20_000
_LOOK_BYTES, _LOOK_BYTES_A_FIELD = 1 << 20, 2 << 10


class OwnFile(NamedTuple):
    """A file of one's own, opened as often as it is read."""

    path: Path
    names: list[str]
    options: dict

    def separated(self, name: str, multi: Multi) -> Multi:
        """How a column of several values is read here: lists have a separator of their own."""
        return multi._replace(separator=LIST_SEPARATOR) if name in self.options.get("lists", ()) else multi

    def reader(self, columns: Iterable[Column], label: str, **how) -> Reader:
        """A reader of these columns; `how`: what either reader takes."""
        return ParquetReader(self.path, tuple(columns), label, **how, **self.options)


class _Text(OwnFile):
    def reader(self, columns: Iterable[Column], label: str, **how) -> Reader:
        return DelimitedReader(self.path, self.names, tuple(columns), label, **how, **self.options)


def open_own_file(path: Path, delimiter: str | None, multi: Collection[str] = ()) -> OwnFile:
    """The file by its ending: Parquet, or text.

    Args:
        delimiter: between columns of a text, as asked; None as usual.
        multi: columns that may be lists.

    Raises:
        DataError: it can't be read as what it is called; a delimiter of a Parquet file.
    """
    if path.suffix.lower() in (".parquet", ".pq"):
        layout = parquet_layout(path)
        if delimiter is not None:
            raise DataError("a Parquet file has no delimiter", file=path, remedy="Leave --delimiter out")
        lists = [name for name in layout.names if name in multi and is_list(layout.field(name).type)]
        return OwnFile(path, layout.names, {"lists": lists})
    delimiter = delimiter_of(path, delimiter)
    header = read_own_header(path, delimiter)
    how = {"delimiter": delimiter, "header": header.lines, "recode": header.recode}
    return _Text(path, header.names, how)


def check_columns(
    path: Path, names: list[str], wanted: Iterable[str], what: str, *, several: str | None = None
) -> None:
    """Refuse a file without a column that is wanted, naming the nearest.

    Args:
        wanted: names of columns. what: they are, for the message.
        several: the option that is given once for each, where one may have been given all of them.

    Raises:
        DataError
    """
    known = set(names)
    for name in wanted:
        if name in known:
            continue
        parts = [part.strip() for part in name.split(",")]
        if several and len(parts) > 1 and known.issuperset(parts):
            remedy = f"Give it once for each: {' '.join(f'{several} {part}' for part in parts)}"
            raise DataError(f"no {what} {name!r}", file=path, remedy=remedy)
        try:
            check_name(name, names, what)
        except UnknownName as error:
            raise DataError(str(error), file=path) from None


def unlabelled(unique: pa.StringArray) -> np.ndarray:
    """No label is wrong where none is asked for."""
    return np.zeros(len(unique), np.uint8)


def sample_texts(
    file: OwnFile, names: list[str], spelling: Spelling
) -> tuple[dict[str, pa.StringArray], int]:
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
