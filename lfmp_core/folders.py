"""Folders that are whole or absent: written beside their place, put there in one step."""

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import DataError
from .files import begin, beside, leftovers, sync_folder, sync_tree
from .ownership import FolderKind, anchored, check_target, is_ours, mark

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD of fcntl.h, RENAME_EXCHANGE of linux/fs.h
_CANT = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EXDEV}  # this system, or this file system
_CHANGED = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ENOENT}  # the place is another's by now
_TRIES = 9


@contextmanager
def scratch_folder(path: Path, *kinds: FolderKind) -> Iterator[Path]:
    """Yield an empty folder beside `path` that vanishes at the end, and is swept where the end never comes.

    Args:
        path: what it serves to make.
        kinds: see `sweep`, which is done first.
    """
    path = anchored(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, *kinds, path=path)
    new = begin(path, Path.mkdir)
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def fresh_folder(
    path: Path | str, kind: FolderKind, *, replace: bool = True, holds: Iterable[Path] = ()
) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `path`, in one step, when the block has ended well.

    On any failure it vanishes, and what was at `path` stays. The place is checked before the block and
    again at the swap; see `check_target`, also for the arguments and errors.
    """
    holds = tuple(holds)
    path = check_target(path, kind, replace=replace, holds=holds)
    with scratch_folder(path, kind) as new:
        yield new
        mark(new, kind)
        sync_tree(new)
        for _ in range(_TRIES):  # another process may change the place at this very moment
            if _put(new, check_target(path, kind, replace=replace, holds=holds)):
                break
        else:
            raise DataError("other processes keep writing this folder", file=path, remedy="Name another")
        sync_folder(path.parent)


def _put(new: Path, path: Path) -> bool:
    """Give `new` the name of `path`; afterwards `new` is the old one, or nothing."""
    try:
        if path.is_dir() and any(path.iterdir()):
            if not _exchange(new, path):
                _replace_in_two(new, path)
        else:
            os.rename(new, path)
    except OSError as error:
        if error.errno in _CHANGED and new.exists():
            return False
        raise
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Let two paths swap their names in one step; False where the system or the file system can't."""
    call = None
    if sys.platform.startswith("linux"):
        call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANT:
        return False
    raise OSError(code, os.strerror(code), str(other))


def _replace_in_two(new: Path, path: Path) -> None:
    """Where names can't be exchanged, the old one is put aside first; `restore` finds it there."""
    old = beside(path, "old")
    try:
        os.rename(path, old)
        os.rename(new, path)
    finally:
        if not path.exists():
            os.rename(old, path)
        elif old.exists():
            _discard(old, path)


def _discard(old: Path, path: Path) -> None:
    """Remove what was put aside, under another name: half removed it couldn't say that it is ours."""
    place = begin(path, Path.mkdir)
    os.rename(old, place)
    shutil.rmtree(place, ignore_errors=True)


def sweep(folder: Path, *kinds: FolderKind, own: bool = False, path: Path | None = None) -> None:
    """Remove what dead processes left unfinished in `folder`, and put back what they had put aside.

    What was put aside is only removed where it is known as this program's: by its marker, or as one of
    `kinds`.

    Args:
        folder: not searched below.
        kinds: for folders of earlier versions, which have no marker.
        own: take what this process left, too.
        path: in a folder that is not this program's: what is written there. Beside it, names that earlier
            versions gave may be anybody's.
    """
    for left in leftovers(folder):
        if left.living and not (own and left.pid == os.getpid()):
            continue
        if path is not None and not left.signed and left.target != path:
            continue
        with suppress(OSError):
            if left.state == "partial":
                _remove(left.path)
            elif not left.path.is_dir():
                continue
            elif not os.path.lexists(left.target):
                os.rename(left.path, left.target)
            elif is_ours(left.path, kinds):
                _discard(left.path, left.target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
