"""An epoch from a prepared folder to a saved model, beside two libraries: `make bench-epoch`.

    python -m benchmarks.epochs --out book/performance/epochs.json

What a step costs is measured by `python -m benchmarks`; a user waits for reading, shuffling, training,
evaluation and saving. Every epoch has a fresh process, contenders take turns, and the first round, which
fills the caches of files and of compiled loops, is not counted.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lfmp_book.speed import epoch_speed
from lfmp_core.bounds import cores
from lfmp_core.data import PrepareSettings, get_source, prepare
from lfmp_core.data.planted import PlantedSettings
from lfmp_core.data.planted_text import write_planted
from lfmp_core.files import atomic_write
from lfmp_core.settings import home

from .cases import KEEP_MEMORY, Target
from .common import figures, in_turn
from .contenders import Entry, Shape
from .turns import floors, load, made, peaks, say
from .worker import Worker, WorkerError

MEASURES = ("epoch",)
ENTRIES = (
    Entry("ours", "ours", measures=MEASURES),
    Entry("ours, lazy rows", "ours", {"optimizer": "lazy"}, MEASURES),
    Entry("ours, bfloat16", "ours", {"precision": "bfloat16"}, MEASURES),
    Entry("FuxiCTR, npz", "fuxictr", {"format": "npz"}, MEASURES),
    Entry("FuxiCTR, Parquet", "fuxictr", {"format": "parquet"}, MEASURES),
    Entry("FuxiCTR, npz, memory kept", "fuxictr", {"format": "npz"}, MEASURES, KEEP_MEMORY, "aside"),
    Entry("DeepCTR-Torch", "deepctr", {"l2": 1e-5}, MEASURES),
    Entry("DeepCTR-Torch, l2 0", "deepctr", {"l2": 0.0}, MEASURES),
)
ONCE = ("FuxiCTR, Parquet",)  # starting Ray takes longer than all else together
TARGETS = (
    Target("An epoch, beside FuxiCTR", "deepfm16", "epoch", "peer", 3.0, of="FuxiCTR"),
    Target("An epoch, beside DeepCTR-Torch", "deepfm16", "epoch", "peer", 5.0, of="DeepCTR-Torch"),
)


def written(folder: Path, rows: int, seed: int) -> tuple[Shape, dict[str, int]]:
    """Planted rows of Criteo's field sizes, every value with an id of its own, in each library's form; the
    model for them, and how many rows each split has."""
    from .epoch_cases import write_for_peers

    text = write_planted(folder / "text", PlantedSettings(rows=rows, scale=1.0, seed=seed), progress=False)
    source = get_source("criteo").at(text)
    data = prepare(source, folder / "rows", PrepareSettings(threshold=1), progress=False)
    shape = Shape("deepfm", 16, (400, 400, 400), sizes=tuple(data.schema.field_sizes))
    write_for_peers(data, shape, folder)
    return shape, dict(data.schema.rows)


def turn(entry: dict[str, Any], shape: Shape, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One epoch of one contender.

    Raises:
        WorkerError: it failed.
    """
    worker = Worker(options.threads, entry["env"], options.log, "benchmarks.epoch_worker")
    try:
        about = {"shape": asdict(shape), "folder": str(folder), "batch": options.batch}
        worker.ask("ready", kind=entry["kind"], options=entry["options"], **about)
        return worker.ask("epoch_of", seed=options.seed) | worker.ask("finish")
    finally:
        worker.stop()


def takes_part(entry: dict[str, Any], number: int) -> bool:
    """Whether a contender has a turn in round `number`; round 0 is not counted."""
    return "error" not in entry and (entry["name"] not in ONCE or number == 1)


def take_round(
    number: int, entries: list[dict[str, Any]], shape: Shape, folder: Path, options: argparse.Namespace
) -> None:
    """A turn of everybody who takes part in round `number`; round 0 leaves nothing."""
    for entry in in_turn([entry for entry in entries if takes_part(entry, number)], number):
        try:
            taken = turn(entry, shape, folder, options)
        except WorkerError as error:
            entry["error"] = str(error)
            say(f"{entry['name']}: {error}")
            continue
        say(f"round {number}: {entry['name']}, {taken['seconds']:.1f} s, AUC {taken['val_auc']:.4f}")
        if number:
            entry["epochs"].append(taken)
    say(f"round {number} of {options.rounds}, load {load()}")


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All contenders in turns; an interruption keeps the epochs that are done, if there is one of ours.

    Raises:
        KeyboardInterrupt: before anything could be held against anything.
    """
    entries = [asdict(entry) | {"epochs": []} for entry in ENTRIES]
    if options.only:
        entries = [entry for entry in entries if entry["name"] in options.only]
    stamp, rates = made(options), peaks(options)
    shape, rows = written(folder, options.rows, options.seed)
    stopped = {}
    try:
        for number in range(options.rounds + 1):
            take_round(number, entries, shape, folder, options)
        rates = {name: found + rates[name] for name, found in peaks(options).items()}
    except KeyboardInterrupt:
        if not any(entry["epochs"] for entry in entries if entry["name"] == "ours"):
            raise
        stopped = {"interrupted": True}
    for entry in entries:
        entry["epoch"] = {"seconds": [[one["seconds"]] for one in entry["epochs"]]}
    return stopped | {
        "title": "DeepFM, d 16, 400-400-400",
        "rows": rows,
        "shape": asdict(shape),
        "made": stamp,
        "entries": entries,
        "floors": floors(shape, rates, options.batch, options.seed),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.epochs", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000, help="generated; 8 in 10 are trained on")
    parser.add_argument("--only", nargs="+", choices=[entry.name for entry in ENTRIES], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds, after one that is not")
    parser.add_argument("--threads", type=int, default=cores(), help="of every library")
    parser.add_argument("--batch", type=int, default=4096, help="rows a batch")
    parser.add_argument("--folder", type=Path, help="where to work; by default the system's temporary folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=figures("groups"), help="JSON; replaced")
    options = parser.parse_args(arguments)
    options.device = "cpu"
    out = options.out or home() / "bench" / "epochs.json"
    options.log = home() / "bench" / "workers.log"
    options.log.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="epochs-") as place:
            group = measure(Path(place), options)
    except KeyboardInterrupt:
        say("stopped by Ctrl-C before an epoch of ours was counted; nothing is written")
        return 130
    results = {"groups": {"deepfm16": group}, "targets": [asdict(target) for target in TARGETS]}
    atomic_write(out, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    for one in epoch_speed.tables(results):
        print(one, end="\n\n")
    say(f"{time.perf_counter() - started:.0f} s; figures in {out}")
    if "interrupted" in group:
        say("stopped by Ctrl-C; the figures are of the epochs that were done")
    return 130 if "interrupted" in group else 0


if __name__ == "__main__":
    sys.exit(main())
