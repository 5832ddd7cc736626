"""Runs in worker processes, each measured; whatever fails there becomes a record."""

import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import workers
from ..errors import Diverged
from .certificate import certify, reset_peak_rss
from .record import Record, logits_digest
from .spec import RunSpec
from .stamp import stamp_of

Result = tuple[Record, np.ndarray | None]
Runner = Callable[[RunSpec], Result]

_FRAMES = 6  # of a failure's traceback that its record keeps


def run_measured(runner: Runner, spec: RunSpec) -> Result:
    """Run `runner` in this process and stamp its record; whatever it raises becomes a failed record.

    Its cause is `diverged` where the training raised Diverged, and `other` of all else.

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
        cause = "diverged" if isinstance(error, Diverged) else "other"
        record, logits = Record(spec=spec, status="failed", error=_story(error), cause=cause), None
        update = {}
    seconds = time.perf_counter() - begin
    update["certificate"] = certify(
        spec.command, started=started, seconds=seconds, threads=spec.threads, numerics=stamp_of(spec)
    )
    return record.model_copy(update=update), logits


def _story(error: BaseException) -> str:
    """The error and its last frames, with file names only: records name no folder of one machine."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = " > ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames)
    return f"{type(error).__name__}: {error} [{places}]"


def died(spec: RunSpec, told: str) -> Record:
    """The failed record of a run whose process vanished under it, with what is told of that."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    certificate = certify(spec.command, started=started, seconds=0.0, threads=spec.threads)
    return Record(spec=spec, status="failed", error=told, cause="other", certificate=certificate)


class RunWorker(workers.Worker):
    """A process that computes runs.

    Args:
        runner: what computes one, importable from a module.
        threads, preload: see `workers.Worker`.
    """

    def __init__(self, runner: Runner, threads: int, preload: Callable[[], None] | None = None):
        super().__init__(partial(run_measured, runner), threads, preload)

    @property
    def spec(self) -> RunSpec | None:
        """What it is computing."""
        return self.given

    def take(self) -> Result:
        """Wait for the result; a dead process gives a failed record."""
        spec = self.given
        try:
            return super().take()
        except workers.Gone as gone:
            return died(spec, str(gone)), None
