"""Claims: one process at a time computes a run; a lock whose process has died holds nobody up."""

import json
import time
from contextlib import suppress
from pathlib import Path

from ..files import birth

_UNREADABLE_AGE = 60.0  # seconds; a lock is written in one step, so an unreadable one is a wreck


class Claim:
    """The right to compute one run, until released or until the process ends."""

    def __init__(self, path: Path):
        self.path = path

    def release(self) -> None:
        """Give the run back; once is enough, twice does no harm."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def owner(lock: Path) -> int | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(lock.read_text())["pid"])
    return None


def held(lock: Path) -> bool:
    """Whether the process that wrote the lock is still the one with that number."""
    try:
        holder = json.loads(lock.read_text())
        return bool(holder["start"]) and birth(int(holder["pid"])) == holder["start"]
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):
        with suppress(FileNotFoundError):
            return time.time() - lock.stat().st_mtime < _UNREADABLE_AGE
        return False
