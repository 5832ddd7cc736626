"""Preparing and training on ever more generated rows in Criteo's format: seconds and memory of each step.

    python -m benchmarks.scale --millions 1 10 --out book/performance/scale.json

Each step is a process of its own, so that its peak is its own: rows written as text, ids made of them, one
epoch of DeepFM with its validation. A size that the file has is left out, so that the command goes on where
it was stopped; what a size needs on disk is freed before the next.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lfmp_book.speed import scale
from lfmp_core.bounds import cores
from lfmp_core.data.planted import PlantedSettings
from lfmp_core.data.planted_text import write_planted
from lfmp_core.files import atomic_write
from lfmp_core.settings import home, project_root

from .common import figures
from .turns import load, made, say

# the most that a row takes on disk: as text, as ids and label, and spilled while it is prepared
TEXT_BYTES, ROW_BYTES = 280, 560


def step(name: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What `scale_steps` says of one step in a process of its own.

    Raises:
        RuntimeError: it failed.
    """
    given = {"folder": str(folder), "threads": options.threads, "batch": options.batch}
    command = [sys.executable, "-m", "benchmarks.scale_steps", name, json.dumps(given)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=project_root())
    if done.returncode:
        raise RuntimeError(f"{name} ended with exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """Write, prepare and train, and forget the files."""
    found: dict[str, Any] = {"rows": rows, "batch": options.batch, "made": made(options)}
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="scale-") as place:
        folder, started = Path(place), time.perf_counter()
        text = write_planted(folder / "text", PlantedSettings(rows=rows, scale=1.0), progress=False)
        found |= {"write_seconds": time.perf_counter() - started, "text_bytes": text.stat().st_size}
        say(f"{rows:,} rows: written in {found['write_seconds']:.0f} s")
        for name in ("prepare", "train"):
            found[name] = step(name, folder, options)
            say(f"{rows:,} rows: {name}, {found[name]['seconds']:.0f} s, load {load()}")
            shutil.rmtree(folder / "text", ignore_errors=True)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 10], help="million rows")
    parser.add_argument("--threads", type=int, default=cores(), help="of each step")
    parser.add_argument("--batch", type=int, default=8192, help="rows a batch")
    parser.add_argument("--folder", type=Path, help="where to work; by default the system's temporary folder")
    parser.add_argument("--again", action="store_true", help="measure also what the file has")
    parser.add_argument("--out", type=figures("sizes"), help="JSON; sizes measured anew replace its own")
    options = parser.parse_args(arguments)
    options.device, options.seed = "cpu", 0
    out = options.out or home() / "bench" / "scale.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    results = json.loads(out.read_text()) if out.exists() else {"sizes": {}}
    for rows in (round(millions * 1e6) for millions in sorted(options.millions)):
        if str(rows) in results["sizes"] and not options.again:
            continue
        free = shutil.disk_usage(options.folder or tempfile.gettempdir()).free
        if free < rows * (TEXT_BYTES + ROW_BYTES):
            need = rows * (TEXT_BYTES + ROW_BYTES) / 1e9
            parser.error(f"{rows:,} rows need {need:.0f} GB of disk, and {free / 1e9:.0f} are free: --folder")
        results["sizes"][str(rows)] = measure(rows, options)
        results["sizes"] = dict(sorted(results["sizes"].items(), key=lambda item: int(item[0])))
        atomic_write(out, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(scale.scale_table(results))
    say(f"figures in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
