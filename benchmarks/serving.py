"""What it takes to serve a model in each of its forms, beside the original.

    python -m benchmarks.serving --out book/performance/serving.json

DeepFM and xDeepFM of Criteo's shape: 39 fields with the full set's ids at threshold 10, rows by a bounded
Zipf law, ids numbered at random inside a field. Every form is written as a served folder once, and loaded by
a process of its own; only one works at a time. In each round all forms are asked for the same batches, one
after the other, so that ratios to the original are of the same seconds; the first round is not counted.
Percentiles are over single calls, from id arrays in memory to logits. A form that would need more than
`SLOWEST` for a call is not asked.
"""

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lfmp_book.speed import serving_tables
from lfmp_core.bounds import cores
from lfmp_core.data import PrepareSettings, own_table, prepare
from lfmp_core.efficiency import percentiles
from lfmp_core.errors import UnknownName, check_name
from lfmp_core.experiments.certificate import package_version
from lfmp_core.files import atomic_write
from lfmp_core.settings import home, project_root

from .common import figures, in_turn, zipf_rows
from .serving_forms import SPARSITY, Form, Group, Shape, groups
from .serving_worker import COUNTS, DATA, IDS
from .turns import load, made, say
from .worker import Worker, WorkerError

PACKAGES = ("torch", "onnxruntime", "numpy", "numba")
BATCHES = (1, 64, 2048)
RUNTIMES = ("own", "torch", "onnxruntime")
CALLS = {1: 200, 64: 30, 2048: 3}  # of a turn, at most
TURN = 0.06  # seconds of a turn, where a call takes less
SLOWEST = 3.0  # seconds of a call
LOADS = 3  # rounds in which folders are loaded
ROWS, COUNTED = 8 * 2048, 600_000
HELD_OUT = 200  # rows of validation and of test
MODULE = "benchmarks.serving_worker"


def _sources() -> str:
    """A digest of what the folders are made by: those of other code are not taken."""
    root, found = project_root(), hashlib.sha256()
    for path in sorted(
        [*(root / "lfmp_core").rglob("*.py"), *(root / "benchmarks").glob("serving_forms.py")]
    ):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def write_data(shape: Shape, folder: Path, seed: int, counted: int) -> None:
    """A prepared data set with as many values in each field as the shape says, rows to score, and counts."""
    values = [size - 1 for size in shape.sizes]  # and the unseen value's id
    shares = (max(values), *(HELD_OUT,) * 2)
    numbers = np.arange(sum(shares))
    columns = {f"f{f}": pa.array(numbers % count).cast(pa.string()) for f, count in enumerate(values)}
    file = folder / "rows.parquet"
    pq.write_table(pa.table({"label": numbers % 2, **columns}), file)
    settings = PrepareSettings(threshold=1, vocabulary_rows="all", split="in_order", shares=shares)
    source = own_table(file, "label", kinds=dict.fromkeys(columns, "categorical"))
    data = prepare(source, folder / DATA, settings, progress=False)
    assert tuple(data.schema.field_sizes) == tuple(shape.sizes)
    file.unlink()
    # of one draw: the ranks of a field get their ids after it
    drawn = zipf_rows(shape.sizes, ROWS + counted, 1.1, seed, permuted=True).ids
    np.save(folder / COUNTS, np.bincount(drawn[ROWS:].ravel(), minlength=sum(shape.sizes)))
    np.save(folder / IDS, drawn[:ROWS])


def _slug(form: Form) -> str:
    return "".join(c if c.isalnum() else "-" for c in form.name)


def prepared(key: str, group: Group, forms: Sequence[Form], options: argparse.Namespace) -> dict[str, Path]:
    """The served folders of a group by the forms' names; those that are there are taken."""
    folder = home() / "bench" / "serving" / _sources() / f"{key}{'-quick' if options.quick else ''}"
    shape = group.shape.quick() if options.quick else group.shape
    if not (folder / IDS).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_data(shape, folder, options.seed, COUNTED // 100 if options.quick else COUNTED)
    found = {form.name: folder / _slug(form) for form in forms}

    def write(form: Form) -> None:
        worker = Worker(1, log=options.log, module=MODULE)
        try:
            where = {"quick": options.quick, "seed": options.seed, "folder": str(found[form.name])}
            worker.ask("write", group=key, form=form.name, **where)
            say(f"{group.shape.title}, {form.name}: written")
        finally:
            worker.stop()

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(write, [f for f in forms if not (found[f.name] / "card.json").exists()]))
    return found


def cells(options: argparse.Namespace) -> Iterator[tuple[str, int, int]]:
    """(runtime, threads, batch) in the order in which they are asked for; smaller batches first."""
    for runtime in options.runtimes:
        for threads in options.threads:
            for batch in options.batches:
                yield runtime, threads, batch


class Turns:
    """The forms of a group in their processes, asked in turns."""

    def __init__(self, group: Group, forms: Sequence[Form], options: argparse.Namespace):
        self.group, self.options = group, options
        self.forms = {form.name: form for form in forms}
        self.entries: dict[str, dict[str, Any]] = {}
        self.workers: dict[str, Worker] = {}

    def hire(self, key: str, name: str, folder: Path) -> None:
        """Start a form's process and let it load the form."""
        form = self.forms[name]
        entry = {"name": name, "sparsity": form.sparsity, "prune_ratio": form.prune_ratio, "keep": form.keep}
        entry["load"], entry["cells"], entry["left_out"] = {"folder": [], "graph": []}, {}, []
        self.entries[name] = entry
        self.workers[name] = Worker(max(self.options.threads), log=self.options.log, module=MODULE)
        where = {"group": key, "form": name, "quick": self.options.quick, "folder": str(folder)}
        entry |= self.ask(name, "open", **where) or {}
        self.ask(name, "ready", cells=[cell for cell in cells(self.options) if cell[0] in form.runtimes])
        say(f"{self.group.shape.title}, {name}: {entry.get('bytes', 0):,} bytes")

    def ask(self, name: str, call: str, **arguments: Any) -> Any:
        """A form's answer; None once it has failed."""
        if name not in self.workers or "error" in self.entries[name]:
            return None
        try:
            return self.workers[name].ask(call, **arguments)
        except WorkerError as error:
            self.entries[name]["error"] = str(error)
            say(f"{self.group.shape.title}, {name}: {error}")
            return None

    def round(self, number: int) -> None:
        """Every cell of every form once; round 0 warms up."""
        for count, (runtime, threads, batch) in enumerate(cells(self.options)):
            for name in in_turn(list(self.forms), number + count):
                if runtime in self.forms[name].runtimes:
                    self.turn(number, name, runtime, threads, batch)
        if 0 < number <= LOADS:
            for name in in_turn(list(self.forms), number):
                for what, seconds in (self.ask(name, "load", repeats=1) or {}).items():
                    self.entries[name]["load"][what].append(seconds[0])

    def turn(self, number: int, name: str, runtime: str, threads: int, batch: int) -> None:
        """Some calls of a form by one runtime."""
        own = self.entries[name]
        cell = [runtime, str(threads), str(batch)]
        if any(left["cell"] == cell for left in own["left_out"]):
            return
        smaller = max((b for b in self.options.batches if b < batch), default=0)
        before = own["cells"].get(runtime, {}).get(str(threads), {}).get(str(smaller), {})
        # a call with so many rows takes at most as much more time as it has more rows
        expected = before.get("warm_up", 0) * batch / smaller if smaller else 0
        if not number and expected > SLOWEST:
            own["left_out"].append({"cell": cell, "expected": expected})
            return
        limits = {"first": number * CALLS[batch], "count": CALLS[batch], "budget": TURN}
        seconds = self.ask(name, "measure", runtime=runtime, batch=batch, threads=threads, **limits)
        if not seconds:
            return
        place = own["cells"].setdefault(runtime, {}).setdefault(str(threads), {}).setdefault(str(batch), {})
        if not number:
            place["warm_up"] = min(seconds)  # a call that waited for a neighbour says nothing
            return
        place.setdefault("calls", []).append(len(seconds))
        for share, value in percentiles(seconds).items():
            place.setdefault(share, []).append(value)

    def stop(self) -> None:
        """End all processes."""
        for worker in self.workers.values():
            worker.stop()


def run_group(key: str, options: argparse.Namespace) -> dict[str, Any]:
    """All forms of a group in turns; an interruption keeps the rounds that are done."""
    group = groups()[key]
    forms = [form for form in group.forms if not options.only or form.name in options.only]
    folders = prepared(key, group, forms, options)
    stamp = made(options) | {
        "packages": {name: package_version(name) for name in PACKAGES},
        "command": " ".join(["python", "-m", "benchmarks.serving", *options.given]),
    }
    shape = group.shape.quick() if options.quick else group.shape
    result: dict[str, Any] = {
        "title": group.shape.title,
        "sizes": len(shape.sizes),
        "ids": sum(shape.sizes),
        "sparsity": SPARSITY,
        "batches": options.batches,
        "threads": options.threads,
        "runtimes": options.runtimes,
        "made": stamp,
        "loads": [],
    }
    turns = Turns(group, forms, options)
    started = time.perf_counter()
    try:
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(lambda name: turns.hire(key, name, folders[name]), folders))
        for number in range(options.rounds + 1):
            turns.round(number)
            result["loads"].append(load())
            say(f"{group.shape.title}: round {number} of {options.rounds}, load {load()}")
    except KeyboardInterrupt:
        result["interrupted"] = True
    finally:
        turns.stop()
    result["seconds"] = time.perf_counter() - started
    return result | {"entries": [turns.entries[form.name] for form in forms if form.name in turns.entries]}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__.splitlines()[0])
    found.add_argument("--groups", nargs="+", default=list(groups()), metavar="GROUP", help=str([*groups()]))
    found.add_argument("--only", nargs="+", metavar="NAME", help="forms by name; figures are not written")
    found.add_argument("--rounds", type=int, default=5, help="counted rounds, after one that is not")
    found.add_argument("--threads", type=int, nargs="+", default=sorted({1, cores()}), help="of each serving")
    found.add_argument("--batches", type=int, nargs="+", choices=BATCHES, default=list(BATCHES))
    found.add_argument("--runtimes", nargs="+", choices=RUNTIMES, default=list(RUNTIMES))
    found.add_argument("--seed", type=int, default=0)
    found.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing"
    )
    found.add_argument("--write-only", action="store_true", help="only make the folders that are served")
    found.add_argument("--again", action="store_true", help="measure what --out has of this commit, too")
    to = "JSON; groups measured anew replace those that it has"
    found.add_argument("--out", type=figures("groups"), help=to)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    own = parser()
    options = own.parse_args(arguments)
    options.given = list(sys.argv[1:] if arguments is None else arguments)
    options.device, options.batch = "cpu", max(options.batches)
    options.batches.sort()
    if options.only and options.out:
        own.error("--only is for a look: a file holds whole groups")
    try:
        keys = [check_name(key, groups(), "group") for key in options.groups]
        known = {form.name for group in groups().values() for form in group.forms}
        options.only = [check_name(name, known, "form") for name in options.only or ()]
    except UnknownName as error:
        own.error(str(error))
    options.log = home() / "bench" / "serving.log"
    options.log.parent.mkdir(parents=True, exist_ok=True)
    options.log.write_text("")
    out, started = options.out, time.perf_counter()
    results = json.loads(out.read_text()) if out and out.exists() else {"groups": {}}
    for key in keys:
        group = groups()[key]
        if options.write_only:
            prepared(key, group, group.forms, options)
            continue
        older = results["groups"].get(key, {})
        whole = older and "interrupted" not in older and older["made"]["commit"] == made(options)["commit"]
        if whole and not options.again:
            say(f"{group.shape.title}: {out} has it of this commit; --again measures it once more")
            continue
        results["groups"][key] = run_group(key, options)
        if out:
            atomic_write(out, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        if "interrupted" in results["groups"][key]:
            return 130
    for one in serving_tables.tables(results):
        print(one, end="\n\n")
    say(f"{time.perf_counter() - started:.0f} s" + (f"; figures in {out}" if out else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
