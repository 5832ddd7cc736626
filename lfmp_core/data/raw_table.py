"""Raw rows that one has: columns of a table in memory, or of a file of one's own, block by block."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from .columns import Block, Coded, Column
from .faults import Guarded, reading
from .given import some
from .multi import joined
from .own_file import OwnFile, open_own_file, unlabelled
from .parquet import ParquetReader, check_flat, coded_of, is_list
from .spelling import Spelling

_AS_IT_STANDS = Spelling(None, unlabelled)
_HERE = Path("these rows")


@dataclass(frozen=True)
class RawBlock:
    """Consecutive raw rows.

    Attributes:
        block: texts of the columns asked for, as they stand.
        kept: the columns to keep, in their own types.
    """

    block: Block
    kept: pa.Table


def table_block(table: Any, names: Collection[str], several: Collection[str]) -> tuple[Block, set[str]]:
    """A table in memory as one block, and which of its columns are lists.

    Args:
        table: of pandas, Arrow or whatever Arrow can read.
        names: columns to read; others are left alone. several: those that may be lists.

    Raises:
        DataError: it is no table, a column is absent or there twice, or its values have no text.
    """
    arrays = _arrays(table, names)
    lists = {name for name in several if is_list(arrays[name].type)}
    layout = pa.schema([(name, array.type) for name, array in arrays.items()])
    check_flat(_HERE, layout, [name for name in arrays if name not in lists])
    coded = {
        name: coded_of(joined(array) if name in lists else array, _HERE, name)
        for name, array in arrays.items()
    }
    rows = len(table)
    return Block(np.zeros(rows, np.uint8), coded, None, 0, _HERE, lambda row: row + 1), lists


def _arrays(table: Any, names: Collection[str]) -> dict[str, pa.Array]:
    if not isinstance(table, pd.DataFrame):
        if not hasattr(table, "__arrow_c_stream__"):
            remedy = "Give a DataFrame, an Arrow table, or the path of a CSV or Parquet file"
            raise DataError(f"rows can't be read from a {type(table).__name__}", remedy=remedy)
        table = pa.table(table)
        check_there(_HERE, table.column_names, names)
        return {name: _whole(table.column(name)) for name in names}
    given = [str(name) for name in table.columns]
    check_there(_HERE, given, names)
    return {name: _array(table.iloc[:, given.index(name)]) for name in names}


def _array(column: pd.Series) -> pa.Array:
    try:
        return _whole(pa.array(column, from_pandas=True))
    except (pa.ArrowException, OverflowError):  # of several types, each with the text that a CSV would hold
        missing = column.isna()
        texts = [None if gone else str(v) for v, gone in zip(column, missing, strict=True)]
        return pa.array(texts, pa.string())


def _whole(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def check_there(path: Path, names: Sequence[str], wanted: Collection[str]) -> None:
    """Refuse rows that lack a column, or have two of its name.

    Raises:
        DataError: it names all that are lacking, and what the first may be called there.
    """
    there = set(names)
    if lacking := [name for name in wanted if name not in there]:
        near = get_close_matches(lacking[0], names, n=3, cutoff=0.5)
        remedy = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"It has {some(names)}"
        raise DataError(f"no column {some(lacking)}", file=path, remedy=remedy)
    if twice := [name for name in wanted if list(names).count(name) > 1]:
        raise DataError(f"two columns {twice[0]!r}", file=path, remedy="Leave one of them out")


def file_blocks(
    path: Path,
    names: Sequence[str],
    several: Collection[str] = (),
    *,
    keep: Sequence[str] = (),
    delimiter: str | None = None,
    block_bytes: int = 4 << 20,
) -> Iterator[tuple[RawBlock, set[str]]]:
    """A file of one's own in blocks; memory does not grow with its rows.

    Args:
        names, several: see `table_block`. keep: columns to hand on as they are.
        delimiter: see `open_own_file`.

    Raises:
        DataError: the file can't be read, or lacks a column.
    """
    with reading(path):
        file = open_own_file(path, delimiter, several)
    wanted = list(dict.fromkeys([*names, *keep]))
    check_there(path, file.names, wanted)
    columns = [Column(name, "categorical", name) for name in names]
    reader = Guarded(file.reader(_with_kept(file, columns, keep), wanted[0], spelling=_AS_IT_STANDS))
    lists = set(file.options.get("lists", ()))
    for piece in reader.pieces(block_bytes):
        block = reader.parse(piece)
        if isinstance(reader.reader, ParquetReader):
            kept = pa.table({name: piece[0].column(name) for name in keep})
        else:
            _refuse_empty_lines(block, piece)
            kept = pa.table({name: _texts(block.columns[name]) for name in keep})
        yield RawBlock(block, kept), lists


def _with_kept(file: OwnFile, columns: list[Column], keep: Sequence[str]) -> list[Column]:
    known = {column.name for column in columns}
    return columns + [Column(name, "categorical", name) for name in keep if name not in known]


def _texts(coded: Coded) -> pa.StringArray:
    return coded.unique.take(pa.array(coded.codes))


def _refuse_empty_lines(block: Block, piece: Any) -> None:
    """pyarrow takes an empty line as a row of empty values, which would get a score."""
    empty = np.ones(len(block.labels), bool)
    for coded in block.columns.values():
        blank = pc.equal(coded.unique, "").to_numpy(zero_copy_only=False)
        if not blank.any():
            return
        empty &= blank[coded.codes]
    if not empty.any():
        return
    lines = piece.data.split(b"\n")
    for row in np.flatnonzero(empty).tolist():
        line = block.line_of(row)
        if not lines[line - piece.line].strip():
            raise DataError("an empty line", file=block.file, line=line, remedy="Remove the line")
