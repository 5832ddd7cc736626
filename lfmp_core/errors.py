"""Errors that name the thing and the remedy."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def visible(text: str) -> str:
    """Text of a user on one line: what can't be printed, such as a line end in a name, as its escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class LfmpError(Exception):
    """Base of every error that this package raises on purpose: a line that names the thing and the remedy.

    Example:
        >>> from lfmp_core import LfmpError, get_method
        >>> try:
        ...     get_method("laso")
        ... except LfmpError as error:
        ...     print(error)
        unknown method 'laso'; did you mean 'lasso' ...
    """


class DataError(LfmpError):
    """A file that can't be used, with its place and the remedy.

    Args:
        problem: what is wrong, one sentence without a full stop.
        file, line, column: where; line counts from 1, column is a name or a number from 1.
        remedy: what the reader of the message can do.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        column: str | int | None = None,
        remedy: str | None = None,
    ):
        self.problem, self.file, self.line, self.column, self.remedy = problem, file, line, column, remedy
        place = [visible(str(file))] if file is not None else []
        place += [f"line {line}"] if line is not None else []
        place += [f"column {visible(str(column))}"] if column is not None else []
        text = (", ".join(place) + ": " if place else "") + problem
        super().__init__(text + (f". {remedy}" if remedy else ""))


class WrongValue(LfmpError):
    """A value that a setting, an option or a parameter can't have; the message says what it must be."""


class Diverged(LfmpError):
    """A training that gave numbers which are not finite: a result, which the same run would give again."""


class UnknownName(LfmpError):
    """A name or parameter that does not exist; the message lists the nearest valid ones."""


class IdError(LfmpError, IndexError):
    """An id that its field, or its table, does not have."""


def check_name(name: str, valid: Iterable[str], what: str) -> str:
    """Return `name` if it is valid.

    Raises:
        UnknownName: otherwise, naming the nearest valid names and then all of them.
    """
    names = sorted(valid)
    if name in names:
        return name
    near = get_close_matches(str(name), names, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else "."
    raise UnknownName(f"unknown {what} {name!r}{hint} Valid: {', '.join(names) or 'none'}")
