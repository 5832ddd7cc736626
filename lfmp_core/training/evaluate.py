"""Scores of whole splits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ..data.dataset import Rows
from ..errors import Diverged
from ..models import Backbone
from .batches import BLOCK_ROWS, to_batch
from .metrics import auc, log_loss


@contextmanager
def in_evaluation(model: Backbone) -> Iterator[None]:
    """In the block gates and dropout are off."""
    was_training = model.training
    model.eval()  # also where it says that it is: a part may have been put in since
    try:
        yield
    finally:
        if was_training:
            model.train()


@torch.inference_mode()
def predict(model: Backbone, rows: Rows, batch_size: int = 8192) -> np.ndarray:
    """Logits [N] float32, in the rows' order. Gates and dropout are off.

    Raises:
        Diverged: a logit is not a finite number.

    Example:
        >>> import numpy as np
        >>> from lfmp_core import Dataset, DeepFM, predict
        >>> ids = np.random.default_rng(0).integers(0, [4, 6], (1000, 2))
        >>> data = Dataset.from_arrays(ids, ids[:, 0] > 1, field_sizes=[4, 6], local=True)
        >>> model = DeepFM(data.schema.field_sizes, embedding_dim=4, hidden=(8,), seed=0)
        >>> predict(model, data.split("test")).shape
        (101,)
    """
    device = next(model.parameters()).device
    out = np.empty(len(rows), np.float32)
    with in_evaluation(model):
        for a in range(0, len(rows), batch_size):
            ids, values, _ = to_batch(rows, slice(a, a + batch_size), device)
            out[a : a + batch_size] = model(ids, values).float().cpu().numpy()
            if a % BLOCK_ROWS < batch_size:
                rows.forget()
    if not np.isfinite(out).all():
        raise Diverged("a score is not finite: the training diverged")
    return out


def evaluate(model: Backbone, rows: Rows, batch_size: int = 8192) -> tuple[dict[str, float], np.ndarray]:
    """({"auc", "logloss"}, logits [N]).

    Example:
        >>> import numpy as np
        >>> from lfmp_core import Dataset, DeepFM, evaluate
        >>> ids = np.random.default_rng(0).integers(0, [4, 6], (1000, 2))
        >>> data = Dataset.from_arrays(ids, ids[:, 0] > 1, field_sizes=[4, 6], local=True)
        >>> model = DeepFM(data.schema.field_sizes, embedding_dim=4, hidden=(8,), seed=0)
        >>> metrics, logits = evaluate(model, data.split("test"))
        >>> sorted(metrics), logits.shape
        (['auc', 'logloss'], (101,))
    """
    logits = predict(model, rows, batch_size)
    return {"auc": auc(rows.labels, logits), "logloss": log_loss(rows.labels, logits)}, logits


def scorer(
    model: Backbone, rows: Rows, batch_size: int = 4096, *, batches: int = 64
) -> tuple[Callable[[], None], int]:
    """Scores the first `batches` batches of some rows, which it holds in memory, and how many rows they are.

    For a clock: from raw id arrays to logits, of which none is kept.
    """
    device = next(model.parameters()).device
    count = min(len(rows), batches * batch_size)
    rows = rows[:count]
    held = [to_batch(rows, slice(a, a + batch_size), device) for a in range(0, count, batch_size)]

    @torch.inference_mode()
    def score() -> None:
        with in_evaluation(model):
            for batch in held:
                model(batch.ids, batch.values)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return score, count
