"""A group of contenders in turns: who is asked what when, and what the machine can do meanwhile."""

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from lfmp_core.experiments.certificate import hardware, package_version, source_state
from lfmp_core.settings import project_root

from .cases import Group
from .common import in_turn, zipf_rows
from .contenders import Shape
from .floors import parameters, work
from .worker import Worker, WorkerError

PACKAGES = ("torch", "numpy", "deepctr-torch", "fuxictr", "polars", "ray", "duckdb", "pyarrow", "numba")
MEASURES = ("train", "infer")


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


def load() -> float | None:
    """Processes that waited for a core in the last minute; a quiet machine shows less than one."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def made(options: argparse.Namespace) -> dict[str, Any]:
    """What the figures come from."""
    commit, dirty = source_state(project_root())
    return {
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "hardware": hardware().model_dump(),
        "threads": options.threads,
        "device": options.device,
        "batch": options.batch,
        "seed": options.seed,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": load(),
    }


@contextmanager
def workers() -> Iterator[list[Worker]]:
    """A list of workers that are ended however the block ends."""
    started: list[Worker] = []
    try:
        yield started
    finally:
        for worker in started:
            worker.stop()


def aside(options: argparse.Namespace, call: str, **arguments: Any) -> Any:
    """The answer of a worker of its own, which ends with it."""
    with workers() as started:
        started.append(Worker(options.threads, log=options.log))
        return started[0].ask(call, **arguments)


def peaks(options: argparse.Namespace) -> dict[str, list[float]]:
    """The machine's rates now."""
    return aside(options, "peaks", device=options.device, repeats=5)


def floors(shape: Shape, rates: dict[str, list[float]], batch: int, seed: int) -> dict[str, Any]:
    """Seconds below which no implementation can come at the rates measured, by measure and precision."""
    best = {kind: max(max(v) for k, v in rates.items() if k.startswith(kind)) for kind in ("fp32", "bf16")}
    memory, gather = max(rates["triad"]), max(rates["random gather"])
    touched = len(np.unique(zipf_rows(shape.sizes, batch, 1.1, seed, permuted=True).ids))
    dense = parameters(shape.sizes, shape.dim, shape.hidden, shape.cin)
    lazy = dense - (sum(shape.sizes) - touched) * (shape.dim + 1)
    size = (len(shape.sizes), shape.dim, shape.hidden, shape.cin, batch)
    found: dict[str, Any] = {"train": {}, "infer": {}}
    for kind, rate in best.items():
        for name, moved in (("", dense), (", rows touched", lazy)):
            least = work(*size, training=True, moved=moved)
            found["train"][kind + name] = least.seconds(rate, memory, gather)
        found["infer"][kind] = work(*size, training=False, moved=0).seconds(rate, memory, gather)
    found["gflop"] = {
        measure: {
            name: work(*size, training=measure == "train", moved=0, plain=plain).flop / 1e9
            for name, plain in (("least", False), ("as the formula stands", True))
        }
        for measure in MEASURES
    }
    return found


class Crew:
    """The workers of a group's entries. What fails is named in its entry, and its worker is asked no more."""

    def __init__(self, title: str, started: list[Worker]):
        self.title, self.started = title, started
        self.live: dict[str, Worker] = {}

    def hire(self, entry: dict[str, Any], shape: Shape, rows: int, options: argparse.Namespace) -> None:
        """Start an entry's worker and let it build its model."""
        worker = Worker(options.threads, entry["env"], options.log)
        self.started.append(worker)
        self.live[entry["name"]] = worker
        data = {"rows": rows, "batch": options.batch, "seed": options.seed, "device": options.device}
        model = {"kind": entry["kind"], "shape": asdict(shape), "options": entry["options"]}
        entry["parameters"] = self.ask(entry, "build", **model, **data)
        entry.update({m: {"seconds": [], "cpu_seconds": []} for m in entry["measures"]})
        say(f"{self.title}, {entry['name']}: {entry['parameters'] or 0:,} parameters")

    def ask(self, entry: dict[str, Any], call: str, **arguments: Any) -> Any:
        """An entry's answer; None once it has failed."""
        if entry["name"] not in self.live:
            return None
        try:
            return self.live[entry["name"]].ask(call, **arguments)
        except WorkerError as error:
            entry["error"] = str(error)
            say(f"{self.title}, {entry['name']}: {error}")
            del self.live[entry["name"]]
            return None


def run_group(group: Group, options: argparse.Namespace) -> dict[str, Any]:
    """All contenders of a group in turns; an interruption keeps the rounds that are done."""
    shape, steps = group.shape, options.steps or group.steps
    entries = [asdict(e) for e in group.entries if not options.only or e.name in options.only]
    result: dict[str, Any] = {"title": group.title, "shape": asdict(shape), "made": made(options)}
    result["entries"] = entries
    try:
        result["agreement"] = aside(options, "agreement", shape=asdict(shape))
    except WorkerError as error:
        say(f"{group.title}, agreement: {error}")
    before = peaks(options)
    with workers() as started:
        crew = Crew(group.title, started)
        try:
            for entry in entries:
                crew.hire(entry, shape, min(64, steps * (options.rounds + 1)) * options.batch, options)
            for turn in range(options.rounds + 1):
                for entry in in_turn(entries, turn):
                    for measure in entry["measures"]:
                        taken = crew.ask(entry, "measure", what=measure, first=turn * steps, repeats=steps)
                        if turn and taken:
                            entry[measure]["seconds"].append(taken["seconds"])
                            entry[measure]["cpu_seconds"].append(taken["cpu_seconds"])
                say(f"{group.title}: round {turn} of {options.rounds}, load {load()}")
            for entry in entries:
                entry.update(crew.ask(entry, "finish") or {})
                for measure in entry["measures"]:
                    entry[measure]["profile"] = crew.ask(entry, "profile", what=measure, repeats=1)
        except KeyboardInterrupt:
            result["interrupted"] = True
            return result
    after = peaks(options)
    result["peaks"] = {name: before[name] + after[name] for name in before}
    result["floors"] = floors(shape, result["peaks"], options.batch, options.seed)
    return result
