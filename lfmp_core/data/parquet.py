"""Streaming reader of Parquet files; its "lines" are rows, counted from 1."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import DataError
from .columns import Block, Coded, Column
from .malformed import check_beginning
from .notices import Notice
from .spelling import PUBLISHED, Spelling
from .typed import texts

_RETRY = "Copy or download the file again"


class ParquetReader:
    """See columns.Reader. time_optional: a time column that is absent is no error.

    notices: what opening the file showed, handed on to the schema.
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
    ):
        self.path, self.columns, self.label, self.spelling = path, tuple(columns), label, spelling
        self.notices = tuple(notices)
        layout = parquet_layout(path)
        if time_optional and time not in layout.names:
            time = None
        self.time, self.has_time = time, time is not None
        wanted = {column.column for column in columns} | {label} | ({time} if time else set())
        self.names = [name for name in layout.names if name in wanted]
        for name in wanted:
            if name not in layout.names:
                raise DataError(
                    f"no column {name!r}", file=path, column=name, remedy=f"It has {', '.join(layout.names)}"
                )
            if pa.types.is_nested(layout.field(name).type):
                raise DataError(
                    f"a column of {layout.field(name).type}",
                    file=path,
                    column=name,
                    remedy="Flatten or drop it",
                )
        self.size = path.stat().st_size

    def pieces(self, block_bytes: int) -> Iterator[tuple[pa.RecordBatch, int, int]]:
        """Batches of about block_bytes of numbers, with its first row's number and its share of the file."""
        rows_per_batch = max(1, block_bytes // (8 * len(self.names)))
        row = 1
        try:
            with pq.ParquetFile(self.path) as file:
                total = max(file.metadata.num_rows, 1)
                for batch in file.iter_batches(rows_per_batch, columns=self.names, use_threads=False):
                    yield batch, row, int(self.size * batch.num_rows / total)
                    row += batch.num_rows
        except (pa.ArrowInvalid, pa.ArrowIOError) as error:
            what = f"the file is damaged ({str(error).splitlines()[0]})"
            raise DataError(what, file=self.path, line=row, remedy=_RETRY) from None

    def parse(self, piece: tuple[pa.RecordBatch, int, int], time_only: bool = False) -> Block:
        batch, first, size = piece
        wanted = [self.time or self.label] if time_only else self.names
        coded = {name: self._coded(batch.column(name)) for name in wanted}

        def line_of(row: int) -> int:
            return first + row

        block = Block(np.zeros(batch.num_rows, np.uint8), coded, None, size, self.path, line_of)
        if self.time:
            block.time = self.spelling.times_of(block, self.time)
        if not time_only:
            block.labels = self.spelling.labels_of(block, self.label)
        return block

    def _coded(self, column: pa.Array) -> Coded:
        if not pa.types.is_dictionary(column.type):
            column = pc.dictionary_encode(column)
        values = pc.fill_null(texts(column.dictionary), "")
        codes = column.indices
        if codes.null_count:
            codes = pc.fill_null(codes, len(values))
            values = pa.concat_arrays([values, pa.array([""])])
        merged = Coded(codes.to_numpy().astype(np.int32, copy=False), values).merged()
        return self.spelling.coded(merged.codes, merged.unique)

    def provenance(self) -> dict[str, Any]:
        """File name, bytes and SHA-256 of the whole file."""
        with open(self.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"file": self.path.name, "bytes": self.size, "sha256": digest}


def parquet_layout(path: Path) -> pa.Schema:
    """Columns of a Parquet file.

    Raises:
        DataError: absent, of another kind, or damaged.
    """
    check_beginning(path, parquet=True)
    try:
        return pq.read_schema(path)
    except (pa.ArrowInvalid, pa.ArrowIOError, OSError) as error:
        what = f"the Parquet file is damaged or cut off ({str(error).splitlines()[0]})"
        raise DataError(what, file=path, remedy=_RETRY) from None
