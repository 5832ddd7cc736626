"""A process of its own for each contender, driven by lines of JSON: `python -m benchmarks.worker`.

Allocators, thread pools and environments stay apart, and a contender that dies takes nobody with it. Only
one worker works at a time: a request is answered before the next is sent, to whomever.
"""

import json
import os
import subprocess
import sys
import time
import traceback
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

SHOWN = 10  # operations of a profile


class WorkerError(Exception):
    """What went wrong in a worker, in one line."""


class Worker:
    """The parent's end of a worker.

    Args:
        threads: of every library there.
        env: over the environment of this process.
        log: file for what libraries print there, and for the whole story of a failure; None: this stderr.
        module: that serves there.
    """

    def __init__(
        self,
        threads: int,
        env: dict[str, str] | None = None,
        log: Path | None = None,
        module: str = "benchmarks.worker",
    ):
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), **(env or {})}
        command = [sys.executable, "-m", module]
        root = Path(__file__).resolve().parents[1]
        with log.open("a") if log else nullcontext() as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
                cwd=root,
            )

    def ask(self, call: str, **arguments: Any) -> Any:
        """The answer to one request.

        Raises:
            WorkerError: the call failed there, or the process died.
        """
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps({"call": call, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self.process.wait()
            killed = " (killed, as when memory runs out)" if code == -9 else ""
            raise WorkerError(f"its process ended with exit code {code}{killed}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer["result"]

    def stop(self) -> None:
        """End the process."""
        if self.process.stdin:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Calls:
    """What a worker can be asked."""

    def __init__(self) -> None:
        self.contender: Any = None

    def build(self, kind: str, shape: dict, options: dict, rows: int, batch: int, seed: int, device: str):
        """Make the contender and its data; the number of its parameters."""
        import torch

        from .common import zipf_rows
        from .contenders import Shape
        from .peers import KINDS

        options = dict(options)
        torch.set_float32_matmul_precision(options.pop("matmul", "highest"))
        torch.manual_seed(seed)
        model = Shape.read(shape)
        data = zipf_rows(model.sizes, rows, 1.1, seed, permuted=True)
        self.contender = KINDS[kind](model, data, batch, torch.device(device), options)
        return self.contender.parameters()

    def measure(self, what: str, first: int, repeats: int) -> dict[str, Any]:
        """Seconds of each step or batch scored, from batch `first` on, and the processor's for one."""
        from .common import seconds_of

        one = self.contender
        one.train(what == "train")
        action = one.step if what == "train" else one.score
        start = time.process_time()
        seconds = seconds_of(lambda k: action(first + k), repeats, one.device)
        return {"seconds": seconds, "cpu_seconds": (time.process_time() - start) / repeats}

    def profile(self, what: str, repeats: int) -> dict[str, float]:
        """Shares of the processor's time by operation, the largest first, the rest together."""
        import torch

        one = self.contender
        one.train(what == "train")
        action = one.step if what == "train" else one.score
        with torch.profiler.profile() as found:
            for k in range(repeats):
                action(k)
        on_cpu = one.device.type == "cpu"
        times = {
            event.key: event.self_cpu_time_total if on_cpu else event.self_device_time_total
            for event in found.key_averages()
        }
        total = sum(times.values()) or 1
        first = sorted(times, key=times.__getitem__, reverse=True)[:SHOWN]
        shares = {name: times[name] / total for name in first}
        return {**shares, "all else": 1 - sum(shares.values())}

    def peaks(self, device: str, repeats: int) -> dict[str, float]:
        """The machine's rates, see `peaks`."""
        from .peaks import measure_peaks

        return measure_peaks(device, repeats)

    def agreement(self, shape: dict) -> dict[str, Any]:
        """Whether the peers compute what this project does, see `agreement`."""
        from .agreement import agreement
        from .contenders import Shape

        return agreement(Shape.read(shape))

    def finish(self) -> dict[str, Any]:
        """What else is to be told of the contender, and the highest resident memory of this process."""
        from lfmp_core.experiments.certificate import peak_rss

        extras = self.contender.extras() if self.contender else {}
        return {"peak_mib": round(peak_rss() / 2**20), **extras}


def serve(calls: object) -> None:
    """Answer requests with what `calls` has until the parent's end closes."""
    # whatever libraries print goes to stderr: the parent reads nothing but answers
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(calls, request.pop("call"))(**request)}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(Calls())
