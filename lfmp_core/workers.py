"""Worker processes: spawned, deaf to Ctrl-C, gone when their parent goes, with all that they started."""

import contextlib
import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

from tqdm import tqdm

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Gone(Exception):
    """A worker's process ended in the middle of its job."""

    def __init__(self, exitcode: int | None):
        self.exitcode = exitcode
        cause = f"exit code {exitcode}"
        if exitcode is not None and exitcode < 0:
            cause = signal.Signals(-exitcode).name
            cause += ", as when memory runs out" if exitcode == -signal.SIGKILL else ""
        super().__init__(f"the worker process ended in the middle ({cause})")


def _serve(connection: Connection, job: Callable[[Any], Any], preload: Callable[[], None] | None) -> None:
    """A worker's whole life: what to work on in, what came of it out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system, which a killed worker would leak
    parent = multiprocessing.parent_process()
    if parent is not None:  # a killed parent can't terminate us, and nobody would take the result
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    if preload is not None:
        preload()
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            connection.send(job(connection.recv()))


def _follow(parent: BaseProcess) -> None:
    parent.join()
    for pid in _children():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    os._exit(1)


def _children() -> list[int]:
    """Processes that this one has started, such as a notebook's kernel; where the system tells."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


class Worker:
    """One process, at most one job at a time.

    Args:
        job: what it does, a function importable from a module; what it is given and returns can be pickled.
        threads: that BLAS and OpenMP start with there; None: as in this process.
        preload: called there first; imports take seconds that should not count as the first job's.
    """

    def __init__(
        self, job: Callable[[Any], Any], threads: int | None = None, preload: Callable[[], None] | None = None
    ):
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, job, preload), daemon=True)
        self.given: Any = None
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

    def start(self, given: Any) -> None:
        """Hand it something to work on."""
        self.given = given
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # `take` tells that it has died
            self.connection.send(given)

    def take(self) -> Any:
        """Wait for what came of it.

        Raises:
            Gone: the process has died.
        """
        assert self.given is not None
        self.given = None
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join(5)
            raise Gone(self.process.exitcode) from None

    def alive(self) -> bool:
        """Whether it can take another job."""
        return self.process.is_alive()

    def stop(self) -> None:
        """End it now, whatever it is doing; an idle one ends by itself when nobody is at the other end."""
        self.connection.close()
        if self.given is None:
            self.process.join(5)
        self.process.kill()
        self.process.join()

    @classmethod
    def ready(cls, workers: Sequence[Self], timeout: float | None = None) -> list[Self]:
        """Those of the busy workers that have a result, or have died, within `timeout` seconds."""
        found = wait([w.connection for w in workers], timeout)
        return [w for w in workers if w.connection in found]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Pass over a second Ctrl-C or SIGTERM, which would disturb what the first one asked for."""
    if threading.current_thread() is not threading.main_thread():  # where signals don't arrive
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextlib.contextmanager
def _environment(threads: int | None) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    if threads is not None:
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
