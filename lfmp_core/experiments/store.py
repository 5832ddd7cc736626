"""Where records lie: append-only, whole or absent, safe for several writers.

<root>/<data set>/<id>.json         a finished run
<root>/<data set>/<id>.npy          of its test rows the logits, float16 [N]; of its users with test items
                                    NDCG@20 and Recall@20 ÷ min(|T|, 20), float16 [users, 2]
<root>/<data set>/failed/<id>.json  the last failure of a run that is not finished
<root>/<data set>/.<id>.lock        a run that is under way: {"pid", "start"} of its process
<root>/<data set>/.<id>.npy.next    the .npy of a record that is about to replace a stale one
<root>/searches/                     journals of searches, see `journal`

A run's place follows from its specification alone, whatever item shows it. Runs on one's own data lie under
a root of their own, so that none of them gets among the committed ones.
"""

import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..errors import DataError, LfmpError, check_name
from ..files import atomic_write, beside, birth, create_whole
from ..folders import sweep
from ..settings import canonical_json, home, project_root
from .locks import RunLock, held, owner
from .profiles import OWN, PROFILES
from .record import Record, logits_digest
from .spec import RunSpec
from .stamp import outdated

SEARCHES = "searches"  # folder under a root with the journals of its searches
_REMEDY = "Delete it and run again: `{command}`"
_NAME = "[0-9a-f]" * 16  # of a record; other files may lie beside records
_SETTLED = 2_000_000_000  # ns; a file younger than that may change without its time showing it


def store_for(profile: str) -> "Store":
    """The store of a profile: book/records (committed) for reference and paper, else the home folder.

    Records on one's own data lie in the home folder, whatever the profile.

    Raises:
        UnknownName: no such profile.
    """
    check_name(profile, (*PROFILES, OWN), "profile")
    private = home() / "records"
    return Store(private if profile in ("quick", OWN) else project_root() / "book" / "records", private)


class Store:
    """All records under one root.

    Args:
        root: folder; made when the first record comes.
        private: root of records on one's own data; the same by default.
    """

    def __init__(self, root: Path | str, private: Path | str | None = None):
        self.root = Path(root)
        self.private = self.root if private is None else Path(private)
        self._read_before: dict[Path, tuple[tuple[int, ...], Record]] = {}

    def folder(self, spec: RunSpec) -> Path:
        """Where everything about `spec` lies or would lie."""
        name = re.sub(r"[^\w-]+", "-", spec.dataset.name)[:60] or "-"
        return (self.private if spec.dataset.prepared else self.root) / name

    def path(self, spec: RunSpec) -> Path:
        """Where the finished record of `spec` lies or would lie."""
        return self.folder(spec) / f"{spec.id}.json"

    def failed_path(self, spec: RunSpec) -> Path:
        """Where the last failure of `spec` lies or would lie."""
        return self.folder(spec) / "failed" / f"{spec.id}.json"

    def logits_path(self, spec: RunSpec) -> Path:
        """Where the test logits of `spec`, or its users' figures, lie or would lie."""
        return self.path(spec).with_suffix(".npy")

    def searches(self, spec: RunSpec) -> Path:
        """Where the journal of a search lies or would lie whose runs are as `spec`."""
        return (self.private if spec.dataset.prepared else self.root) / SEARCHES

    # ---- reading

    def get(self, spec: RunSpec) -> Record | None:
        """The finished record of `spec`, or None.

        Raises:
            DataError: the file is damaged or is another run's.
        """
        return self._read(self.path(spec), "done", spec)

    def failure(self, spec: RunSpec) -> Record | None:
        """The record of the last failure of `spec`, or None."""
        return self._read(self.failed_path(spec), "failed", spec)

    def all(self) -> list[Record]:
        """Every finished record under the root, by data set and id.

        Raises:
            DataError: one of them is damaged.
        """
        return [self._there(path, "done") for path in self._files("*")]

    def failures(self) -> list[Record]:
        """Every recorded failure under the root, by data set and id."""
        return [self._there(path, "failed") for path in self._files("*/failed")]

    def logits(self, record: Record) -> np.ndarray:
        """Test logits of `record`, float16 [N]; of top items the figures of users, float16 [users, 2].

        Raises:
            LfmpError: the record has none (search runs, for one).
            DataError: the file is missing or damaged.
        """
        if not record.logits:
            raise LfmpError(f"record {record.id} ({record.spec.label}) keeps no logits")
        path, remedy = self.logits_path(record.spec), _REMEDY.format(command=record.spec.command)
        remedy = remedy.replace("Delete it", "Delete it and the .json beside it")
        try:
            array = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            raise DataError("the record's logits are missing", file=path, remedy=remedy) from None
        except (ValueError, EOFError, OSError, MemoryError) as error:
            raise DataError(f"logits are damaged ({_line(error)})", file=path, remedy=remedy) from None
        if logits_digest(array) != record.logits:
            if self._taken_up(self._next_path(record.spec), record):
                return self.logits(record)
            raise DataError("logits are not those of the record", file=path, remedy=remedy)
        return array

    def verify(self) -> Iterator[DataError]:
        """Yield what is wrong with each damaged record under the root, logits included."""
        for path in self._files("*"):
            try:
                record = self._there(path, "done")
                if record.logits:
                    self.logits(record)
            except DataError as error:
                yield error

    def count(self) -> int:
        """Number of finished records under the root, the damaged ones included."""
        return len(self._files("*"))

    def _files(self, folders: str) -> list[Path]:
        return sorted(self.root.glob(f"{folders}/{_NAME}.json"))

    def _there(self, path: Path, status: str) -> Record:
        record = self._read(path, status)
        if record is None:
            raise DataError("the record vanished while it was read", file=path)
        return record

    def _read(self, path: Path, status: str, spec: RunSpec | None = None) -> Record | None:
        try:
            state = path.stat()
            mark = (state.st_mtime_ns, state.st_size, state.st_ino)
            before = self._read_before.get(path)
            if before and before[0] == mark:
                return before[1]
            record = Record.from_json(path.read_text(encoding="utf-8"))
            if record.id != path.stem or record.status != status:
                place = "its name and folder say otherwise"
                raise LfmpError(f"file holds the {record.status} record {record.id}, {place}")
        except (LfmpError, OSError, UnicodeDecodeError) as error:
            problem = f"record is damaged ({error})"
            if isinstance(error, UnicodeDecodeError):
                problem = "record is damaged (no UTF-8 text)"
            elif isinstance(error, FileNotFoundError):
                if not path.is_symlink():
                    return None
                problem = "a link that leads nowhere lies in a record's place"
            elif isinstance(error, OSError):
                problem = f"record can't be read ({error.strerror})"
            command = spec.command if spec else "lfmp run ITEM --profile PROFILE"
            raise DataError(problem, file=path, remedy=_REMEDY.format(command=command)) from None
        if time.time_ns() - state.st_mtime_ns > _SETTLED:
            self._read_before[path] = mark, record
        return record

    # ---- writing

    def put(self, record: Record, logits: np.ndarray | None = None) -> None:
        """Write a record, once and for all.

        A failed record goes to failed/ and replaces the one before it. A finished one removes the failure;
        a second finished one that says the same changes nothing. A stale record is replaced by a current one
        (see `stamp`) and by nothing else; until the new one is whole, the old one stands.

        Args:
            record: its `logits` must be the digest of `logits`, or be empty when there are none.
            logits: [N] test logits, or [users, 2] figures of users with test items.

        Raises:
            LfmpError: record and logits don't belong together.
            DataError: another result of this spec is already there, or something else lies in its place.
        """
        if record.logits != (logits_digest(logits) if logits is not None else ""):
            raise LfmpError(f"record {record.id} and its logits don't belong together")
        self._vacant(record.spec)
        if record.status == "failed":
            atomic_write(self.failed_path(record.spec), record.to_json())
            return
        path, there = self.path(record.spec), self.get(record.spec)
        renewed = there is not None and bool(outdated(there)) and not outdated(record)
        if not renewed and self._settled(record):
            return
        if logits is not None:  # before the record, whose presence says that all of it is there
            buffer = io.BytesIO()
            np.save(buffer, np.ascontiguousarray(logits, dtype="<f2"))
            first = self._next_path if renewed else self.logits_path
            atomic_write(first(record.spec), buffer.getvalue())
        if renewed:
            atomic_write(path, record.to_json())
            self._taken_up(self._next_path(record.spec), record)
        elif not create_whole(path, record.to_json()):
            self._settled(record)
        self.failed_path(record.spec).unlink(missing_ok=True)
        with suppress(OSError):
            self.failed_path(record.spec).parent.rmdir()

    def _settled(self, record: Record) -> bool:
        there = self.get(record.spec)
        if there is not None and not there.same_result(record):
            raise DataError(
                f"another result of {record.spec.label} is recorded, and records are never overwritten",
                file=self.path(record.spec),
                remedy="One spec should give the same bits: find out what changed, then delete the old one",
            )
        return there is not None

    def _next_path(self, spec: RunSpec) -> Path:
        return self.logits_path(spec).with_name(f".{spec.id}.npy.next")

    def _taken_up(self, path: Path, record: Record) -> bool:
        """Put logits that wait beside a record into their place, if they are its own; whether they were."""
        with suppress(OSError, ValueError, EOFError):
            if logits_digest(np.load(path, allow_pickle=False)) == record.logits:
                os.replace(path, self.logits_path(record.spec))
                return True
        return False

    def _vacant(self, spec: RunSpec) -> None:
        """Refuse what lies in the way of files that are replaced: a folder can't be, and isn't ours."""
        for path in (self.failed_path(spec), self.logits_path(spec), self._lock(spec)):
            if path.is_dir():
                raise DataError("a folder lies in a record's place", file=path, remedy="Move it away")
        for folder in (self.folder(spec), self.failed_path(spec).parent):
            if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
                raise DataError("no folder, but records belong in it", file=folder, remedy="Move it away")

    # ---- locks

    def claim(self, spec: RunSpec) -> RunLock | None:
        """Take the right to compute `spec`, or None when a living process has it.

        The lock of a process that has died is taken over. On a file system shared by several machines a
        living process elsewhere looks dead: the run may be computed twice, which `put` settles.

        Raises:
            DataError: something lies where its lock or its record would.
        """
        self._vacant(spec)
        path = self._lock(spec)
        mine = canonical_json({"pid": os.getpid(), "start": birth(os.getpid())})
        if create_whole(path, mine, durable=False):
            return RunLock(path)
        if held(path):
            return None
        wreck = beside(path)
        with suppress(FileNotFoundError):  # renamed, so that of two that find the wreck one gets it
            os.replace(path, wreck)
            if held(wreck):  # it was replaced by a living lock since we looked
                os.replace(wreck, path)
                return None
            wreck.unlink()
        return RunLock(path) if create_whole(path, mine, durable=False) else None

    def claimed(self, spec: RunSpec) -> bool:
        """Whether a living process is computing `spec`."""
        return held(self._lock(spec))

    def sweep(self, folder: Path, own: bool = False) -> None:
        """Remove locks and half-written files that dead processes left in a folder; `own`: this one's too."""
        for place in (folder, folder / "failed"):
            sweep(place, own=own)
        for lock in folder.glob(".*.lock"):
            if not lock.is_dir() and (not held(lock) or (own and owner(lock) == os.getpid())):
                lock.unlink(missing_ok=True)
        for path in folder.glob(".*.npy.next"):
            if not held(path.with_name(f"{path.name[:-9]}.lock")):
                # a process died before its record was written, or just after
                record = self._read(path.with_name(f"{path.name[1:-9]}.json"), "done")
                if record is None or not self._taken_up(path, record):
                    path.unlink(missing_ok=True)

    def _lock(self, spec: RunSpec) -> Path:
        return self.folder(spec) / f".{spec.id}.lock"


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
