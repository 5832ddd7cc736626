"""Claims: one process at a time computes a run; a lock whose process has died holds nobody up."""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

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


def create_whole(path: Path, text: str) -> bool:
    """Make `path` whole, in one step, unless it is there already; whether it was made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name.lstrip('.')}.partial-{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            try:
                with open(path, "x", encoding="utf-8") as file:
                    file.write(text)
            except FileExistsError:
                return False
        return True
    finally:
        temporary.unlink(missing_ok=True)


def birth(pid: int) -> str:
    """When the process was born, in the system's own unit; `alive` where that can't be told; empty: dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state == "Z" else rest[18]  # field 22, starttime
    except OSError:
        return "alive"


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
