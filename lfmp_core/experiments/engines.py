"""Where runs are computed: the interface, and the pool of processes of this machine, which is the default."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from ..bounds import cores
from ..errors import LfmpError, check_name
from .pool import Result, Runner, RunWorker, run_measured
from .spec import RunSpec

ENGINES = ("pool", "dask")


class Engine(Protocol):
    """Computes runs, several at a time; who asks for them keeps the records."""

    def expect(self, todo: Sequence[RunSpec], runner: Runner, preload: Callable[[], None] | None) -> None:
        """Get ready for some runs: asked for before the first of each stage.

        Args:
            todo: what may be started; what was started before is over.
            runner: computes one, importable from a module.
            preload: called where a run is computed, before the first.
        """
        ...

    def room(self) -> bool:
        """Whether another run can be started now."""
        ...

    def busy(self) -> bool:
        """Whether a run was started whose result was not taken."""
        ...

    def start(self, spec: RunSpec) -> None:
        """Start one, where there is room."""
        ...

    def ready(self, timeout: float) -> Iterator[tuple[RunSpec, Result]]:
        """Take, one by one, what ends within `timeout` seconds: a dead process gives a failed record."""
        ...

    def abandon(self) -> None:
        """Give up what is under way; the engine can be used again."""
        ...

    def close(self) -> None:
        """Give up what is under way, and end."""
        ...


class Pool:
    """Processes of this machine, which stay for the next stage; one alone is this process.

    Args:
        workers: how many; by default as many as the cores hold, given the threads of a run.
    """

    def __init__(self, workers: int | None = None):
        if workers is not None and workers < 1:
            raise LfmpError(f"workers must be at least 1, not {workers}")
        self._asked, self._size, self._threads = workers, 1, 1
        self._runner: Runner
        self._preload: Callable[[], None] | None = None
        self._workers: list[RunWorker] = []
        self._here: list[tuple[RunSpec, Result]] = []

    def expect(self, todo: Sequence[RunSpec], runner: Runner, preload: Callable[[], None] | None) -> None:
        self._runner, self._preload = runner, preload
        self._threads = max(spec.threads for spec in todo)
        self._size = self._asked or max(1, min(len(todo), cores() // self._threads))
        if preload is not None:
            preload()

    def _started(self) -> list[RunWorker]:
        return [worker for worker in self._workers if worker.spec]

    def room(self) -> bool:
        return len(self._started()) + len(self._here) < self._size

    def busy(self) -> bool:
        return bool(self._started() or self._here)

    def start(self, spec: RunSpec) -> None:
        if self._size == 1:
            self._here.append((spec, run_measured(self._runner, spec)))
            return
        worker = next((w for w in self._workers if not w.spec), None)
        if worker is None:
            worker = RunWorker(self._runner, self._threads, self._preload)
            self._workers.append(worker)
        worker.start(spec)

    def ready(self, timeout: float) -> Iterator[tuple[RunSpec, Result]]:
        while self._here:
            yield self._here.pop(0)
        started = self._started()
        for worker in RunWorker.ready(started, timeout) if started else ():
            spec = worker.spec
            assert spec is not None
            yield spec, worker.take()
            if not worker.alive():
                worker.stop()
                self._workers.remove(worker)

    def abandon(self) -> None:
        self._here.clear()
        self._stop([worker for worker in self._workers if worker.spec or not worker.alive()])

    def close(self) -> None:
        self._here.clear()
        self._stop(list(self._workers))

    def _stop(self, workers: list[RunWorker]) -> None:
        for worker in workers:
            with suppress(OSError):
                worker.stop()
            self._workers.remove(worker)


def make_engine(name: str = "pool", workers: int | None = None, scheduler: str | None = None) -> Engine:
    """The engine of that name.

    Args:
        name: pool or dask.
        workers: most runs at a time.
        scheduler: address of dask's.

    Raises:
        UnknownName: no such engine.
        LfmpError: an address is missing or has no use, or there is no scheduler or no package for it.
    """
    check_name(name, ENGINES, "engine")
    if name == "pool":
        if scheduler:
            raise LfmpError(f"the pool has no scheduler. To compute on that of {scheduler}: --engine dask")
        return Pool(workers)
    if not scheduler:
        remedy = "--scheduler tcp://HOST:8786. To start one: dask scheduler"
        raise LfmpError(f"the engine dask needs the address of its scheduler: {remedy}")
    from .dask_engine import Dask

    return Dask(scheduler, workers)
