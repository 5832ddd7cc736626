"""Preparing raw rows in Criteo's format, each contender as a whole process.

Both read the same generated rows, discretise the integers by ⌊(ln x)²⌋, count the values of the training
rows, merge those rarer than the threshold, and write ids for training, validation and test rows. FuxiCTR
wants the three parts as files with a header: they are written for it before the clock starts, so that
splitting costs it nothing. It is taken twice: as its own `build_dataset` runs it, and with the same fitted
processor applied in one process, since the cluster that it starts costs more than it gives on few cores.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lfmp_core.data.planted import NAMES, PlantedSettings
from lfmp_core.data.planted_text import write_planted
from lfmp_core.data.sources import CRITEO_CATEGORIES, CRITEO_INTEGERS

PARTS = {"train": 0.8, "valid": 0.1, "test": 0.1}


def write_parts(text: Path) -> None:
    """Cut a file of rows into PARTS, each with a header, beside it."""
    with text.open() as lines:
        rows = sum(1 for _ in lines)
        lines.seek(0)
        for name, share in PARTS.items():
            with text.with_name(f"{name}.csv").open("w") as out:
                out.write("\t".join(["label", *NAMES]) + "\n")
                for _ in range(round(rows * share)):
                    out.write(next(lines, ""))


def ours(text: Path, out: Path, threshold: int) -> int:
    """`lfmp data prepare criteo`; the number of ids."""
    from lfmp_core.data import PrepareSettings, get_source, prepare

    source = get_source("criteo").at(text)
    return prepare(source, out, PrepareSettings(threshold=threshold), progress=False).schema.num_ids


def _processor(out: Path, threshold: int) -> Any:
    from fuxictr.datasets.criteo import CustomizedFeatureProcessor

    common = {"active": True, "type": "categorical", "min_categr_count": threshold}
    integers = {"dtype": "float", "fill_na": 0, "preprocess": "convert_to_bucket"}
    columns = [
        {"name": list(CRITEO_INTEGERS), **common, **integers},
        {"name": list(CRITEO_CATEGORIES), **common, "dtype": "str", "fill_na": ""},
    ]
    label = {"name": "label", "dtype": "float"}
    return CustomizedFeatureProcessor(columns, label, dataset_id="criteo", data_root=str(out))


def fuxictr(text: Path, out: Path, threshold: int) -> int:
    """FuxiCTR's `build_dataset`; the number of ids."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from fuxictr.preprocess import build_dataset

    # it would start the same cluster itself, but listening beyond this machine
    ray.init(_node_ip_address="127.0.0.1", include_dashboard=False, logging_level="ERROR")
    processor = _processor(out, threshold)
    files = {f"{name}_data": str(text.with_name(f"{name}.csv")) for name in PARTS}
    build_dataset(processor, **files, sep="\t")
    return processor.feature_map.total_features


def fuxictr_single(text: Path, out: Path, threshold: int) -> int:
    """FuxiCTR's feature processor, fitted and applied in this process; the number of ids."""
    import polars

    processor = _processor(out, threshold)
    parts = {
        name: processor.preprocess(processor.read_data(str(text.with_name(f"{name}.csv")), sep="\t"))
        for name in PARTS
    }
    processor.fit(parts["train"])
    for name, part in parts.items():
        frame = part.collect()
        ids = processor.transform({column: frame[column].to_numpy() for column in frame.columns})
        polars.DataFrame(ids).write_parquet(Path(processor.data_dir) / f"{name}.parquet")
    return processor.feature_map.total_features


CONTENDERS: dict[str, Callable[[Path, Path, int], int]] = {
    "ours": ours,
    "fuxictr": fuxictr,
    "fuxictr_single": fuxictr_single,
}


class Watch(threading.Thread):
    """Highest resident memory of a process and all that it starts, sampled; shared pages count once."""

    def __init__(self, pid: int, every: float = 0.25):
        super().__init__(daemon=True)
        self.pid, self.every, self.peak, self.stopped = pid, every, 0, threading.Event()

    def run(self) -> None:
        import psutil

        while not self.stopped.wait(self.every):
            total = 0
            try:
                root = psutil.Process(self.pid)
                family = [root, *root.children(recursive=True)]
            except psutil.Error:
                continue
            for one in family:
                with suppress(psutil.Error):
                    total += one.memory_full_info().pss
            self.peak = max(self.peak, total)


def whole_process(name: str, text: Path, out: Path, threshold: int, limit: float) -> dict[str, Any]:
    """Seconds of a contender from its start to its end, imports and writing included, and its peak.

    Raises:
        RuntimeError: it failed, or took longer than `limit` seconds.
    """
    command = [sys.executable, "-m", "benchmarks.preparation", name, str(text), str(out), str(threshold)]
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        root = Path(__file__).resolve().parents[1]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=root)
        watch = Watch(process.pid)
        watch.start()
        try:
            printed = process.communicate(timeout=limit)[0]
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(30)
            raise RuntimeError(f"not done after {limit:.0f} s") from None
        finally:
            watch.stopped.set()
        seconds = time.perf_counter() - start
        if process.returncode:
            errors.seek(0)
            lines = errors.read().strip().splitlines() or ["no message"]
            raise RuntimeError(f"exit code {process.returncode}: {lines[-1]}")
    return {"seconds": seconds, "peak_mib": round(watch.peak / 2**20), "ids": int(printed.split()[-1])}


def measure(
    rows: int, rounds: int, threshold: int, limit: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Samples of all contenders, in turns; a failure is named and its contender left out from then on."""
    entries: dict[str, dict[str, Any]] = {name: {"seconds": []} for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        text = write_planted(folder, PlantedSettings(rows=rows, scale=1.0), progress=False)
        write_parts(text)
        size = text.stat().st_size
        for turn in range(rounds):
            for name, entry in entries.items():
                if "error" in entry:
                    continue
                try:
                    figures = whole_process(name, text, folder / f"{name}-{turn}", threshold, limit)
                except RuntimeError as error:
                    entry["error"] = str(error)
                    say(f"preparation, {name}: {error}")
                    continue
                entry["seconds"].append(figures["seconds"])
                entry["ids"] = figures["ids"]
                entry["peak_mib"] = max(figures["peak_mib"], entry.get("peak_mib", 0))
                say(f"preparation, {name}: {figures['seconds']:.1f} s, {figures['peak_mib']} MiB")
    return {"rows": rows, "threshold": threshold, "file_bytes": size, "entries": entries}


if __name__ == "__main__":
    chosen, file, folder, rare = sys.argv[1:]
    print(CONTENDERS[chosen](Path(file), Path(folder), int(rare)))
