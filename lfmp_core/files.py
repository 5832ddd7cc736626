"""Files that are whole or absent, and on the disk once they are there; what killed processes leave.

What is being written lies beside its place as `.NAME.partial-PID-START-HOST-N`, what a swap has put aside as
`.NAME.old-PID-START-HOST-N` (see `folders`). PID, START and HOST say whose it is: the number of a process is
used again, and a folder may be shared by several machines. N tells its threads apart.
"""

import errno
import hashlib
import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple

State = Literal["partial", "old"]

_NAME = re.compile(
    r"\.(?P<name>.+)\.(?P<state>partial|old)-(?P<pid>\d+)(?:-(?P<start>[a-z0-9]+)-(?P<host>[0-9a-f]{6})-\d+)?"
)
_PATIENCE = 86400.0  # seconds without a change after which the process of another machine counts as dead


def birth(pid: int) -> str:
    """When the process was born, in the system's own unit; `alive` where that can't be told; empty: dead."""
    if pid < 1:  # to `kill` these are groups of processes
        return ""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return ""
    except PermissionError:
        pass
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state == "Z" else rest[18]  # field 22, starttime
    except OSError:
        return "alive"


@cache
def _host() -> str:
    """Six hex digits for this machine since it was started, and for the set of processes that we can see."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:6]


def beside(path: Path, state: State = "partial", number: int = 0) -> Path:
    """A name beside `path` under which this process writes it, or puts the old one aside."""
    pid = os.getpid()
    return path.with_name(f".{path.name}.{state}-{pid}-{birth(pid)}-{_host()}-{number}")


def begin(path: Path, make: Callable[[Path], object]) -> Path:
    """The first name beside `path` that is free, taken.

    Args:
        make: makes what it is given, or raises FileExistsError.
    """
    for number in count():
        with suppress(FileExistsError):
            make(place := beside(path, number=number))
            return place
    raise AssertionError


class Leftover(NamedTuple):
    """Something unfinished.

    Attributes:
        path: where it lies.
        target: what it was to become, or was before.
        state: "partial": never finished, or replaced; "old": put aside for a new one.
        pid: of the process that left it.
        living: whether that process is still there, or may be.
        signed: named as above; earlier versions wrote PID alone, which others may do too.
    """

    path: Path
    target: Path
    state: State
    pid: int
    living: bool
    signed: bool


def leftovers(folder: Path) -> Iterator[Leftover]:
    """What lies unfinished in `folder`, not below it."""
    names: list[str] = []
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        names = sorted(name for name in os.listdir(folder) if name.startswith("."))
    for match in filter(None, map(_NAME.fullmatch, names)):
        path, pid, start = folder / match[0], int(match["pid"]), match["start"]
        if start is None:
            living = bool(birth(pid))
        elif match["host"] == _host():
            living = birth(pid) == start
        else:
            living = time.time() - _changed(path) < _PATIENCE
        state: State = "old" if match["state"] == "old" else "partial"
        yield Leftover(path, folder / match["name"], state, pid, living, start is not None)


def _changed(path: Path) -> float:
    """When something in there changed last."""
    found = [0.0]
    for place in [path, *path.rglob("*")]:
        with suppress(OSError):
            found.append(place.lstat().st_mtime)
    return max(found)


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk, where a system can say so."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def sync_tree(folder: Path) -> None:
    """Wait until all that is in `folder` is on the disk."""
    for place, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(place))


def _write(path: Path, data: str | bytes, durable: bool = True) -> None:
    with open(path, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
        if durable:
            file.flush()
            os.fsync(file.fileno())  # a full disk may only be noticed here


def atomic_write(path: Path, data: str | bytes) -> None:
    """Write `data` to `path` so that a reader sees the old file or the new one, never a part.

    Also after a loss of power: the new one has its name only once it is on the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = begin(path, lambda new: new.touch(exist_ok=False))
    try:
        _write(temporary, data)
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _create(path: Path, text: str) -> bool:
    try:
        file = open(path, "x", encoding="utf-8")  # noqa: SIM115 - closed below
    except FileExistsError:
        return False
    try:
        with file:
            file.write(text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return True


def create_whole(path: Path, text: str, *, durable: bool = True) -> bool:
    """Make `path` whole, in one step, unless it is there already; whether it was made.

    Args:
        durable: wait until it is on the disk; what dies with its process need not be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = begin(path, lambda new: new.touch(exist_ok=False))
    try:
        _write(temporary, text, durable)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            if not _create(path, text):  # a file system without hard links
                return False
        if durable:
            sync_folder(path.parent)
        return True
    finally:
        temporary.unlink(missing_ok=True)
