"""Runs on the workers of a dask scheduler, on this machine or others."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import LfmpError
from ..methods.extras import optional
from .pool import Result, Runner, died, run_measured
from .spec import RunSpec
from .stamp import outdated

_PATIENCE = 60.0  # seconds to wait for a worker, or for the scheduler to answer
_LOOK = 0.05  # seconds between looks at runs under way


class Dask:
    """The workers of one scheduler; a run whose worker dies is computed by another.

    A worker computes one run at a time: the threads of a process share settings and a clock of processor
    time. Only this process writes records, so that workers need the package and the data, and no store. A
    run that is given up is finished by its worker, and what came of it is dropped; asked for meanwhile, it is
    taken up again.

    Args:
        scheduler: its address, such as tcp://HOST:8786.
        workers: most runs at a time; by default as many as there are workers, whenever they come.
        patience: seconds to wait for the scheduler, and for a worker where there is none.

    Raises:
        LfmpError: nothing answers there, or dask is not installed.
    """

    def __init__(self, scheduler: str, workers: int | None = None, *, patience: float = _PATIENCE):
        distributed = optional("distributed", "the engine dask")
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # errors are said here, in a line
        try:
            self.client = distributed.Client(scheduler, timeout=patience, set_as_default=False)
        except (OSError, ValueError) as error:
            problem = str(error).partition("\n")[0] or type(error).__name__
            raise LfmpError(
                f"no scheduler answers at {scheduler} ({problem}). To start one: dask scheduler"
            ) from None
        self.scheduler, self._asked, self._patience = scheduler, workers, patience
        self._busy: dict[str, tuple[RunSpec, Any]] = {}  # runs under way and their futures, by id
        self._seen = time.monotonic()  # when there was a worker
        self._runner: Runner
        self._preload: Callable[[], None] | None = None

    def expect(self, todo: Sequence[RunSpec], runner: Runner, preload: Callable[[], None] | None) -> None:
        self._runner, self._preload, self._seen = runner, preload, time.monotonic()

    def room(self) -> bool:
        """Whether a worker has nothing to do.

        Raises:
            LfmpError: there has been no worker for a while, or one has several threads, or the scheduler is
                gone.
        """
        threads = self._threads()
        several = [address for address, count in threads.items() if count != 1]
        if several:
            raise LfmpError(f"the worker {several[0]} computes several runs in one process. {self._remedy}")
        if threads:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > self._patience:
            raise LfmpError(f"the scheduler at {self.scheduler} has no worker. {self._remedy}")
        return len(self._busy) < min(len(threads), self._asked or len(threads))

    def _threads(self) -> dict[str, int]:
        """Of each worker that is there, by address."""
        with self._told():
            return self.client.nthreads()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in a line that the scheduler has gone, whatever its client says."""
        try:
            yield
        except (OSError, RuntimeError, CancelledError):
            raise self._gone() from None

    @property
    def _remedy(self) -> str:
        return f"To start some: dask worker {self.scheduler} --nworkers 2 --nthreads 1"

    def _gone(self) -> LfmpError:
        remedy = "What is finished is kept: start it again, and run the same command"
        return LfmpError(f"the scheduler at {self.scheduler} is gone. {remedy}")

    def busy(self) -> bool:
        return bool(self._busy)

    def start(self, spec: RunSpec) -> None:
        key = f"{self._runner.__module__}.{self._runner.__qualname__}-{spec.id}"
        with self._told():
            future = self.client.submit(_compute, self._runner, self._preload, spec, key=key)
        self._busy[spec.id] = spec, future

    def ready(self, timeout: float) -> Iterator[tuple[RunSpec, Result]]:
        end = time.monotonic() + timeout
        while not (done := [key for key, (_, future) in self._busy.items() if future.done()]):
            if time.monotonic() > end:
                return
            time.sleep(_LOOK)
        for key in done:
            spec, future = self._busy.pop(key)
            yield spec, self._result(spec, future)

    def _result(self, spec: RunSpec, future: Any) -> Result:
        with self._told():
            error = future.exception()
        if error is not None:
            return self._failed(spec, error)
        with self._told():
            record, units = future.result()
        if record.status == "done" and (names := outdated(record)):
            remedy = "Install the same version of this package where the workers run"
            raise LfmpError(
                f"a worker computes {', '.join(names)} otherwise than it is pinned here. {remedy}"
            )
        return record, units

    def _failed(self, spec: RunSpec, error: BaseException) -> Result:
        distributed = optional("distributed", "the engine dask")
        if isinstance(error, distributed.KilledWorker):
            count = error.allowed_failures + 1
            told = f"{count} worker processes ended in the middle of it, as when memory runs out"
            return died(spec, told), None
        problem = str(error).partition("\n")[0]
        remedy = "Install this package where the workers run, with the same extras"
        raise LfmpError(f"a worker can't compute runs ({type(error).__name__}: {problem}). {remedy}")

    def abandon(self) -> None:
        if self._busy:
            with suppress(OSError, RuntimeError):  # it may be gone, and what it was told with it
                self.client.cancel([future for _, future in self._busy.values()])
            self._busy.clear()

    def close(self) -> None:
        self.abandon()
        self.client.close()


def _compute(runner: Runner, preload: Callable[[], None] | None, spec: RunSpec) -> Result:
    """What a worker does."""
    if preload is not None:
        preload()  # the first time it takes seconds, which should not count as the run's
    return run_measured(runner, spec)
