"""One epoch in a process of its own, asked by `benchmarks.epochs`."""

import tempfile
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from .worker import serve


class Calls:
    """What the process can be asked."""

    def ready(self, kind: str, shape: dict, folder: str, batch: int, options: dict) -> None:
        """Import what the library's user has imported."""
        from .contenders import Shape
        from .epoch_cases import KINDS

        self.epoch = KINDS[kind](Shape.read(shape), Path(folder), batch, options)

    def epoch_of(self, seed: int) -> dict[str, Any]:
        """Seconds of each part, and what came out."""
        import torch

        torch.manual_seed(seed)
        one, clock = self.epoch, [time.perf_counter()]
        with tempfile.TemporaryDirectory(dir=one.folder) as out:
            one.read()
            clock.append(time.perf_counter())
            parameters = one.build()
            clock.append(time.perf_counter())
            auc = one.fit(Path(out))
            clock.append(time.perf_counter())
            saved = sum(path.stat().st_size for path in Path(out).rglob("*") if path.is_file())
        read, build, fit = (b - a for a, b in pairwise(clock))
        return {
            "seconds": clock[-1] - clock[0],
            "read": read,
            "build": build,
            "fit": fit,
            "val_auc": auc,
            "parameters": parameters,
            "saved_bytes": saved,
        }

    def finish(self) -> dict[str, Any]:
        """The highest resident memory of this process."""
        from lfmp_core.experiments.certificate import peak_rss

        return {"peak_mib": round(peak_rss() / 2**20)}


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(Calls())
