"""From a plan to its records: what is missing is computed, once, on as many processes as asked for."""

import sys
import time
from collections.abc import Collection, Iterable
from contextlib import suppress

from tqdm import tqdm

from ..errors import LfmpError, UnknownName
from .certificate import cores
from .executor import execute, open_dataset, preload, reference
from .items import Item, get_item
from .pool import Result, Runner, Worker, measured
from .record import Record
from .spec import RunSpec
from .store import Claim, Store, store_for

__all__ = ["RunsFailed", "execute", "missing", "open_dataset", "reference", "run_item", "seconds_of"]

_POLL = 0.5  # seconds between looks at runs that another process is computing


class RunsFailed(LfmpError):
    """Some runs of an item failed; the others are finished and kept.

    Attributes:
        failures: their records, also to be found under failed/ in the store.
    """

    def __init__(self, item: str, failures: list[Record], finished: int):
        self.failures = failures
        lines = [f"  {r.id}  {r.spec.label}: {r.error}" for r in failures]
        head = f"{item}: {len(failures)} of {len(failures) + finished} runs failed, the others are kept:"
        super().__init__("\n".join([head, *lines]))


def missing(specs: Iterable[RunSpec], store: Store) -> list[RunSpec]:
    """Those without a finished record."""
    return [spec for spec in specs if store.get(spec) is None]


def seconds_of(specs: Iterable[RunSpec], records: Iterable[Record]) -> dict[str, float]:
    """Expected wall-clock seconds by spec id: the mean of finished runs of the same kind.

    The same backbone, method and role if there is one, else the same backbone, else any run at all.
    """
    times: dict[tuple[str, ...], list[float]] = {}
    for record in records:
        if record.certificate:
            for kind in _kinds(record.spec):
                times.setdefault(kind, []).append(record.certificate.seconds)
    found = {spec.id: next((times[k] for k in _kinds(spec) if k in times), []) for spec in specs}
    return {key: sum(values) / len(values) for key, values in found.items() if values}


def _kinds(spec: RunSpec) -> list[tuple[str, ...]]:
    backbone = spec.backbone["name"]
    return [(backbone, spec.method, spec.role), (backbone,), ()]


def run_item(
    item: Item | str,
    profile: str,
    workers: int | None = None,
    store: Store | None = None,
    progress: bool = True,
    runner: Runner | None = None,
    ids: Collection[str] = (),
    limit: int | None = None,
) -> list[Record]:
    """Compute what is missing of an item's plan, stage after stage, until nothing is.

    A finished run is never computed twice, also not when another process runs the same item. Ctrl-C keeps
    every finished record and leaves nothing of the others. A failing run is recorded under failed/, and the
    rest goes on.

    Args:
        item: the item or its name.
        profile: quick, reference or paper.
        workers: processes; by default as many as the cores hold, given the threads of a run. With 1 the runs
            are computed in this process.
        store: where records are kept; by default the profile's own.
        progress: show one bar on stderr.
        runner: what computes a run, by default `execute`; importable from a module when workers > 1.
        ids: compute only these.
        limit: compute at most so many.

    Returns:
        the finished records of the plan, in its order; of `ids` only, when given.

    Raises:
        UnknownName: no such item or profile.
        RunsFailed: when all that could be computed has been.
        DataError: a record in the store is damaged, or differs from what was just computed.
    """
    item = get_item(item) if isinstance(item, str) else item
    store = store_for(profile) if store is None else store
    plan = item.plan(profile, store)
    if ids:
        plan = _only(plan, ids)
    engine = _Engine(store, runner or execute, workers, limit)
    engine.adopt(plan)
    todo = missing(plan, store)
    engine.bar = tqdm(
        total=len(plan), initial=len(plan) - len(todo), desc=item.name, unit="run", disable=not progress
    )
    try:
        while todo and engine.budget():
            engine.compute(todo)
            if not ids:
                plan = item.plan(profile, store)
                engine.adopt(plan)
            engine.bar.total = len(plan)
            todo = [spec for spec in missing(plan, store) if spec.id not in engine.failures]
    except KeyboardInterrupt:
        engine.abandon()
        finished = len(plan) - len(missing(plan, store))
        command = f"lfmp run {item.name} --profile {profile}"
        print(
            f"\nStopped. {finished} of {len(plan)} runs are finished and kept; go on with: {command}",
            file=sys.stderr,
        )
        raise
    finally:
        engine.abandon()
        engine.bar.close()
    records = [record for spec in plan if (record := store.get(spec)) is not None]
    if engine.failures:
        raise RunsFailed(item.name, list(engine.failures.values()), len(records))
    return records


def _only(plan: list[RunSpec], ids: Collection[str]) -> list[RunSpec]:
    known = {spec.id: spec for spec in plan}
    for wrong in (i for i in ids if i not in known):
        remedy = "`lfmp plan` lists the ids known by now; final runs appear when their search is finished"
        raise UnknownName(f"no run {wrong!r} in this plan: {remedy}")
    return [known[i] for i in dict.fromkeys(ids)]


class _Engine:
    """The state of one `run_item`: workers, claims, failures, the bar."""

    def __init__(self, store: Store, runner: Runner, workers: int | None, limit: int | None):
        if workers is not None and workers < 1:
            raise LfmpError(f"workers must be at least 1, not {workers}")
        self.store, self.runner, self.asked = store, runner, workers
        self.left = limit
        self.folders: list[str] = []  # of the store; an item may show runs of other items too
        self.workers: list[Worker] = []
        self.claims: dict[str, Claim] = {}
        self.failures: dict[str, Record] = {}
        self.bar: tqdm = tqdm(disable=True)

    def adopt(self, plan: list[RunSpec]) -> None:
        """Learn which folders of the store are concerned, and clear them of what dead processes left."""
        for folder in sorted({spec.item for spec in plan} - {*self.folders}):
            self.folders.append(folder)
            self.store.sweep(folder)

    def budget(self) -> bool:
        """Whether `limit` allows another run."""
        return self.left is None or self.left > 0

    def compute(self, todo: list[RunSpec]) -> None:
        """Compute all of `todo`, or as much as `limit` allows, and wait for what others are computing."""
        expected = seconds_of(todo, [record for folder in self.folders for record in self.store.all(folder)])
        # Longest first: started last, it would run on alone.
        pending = sorted(todo, key=lambda spec: -expected.get(spec.id, 0.0))
        own = self.runner is execute
        if own:
            preload()
            for ref in {spec.dataset for spec in todo}:
                open_dataset(ref)  # prepared once here, rather than by every worker at the same time
        threads = max(spec.threads for spec in todo)
        size = self.asked or max(1, min(len(todo), cores() // threads))
        while pending or self.claims:
            busy = [w for w in self.workers if w.spec]
            while len(busy) < size and self.budget() and (spec := self._next(pending)):
                self.bar.set_postfix_str(spec.label)
                if size == 1:
                    self._keep(spec, measured(self.runner, spec))
                    continue
                worker = next((w for w in self.workers if not w.spec), None)
                if worker is None:
                    worker = Worker(self.runner, threads, preload if own else None)
                    self.workers.append(worker)
                worker.start(spec)
                busy.append(worker)
            if not busy:
                if not pending or not self.budget():
                    return
                time.sleep(_POLL)  # all that is left is being computed by others
            for worker in Worker.ready(busy, _POLL) if busy else ():
                spec = worker.spec
                assert spec is not None
                self._keep(spec, worker.take())
                if not worker.alive():
                    worker.stop()
                    self.workers.remove(worker)

    def _next(self, pending: list[RunSpec]) -> RunSpec | None:
        """Take the first run of `pending` that is neither finished by now nor claimed by another process."""
        for spec in list(pending):
            claim = self.store.claim(spec)
            if claim is None:
                continue
            self.claims[spec.id] = claim
            pending.remove(spec)
            if self.store.get(spec) is None:
                self.left = None if self.left is None else self.left - 1
                return spec
            self._release(spec)
            self.bar.update()
        return None

    def _keep(self, spec: RunSpec, result: Result) -> None:
        record, logits = result
        self.store.put(record, logits)
        self._release(spec)
        if record.status == "failed":
            self.failures[spec.id] = record
            self.bar.write(f"failed: {spec.label}: {record.error}", file=sys.stderr)
        self.bar.update()

    def _release(self, spec: RunSpec) -> None:
        self.claims.pop(spec.id).release()

    def abandon(self) -> None:
        """Stop the workers and give back what is claimed; nothing half-done stays."""
        for worker in self.workers:
            with suppress(OSError):
                worker.stop()
        self.workers.clear()
        for folder in self.folders:
            self.store.sweep(folder, own=True)
        self.claims.clear()
