"""From a plan to its records: what is missing is computed, once, by whatever engine is asked for."""

import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ..errors import DataError, LfmpError
from ..workers import undisturbed
from .arms import Search, ended
from .asked import only, remember
from .engines import Engine, Pool
from .executor import dataset_ref, execute, open_dataset, opened, preload
from .expected import seconds_of
from .items import Item, get_item
from .pool import Result, Runner
from .record import Record
from .spec import RunSpec
from .stamp import outdated
from .store import RunLock, Store, store_for

__all__ = ["RunsFailed", "dataset_ref", "execute", "open_dataset", "run_item"]

_POLL = 0.5  # seconds between looks at runs that another process is computing


class RunsFailed(LfmpError):
    """Some runs of an item failed; the others are finished and kept.

    Attributes:
        failures: their records, also to be found under failed/ in the store.
        stopped: a line for each search that was stopped, since a run of it was lost.
    """

    def __init__(self, item: str, failures: list[Record], finished: int, stopped: Iterable[str] = ()):
        self.failures, self.stopped = failures, tuple(stopped)
        lines = [f"  {r.id}  {r.spec.label}: {r.error}" for r in failures]
        head = f"{item}: {len(failures)} of {len(failures) + finished} runs failed, the others are kept:"
        super().__init__("\n".join([head, *lines, *self.stopped]))


def no(record: Record) -> bool:
    """No record is renewed."""
    return False


def first_stage(todo: list[RunSpec]) -> list[RunSpec]:
    """The search runs, as long as there are any: they decide which final runs there are."""
    return [spec for spec in todo if spec.role == "search"] or todo


def run_item(
    item: Item | str,
    profile: str,
    workers: int | None = None,
    store: Store | None = None,
    progress: bool = True,
    runner: Runner | None = None,
    ids: Collection[str] = (),
    limit: int | None = None,
    asked: bool = False,
    stale: bool = False,
    until: float | None = None,
    engine: Engine | None = None,
) -> list[Record]:
    """Compute what is missing of an item's plan, stage after stage, until nothing is.

    A finished run is never computed twice, also not when another process runs the same item. Ctrl-C keeps
    every finished record and leaves nothing of the others. A failing run is recorded under failed/, and the
    rest goes on; the search that it belongs to is stopped, since what it would have said is not known. A
    training that diverged has said so: its search goes on, and it is not computed again unless by `ids`.

    Args:
        item: the item or its name.
        profile: quick, reference or paper.
        workers: processes; by default as many as the cores hold, given the threads of a run. With 1 the runs
            are computed in this process.
        store: where records are kept; by default the profile's own.
        progress: show one bar on stderr.
        runner: what computes a run, by default `execute`; importable from a module when workers > 1.
        ids: compute only these, of the plan or of what was `asked` for before.
        limit: compute at most so many.
        asked: the plan is somebody's own, so its runs are remembered by id: the command in their
            certificates finds them again.
        stale: compute anew what was made under other numerics than today's (see `stamp`). Each old record
            stands until its new one is whole. Trials that a search proposed stay as they are: their scores
            decided on the trials after them, which would be others, so such a search is renewed as a whole.
            What a search among fixed candidates chooses may change; then the final runs are other runs.
        until: a time of `time.monotonic`. The runs are begun in the plan's order, none after that time, and
            none that is expected to end after it, as far as those that have ended tell.
        engine: where runs are computed; by default a pool of `workers` processes. It can be used again
            afterwards, and whoever gave it closes it.

    Returns:
        the finished records of the plan, in its order; of `ids` only, when given.

    Raises:
        UnknownName: no such item, profile or id.
        RunsFailed: when all that could be computed has been.
        DataError: a record in the store is damaged, or differs from what was just computed.
    """
    item = get_item(item) if isinstance(item, str) else item
    store = store_for(profile) if store is None else store
    plan = item.plan(profile, store)
    if ids:
        plan = only(plan, ids, item.name, profile)
    renewed = _renewed(item, profile, store) if stale else no
    found = lambda: item.searches(profile, store)
    place = Pool(workers) if engine is None else engine
    command = _Command(store, runner or execute, place, limit, found, bool(ids), renewed, asked, until)
    command.adopt(plan)
    searches = any(spec.role == "search" for spec in plan)
    if searches:
        item.write_journals(profile, store, ids)  # before a run starts: what is proposed stays proposed
    todo = command.due(plan)
    command.bar = tqdm(
        total=len(plan), initial=len(plan) - len(todo), desc=item.name, unit="run", disable=not progress
    )
    try:
        while todo and command.budget():
            command.compute(first_stage(todo) if stale else todo, filter(None, map(store.get, plan)))
            if not ids:
                plan = item.plan(profile, store)
                command.adopt(plan)
            if searches:
                item.write_journals(profile, store, ids)
            command.bar.total = len(plan)
            todo = command.due(plan)
    except KeyboardInterrupt:
        with undisturbed():
            command.abandon()
            finished = sum(store.get(spec) is not None for spec in plan)
            again = f"lfmp run {item.name} --profile {profile}"
            print(
                f"\nStopped. {finished} of {len(plan)} runs are finished and kept; go on with: {again}",
                file=sys.stderr,
            )
        raise
    finally:
        with undisturbed():
            command.abandon()
            command.bar.close()
            if engine is None:
                place.close()
    last = [record for spec in plan if (record := ended(spec, store)) is not None]
    records = [record for record in last if record.status == "done"]
    failures = {record.id: record for record in last if record.status == "failed"} | command.failures
    if failures:
        again = f"lfmp run {item.name} --profile {profile}"
        stopped = [f"{why}; run again, it goes on where it was: {again}" for why in command.stopped]
        raise RunsFailed(item.name, list(failures.values()), len(records), stopped)
    return records


def _renewed(item: Item, profile: str, store: Store) -> Callable[[Record], bool]:
    proposed = item.proposed(profile, store)
    return lambda record: record.id not in proposed and bool(outdated(record))


class _Command:
    """The state of one `run_item`: claims, failures, stopped searches, the bar.

    Args:
        engine: computes.
        searches: those of the item.
        again: compute also what is known to diverge.
        renewed: whether a record shall be computed anew.
        asked: remember what is computed.
        until: when no more is begun.
    """

    def __init__(
        self,
        store: Store,
        runner: Runner,
        engine: Engine,
        limit: int | None,
        searches: Callable[[], list[Search]],
        again: bool,
        renewed: Callable[[Record], bool],
        asked: bool,
        until: float | None = None,
    ):
        self.store, self.runner, self.engine = store, runner, engine
        self.left, self.searches, self.again, self.renewed = limit, searches, again, renewed
        self.asked_for = asked
        self.folders: list[Path] = []  # of the store
        self.computed: set[str] = set()
        self.claims: dict[str, RunLock] = {}
        self.failures: dict[str, Record] = {}
        self.stopped: list[str] = []
        self.halted: set[str] = set()  # ids of the runs of stopped searches
        self.until, self.late = until, set[str]()  # ids of runs that would end too late
        self.bar: tqdm = tqdm(disable=True)

    def adopt(self, plan: list[RunSpec]) -> None:
        """Learn which folders of the store are concerned, and clear them of what dead processes left."""
        for folder in sorted({self.store.folder(spec) for spec in plan} - {*self.folders}):
            self.folders.append(folder)
            self.store.sweep(folder)

    def due(self, plan: list[RunSpec]) -> list[RunSpec]:
        """What of a plan this command has still to compute."""
        done = self.store.get if self.again else partial(ended, store=self.store)
        over = {*self.failures, *self.halted, *self.late}
        known = ((spec, done(spec)) for spec in plan if spec.id not in over)
        return [spec for spec, record in known if record is None or self.renewed(record)]

    def budget(self) -> bool:
        """Whether `limit` and `until` allow another run."""
        return (self.left is None or self.left > 0) and self._in_time(0.0)

    def _in_time(self, seconds: float) -> bool:
        return self.until is None or time.monotonic() + seconds < self.until

    def compute(self, todo: list[RunSpec], finished: Iterable[Record]) -> None:
        """Compute all of `todo`, or as much as `limit` allows, and wait for what others are computing.

        Args:
            finished: runs that tell how long others will take.
        """
        expected = seconds_of(todo, finished)
        # Longest first: started last, it would run on alone. Where time may end, the first come first.
        longest = lambda spec: -expected.get(spec.id, 0.0)
        pending = sorted(todo, key=longest) if self.until is None else list(todo)
        own = self.runner is execute
        self.engine.expect(todo, self.runner, preload if own else None)
        if own:
            for ref in {spec.dataset for spec in todo}:
                opened(ref)  # prepared once, rather than by every worker of this machine at the same time
        while pending or self.claims:
            while self.engine.room() and self.budget() and (spec := self._next(pending, expected)):
                self.bar.set_postfix_str(spec.label)
                self.engine.start(spec)
            if not self.engine.busy():
                if not pending or not self.budget():
                    return
                time.sleep(_POLL)  # all that is left is being computed by others
            for spec, result in self.engine.ready(_POLL):
                self._keep(spec, result)

    def _next(self, pending: list[RunSpec], expected: Mapping[str, float]) -> RunSpec | None:
        """Take the first run of `pending` that is neither finished by now nor claimed by another process.

        Args:
            expected: seconds, by id, of those that may be known.
        """
        for spec in list(pending):
            if not self._in_time(expected.get(spec.id, 0.0)):
                self.late.add(spec.id)
            if spec.id in self.halted or spec.id in self.late:
                pending.remove(spec)
                continue
            claim = self.store.claim(spec)
            if claim is None:
                continue
            self.claims[spec.id] = claim
            pending.remove(spec)
            if self.due([spec]):
                self._first_time(spec)
                self.left = None if self.left is None else self.left - 1
                return spec
            self._release(spec)
            self.bar.update()
        return None

    def _first_time(self, spec: RunSpec) -> None:
        if spec.id in self.computed:
            problem = f"{spec.label} was computed a moment ago, and its record is not there"
            remedy = "See what removes it or lies in its place; nothing is computed twice in one command"
            raise DataError(problem, file=self.store.path(spec), remedy=remedy)
        self.computed.add(spec.id)
        if self.asked_for:
            remember(spec)

    def _keep(self, spec: RunSpec, result: Result) -> None:
        record, logits = result
        self.store.put(record, logits)
        self._release(spec)
        if record.status == "failed":
            self.failures[spec.id] = record
            self.bar.write(f"failed: {spec.label}: {record.error}", file=sys.stderr)
            if spec.role == "search" and record.cause != "diverged":
                self._halt(record)
        self.bar.update()

    def _halt(self, record: Record) -> None:
        """Stop the searches that a lost run belongs to: what it would have said is not known."""
        for search in self.searches():
            own = search.ids
            if record.id in own and not own <= self.halted:
                self.halted |= own
                self.stopped.append(
                    f"stopped: {search.name}, whose run {record.id} was lost ({record.error})"
                )

    def _release(self, spec: RunSpec) -> None:
        self.claims.pop(spec.id).release()

    def abandon(self) -> None:
        """Give up what is under way and give back what is claimed; nothing half-done stays."""
        self.engine.abandon()
        for folder in self.folders:
            self.store.sweep(folder, own=True)
        self.claims.clear()
