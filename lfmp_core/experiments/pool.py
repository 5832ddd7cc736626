"""Worker processes that compute runs: spawned, deaf to Ctrl-C, gone when their parent goes."""

import contextlib
import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .certificate import certify, reset_peak_rss
from .record import Record, logits_digest
from .spec import RunSpec

Result = tuple[Record, np.ndarray | None]
Runner = Callable[[RunSpec], Result]

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_FRAMES = 6  # of a failure's traceback that its record keeps


def measured(runner: Runner, spec: RunSpec) -> Result:
    """Run `runner` in this process and stamp its record; whatever it raises becomes a failed record.

    KeyboardInterrupt passes through.
    """
    logits: np.ndarray | None = None
    started = datetime.now(UTC).isoformat(timespec="seconds")
    reset_peak_rss()
    begin = time.perf_counter()
    try:
        record, logits = runner(spec)
        if record.id != spec.id:
            raise ValueError(f"the runner gave record {record.id} where {spec.id} was asked for")
        update: dict[str, Any] = {"logits": logits_digest(logits) if logits is not None else ""}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit of a library must not end the other runs
        record, logits = Record(spec=spec, status="failed", error=_story(error)), None
        update = {}
    seconds = time.perf_counter() - begin
    update["certificate"] = certify(spec.command, started=started, seconds=seconds, threads=spec.threads)
    return record.model_copy(update=update), logits


def _story(error: BaseException) -> str:
    """The error and its last frames, with file names only: records name no folder of one machine."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = " > ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames)
    return f"{type(error).__name__}: {error} [{places}]"


def died(spec: RunSpec, exitcode: int | None) -> Record:
    """The failed record of a run whose process vanished under it."""
    cause = f"exit code {exitcode}"
    if exitcode is not None and exitcode < 0:
        cause = signal.Signals(-exitcode).name
        cause += ", as when memory runs out" if exitcode == -signal.SIGKILL else ""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    certificate = certify(spec.command, started=started, seconds=0.0, threads=spec.threads)
    error = f"the worker process ended in the middle ({cause})"
    return Record(spec=spec, status="failed", error=error, certificate=certificate)


def _serve(connection: Connection, runner: Runner, preload: Callable[[], None] | None) -> None:
    """A worker's whole life: a spec in, a result out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system, which a killed worker would leak
    parent = multiprocessing.parent_process()
    if parent is not None:  # a killed parent can't terminate us, and nobody would take the result
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    if preload is not None:
        preload()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            connection.send(measured(runner, connection.recv()))


def _follow(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


class Worker:
    """One process, at most one run at a time.

    Args:
        runner: what computes a run, importable from a module.
        threads: that BLAS and OpenMP start with there.
        preload: called there first; imports take seconds that should not count as the first run's.
    """

    def __init__(self, runner: Runner, threads: int, preload: Callable[[], None] | None = None):
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, runner, preload), daemon=True)
        self.spec: RunSpec | None = None
        # Before numpy and torch are imported there. The signal mask is inherited: a Ctrl-C that the terminal
        # sends to the whole group must not kill a worker that has not yet got as far as ignoring it.
        multiprocessing.resource_tracker.ensure_running()
        with _environment(threads):
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self.process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        other.close()

    def start(self, spec: RunSpec) -> None:
        """Hand it a run."""
        self.spec = spec
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # `take` tells that it has died
            self.connection.send(spec)

    def take(self) -> Result:
        """Wait for the result; a dead process gives a failed record."""
        assert self.spec is not None
        spec, self.spec = self.spec, None
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join(5)
            return died(spec, self.process.exitcode), None

    def alive(self) -> bool:
        """Whether it can take another run."""
        return self.process.is_alive()

    def stop(self) -> None:
        """End it now, whatever it is doing; an idle one ends by itself when nobody is at the other end."""
        self.connection.close()
        if self.spec is None:
            self.process.join(5)
        self.process.kill()
        self.process.join()


def ready(workers: list[Worker], timeout: float) -> list[Worker]:
    """Those of the busy workers that have a result, or have died, within `timeout` seconds."""
    found = wait([w.connection for w in workers], timeout)
    return [w for w in workers if w.connection in found]


@contextlib.contextmanager
def _environment(threads: int) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
