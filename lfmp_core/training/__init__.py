"""One training loop, its batches, its metrics."""

from .batches import Batches, to_batch
from .evaluate import evaluate, predict
from .loop import Loop
from .metrics import auc, log_loss
from .objective import LogLoss, Objective
from .settings import TrainingSettings
from .trainer import Trainer

__all__ = [
    "Batches",
    "LogLoss",
    "Loop",
    "Objective",
    "Trainer",
    "TrainingSettings",
    "auc",
    "evaluate",
    "log_loss",
    "predict",
    "to_batch",
]
