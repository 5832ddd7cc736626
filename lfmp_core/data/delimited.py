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
from .columns import Block, Coded, Column, Labelling, clicks, labels_of
from .discretise import first_bad
from .malformed import check_beginning, explain
from .notices import Notice

_LONGEST_LINE = 64 << 20


class Piece(NamedTuple):
    data: bytes
    line: int


class DelimitedReader:
    """Text with one row a line.

    Args:
        path: the file.
        names: its columns, in order. With `header` they must be exactly the file's first line.
        columns: the fields to make of them.
        label: name of the label column; `labelling` maps its unique texts to 0, 1 or REFUSED.
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
        header: bool = True,
        labelling: Labelling = clicks,
        label_remedy: str = "Labels must be 0 or 1",
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
        self.delimiter, self.quoted, self.header, self.labelling = delimiter, quoted, header, labelling
        self.label_remedy, self.closed, self.hint, self.recode = label_remedy, closed, hint, recode
        self.notices = tuple(notices)
        self.size, self.has_time = path.stat().st_size, time is not None
        self._digest: str | None = None

    def pieces(self, block_bytes: int) -> Iterator[Piece]:
        """Cut the file at line ends into pieces of about block_bytes, each with its first line's number."""
        digest, rest, line = hashlib.sha256(), b"", 1
        skip = self.header
        with open(self.path, "rb") as file:
            while chunk := file.read(block_bytes):
                digest.update(chunk)
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
                    skip, start = False, data.index(b"\n") + 1
                    data, line, lines = data[start:], line + 1, lines - 1
                if data:
                    yield Piece(data, line)
                line += lines
        if rest and not (skip and b"\n" not in rest):
            self._ending(rest, line)
            yield Piece(rest, line)
        self._digest = digest.hexdigest()

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
        found = len(
            next(csv.reader(io.StringIO(rest.decode("utf-8", "replace")), delimiter=self.delimiter[:1]))
        )
        if self.recode:
            found = self.recode(rest).count(b"\t") + 1
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
                coded[name] = Coded(chunks.indices.to_numpy(), pc.cast(chunks.dictionary, pa.string()))
        except pa.ArrowInvalid as error:
            raise explain(self, data, piece.line, str(error)) from None

        def line_of(row: int) -> int:
            return line_of_row(data, row, piece.line) if multiline else piece.line + row

        time = None
        if self.time:
            time = self._times(coded[self.time], line_of)
        labels = np.zeros(table.num_rows, np.uint8)
        if not time_only:
            labels, bad = labels_of(coded[self.label], self.labelling)
            if bad is not None:
                raise self._bad_label(data, coded[self.label], bad, piece.line, line_of(bad))
        return Block(labels, coded, time, len(piece.data), self.path, line_of)

    def _bad_label(self, data: bytes, labels: Coded, row: int, first: int, line: int) -> DataError:
        value = labels.unique[int(labels.codes[row])].as_py()
        if value == "" and not data.split(b"\n")[line - first].strip():
            # pyarrow takes an empty line as a row of empty values
            return DataError("an empty line", file=self.path, line=line, remedy="Remove the line")
        return DataError(
            f"label {value!r}", file=self.path, line=line, column=self.label, remedy=self.label_remedy
        )

    def _times(self, coded: Coded, line_of: Callable[[int], int]) -> np.ndarray:
        try:
            return pc.cast(coded.unique, pa.int64()).to_numpy()[coded.codes]
        except pa.ArrowInvalid:
            bad = first_bad(coded.unique, lambda u: pc.cast(u, pa.int64()))
            row = int(np.flatnonzero(coded.codes == bad)[0])
            raise DataError(
                f"time {coded.unique[bad].as_py()!r} is no integer",
                file=self.path,
                line=line_of(row),
                column=self.time,
                remedy="Correct or remove the row",
            ) from None

    def provenance(self) -> dict[str, Any]:
        """File name, bytes and SHA-256; known after pieces() has run to its end."""
        return {"file": self.path.name, "bytes": self.size, "sha256": self._digest}


def line_of_row(data: bytes, row: int, first: int) -> int:
    """Line on which row `row` of a piece with quoted line breaks starts."""
    reader, line = csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline="")), 0
    for number, _ in enumerate(reader):
        if number == row:
            return first + line
        line = reader.line_num
    return first + line
