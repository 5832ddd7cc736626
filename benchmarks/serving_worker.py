"""One form of a model in a process of its own, written or served: `python -m benchmarks.serving_worker`."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lfmp_core.data import Dataset, Rows
from lfmp_core.efficiency import (
    exported_program,
    graph_scorer,
    lapses,
    latencies,
    open_graph,
    program_scorer,
)
from lfmp_core.embeddings.memoised import keep_often, remembering
from lfmp_core.memory import keep_memory
from lfmp_core.serving.folder import load_served, save_served
from lfmp_core.training.evaluate import scorer

from .floors import cin_macs, mlp_macs
from .serving_forms import SPARSITY, Form, Shape, groups
from .worker import serve

IDS, COUNTS, DATA = "ids.npy", "counts.npy", "data"  # beside the served folders
HELD = 512  # batches of a size that are scored in turn, at most


def form_of(group: str, name: str, quick: bool) -> tuple[Shape, Form]:
    """A form and its shape by their names."""
    found = groups()[group]
    shape = found.shape.quick() if quick else found.shape
    return shape, next(form for form in found.forms if form.name == name)


class Served:
    """A form that is ready to score.

    Args:
        shape, form: which.
        folder: its served folder; rows and counts lie beside.
    """

    def __init__(self, shape: Shape, form: Form, folder: Path):
        self.form, self.folder = form, folder
        ids = np.load(folder.parent / IDS)
        self.rows = Rows(ids, np.zeros(len(ids), np.uint8))
        self.model = load_served(folder).model
        self.facts = self._facts(shape) | self._kept(shape)
        self.calls: dict[tuple[str, int, int], list[Callable[[], None]]] = {}
        self.programs: dict[tuple[str, int], Any] = {}

    def _facts(self, shape: Shape) -> dict[str, Any]:
        model: Any = self.model
        settings = model.settings
        macs = mlp_macs(model.num_fields * settings.embedding_dim, settings.hidden)
        if maps := getattr(settings, "cin", ()):
            macs += cin_macs(model.num_fields, settings.embedding_dim, maps)
        return {
            "fields": model.num_fields,
            "dim": settings.embedding_dim,
            "macs": macs,
            "embedding_parameters": model.num_embedding_parameters(),
            "table_bytes": sum(table.num_bytes() for table in model.tables().values()),
            "bytes": model.num_bytes(),
            "folder_bytes": sum(path.stat().st_size for path in self.folder.iterdir()),
        }

    def _kept(self, shape: Shape) -> dict[str, Any]:
        """Let the table keep the rows that the form says, worked out before anything is timed."""
        tables = remembering(self.model)
        if not tables:
            return {}
        (table,) = tables
        if self.form.keep == "none":
            table.memoise = False
            return {}
        counts = np.load(self.folder.parent / COUNTS)
        if self.form.keep == "within":
            spare = round((1 - SPARSITY) * 4 * table.n * table.dim) - table.num_bytes()
            rows = keep_often(table, counts, spare)
            kept_bytes = table.known().num_bytes()
            asked = np.isin(self.rows.ids, table.often.numpy(), invert=True).sum(1)
            return {"kept_rows": rows, "kept_bytes": kept_bytes, "worked_out_per_row": float(asked.mean())}
        with torch.inference_mode():
            table.unchecked(torch.from_numpy(self.rows.ids))  # of the others nothing is asked
        return {"kept_rows": table.n, "kept_bytes": 4 * table.n * table.dim}

    def scorers(self, runtime: str, batch: int, threads: int) -> list[Callable[[], None]]:
        """One for each of some batches."""
        key = (runtime, batch, threads if runtime == "onnxruntime" else 0)
        if key not in self.calls:
            starts = range(0, min(len(self.rows), HELD * batch), batch)
            parts = [self.rows[a : a + batch] for a in starts]
            self.calls[key] = [self._scorer(runtime, part, batch, threads) for part in parts]
        return self.calls[key]

    def _scorer(self, runtime: str, part: Rows, batch: int, threads: int) -> Callable[[], None]:
        if runtime == "own":
            return scorer(self.model, part, batch)[0]
        key = (runtime, threads if runtime == "onnxruntime" else 0)
        if key not in self.programs:
            graph = runtime == "onnxruntime"
            self.programs[key] = (
                open_graph(self.folder / "model.onnx", threads) if graph else exported_program(self.model)
            )
        make = graph_scorer if runtime == "onnxruntime" else program_scorer
        return make(self.programs[key], part, batch)[0]


class ServingCalls:
    """What a worker can be asked."""

    def __init__(self) -> None:
        keep_memory()
        self.served: Any = None

    def write(self, group: str, form: str, quick: bool, seed: int, folder: str) -> None:
        """Make the form and write it as a served folder."""
        shape, own = form_of(group, form, quick)
        save_served(own.make(shape, seed), Dataset.load(Path(folder).parent / DATA), folder, replace=True)

    def open(self, group: str, form: str, quick: bool, folder: str) -> dict[str, Any]:
        """Load the folder and get ready; what there is to tell of the form."""
        torch.set_num_threads(1)
        self.served = Served(*form_of(group, form, quick), Path(folder))
        return self.served.facts

    def ready(self, cells: Sequence[Sequence[Any]]) -> None:
        """Make what (runtime, threads, batch) ask for, so that nothing is made while others are timed."""
        for runtime, threads, batch in cells:
            self.served.scorers(runtime, batch, threads)

    def load(self, repeats: int) -> dict[str, list[float]]:
        """Seconds to load the folder, and to open its graph, with the files in the system's memory."""
        folder = self.served.folder
        return {
            "folder": lapses(lambda: load_served(folder), rounds=repeats, warm_up=0),
            "graph": lapses(lambda: open_graph(folder / "model.onnx"), rounds=repeats, warm_up=0),
        }

    def measure(
        self, runtime: str, batch: int, threads: int, first: int, count: int, budget: float
    ) -> Sequence:
        """Seconds of single calls, from batch `first` on: `count`, or as many as `budget` seconds allow."""
        torch.set_num_threads(threads)
        calls = self.served.scorers(runtime, batch, threads)
        first %= len(calls)
        calls = [*calls[first:], *calls[:first]]
        once = latencies(calls, 1)[0]
        return latencies(calls, max(1, min(count, int(budget / once))), warm_up=0)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(ServingCalls())
