"""Where records lie: append-only, whole or absent, safe for several writers.

<root>/<item>/<id>.json         a finished run
<root>/<item>/<id>.npy          its test logits, float16 [B]
<root>/<item>/failed/<id>.json  the last failure of a run that is not finished
<root>/<item>/.<id>.lock        a run that is under way: {"pid", "start"} of its process
<root>/<item>/.<id>.npy.next    logits of a record that is about to replace a stale one
<root>/searches/                journals of searches, see `journal`
"""

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, LfmpError, check_name
from ..files import atomic_write, beside, birth, create_whole
from ..folders import sweep
from ..settings import canonical_json, home, project_root
from .claims import Claim, held, owner
from .profiles import PROFILES
from .record import Record, logits_digest
from .spec import RunSpec
from .stamp import outdated

if TYPE_CHECKING:
    import pandas

SEARCHES = "searches"  # folder under a root with the journals of its searches
_REMEDY = "Delete it and run again: `{command}`"


def store_for(profile: str) -> "Store":
    """The store of a profile: book/records (committed) for reference and paper, the home folder for quick.

    Raises:
        UnknownName: no such profile.
    """
    check_name(profile, PROFILES, "profile")
    return Store(home() / "records" if profile == "quick" else project_root() / "book" / "records")


class Store:
    """All records under one root.

    Args:
        root: folder; made when the first record comes.
    """

    def __init__(self, root: Path | str):
        self.root = Path(root)

    def path(self, spec: RunSpec) -> Path:
        """Where the finished record of `spec` lies or would lie."""
        return self.root / spec.item / f"{spec.id}.json"

    def failed_path(self, spec: RunSpec) -> Path:
        """Where the last failure of `spec` lies or would lie."""
        return self.root / spec.item / "failed" / f"{spec.id}.json"

    def logits_path(self, spec: RunSpec) -> Path:
        """Where the test logits of `spec` lie or would lie."""
        return self.path(spec).with_suffix(".npy")

    def items(self) -> list[str]:
        """Names of the items that have a folder here."""
        found = self.root.glob("*") if self.root.is_dir() else ()
        return sorted(p.name for p in found if p.is_dir() and p.name != SEARCHES)

    # ---- reading

    def get(self, spec: RunSpec) -> Record | None:
        """The finished record of `spec`, or None.

        Raises:
            DataError: the file is damaged or is another run's.
        """
        return self._read(self.path(spec), "done")

    def failure(self, spec: RunSpec) -> Record | None:
        """The record of the last failure of `spec`, or None."""
        return self._read(self.failed_path(spec), "failed")

    def all(self, item: str) -> list[Record]:
        """Every finished record of `item`, sorted by id."""
        return self._folder(self.root / item, "done")

    def failures(self, item: str) -> list[Record]:
        """Every recorded failure of `item`, sorted by id."""
        return self._folder(self.root / item / "failed", "failed")

    def logits(self, record: Record) -> np.ndarray:
        """Test logits of `record`, float16 [B].

        Raises:
            LfmpError: the record has none (search runs, for one).
            DataError: the file is missing or damaged.
        """
        if not record.logits:
            raise LfmpError(f"record {record.id} ({record.spec.label}) keeps no logits")
        path, remedy = self.logits_path(record.spec), self._remedy(record.spec, both=True)
        try:
            array = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            raise DataError("the record's logits are missing", file=path, remedy=remedy) from None
        except (ValueError, EOFError, OSError) as error:
            raise DataError(f"logits are damaged ({error})", file=path, remedy=remedy) from None
        if logits_digest(array) != record.logits:
            if self._taken_up(self._next_path(record.spec), record):
                return self.logits(record)
            raise DataError("logits are not those of the record", file=path, remedy=remedy)
        return array

    def verify(self, item: str) -> Iterator[DataError]:
        """Yield what is wrong with each damaged record of `item`, logits included."""
        for path in self._files(self.root / item):
            try:
                record = self._read(path, "done")
                if record is not None and record.logits:
                    self.logits(record)
            except DataError as error:
                yield error

    def frame(self, item: str, profile: str | None = None) -> "pandas.DataFrame":
        """One row per finished record of `item`.

        Columns: id, profile, role, dataset, fingerprint, backbone, method, prune_ratio, seed, threads; each
        metric (val_auc, ...), phase (PT, ...) and size under its own name; rows_per_second (from IT);
        `training.*`, `backbone.*`, `method.*` settings, lists as JSON; seconds, peak_rss, commit.
        Sorted by backbone, method, prune_ratio, role, seed.
        """
        import pandas as pd

        rows = [_flat(r) for r in self.all(item) if profile is None or r.spec.profile == profile]
        order = ["backbone", "method", "prune_ratio", "role", "seed", "id"]
        if not rows:
            return pd.DataFrame(columns=["id", "profile", "dataset", *order[:-1]])
        return pd.DataFrame(rows).sort_values(order, ignore_index=True)

    def _files(self, folder: Path) -> list[Path]:
        return sorted(p for p in folder.glob("*.json") if not p.name.startswith("."))

    def _folder(self, folder: Path, status: str) -> list[Record]:
        records = (self._read(path, status) for path in self._files(folder))
        return [record for record in records if record is not None]

    def _read(self, path: Path, status: str) -> Record | None:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise DataError(
                "record is damaged (no UTF-8 text)", file=path, remedy=self._remedy(None)
            ) from None
        try:
            record = Record.from_json(text)
        except (LfmpError, ValueError, TypeError) as error:
            raise DataError(f"record is damaged ({error})", file=path, remedy=self._remedy(None)) from None
        if record.id != path.stem or record.status != status:
            problem = f"file holds the {record.status} record {record.id}, its name and folder say otherwise"
            raise DataError(problem, file=path, remedy=self._remedy(None))
        return record

    def _remedy(self, spec: RunSpec | None, both: bool = False) -> str:
        command = spec.command if spec else "lfmp run ITEM --profile PROFILE"
        remedy = _REMEDY.format(command=command)
        return remedy.replace("Delete it", "Delete it and the .json beside it") if both else remedy

    # ---- writing

    def put(self, record: Record, logits: np.ndarray | None = None) -> None:
        """Write a record, once and for all.

        A failed record goes to failed/ and replaces the one before it. A finished one removes the failure;
        a second finished one that says the same changes nothing. A stale record is replaced by a current one
        (see `stamp`) and by nothing else; until the new one is whole, the old one stands.

        Args:
            record: its `logits` must be the digest of `logits`, or be empty when there are none.
            logits: [B] test logits.

        Raises:
            LfmpError: record and logits don't belong together.
            DataError: another result of this spec is already there.
        """
        if record.logits != (logits_digest(logits) if logits is not None else ""):
            raise LfmpError(f"record {record.id} and its logits don't belong together")
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

    # ---- claims

    def claim(self, spec: RunSpec) -> Claim | None:
        """Take the right to compute `spec`, or None when a living process has it.

        The lock of a process that has died is taken over. On a file system shared by several machines a
        living process elsewhere looks dead: the run may be computed twice, which `put` settles.
        """
        path = self._lock(spec)
        mine = canonical_json({"pid": os.getpid(), "start": birth(os.getpid())})
        if create_whole(path, mine, durable=False):
            return Claim(path)
        if held(path):
            return None
        wreck = beside(path)
        with suppress(FileNotFoundError):  # renamed, so that of two that find the wreck one gets it
            os.replace(path, wreck)
            if held(wreck):  # it was replaced by a living lock since we looked
                os.replace(wreck, path)
                return None
            wreck.unlink()
        return Claim(path) if create_whole(path, mine, durable=False) else None

    def claimed(self, spec: RunSpec) -> bool:
        """Whether a living process is computing `spec`."""
        return held(self._lock(spec))

    def sweep(self, item: str, own: bool = False) -> None:
        """Remove what dead processes left in `item`: locks and half-written files; `own`: this one's too."""
        folder = self.root / item
        for place in (folder, folder / "failed"):
            sweep(place, own=own)
        for lock in folder.glob(".*.lock"):
            if not held(lock) or (own and owner(lock) == os.getpid()):
                lock.unlink(missing_ok=True)
        for path in folder.glob(".*.npy.next"):
            if not held(path.with_name(f"{path.name[:-9]}.lock")):
                # a process died before its record was written, or just after
                record = self._read(path.with_name(f"{path.name[1:-9]}.json"), "done")
                if record is None or not self._taken_up(path, record):
                    path.unlink(missing_ok=True)

    def _lock(self, spec: RunSpec) -> Path:
        return self.root / spec.item / f".{spec.id}.lock"


def _flat(record: Record) -> dict[str, Any]:
    spec = record.spec
    row: dict[str, Any] = {
        "id": record.id,
        "profile": spec.profile,
        "role": spec.role,
        "dataset": spec.dataset.name,
        "fingerprint": spec.dataset.fingerprint,
        "backbone": spec.backbone["name"],
        "method": spec.method,
        "prune_ratio": spec.prune_ratio,
        "seed": spec.seed,
        "threads": spec.threads,
        **record.metrics,
        **record.phases,
        **record.sizes,
    }
    if record.phases.get("IT"):
        row.setdefault("rows_per_second", 1e6 / record.phases["IT"])
    row |= _prefixed("training", spec.training.items())
    row |= _prefixed("backbone", (pair for pair in spec.backbone.items() if pair[0] != "name"))
    row |= _prefixed("method", spec.method_settings.items())
    if record.certificate:
        c = record.certificate
        row |= {"seconds": c.seconds, "peak_rss": c.peak_rss, "commit": c.commit}
    return row


def _prefixed(prefix: str, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {f"{prefix}.{k}": canonical_json(v) if isinstance(v, list | dict) else v for k, v in pairs}
