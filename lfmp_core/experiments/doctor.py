"""Is this machine and this checkout fit to run the book? One line per finding, with a remedy."""

import locale
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from ..bounds import cores
from ..errors import DataError, LfmpError
from ..files import leftovers
from ..settings import data_root, home, project_root
from .certificate import hardware, package_version
from .locks import held
from .profiles import PROFILES
from .store import Store, store_for

_GIB = 1024**3
_SWEPT = "The next command that writes there removes it; so may you"
_MEMORY, _DISK = 4 * _GIB, 5 * _GIB  # what the reference profile wants to have


class Diagnosis(NamedTuple):
    """One line of the report."""

    level: Literal["ok", "warn", "fail"]
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.level:4}  {self.text}" + (f"\n      → {self.remedy}" if self.remedy else "")


def examine() -> Iterator[Diagnosis]:
    """Yield all findings, check by check; a check that breaks is itself a finding."""
    for check in CHECKS:
        try:
            yield from check()
        except Exception as error:
            yield Diagnosis("fail", f"{check.__name__.strip('_')}: {type(error).__name__}: {error}")


def _python() -> Iterator[Diagnosis]:
    yield Diagnosis("ok", f"Python {sys.version.split()[0]}")


def _packages() -> Iterator[Diagnosis]:
    """Installed versions against requirements.lock; local parts such as +cpu don't count."""
    lock = project_root() / "requirements.lock"
    if not lock.exists():
        yield Diagnosis("warn", "no requirements.lock: versions can't be compared", "Work in a checkout")
        return
    pins = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", lock.read_text(), re.MULTILINE)
    wrong = [
        f"{name} {found} (pinned {pin})"
        for name, pin in pins
        if (found := package_version(name)).split("+")[0] != pin.split("+")[0]
    ]
    if wrong:
        yield Diagnosis(
            "warn", f"{len(wrong)} of {len(pins)} pins differ: {', '.join(wrong)}", "make install"
        )
    else:
        yield Diagnosis("ok", f"all {len(pins)} pinned packages are there")


def _machine() -> Iterator[Diagnosis]:
    found = hardware()
    yield Diagnosis("ok", f"{found.cpu}, {found.cores} cores for this process")
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads and threads.isdigit() and int(threads) > cores():
        remedy = "Unset it: the engine sets threads by itself"
        yield Diagnosis("warn", f"OMP_NUM_THREADS={threads} is more than the cores", remedy)
    level: Literal["ok", "warn"] = "ok" if found.memory >= _MEMORY else "warn"
    remedy = "" if level == "ok" else "Use one worker, or profile quick"
    yield Diagnosis(level, f"memory {found.memory / _GIB:.1f} GiB", remedy)


def _disk() -> Iterator[Diagnosis]:
    folder = home()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        yield Diagnosis("fail", f"no right to write to {folder}", "Set LFMP_HOME to a folder of your own")
    elif free < _DISK:
        yield Diagnosis(
            "warn", f"only {free / _GIB:.1f} GiB free for {home()}", "Set LFMP_HOME to a larger disk"
        )
    else:
        yield Diagnosis("ok", f"{free / _GIB:.0f} GiB free for {home()}")


def _torch() -> Iterator[Diagnosis]:
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only, enough up to reference"
    yield Diagnosis("ok", f"torch {torch.__version__}: {gpu}")


def _locale() -> Iterator[Diagnosis]:
    encodings = {"file system": sys.getfilesystemencoding(), "locale": locale.getpreferredencoding(False)}
    wrong = [f"{what} {name}" for what, name in encodings.items() if name.lower().replace("-", "") != "utf8"]
    if wrong:
        yield Diagnosis("warn", f"not UTF-8: {', '.join(wrong)}", "export LC_ALL=C.UTF-8, or PYTHONUTF8=1")
    else:
        yield Diagnosis("ok", "UTF-8 everywhere")


def _data() -> Iterator[Diagnosis]:
    """Which public sets are in the data folder; all may be absent, planted data is generated."""
    from ..data.sources import SOURCES

    try:
        root = data_root()
    except DataError as error:
        yield Diagnosis("warn", error.problem, error.remedy or "")
        return
    yield Diagnosis("ok", f"LFMP_DATA is {root}")
    for source in (s for s in SOURCES.values() if s.files):
        absent = [name for name in source.files if not (root / name).exists()]
        if not absent:
            yield Diagnosis("ok", f"source {source.name} is there")
        else:
            remedy = f"Its page: {source.page}" if source.page else ""
            yield Diagnosis("warn", f"source {source.name} lacks {', '.join(absent)}", remedy)


def _prepared() -> Iterator[Diagnosis]:
    """Every prepared data set opens, and its arrays have the fingerprint that its schema states."""
    from ..data import Dataset, load_prepared

    for schema in sorted(home().glob("data/**/schema.json")):
        if any(part.startswith(".") for part in schema.relative_to(home()).parts):
            continue  # being written
        try:
            dataset = load_prepared(schema.parent)
            if isinstance(dataset, Dataset):  # pairs are read whole whenever they are opened
                dataset.verify()
            yield Diagnosis(
                "ok", f"data set {dataset.schema.name} {dataset.schema.fingerprint[:12]} is whole"
            )
        except LfmpError as error:
            yield Diagnosis("fail", str(error))


def _records() -> Iterator[Diagnosis]:
    """Every record is whole, has its own spec's id, and its logits are its own."""
    for root in dict.fromkeys(store_for(profile).root for profile in PROFILES):
        store, wrong = Store(root), 0
        for error in store.verify():
            wrong += 1
            yield Diagnosis("fail", str(error))
        if not wrong:
            yield Diagnosis("ok", f"{store.count()} records in {root} verify")


def _leftovers() -> Iterator[Diagnosis]:
    """What killed processes left: below the home folder and the book, and in the current folder."""
    places = {Path.cwd()}
    for root in (home(), project_root() / "book"):
        places |= {Path(place) for place, _, _ in os.walk(root)}
    found = 0
    for place in sorted(places):
        for left in leftovers(place):
            if left.living or (place == Path.cwd() and not left.signed):
                continue
            found += 1
            lost = left.state == "old" and not left.target.exists()
            what = f"{left.target.name} was put aside for a new one" if lost else "left by a killed process"
            remedy = "The next command that writes there puts it back" if lost else _SWEPT
            yield Diagnosis("warn", f"{left.path}: {what}, {_bytes(left.path) / 2**20:.1f} MiB", remedy)
        for lock in sorted(place.glob(".*.lock")):
            if not held(lock):
                found += 1
                yield Diagnosis("warn", f"{lock}: the lock of a killed process", _SWEPT)
    if not found:
        yield Diagnosis("ok", "no killed process left anything")


def _bytes(path: Path) -> int:
    found = 0
    for one in [path, *path.rglob("*")]:
        with suppress(OSError):  # gone by now
            found += one.lstat().st_size
    return found


CHECKS: tuple[Callable[[], Iterator[Diagnosis]], ...] = (
    _python,
    _packages,
    _machine,
    _disk,
    _torch,
    _locale,
    _data,
    _prepared,
    _records,
    _leftovers,
)
