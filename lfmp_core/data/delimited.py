"""Streaming reader of delimited text: Criteo's, Avazu's and MovieLens' files and one's own CSV."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ..errors import DataError
from .columns import Block, Coded, Column
from .malformed import check_beginning, explain
from .notices import Notice
from .spelling import PUBLISHED, Spelling

_LONGEST_LINE = 64 << 20


class Piece(NamedTuple):
    data: bytes
    line: int


class DelimitedReader:
    """Text with one row a line.

    Args:
        path: the file.
        names: its columns, in order.
        columns: the fields to make of them.
        label: name of the label column.
        header: lines before the first row.
        spelling: how texts are read.
        time: name of the column that orders rows in time, or None.
        closed: refuse a file that doesn't end with a newline (publishers' files do: it was cut off).
        notices: what opening the file showed, handed on to the schema.
        recode: change to each piece of bytes before it is parsed, e.g. "::" to a tab.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        columns: Sequence[Column],
        label: str,
        *,
        delimiter: str = ",",
        quoted: bool = True,
        header: int = 1,
        spelling: Spelling = PUBLISHED,
        time: str | None = None,
        closed: bool = False,
        hint: str = "",
        notices: Sequence[Notice] = (),
        recode: Callable[[bytes], bytes] | None = None,
    ):
        check_beginning(path)
        self.path, self.names, self.columns, self.label, self.time = (
            path,
            list(names),
            tuple(columns),
            label,
            time,
        )
        self.delimiter, self.quoted, self.header, self.spelling = delimiter, quoted, header, spelling
        self.closed, self.hint, self.recode = closed, hint, recode
        self.notices = tuple(notices)
        self.size, self.has_time = path.stat().st_size, time is not None
        self._digest: str | None = None

    def pieces(self, block_bytes: int) -> Iterator[Piece]:
        """Cut the file at line ends into pieces of about block_bytes, each with its first line's number."""
        digest, rest, line, skip = hashlib.sha256(), b"", 1, self.header
        for chunk in self._chunks(block_bytes, digest):
            data = rest + chunk if rest else chunk
            cut = self._cut(data)
            if cut == 0:
                rest = data
                if len(rest) > _LONGEST_LINE:
                    raise DataError(
                        f"a line longer than {_LONGEST_LINE >> 20} MiB",
                        file=self.path,
                        line=line,
                        remedy='Look for a quotation mark (") that is never closed',
                    )
                continue
            rest, data = data[cut:], data[:cut] if cut < len(data) else data
            lines = data.count(b"\n")
            if skip:
                # it ends before the cut: no cut lies inside quotes
                for _ in range(skip):
                    data = data[data.index(b"\n") + 1 :]
                line, lines, skip = line + skip, lines - skip, 0
            if data:
                yield Piece(data, line)
            line += lines
        if rest and rest.count(b"\n") >= skip:
            self._ending(rest, line)
            yield Piece(rest, line)
        self._digest = digest.hexdigest()

    def _chunks(self, block_bytes: int, digest: Any) -> Iterator[bytes]:
        """The file's bytes with \\n for every line end, CR and CR LF too; the digest is of what is there."""
        held = b""
        with open(self.path, "rb") as file:
            while chunk := file.read(block_bytes):
                digest.update(chunk)
                data = held + chunk
                # a CR at the end may be half of a CR LF
                held = b"\r" if data.endswith(b"\r") else b""
                data = data[: len(data) - len(held)]
                if b"\r" in data:
                    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                yield data
        if held:
            yield b"\n"

    def _cut(self, data: bytes) -> int:
        cut = data.rfind(b"\n") + 1
        if self.quoted and b'"' in data:
            # a newline inside quotes ends no row: an even number of quotes must lie before the cut
            while cut and data.count(b'"', 0, cut) % 2:
                cut = data.rfind(b"\n", 0, cut - 1) + 1
        return cut

    def _ending(self, rest: bytes, line: int) -> None:
        if self.quoted and rest.count(b'"') % 2:
            raise DataError(
                "a quotation mark is opened and never closed",
                file=self.path,
                line=line,
                remedy="Close it, or double it where it is part of a value",
            )
        found = len(next(self._rows(self.recode(rest) if self.recode else rest)))
        if found < len(self.names):
            raise DataError(
                f"the last line is truncated: {found} of {len(self.names)} columns",
                file=self.path,
                line=line,
                remedy="Copy or download the file again",
            )
        if self.closed:
            raise DataError(
                "the file ends in the middle of its last line",
                file=self.path,
                line=line,
                remedy="Copy or download the file again; if it is whole, end it with a newline",
            )

    def parse(self, piece: Piece, time_only: bool = False) -> Block:
        """One piece to codes and unique values. Thread-safe; pyarrow works without the interpreter lock."""
        data = self.recode(piece.data) if self.recode else piece.data
        wanted = (
            {column.column for column in self.columns} | {self.label} | ({self.time} if self.time else set())
        )
        if time_only:
            wanted = {self.time or self.label}
        include = [name for name in self.names if name in wanted]
        # bytes, not text: whether they are UTF-8 is then checked on unique values only
        kind = pa.dictionary(pa.int32(), pa.binary())
        multiline = self.quoted and b'"' in data
        try:
            table = pacsv.read_csv(
                pa.BufferReader(data),
                read_options=pacsv.ReadOptions(
                    column_names=self.names, use_threads=False, block_size=max(len(data) + 1, 1 << 10)
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char='"' if self.quoted else False,
                    newlines_in_values=multiline,
                    ignore_empty_lines=False,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(include, kind), include_columns=include
                ),
            )
            coded = {}
            for name in include:
                chunks = table.column(name).combine_chunks()
                chunks = chunks.chunk(0) if isinstance(chunks, pa.ChunkedArray) else chunks
                texts = pc.cast(chunks.dictionary, pa.string())
                coded[name] = Coded(chunks.indices.to_numpy(), texts)
        except pa.ArrowInvalid as error:
            raise explain(self, data, piece.line, str(error)) from None

        def line_of(row: int) -> int:
            return piece.line + (self._line_of_row(data, row) if multiline else row)

        coded = self.spelling.read(coded)
        block = Block(np.zeros(table.num_rows, np.uint8), coded, None, len(piece.data), self.path, line_of)
        if self.time:
            block.time = self.spelling.times_of(block, self.time)
        if not time_only:
            try:
                block.labels = self.spelling.labels_of(block, self.label)
            except DataError as error:
                # pyarrow takes an empty line as a row of empty values
                if error.line and not data.split(b"\n")[error.line - piece.line].strip():
                    remedy = "Remove the line"
                    raise DataError("an empty line", file=self.path, line=error.line, remedy=remedy) from None
                raise
        return block

    def _rows(self, data: bytes) -> Any:
        """Python's own reader of a piece: slow, for messages."""
        text = io.StringIO(data.decode("utf-8", "replace"), newline="")
        if self.quoted:
            return csv.reader(text, delimiter=self.delimiter)
        return csv.reader(text, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)

    def _line_of_row(self, data: bytes, row: int) -> int:
        """How many lines come before row `row` of a piece with quoted line breaks."""
        reader, line = self._rows(data), 0
        for number, _ in enumerate(reader):
            if number == row:
                return line
            line = reader.line_num
        return line

    def provenance(self) -> dict[str, Any]:
        """File name, bytes and SHA-256; known after pieces() has run to its end."""
        return {"file": self.path.name, "bytes": self.size, "sha256": self._digest}
