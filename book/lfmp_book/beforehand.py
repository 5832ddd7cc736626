"""What can be known of a page's parameters before its kernel starts: folders, numbers, names in lists.

Which parameter is a folder, and of what, is what its comment in the page's cell says. Names are held against
what makes the page's grids, which refuses those that it does not know, and makes no data and runs nothing.
"""

import inspect
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lfmp_core.bounds import NUMBERS
from lfmp_core.errors import DataError, check_name

from .arguments import numbers

if TYPE_CHECKING:
    from lfmp_core.experiments.items import Item

_FOLDER = re.compile(
    r"^(\w+) = .*# folder (of interactions |of rows )?made by `lfmp data prepare", re.MULTILINE
)
_TAKES = {True: "pairs, made with --user and --item", False: "rows, made with --label"}
_HOLDS = {True: "pairs of users and items", False: "rows of clicks"}


def folder_parameters(sources: Sequence[str]) -> dict[str, bool]:
    """Parameters that name a prepared folder, and whether it holds pairs of users and items, or rows.

    Args:
        sources: a page's cells.
    """
    return {found[1]: found[2] == "of interactions " for found in _FOLDER.finditer("\n".join(sources))}


def check_beforehand(
    name: str, sources: Sequence[str], declared: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """Refuse what the page would refuse in a later cell, as far as that can be told without it.

    Args:
        name: of the notebook. sources: its cells. declared: its parameters. given: values of some of them.

    Raises:
        DataError: a folder is none that was prepared, or holds the other kind of data.
        UnknownName: own data of such a name were never opened; a name in a list is none that the page has.
        WrongValue: a number in a list is none, or lies outside its bounds.
    """
    folders = folder_parameters(sources)
    by_name = {"dataset"} if any(re.search(r"^own_page\(", text, re.MULTILINE) for text in sources) else ()
    for key in folders.keys() & given.keys():
        if given[key]:
            _check_folder(key, given[key], pairs=folders[key], by_name=key in by_name)
    texts = {k: v for k, v in given.items() if isinstance(v, str) and v and k not in folders}
    for key in texts.keys() & NUMBERS.keys():
        numbers(texts[key], (), key)
    if texts:
        _check_names(name, declared, {k: v for k, v in given.items() if v and k not in folders})


def _check_folder(key: str, words: str, *, pairs: bool, by_name: bool) -> None:
    from lfmp_core.data.load import holds_pairs
    from lfmp_core.experiments.own_data import find_own

    folder = Path(words)
    if by_name and not (folder / "schema.json").is_file():
        find_own(words)
    elif (found := holds_pairs(folder)) != pairs:
        problem = f"it holds {_HOLDS[found]}, where {key} takes {_HOLDS[pairs]}"
        raise DataError(problem, file=folder, remedy=f"Name a folder of {_TAKES[pairs]} (lfmp data prepare)")


def _check_names(name: str, declared: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    from lfmp_core.experiments.items import registry
    from lfmp_core.experiments.profiles import OWN

    profile = given.get("profile") or declared.get("profile") or "quick"
    items = [item for item in registry().values() if item.notebook == name]
    if items and "profile" in given:
        check_name(profile, {OWN, *(each for item in items for each in item.profiles)}, "profile")
    for make, names in _makers(name, items, set(given)):
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # the page says what is left out
            make(profile, **{key: given[key] for key in names - {"profile"}})


def _makers(
    name: str, items: Sequence["Item"], given: set[str]
) -> Iterator[tuple[Callable[..., Any], set[str]]]:
    """What makes the grids of a page, called with a profile, and which of the given parameters it takes."""
    from .advice.grids import stages
    from .lers.table7.grids import halves
    from .own.page import NOT_OF_GRIDS
    from .own.pages import PAGES

    makers = [item.own for item in items if item.own]
    for make in (*makers, *{"your_data": (stages,), "lers_table7_retain": (halves,)}.get(name, ())):
        yield make, given & inspect.signature(make).parameters.keys()
    if name in PAGES and (own := PAGES[name].grids):
        yield own, given.difference(NOT_OF_GRIDS)
