"""What training and serving take, method by method: seconds and megabytes, on a server and at the edge.

    python -m benchmarks.costs --out book/performance/costs.json

The settings of LERS §5.2.5: 80 % sparsity; DeepFM on Criteo's shape and LightGCN on Yelp2018; on all cores
with batches of 2,048, and on one thread with batches of 64, where the system refuses memory beyond `--cap`.
Every phase of every method is this project's own, taken out of the method where it begins. Each has a process
of its own, and only one works at a time, in turns with the unpruned model; the first round is not counted.
Groups that the file has are kept unless they are named.
"""

import argparse
import json
import shlex
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import product
from typing import Any

from lfmp_core.bounds import cores
from lfmp_core.errors import check_name
from lfmp_core.experiments.certificate import package_version
from lfmp_core.files import atomic_write
from lfmp_core.settings import home

from .common import figures, in_turn
from .cost_cases import ORIGINAL, PROFILES, REST, STAGES, CostCase, cases
from .cost_tasks import TRAINED, Setting, data_of
from .turns import load, made, say, workers
from .worker import Worker, WorkerError

PACKAGES = ("torch", "numpy", "numba", "pyarrow")
GIB = 1 << 30
NO_MEMORY = ("allocate memory", "MemoryError", "bad_alloc", "ENOMEM", "exit code -6", "exit code -9")
# of a turn; what is heavy has one
REPEATS = {("train", "server"): 2, ("train", "edge"): 6, ("serve", "server"): 4, ("serve", "edge"): 8}
# blocks of 128 KiB and more go back to the system when they are freed, from the first to the last, so that
# what is resident is what is in use; `keep_memory` ends that before any clock
EXACT = {"MALLOC_MMAP_THRESHOLD_": str(1 << 17), "MALLOC_TRIM_THRESHOLD_": str(1 << 17)}
# no space reserved ahead, which a cap would count
EDGE = EXACT | {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}


def group_names() -> list[str]:
    """All groups: task, stage and profile."""
    return ["-".join(parts) for parts in product(TRAINED, STAGES, PROFILES)]


class Sitting:
    """The processes of a few cases, and what they have said.

    Args:
        started: list that ends them.
        setting: of all.
        profile: a key of `PROFILES`.
        options: of the command line.
    """

    def __init__(self, started: list[Worker], setting: Setting, profile: str, options: argparse.Namespace):
        self.started, self.setting, self.profile, self.options = started, setting, profile, options
        self.edge = profile == "edge"
        self.live: dict[int, Worker] = {}
        self.entries: list[dict[str, Any]] = []

    def enter(self, case: CostCase) -> dict[str, Any]:
        """A case's entry; its process is started by `open`."""
        entry = {"method": case.method, "phase": case.phase, "kind": case.kind, "heavy": case.heavy}
        self.entries.append(entry | {"step": {"seconds": []}})
        return self.entries[-1]

    def open(self, case: CostCase, entry: dict[str, Any]) -> None:
        """Start a process and let it come as far as its model."""
        worker = Worker(
            1 if self.edge else self.options.threads,
            EDGE if self.edge else EXACT,
            self.options.log,
            "benchmarks.cost_worker",
        )
        self.started.append(worker)
        self.live[id(entry)] = worker
        if self.edge:
            entry["capped"] = self.ask(entry, "cap", most=int(self.options.cap * GIB))
        self.ask(entry, "packages", case=asdict(case), setting=asdict(self.setting))
        # at the edge the maps take what the cap leaves; elsewhere one process is enough to know them
        self.ask(entry, "data", maps=self.edge or case.method == ORIGINAL)
        entry |= self.ask(entry, "model") or {}

    def ask(self, entry: dict[str, Any], call: str, **arguments: Any) -> Any:
        """An answer; None once the process has failed."""
        if id(entry) not in self.live:
            return None
        try:
            return self.live[id(entry)].ask(call, **arguments)
        except WorkerError as error:
            entry |= {"error": str(error), "failed_at": call}
            entry["out_of_memory"] = any(word in str(error) for word in NO_MEMORY)
            say(f"{entry['method']}, {entry['phase']}: {error}")
            del self.live[id(entry)]
            return None


def counted_turns(case: CostCase, rounds: int) -> range:
    """In which turns a case takes part, of which turn 0 warms up: fewer where it takes seconds, one where it
    is a whole procedure run anew."""
    if case.kind == REST:
        return range(1, 2)
    return range(max(2, rounds // 2) + 1 if case.heavy else rounds + 1)


def measured_together(
    chosen: Sequence[CostCase], stage: str, profile: str, setting: Setting, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """A few cases in turns."""
    repeats = options.repeats or REPEATS[stage, profile]
    with workers() as started:
        sitting = Sitting(started, setting, profile, options)
        pairs = [(case, sitting.enter(case)) for case in chosen]
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(lambda pair: sitting.open(*pair), pairs))
        for turn in range(options.rounds + 1):
            for case, entry in in_turn(pairs, turn):
                if turn not in counted_turns(case, options.rounds):
                    continue
                taken = sitting.ask(entry, "turn", repeats=1 if case.heavy else repeats)
                if turn and taken:
                    entry["step"]["seconds"].append(taken)
        for _, entry in pairs:
            if found := sitting.ask(entry, "finish"):
                entry["memory"] = found
        return sitting.entries


def run_costs(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """All cases of a group, a few at a time, each time beside the unpruned model."""
    task, stage, profile = name.split("-")
    setting = Setting(task, PROFILES[profile], options.device, options.seed)
    setting = setting.tiny() if options.quick else setting
    data_of(setting)  # prepared once, before any clock
    first, *rest = cases(task, stage)
    rest = [case for case in rest if not options.only or case.method in options.only]
    entries: list[dict[str, Any]] = []
    stamp = made(options)
    for crew, start in enumerate(range(0, len(rest), options.crew)):
        own = measured_together(
            [first, *rest[start : start + options.crew]], stage, profile, setting, options
        )
        entries += [entry | {"crew": crew} for entry in own]
        say(f"{name}: {min(start + options.crew, len(rest))} of {len(rest)}, load {load()}")
    stamp |= {"threads": 1 if profile == "edge" else options.threads, "batch": setting.batch}
    stamp |= {"packages": {package: package_version(package) for package in PACKAGES}}
    stamp |= {
        "load_after": load(),
        "command": shlex.join(["python", "-m", "benchmarks.costs", *sys.argv[1:]]),
    }
    return {
        "title": name,
        "task": task,
        "stage": stage,
        "profile": profile,
        "setting": asdict(setting),
        "cap": options.cap if profile == "edge" else None,
        "made": stamp,
        "entries": entries,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__.splitlines()[0])
    parser.add_argument("--groups", nargs="+", metavar="GROUP", help=f"to measure anew: {group_names()}")
    usual = ["clicks", "pairs"]
    parser.add_argument("--tasks", nargs="+", choices=TRAINED, default=usual, help="without --groups")
    parser.add_argument("--only", nargs="+", metavar="METHOD", help="for a look: not with --out")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds, after one that is not")
    parser.add_argument("--repeats", type=int, default=0, help="of a turn; 0: what the group says")
    parser.add_argument("--crew", type=int, default=8, help="cases beside the unpruned model at a time")
    parser.add_argument("--threads", type=int, default=cores(), help="of the server")
    parser.add_argument("--cap", type=float, default=4.0, help="GiB of memory at the edge: a Pi's")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="of the server's clicks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing"
    )
    parser.add_argument("--out", type=figures("groups"), help="JSON; groups measured anew replace its own")
    options = parser.parse_args(arguments)
    if options.only and options.out:
        parser.error("--only is for a look: a file holds whole groups")
    options.batch = 0
    out = options.out or home() / "bench" / "costs.json"
    options.log = home() / "bench" / "costs.log"
    options.log.parent.mkdir(parents=True, exist_ok=True)
    options.log.write_text("")
    results = json.loads(out.read_text()) if out.exists() else {"groups": {}}
    if options.groups:
        names = [check_name(name, group_names(), "group") for name in options.groups]
    else:
        names = [n for n in group_names() if n not in results["groups"] and n.split("-")[0] in options.tasks]
    started = time.perf_counter()
    for name in names:
        results["groups"][name] = run_costs(name, options)
        atomic_write(out, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        say(f"{name}: {time.perf_counter() - started:.0f} s so far; figures in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
