"""Whose a place is: nothing is replaced there but what this program wrote.

A folder of this program says so itself: `.lfmp.json` in it holds its kind and the names of its files. What
is absent, empty, or of the kind that is about to be written may be replaced; anything else belongs to
somebody: a file, a link, a folder of another kind, one to which a file was added.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISDIR
from typing import Any

from .errors import DataError
from .files import leftovers

MARKER = ".lfmp.json"
_SHOWN = 3  # names in a message
_LOOKS = 20  # at a folder that another process swaps while it is looked at


@dataclass(frozen=True)
class FolderKind:
    """What a folder holds, and how one is known that was written before folders said so themselves.

    Attributes:
        name: as messages call it.
        head: a JSON file that each of them has.
        keys: that the head holds.
        names: patterns of all that may be in it.
    """

    name: str
    head: str
    keys: frozenset[str]
    names: tuple[str, ...]


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is none."""
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads(path.read_bytes())
        if isinstance(found, dict):
            return found
    return {}


def _marked(folder: Path) -> tuple[str, set[str]] | None:
    """Kind and file names by the folder's own marker."""
    found = read_object(folder / MARKER)
    kind, names = found.get("kind"), found.get("files")
    if isinstance(kind, str) and isinstance(names, list):
        return kind, {MARKER, *map(str, names)}
    return None


def _fail(error: OSError) -> None:
    raise error


def _names(folder: Path) -> Iterator[str]:
    """All that is in a folder and below it, relative to it."""
    for place, folders, files in os.walk(folder, onerror=_fail):
        base = Path(place).relative_to(folder)
        yield from ((base / name).as_posix() for name in sorted(folders + files))


def _problem(folder: Path, kind: FolderKind) -> str:
    """Why a folder with something in it is none that this program wrote as `kind`; empty: it is one."""
    marked = _marked(folder)
    if marked is not None and marked[0] != kind.name:
        return f"this is a {marked[0]}, no {kind.name}"
    known: Callable[[str], bool]
    if marked is not None:
        known = marked[1].__contains__
    elif kind.keys and kind.keys <= read_object(folder / kind.head).keys():
        known = lambda name: any(fnmatchcase(name, pattern) for pattern in (MARKER, *kind.names))
    else:
        known = lambda name: False
    strange = []
    for name in _names(folder):
        if not known(name):
            strange.append(name)
        if len(strange) > _SHOWN:
            strange[-1] = "..."
            break
    if not strange:
        return ""
    return f"it holds what was not written as a {kind.name} by this program ({', '.join(strange)})"


def mark(folder: Path, kind: FolderKind) -> None:
    """Let a folder say what it holds: all that is in it now is of `kind`."""
    marker = {"kind": kind.name, "files": sorted(_names(folder))}
    (folder / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")


def is_ours(folder: Path, kinds: Iterable[FolderKind] = ()) -> bool:
    """Whether this program wrote all of a folder, by its marker or else as one of `kinds`."""
    marked = _marked(folder)
    if marked is not None:
        return all(name in marked[1] for name in _names(folder))
    return any(not _problem(folder, kind) for kind in kinds)


def anchored(path: Path | str) -> Path:
    """The path from the root, with a last part that can be renamed."""
    path = Path(path)
    return path.resolve() if path.name in ("", "..") else path.absolute()


def restore(path: Path | str) -> None:
    """Put a folder back that a process which was killed in the middle of a swap had put aside."""
    path = anchored(path)
    if not os.path.lexists(path):
        for left in leftovers(path.parent):
            if left.state == "old" and left.target == path and not left.living and left.path.is_dir():
                with suppress(OSError):
                    os.rename(left.path, path)


def check_target(
    path: Path | str,
    kind: FolderKind,
    *,
    replace: bool = True,
    holds: Iterable[Path] = (),
    called: str = "folder",
) -> Path:
    """Refuse a place for a new folder unless it is free: absent, empty, or of the same kind.

    Args:
        path: of the folder to be written.
        kind: of that folder.
        replace: whether an older one of this kind may go.
        holds: files that are still needed and may lie in it.
        called: what the caller's own user names the folder by.

    Returns:
        the path from the root.

    Raises:
        DataError: it is not free; says what is there and the way out.
    """
    needed = tuple(holds)
    for _ in range(_LOOKS):
        before = _identity(Path(path))
        try:
            place = anchored(path)
            restore(place)
            refusal = _refusal(place, kind, replace, needed, called)
        except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links
            why = getattr(error, "strerror", None) or error
            refusal = f"this place can't be looked at ({why})", f"Name another {called}"
            if isinstance(error, FileNotFoundError):
                continue
        if refusal is None or _identity(Path(path)) == before:
            break
    if refusal is not None:
        problem, remedy = refusal
        raise DataError(f"{problem}; nothing there was touched", file=str(path) or "''", remedy=remedy)
    return place


def _identity(place: Path) -> tuple[int, ...] | None:
    """What is at a place now, apart from all that was there before or comes after; None: nothing known.

    A number of a file system's is given out again, so that a folder is told from its successor by when it
    was last renamed too.
    """
    try:
        found = place.lstat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns


def _refusal(
    path: Path, kind: FolderKind, replace: bool, holds: Iterable[Path], called: str
) -> tuple[str, str] | None:
    """Problem and remedy."""
    another = f"Name another {called}"
    if path.is_symlink():
        return "this is a link", f"{another}, or the folder that it leads to"
    whole, here = path.resolve(), Path.cwd()
    if whole in (here, *here.parents):
        return "this is the current folder, or one around it", f"{another}: one in it"
    try:
        mode = path.stat().st_mode  # looked at once: another process may be about to put its own there
    except (FileNotFoundError, NotADirectoryError):
        beneath = next(parent for parent in path.parents if parent.exists())
        return None if beneath.is_dir() else (f"{beneath} is a file", another)
    if not S_ISDIR(mode):
        return "this is a file", another
    if os.path.ismount(path):
        return "a disk is mounted there", f"{another}: one on that disk"
    if not any(path.iterdir()):
        return None
    for source in holds:
        if source.resolve().is_relative_to(whole):
            return f"it holds {source.name}, which is to be read", another
    if problem := _problem(path, kind):
        return problem, f"{another}: a new one or an empty one"
    return None if replace else (f"there is an older {kind.name}", f"{another}, or say --replace")


def check_file(path: Path | str, what: str, known: Callable[[Path], bool]) -> Path:
    """Refuse a place for a new file unless it is absent, empty, or holds what may be replaced.

    Args:
        path: of the file to be written.
        what: is to be written there.
        known: whether the file that is there is such a thing of this program.

    Raises:
        DataError: it is not free; says what is there and the way out.
    """
    place, problem = Path(path), ""
    if place.is_symlink():
        problem = "this is a link"
    elif place.is_dir():
        problem = "this is a folder"
    elif place.exists() and place.stat().st_size and not known(place):
        problem = f"this is no {what} that this program wrote"
    if problem:
        remedy = "Name another file"
        raise DataError(f"{problem}; it was not touched", file=str(path) or "''", remedy=remedy)
    return place
