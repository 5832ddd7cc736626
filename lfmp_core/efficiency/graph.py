"""An exported graph, run: its logits, and the scorer that the clock takes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..data.dataset import Rows


def open_graph(path: Path, threads: int = 1) -> Any:
    """A session of onnxruntime on so many threads. Needs the extra `export`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def graph_logits(session: Any, rows: Rows, batch_size: int = 8192) -> np.ndarray:
    """Logits [N] float32 of a graph over int64 ids, in the rows' order."""
    found = [session.run(None, feed)[0] for feed in _feeds(session, rows, batch_size)]
    return np.concatenate(found) if found else np.empty(0, np.float32)


def graph_scorer(
    session: Any, rows: Rows, batch_size: int = 4096, *, batches: int = 64
) -> tuple[Callable[[], None], int]:
    """Scores the first `batches` batches of some rows, held in memory, and how many rows they are; see
    `training.evaluate.scorer`."""
    count = min(len(rows), batches * batch_size)
    held = list(_feeds(session, rows[:count], batch_size))

    def score() -> None:
        for feed in held:
            session.run(None, feed)

    return score, count


def _feeds(session: Any, rows: Rows, batch_size: int) -> Iterator[dict[str, np.ndarray]]:
    # a model whose scalar fields were all cut takes no values
    takes_values = any(own.name == "values" for own in session.get_inputs())
    for a in range(0, len(rows), batch_size):
        part = rows[a : a + batch_size]
        values = {"values": np.asarray(part.values)} if takes_values else {}
        yield {"ids": part.ids.astype(np.int64), **values}
