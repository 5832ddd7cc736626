"""Compressed tables in training and in serving, beside the plain table and what they replaced.

    python -m benchmarks.tables --out book/performance/tables.json

Criteo's shape: 39 fields with the full set's ids at threshold 10, values by a bounded Zipf law, numbered at
random inside a field. Training is a whole step of DeepFM: forward, backward, Adam. Serving is ids to vectors.
The cases of a group take turns in one process on one thread, and ratios are taken round by round; the first
round is not counted.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from lfmp_book.speed import table_speed
from lfmp_core.errors import UnknownName, check_name
from lfmp_core.experiments.certificate import package_version
from lfmp_core.files import atomic_write
from lfmp_core.memory import keep_memory

from .common import figures, seconds_of
from .table_cases import Case, Group, groups
from .table_contenders import CHECKED, ZIPF, Bench, Contender, Drawn, difference
from .turns import load, made, say

PACKAGES = ("torch", "numpy", "numba", "scipy")
SAME = ("before", "peer")  # yardsticks that compute the same vectors


@dataclass
class Entrant:
    """A case with its contender and what the clock has said of it."""

    case: Case
    contender: Contender
    seconds: list[list[float]]
    cpu_seconds: list[float]
    device: torch.device

    def turn(self, number: int) -> None:
        """A turn of round `number`; round 0 warms up."""
        steps = self.case.steps
        if self.case.rounds and number > self.case.rounds:
            return
        started = time.process_time()
        seconds = seconds_of(lambda k: self.contender.act(number * steps + k), steps, self.device)
        if number:
            self.cpu_seconds.append((time.process_time() - started) / steps)
            self.seconds.append(seconds)


def chosen(names: Sequence[str] | None, found: dict[str, Group]) -> set[str]:
    """The cases to run: all, or those named.

    Raises:
        UnknownName: no group has a case of that name.
    """
    known = {case.name for group in found.values() for case in group.cases}
    return {check_name(name, known, "table") for name in names} if names else known


def differences(entrants: Sequence[Entrant], drawn: Drawn) -> dict[str, dict[str, float]]:
    """Of each case, how far its yardsticks' vectors are from its own; see `difference`."""
    named = {one.case.name: one for one in entrants}
    ids = [batch[0] for batch in drawn.batches]
    found: dict[str, dict[str, float]] = {}
    for one in entrants:
        others = [name for kind in SAME for name in one.case.yardsticks.get(kind, ()) if name in named]
        found[one.case.name] = {
            name: difference(one.contender, named[name].contender, ids) for name in others
        }
    return found


def run_group(
    group: Group, bench: Bench, rounds: int, stamp: dict[str, Any], names: set[str]
) -> dict[str, Any]:
    """All cases of a group in turns.

    Args:
        group: who takes part.
        bench: sizes.
        rounds: counted rounds.
        stamp: what the figures come from.
        names: cases to leave in.
    """
    batch = bench.small_batch if group.small else bench.batch
    drawn = Drawn(bench, batch)
    entrants = []
    for case in (case for case in group.cases if case.name in names):
        entrants.append(Entrant(case, case.make(bench, drawn), [], [], torch.device(bench.device)))
        say(f"{group.title}, {case.name}: {entrants[-1].contender.parameters:,} parameters")
    checked = differences(entrants, drawn)
    for number in range(rounds + 1):
        # nobody always follows the same other one
        shift = number % len(entrants)
        for one in entrants[shift:] + entrants[:shift]:
            one.turn(number)
        say(f"{group.title}: round {number} of {rounds}, load {load()}")
    distinct = [len(torch.unique(ids)) for ids, *_ in drawn.batches]
    return {
        "title": group.title,
        "measure": group.measure,
        "batch": batch,
        "lookups": batch * len(bench.sizes),
        "bench": asdict(bench) | {"sizes": len(bench.sizes), "ids": sum(bench.sizes), "zipf": ZIPF},
        "distinct": sum(distinct) / len(distinct),
        "checked_rows": min(CHECKED, batch),
        "made": stamp | {"batch": batch},
        "entries": [
            {
                "name": one.case.name,
                "reference": one.case.reference,
                "yardsticks": {kind: list(of) for kind, of in one.case.yardsticks.items()},
                "differences": checked[one.case.name],
                "parameters": one.contender.parameters,
                "bytes": one.contender.bytes,
                group.measure: {"seconds": one.seconds, "cpu_seconds": one.cpu_seconds},
            }
            for one in entrants
        ],
    }


def write(results: dict[str, Any], out: Path) -> None:
    """Put groups into a file, over those that it has, whole or not at all."""
    older = json.loads(out.read_text())["groups"] if out.exists() else {}
    merged = {"groups": older | results["groups"]}
    atomic_write(out, json.dumps(merged, indent=1, ensure_ascii=False) + "\n")


def measure(
    bench: Bench, keys: Sequence[str], names: set[str], options: argparse.Namespace
) -> dict[str, Any]:
    """The figures of the groups `keys`, as they are written to the file, each as soon as it is done."""
    keep_memory()
    found, results = groups(bench.device), {"groups": {}}
    for key in keys:
        if not names & {case.name for case in found[key].cases}:
            continue
        stamp = made(options)
        stamp["packages"] = {name: package_version(name) for name in PACKAGES}
        results["groups"][key] = run_group(found[key], bench, options.rounds, stamp, names)
        if options.out:
            write(results, options.out)
        gc.collect()
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    found = groups()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__.splitlines()[0])
    parser.add_argument("--groups", nargs="+", default=list(found), metavar="GROUP", help=str(list(found)))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="tables by name; figures are not written")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds, after one that is not")
    parser.add_argument("--threads", type=int, default=1, help="of torch, BLAS and the compiled loops")
    parser.add_argument("--batch", type=int, default=Bench.batch, help="rows a batch")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32", help="of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing"
    )
    to = "JSON; groups measured anew replace those that it has"
    parser.add_argument("--out", type=figures("groups"), help=to)
    options = parser.parse_args(arguments)
    if options.only and options.out:
        parser.error("--only is for a look: a file holds whole groups")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no GPU here: take --device cpu")
    try:
        keys = [check_name(key, found, "group") for key in options.groups]
        names = chosen(options.only, found)
    except UnknownName as error:
        parser.error(str(error))
    same = {key: getattr(options, key) for key in ("batch", "precision", "device", "seed")}
    bench = Bench(**same)
    bench = bench.quick() if options.quick else bench
    torch.set_num_threads(options.threads)
    started = time.perf_counter()
    with threadpool_limits(options.threads):
        results = measure(bench, keys, names, options)
    for one in table_speed.tables(results):
        print(one, end="\n\n")
    say(f"{time.perf_counter() - started:.0f} s" + (f"; figures in {options.out}" if options.out else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
