"""One step of `benchmarks.scale`, in a process of its own: what it took, as a line of JSON."""

import json
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

from lfmp_core.data import PrepareSettings, get_source, load_prepared, prepare

THRESHOLD = 10  # values seen fewer times in training rows share an id


class Resident(threading.Thread):
    """Highest memory of this process in bytes, sampled: its own, and with the pages of files that it maps.

    The system takes a file's pages back whenever it needs them; what a process has written to memory stays.
    """

    def __init__(self, every: float = 0.02):
        super().__init__(daemon=True)
        self.every, self.own, self.mapped, self.over = every, 0, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(self.every):
            text = Path("/proc/self/status").read_text()
            sizes = {key: 1024 * int(kib) for key, kib in re.findall(r"(Rss\w+):\s+(\d+) kB", text)}
            self.own = max(self.own, sizes["RssAnon"] + sizes["RssShmem"])
            self.mapped = max(self.mapped, sum(sizes.values()))

    def __enter__(self) -> "Resident":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()


def prepared(folder: Path, threads: int) -> dict[str, Any]:
    """Ids of the text's values, in three splits."""
    source = get_source("criteo").at(folder / "text" / "train.txt")
    settings = PrepareSettings(threshold=THRESHOLD)
    schema = prepare(source, folder / "rows", settings, progress=False, threads=threads).schema
    size = sum(path.stat().st_size for path in (folder / "rows").rglob("*") if path.is_file())
    return {"ids": schema.num_ids, "bytes": size}


def trained(folder: Path, threads: int, batch: int) -> dict[str, Any]:
    """One epoch of DeepFM as the book has it, with its validation."""
    import torch

    from lfmp_core.memory import keep_memory
    from lfmp_core.models import BackboneSettings, build_model
    from lfmp_core.training import Trainer, TrainingSettings

    keep_memory()
    torch.set_num_threads(threads)
    data = load_prepared(folder / "rows")
    schema = data.schema
    model = build_model(BackboneSettings(name="deepfm"), schema.field_sizes, schema.scalar_columns, seed=0)
    settings = TrainingSettings(epochs=1, batch_size=batch)
    trainer = Trainer(model, data.split("train"), settings, seed=0, validation=data.split("val"))
    started = time.perf_counter()
    row = trainer.fit()[0]
    return {
        "fit_seconds": time.perf_counter() - started,
        "train_rows": schema.rows["train"],
        "val_rows": schema.rows["val"],
        "val_auc": row["val_auc"],
        "parameters": model.num_parameters(),
    }


def main(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The step's figures: seconds from here to its end, and its memory."""
    folder, threads, started = Path(given["folder"]), given["threads"], time.perf_counter()
    with Resident() as memory:
        found = prepared(folder, threads) if name == "prepare" else trained(folder, threads, given["batch"])
    seconds = time.perf_counter() - started
    return found | {"seconds": seconds, "peak_bytes": memory.own, "mapped_bytes": memory.mapped}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
