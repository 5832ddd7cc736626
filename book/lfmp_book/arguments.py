"""What a page's parameters may say: lists of words, names and numbers, and settings of methods."""

from collections.abc import Sequence
from typing import Any

from lfmp_core.bounds import check_number
from lfmp_core.errors import WrongValue, check_name
from lfmp_core.settings import Settings


def words(given: str | Sequence[Any] | None, default: Sequence[Any]) -> list[Any]:
    """A list given as a sequence or, as from a command line, as words with commas; none: the default."""
    words = [w.strip() for w in given.split(",") if w.strip()] if isinstance(given, str) else given
    return list(words if words else default)


def valid_names(given: str | Sequence[str] | None, valid: Sequence[str], what: str) -> list[str]:
    """Names given as of `words`, each of them `what`; none: all that are valid.

    Raises:
        UnknownName: one of them is not.
    """
    return [check_name(name, valid, what) for name in words(given, valid)]


def chosen_labels(given: str | Sequence[str] | None, valid: Sequence[str], what: str) -> list[str]:
    """Labels given as a sequence or, since some have commas, as a text with semicolons; none: all.

    Raises:
        UnknownName: one of them is not among the valid ones, so many `what`.
    """
    found = given.split(";") if isinstance(given, str) else given or ()
    wanted = [label.strip() for label in found if label.strip()]
    return [check_name(label, valid, what) for label in wanted] or list(valid)


def numbers(given: str | Sequence[float] | None, default: Sequence[float], what: str) -> list[float]:
    """Numbers given as of `words`, within the bounds of what they are.

    Raises:
        WrongValue: one of them is not a number, or lies outside.
    """
    try:
        found = [float(number) for number in words(given, default)]
    except ValueError as error:
        raise WrongValue(f"{what}: numbers with commas between, not {given!r}") from error
    return check_number(what, found)


def settings_of(method: str, settings: dict[str, Any]) -> Settings:
    """A method's settings, complete."""
    from lfmp_core.methods import get_method

    return get_method(method).settings_type.model_validate(settings)
