"""What the card says in numbers: AUC and its error, the clock's rates, how near the graph is to the model."""

from pathlib import Path

import numpy as np
import torch

from ..data import SPLITS, Dataset, Rows
from ..efficiency import graph_logits, graph_scorer, inference_rate, open_graph, rate
from ..errors import LfmpError
from ..experiments.stats import resample
from ..metrics import AUC
from ..models import Backbone
from ..training import evaluate, predict
from .card import Latency, SplitScores

_DRAWS = 200
_HELD = 4096  # rows on which the graph is held against the model
_BATCH, _ALONE = 1024, 64  # rows of a timed batch, and rows timed one by one
_TOLERANCE = 1e-5


def measured(model: Backbone, data: Dataset) -> dict[str, SplitScores]:
    """On validation and test, where both classes are there."""
    found = {}
    for split in SPLITS[1:]:
        count, clicks = data.schema.rows[split], data.schema.positives[split]
        if not 0 < clicks < count:
            continue
        rows = data.split(split)
        metrics, logits = evaluate(model, rows)
        drawn = resample(np.asarray(rows.labels), {"": [logits]}, AUC, _DRAWS, 0, resample_seeds=False)[""][
            1:
        ]
        error = float(np.nanstd(drawn))
        auc, loss = metrics["auc"], metrics["logloss"]
        found[split] = SplitScores(auc=auc, auc_error=error, logloss=loss, rows=count, clicks=clicks)
    return found


def graph_distance(model: Backbone, graph: Path, rows: Rows) -> float:
    """Largest distance of the graph's logits from the model's.

    Raises:
        LfmpError: it is larger than 1e-5 of them, or than 1e-5 where they are small.
    """
    rows = rows[:_HELD]
    theirs, ours = graph_logits(open_graph(graph), rows), predict(model, rows)
    if not np.allclose(theirs, ours, rtol=_TOLERANCE, atol=_TOLERANCE):
        far = float(np.abs(theirs - ours).max())
        raise LfmpError(f"the exported graph gives other logits than the model, by up to {far:.2g}")
    return float(np.abs(theirs - ours).max(initial=0.0))


def latency(model: Backbone, graph: Path, rows: Rows) -> Latency:
    """Of one thread each."""
    session, threads = open_graph(graph), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        by_model = inference_rate(model, rows, _BATCH, batches=8)
    finally:
        torch.set_num_threads(threads)
    return Latency(
        graph_row_us=1e6 / rate(*graph_scorer(session, rows, 1, batches=_ALONE)),
        graph_rows_per_second=rate(*graph_scorer(session, rows, _BATCH, batches=8)),
        model_rows_per_second=by_model,
        batch_size=min(_BATCH, len(rows)),
    )
