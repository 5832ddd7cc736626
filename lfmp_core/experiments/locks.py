"""Locks: one process at a time computes a run; a lock whose process has died holds nobody up."""

import json
import time
from contextlib import suppress
from pathlib import Path

from ..files import birth

_UNREADABLE_AGE = 60.0  # seconds; a lock is written in one step, so an unreadable one is a wreck


class RunLock:
    """The right to compute one run, until released or until the process ends."""

    def __init__(self, path: Path):
        self.path = path

    def release(self) -> None:
        """Give the run back; once is enough, twice does no harm."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> "RunLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _holder(lock: Path) -> tuple[int, str] | None:
    """(pid, birth) that a lock names; None: it can't be read.

    Raises:
        FileNotFoundError: there is no lock.
    """
    try:
        holder = json.loads(lock.read_text())
        return int(holder["pid"]), str(holder["start"])
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def owner(lock: Path) -> int | None:
    """The process that a lock names, if it can be read."""
    with suppress(FileNotFoundError):
        found = _holder(lock)
        return found[0] if found else None
    return None


def held(lock: Path) -> bool:
    """Whether the process that wrote the lock is still the one with that number."""
    with suppress(FileNotFoundError):
        found = _holder(lock)
        if found is None:
            return time.time() - lock.lstat().st_mtime < _UNREADABLE_AGE
        pid, start = found
        return bool(start) and birth(pid) == start
    return False
