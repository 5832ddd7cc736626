"""The first line of one's own text file: names, what separates them, how many lines it takes."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import DataError
from .faults import reading
from .malformed import check_beginning, check_names

_LONGEST = 16 << 20
_SPELT = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_USUAL = {",": "','", ";": "';'", "\t": "tab", "|": "'|'"}


@dataclass(frozen=True)
class Header:
    """What the first line of a file says of the others.

    Attributes:
        names: of the columns.
        lines: of the file that it takes; a quoted name may hold a line end.
        recode: what makes blanks after delimiters go, or None.
    """

    names: list[str]
    lines: int
    recode: Callable[[bytes], bytes] | None


def delimiter_of(path: Path, asked: str | None) -> str:
    """The character between columns: as asked, else a tab in .tsv and .tab files and a comma in others.

    Raises:
        DataError: it can't be one.
    """
    if asked is None:
        return "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
    delimiter = _SPELT.get(asked, asked)
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0' or delimiter.isalnum():
        raise DataError(f"{asked!r} can't be a delimiter", remedy="Give one character, e.g. ';' or tab")
    return delimiter


def read_own_header(path: Path, delimiter: str) -> Header:
    """Read the header of one's own text file.

    Raises:
        DataError: it is not UTF-8, or nothing in it is separated by the delimiter.
    """
    check_beginning(path)
    with reading(path), open(path, "rb") as file:
        data = file.read(_LONGEST)
    try:
        text = _upto_row(data).decode("utf-8-sig")
    except UnicodeDecodeError:
        remedy = "Save the file as UTF-8: iconv -f LATIN1 -t UTF-8"
        raise DataError("invalid UTF-8", file=path, line=1, remedy=remedy) from None
    try:
        names, lines = _split(text, delimiter)
    except csv.Error as error:
        raise DataError(f"the first line is no header ({error})", file=path, line=1) from None
    if len(names) == 1:
        counts = {other: len(_split(text, other)[0]) - 1 for other in _USUAL if other != delimiter}
        likely = max(counts, key=lambda other: counts[other])
        if counts[likely]:
            what = f"the header holds no {_USUAL.get(delimiter, repr(delimiter))} but {counts[likely]} of "
            raise DataError(
                what + _USUAL[likely], file=path, line=1, remedy=f"Give --delimiter {_USUAL[likely]}"
            )
    recode = None
    if len(names) > 1 and delimiter != " " and all(name[:1] == " " for name in names[1:]):
        names, lines = _split(text, delimiter, skipinitialspace=True)
        recode = partial(_without_blanks, delimiter.encode())
    check_names(path, names, line=1, nameless=True)
    return Header(names, lines, recode)


def _upto_row(data: bytes) -> bytes:
    """The first row, or a little more: up to the first line end before which all quotes are closed."""
    for end in re.finditer(rb"[\r\n]", data):
        if data.count(b'"', 0, end.start()) % 2 == 0:
            return data[: end.start()]
    return data


def _split(text: str, delimiter: str, skipinitialspace: bool = False) -> tuple[list[str], int]:
    reader = csv.reader(
        io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")),
        delimiter=delimiter,
        skipinitialspace=skipinitialspace,
    )
    return next(reader, [""]), max(reader.line_num, 1)


def _without_blanks(delimiter: bytes, data: bytes) -> bytes:
    """Blanks after a delimiter go, those inside quotes stay; "a, b" is read as "a,b"."""
    pattern = rb'("(?:[^"]|"")*")|' + re.escape(delimiter) + rb" +"
    return re.sub(pattern, lambda found: found[1] or delimiter, data)
