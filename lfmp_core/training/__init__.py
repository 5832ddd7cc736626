"""One training loop, its batches, its metrics."""

from .batches import Batches, to_batch
from .evaluate import evaluate, predict
from .loop import Trainer
from .metrics import auc, log_loss
from .objective import Objective
from .settings import TrainingSettings

__all__ = [
    "Batches",
    "Objective",
    "Trainer",
    "TrainingSettings",
    "auc",
    "evaluate",
    "log_loss",
    "predict",
    "to_batch",
]
