"""A second look at a file that doesn't parse: which line, which column, and what to do."""

import csv
import io
import stat
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from .faults import reading

if TYPE_CHECKING:
    from .delimited import DelimitedReader

_UTF_16 = "Save it as UTF-8: iconv -f UTF-16 -t UTF-8"
_MAGIC = (
    (b"\x1f\x8b", "a gzip archive", "Unpack it first: gunzip"),
    (b"PK\x03\x04", "a zip archive", "Unpack it first: unzip"),
    (b"BZh", "a bzip2 archive", "Unpack it first: bunzip2"),
    (b"\xfd7zXZ", "an xz archive", "Unpack it first: unxz"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it first: zstd -d"),
    (b"PAR1", "a Parquet file", "Name it *.parquet to have it read as Parquet"),
    (b"\x93NUMPY", "a NumPy array", "Give the publisher's text file"),
    (b"\xff\xfe", "text in UTF-16", _UTF_16),
    (b"\xfe\xff", "text in UTF-16", _UTF_16),
    (b"<!DOCTYPE", "a web page", "The download needs a login or moved: fetch the file itself"),
    (b"<html", "a web page", "The download needs a login or moved: fetch the file itself"),
)
_LONGEST_HEADER = 16 << 20
# with what Hive (1) and ASCII (28 to 31) have between columns
_TEXT = set(range(28, 256)) | {1, 9, 10, 13}


def check_beginning(path: Path, parquet: bool = False) -> None:
    """Refuse, before anything is read, a file that is absent, empty or of another kind than its use.

    Raises:
        DataError
    """
    with reading(path):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            remedy = "Write what comes out of it to a file first: it is read more than once"
            raise DataError("not a regular file", file=path, remedy=remedy)
        with open(path, "rb") as file:
            head = file.read(4096)
    if not head:
        raise DataError("the file is empty", file=path, remedy="Copy or download it again")
    for magic, what, remedy in _MAGIC:
        if head.startswith(magic) and not (parquet and magic == b"PAR1"):
            kind = "a Parquet file" if parquet else "text"
            raise DataError(f"{what} where {kind} is expected", file=path, remedy=remedy)
    if parquet:
        if not head.startswith(b"PAR1"):
            raise DataError(
                "not a Parquet file", file=path, remedy="Name a text file *.csv to have it read as text"
            )
    elif head.count(0) > len(head) // 3:
        raise DataError("text in UTF-16 where UTF-8 is expected", file=path, remedy=_UTF_16)
    elif len(set(head) - _TEXT) > 0:
        raise DataError(
            "binary data where text is expected", file=path, remedy="Give the publisher's text file"
        )


def read_header(path: Path, delimiter: str = ",") -> list[str]:
    """Column names in the first line of a text file.

    Raises:
        DataError: not UTF-8, two columns of one name, or a name is empty.
    """
    check_beginning(path)
    with reading(path), open(path, "rb") as file:
        line = file.readline(_LONGEST_HEADER)
    try:
        names = next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")], delimiter=delimiter))
    except UnicodeDecodeError:
        raise DataError("invalid UTF-8", file=path, line=1, remedy="Save the file as UTF-8") from None
    check_names(path, names, line=1)
    return names


def check_names(path: Path, names: Sequence[str], *, line: int | None = None, nameless: bool = False) -> None:
    """Refuse columns that can't be told apart by their names.

    Args:
        line: of the header, None where the file has no lines.
        nameless: let one column be without a name.

    Raises:
        DataError
    """
    seen: set[str] = set()
    for number, name in enumerate(names, 1):
        if name in seen or not (name or nameless):
            what = f"two columns are named {name!r}" if name in seen else "a column has no name"
            remedy = "Give each column a name of its own"
            raise DataError(what, file=path, line=line, column=number, remedy=remedy)
        seen.add(name)


def check_header(path: Path, expected: list[str], delimiter: str = ",") -> None:
    """Refuse a header other than the publisher's, naming the first wrong column and the nearest right one."""
    found = read_header(path, delimiter)
    if found == expected:
        return
    missing = [name for name in expected if name not in found]
    if missing:
        near = get_close_matches(
            missing[0], [name for name in found if name not in expected], n=1, cutoff=0.4
        )
        hint = f"Its header has {near[0]!r}: rename it" if near else f"Expected: {', '.join(expected)}"
        raise DataError(
            f"the header lacks column {missing[0]!r}", file=path, line=1, column=missing[0], remedy=hint
        )
    wrong = next((n for n, e in zip(found, expected, strict=False) if n != e), found[-1])
    what = f"column {wrong!r} is not where the publisher has it"
    raise DataError(what, file=path, line=1, column=wrong, remedy=f"Expected: {', '.join(expected)}")


def explain(reader: "DelimitedReader", data: bytes, first: int, message: str) -> DataError:
    """Find in a piece the line that pyarrow refused: too few or many columns, or bytes that are not UTF-8."""
    expected = len(reader.names)
    lines = data.split(b"\n")
    for number, line in enumerate(lines, first):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            place = line[: error.start].count(reader.delimiter.encode())
            return DataError(
                f"invalid UTF-8 (byte 0x{line[error.start]:02x})",
                file=reader.path,
                line=number,
                column=reader.names[min(place, expected - 1)],
                remedy="Convert the file: iconv -f LATIN1 -t UTF-8",
            )
    text = io.StringIO(data.decode("utf-8"), newline="")
    rows = csv.reader(
        text, delimiter=reader.delimiter, quoting=csv.QUOTE_MINIMAL if reader.quoted else csv.QUOTE_NONE
    )
    start = 0
    for row in rows:
        if len(row) != expected:
            count = f"{len(row)} column{'s' if len(row) != 1 else ''} where {expected} are expected"
            what = "an empty line" if not row or row == [""] else count
            remedy = "Correct or remove the line"
            return DataError(
                what, file=reader.path, line=first + start, remedy=f"{reader.hint}{remedy}".strip()
            )
        start = rows.line_num
    return DataError(f"the file can't be parsed ({message})", file=reader.path, line=first)
