"""Time of training."""

from statistics import median

import torch

from ..data.dataset import Rows
from ..models import Backbone
from ..training import Trainer, TrainingSettings, to_batch
from .timing import lapses


def training_rate(
    model: Backbone,
    rows: Rows,
    settings: TrainingSettings | None = None,
    *,
    rounds: int = 5,
    warm_up: int = 1,
) -> float:
    """Rows trained on a second, batches in memory: the median over rounds. The model is trained.

    Args:
        model: moved to the settings' device.
        rows: seen whole in every round; at most 64 batches are used, the last one cut off if it is short.
        settings: batch size, optimiser, precision, device.
        rounds: timed rounds.
        warm_up: rounds before the clock.
    """
    settings = settings or TrainingSettings()
    size = min(settings.batch_size, len(rows))
    count = min(len(rows) // size, 64) * size
    trainer = Trainer(model, rows[:count], settings, seed=0)
    device = torch.device(settings.device)
    batches = [to_batch(rows, slice(a, a + size), device) for a in range(0, count, size)]
    trainer.model.train()

    def act() -> None:
        for batch in batches:
            trainer.step(batch)
        trainer.flush()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return count / median(lapses(act, rounds=rounds, warm_up=warm_up))
