"""Rows a second and peak memory of preparing a generated file in Criteo's format.

    python -m benchmarks.prepare_memory --millions 10

The file is written first, then prepared in a process of its own, so that its peak is that of the
preparation alone (resident set, imports included). Memory must not grow with the rows: compare two sizes.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lfmp_core.data import PlantedSettings, write_planted

_CHILD = """
import sys, time
from pathlib import Path
from lfmp_core.data import PrepareSettings, get_source, prepare
start = time.perf_counter()
threads = int(sys.argv[4]) or None
settings = PrepareSettings(threshold=int(sys.argv[3]))
dataset = prepare(get_source("criteo").at(Path(sys.argv[1])), Path(sys.argv[2]), settings, threads=threads)
print(time.perf_counter() - start, dataset.schema.num_ids)
"""


def measure(millions: float, scale: float, threshold: int, threads: int, folder: Path) -> dict[str, float]:
    """Generate, prepare in a subprocess, and return the figures."""
    rows = round(millions * 1e6)
    start = time.perf_counter()
    text = write_planted(folder, PlantedSettings(rows=rows, scale=scale))
    written = time.perf_counter() - start
    arguments = [str(text), str(folder / "out"), str(threshold), str(threads)]
    result = subprocess.run(
        [sys.executable, "-c", _CHILD, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    seconds, ids = result.stdout.split()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "rows": rows,
        "file_mib": round(text.stat().st_size / 2**20),
        "ids": int(ids),
        "write_rows_per_s": round(rows / written),
        "prepare_s": round(float(seconds), 2),
        "prepare_rows_per_s": round(rows / float(seconds)),
        "peak_mib": round(peak / 2**20),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=float, default=10.0, help="million rows")
    parser.add_argument("--scale", type=float, default=1.0, help="field sizes relative to Criteo's")
    parser.add_argument("--threshold", type=int, default=10)
    parser.add_argument("--threads", type=int, default=0, help="0: one a core")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = measure(options.millions, options.scale, options.threshold, options.threads, Path(folder))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
