"""Faults of files and of the libraries that read and count them, each as one line that names the remedy.

Every reader is opened through `Guarded`, every dataset is written inside `writing`: what pyarrow, DuckDB or
the system raise there is worded here and nowhere else.
"""

import csv
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from .columns import Block, Reader

# pa.ArrowException covers neither ArrowIOError (OSError) nor, everywhere, what Python raises on bad bytes
_RAISED = (pa.ArrowException, OSError, ValueError, EOFError, MemoryError, OverflowError, csv.Error)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LONGEST_VALUE = 1 << 20
_AGAIN = "Copy or download it again"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever reading `path` raises inside is a DataError that names it; what is one already passes.

    Raises:
        DataError
    """
    try:
        yield
    except _RAISED as error:
        problem, remedy = _unreadable(Path(path), error)
        raise DataError(problem, file=path, remedy=remedy) from error


def _unreadable(path: Path, error: BaseException) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        near = get_close_matches(path.name, _names_beside(path), n=1)
        hint = f"Did you mean {near[0]}?" if near else "`lfmp data list` shows which files are expected where"
        return "there is no such file", hint
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file", "Name the file inside it"
    if isinstance(error, PermissionError):
        return "the file may not be read", "Check its permissions"
    number = getattr(error, "errno", None)
    if number == errno.ELOOP:
        return "a link that leads back to itself", "Name the file itself"
    if isinstance(error, OSError) and number:
        return f"the file can't be read ({error.strerror})", "Copy it to another place and read it there"
    if isinstance(error, MemoryError):
        return "what it holds doesn't fit into memory", "Leave out the columns with the longest values"
    if isinstance(error, UnicodeError):
        return "invalid UTF-8", "Save the file as UTF-8"
    if isinstance(error, NotImplementedError):
        return (
            f"it holds what can't be read here ({_first_line(error)})",
            "Leave that column out: --drop NAME",
        )
    return f"the file is damaged or cut off ({_first_line(error)})", _AGAIN


def _names_beside(path: Path) -> list[str]:
    try:
        return [other.name for other in path.parent.iterdir()]
    except OSError:
        return []


def _first_line(error: BaseException) -> str:
    """The first line of a library's words, at most 200 characters of it."""
    line = next(iter(str(error).splitlines()), type(error).__name__)
    return line if len(line) <= 200 else line[:200] + "…"


@contextmanager
def writing(place: Path, what: str = "dataset") -> Iterator[None]:
    """Whatever writing to `place` raises inside is a DataError that names it and its cure.

    Args:
        what: is written.

    Raises:
        DataError
    """
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
        why = getattr(error, "strerror", None) or _first_line(error)
        remedy = f"{_cure(error)}; nothing was left behind"
        raise DataError(f"the {what} can't be written ({why})", file=place, remedy=remedy) from error


def _cure(error: BaseException) -> str:
    text, number = str(error), getattr(error, "errno", None)
    # DuckDB words a full disk itself: by the system's text, or by its own limit on temporary files
    if number in _FULL or "No space left" in text or "max_temp_directory_size" in text:
        return "Free space or choose another folder"
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
        return "Memory is short, not disk: leave out the columns with the longest values (--drop)"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Choose a folder that may be written"
    if number == errno.ENAMETOOLONG:
        return "Choose a shorter name"
    if isinstance(error, OSError):
        return "Choose another folder"
    return "Prepare it again; if this stays, it is a fault of this program, worth a report"


class Guarded:
    """A reader whose every fault, its own or its libraries', is a DataError (see columns.Reader)."""

    def __init__(self, reader: Reader):
        self.reader = reader
        self.path, self.columns, self.size = reader.path, reader.columns, reader.size
        self.has_time, self.notices = reader.has_time, reader.notices

    def pieces(self, block_bytes: int) -> Iterator[Any]:
        """The reader's pieces."""
        with reading(self.path):
            yield from self.reader.pieces(block_bytes)

    def parse(self, piece: Any, time_only: bool = False) -> Block:
        """The reader's block; a value too long to be a category is refused with its line."""
        with reading(self.path):
            block = self.reader.parse(piece, time_only)
            for name, coded in block.columns.items():
                if coded.unique.nbytes > _LONGEST_VALUE:
                    lengths = pc.binary_length(coded.unique)
                    longest = pc.max(lengths).as_py()
                    if longest > _LONGEST_VALUE:
                        code = pc.index(lengths, longest).as_py()
                        problem = (
                            f"a value of {longest:,} bytes, where at most {_LONGEST_VALUE:,} are a category"
                        )
                        raise block.fail(problem, name, code, f"Leave the column out: --drop {name}")
        return block

    def provenance(self) -> dict[str, Any]:
        """The reader's provenance."""
        with reading(self.path):
            return self.reader.provenance()
