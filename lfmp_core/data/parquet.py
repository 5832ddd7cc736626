"""Streaming reader of Parquet files; its "lines" are rows, counted from 1."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import DataError
from .columns import Block, Coded, Column
from .faults import reading
from .malformed import check_beginning, check_names
from .multi import HOW, joined
from .notices import Notice
from .spelling import PUBLISHED, Spelling
from .typed import texts


class ParquetReader:
    """See columns.Reader. time_optional: a time column that is absent is no error.

    notices: what opening the file showed, handed on to the schema.
    lists: columns of lists that are read as texts (`multi.joined`).
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[Column],
        label: str,
        *,
        spelling: Spelling = PUBLISHED,
        time: str | None = None,
        time_optional: bool = False,
        notices: Sequence[Notice] = (),
        lists: Collection[str] = (),
    ):
        self.path, self.columns, self.label, self.spelling = path, tuple(columns), label, spelling
        self.notices, self.lists = tuple(notices), frozenset(lists)
        layout = parquet_layout(path)
        present = dict.fromkeys(layout.names)
        if time_optional and time not in present:
            time = None
        self.time, self.has_time = time, time is not None
        wanted = {column.column for column in columns} | {label} | ({time} if time else set())
        self.names = [name for name in present if name in wanted]
        for name in wanted:
            if name not in present:
                raise DataError(
                    f"no column {name!r}", file=path, column=name, remedy=f"It has {', '.join(present)}"
                )
        fields = {column.column for column in columns}
        check_flat(path, layout, [name for name in self.names if name in fields - self.lists])
        check_flat(path, layout, [label] if label not in fields else [], "Name a column with one label a row")
        self.size = path.stat().st_size

    def pieces(self, block_bytes: int) -> Iterator[tuple[pa.RecordBatch, int, int]]:
        """Batches of about block_bytes of numbers, with its first row's number and its share of the file."""
        rows_per_batch = max(1, block_bytes // (8 * len(self.names)))
        row = 1
        with pq.ParquetFile(self.path) as file:
            total = max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(rows_per_batch, columns=self.names, use_threads=False):
                yield batch, row, int(self.size * batch.num_rows / total)
                row += batch.num_rows

    def parse(self, piece: tuple[pa.RecordBatch, int, int], time_only: bool = False) -> Block:
        batch, first, size = piece
        wanted = [self.time or self.label] if time_only else self.names
        coded = self.spelling.read({name: self._read(batch.column(name), name, first) for name in wanted})

        def line_of(row: int) -> int:
            return first + row

        block = Block(np.zeros(batch.num_rows, np.uint8), coded, None, size, self.path, line_of)
        if self.time:
            block.time = self.spelling.times_of(block, self.time)
        if not time_only:
            block.labels = self.spelling.labels_of(block, self.label)
        return block

    def _read(self, column: pa.Array, name: str, first: int) -> Coded:
        return coded_of(joined(column) if name in self.lists else column, self.path, name, first)

    def provenance(self) -> dict[str, Any]:
        """File name, bytes and SHA-256 of the whole file."""
        with open(self.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"file": self.path.name, "bytes": self.size, "sha256": digest}


def coded_of(column: pa.Array, path: Path, name: str, line: int | None = None) -> Coded:
    """The texts of a flat column, "" for a missing value.

    Raises:
        DataError: see `as_texts`.
    """
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    values = pc.fill_null(as_texts(column.dictionary, path, name, line), "")
    codes = column.indices
    if codes.null_count:
        codes = pc.fill_null(codes, len(values))
        values = pa.concat_arrays([values, pa.array([""])])
    return Coded(codes.to_numpy().astype(np.int32, copy=False), values).merged()


def as_texts(values: pa.Array, path: Path, name: str, line: int | None = None) -> pa.StringArray:
    """Values of a flat column as texts.

    Raises:
        DataError: they have none, or not in UTF-8 (a Parquet file's texts are whatever bytes were written).
    """
    try:
        found = texts(values)
        found.validate(full=True)
    except (pa.ArrowException, ValueError):
        raise DataError(
            f"a column of {values.type} that can't be read as text in UTF-8",
            file=path,
            line=line,
            column=name,
            remedy=f"Write it as text in UTF-8, or leave it out: --drop {name}",
        ) from None
    return found


def is_list(kind: pa.DataType) -> bool:
    """Whether a row of the column holds several plain values of one kind."""
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return lists and not pa.types.is_nested(kind.value_type)


def check_flat(path: Path, layout: pa.Schema, names: Iterable[str], remedy: str | None = None) -> None:
    """Refuse columns of lists, structs and maps: one value a row is what a field is.

    Args:
        remedy: in place of those for a field.

    Raises:
        DataError
    """
    for name in names:
        kind = layout.field(name).type
        if pa.types.is_nested(kind):
            of_parts = f"Leave it out (--drop {name}), or write a column for each part of it"
            of_field = HOW.format(name) if is_list(kind) else of_parts
            raise DataError(f"a column of {kind}", file=path, column=name, remedy=remedy or of_field)


def parquet_layout(path: Path) -> pa.Schema:
    """Columns of a Parquet file.

    Raises:
        DataError: absent, of another kind, damaged, or with two columns of one name.
    """
    check_beginning(path, parquet=True)
    with reading(path):
        layout = pq.read_schema(path)
        check_names(path, layout.names, nameless=True)
    return layout
