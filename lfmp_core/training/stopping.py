"""When a training stops, and which of its epochs is the best."""

from collections.abc import Mapping, Sequence

from ..metrics import Metric, stands_best
from .settings import TrainingSettings


def judge_epoch(
    measured: Mapping[str, float],
    epoch: int,
    stale: int,
    history: Sequence[Mapping[str, float]],
    settings: TrainingSettings,
    metrics: Sequence[Metric],
) -> tuple[bool, int]:
    """(whether an epoch is the best so far, epochs without progress now).

    Args:
        measured: its metrics on validation, by name.
        epoch: which, from 1.
        stale: epochs without progress before it.
        history: rows of the epochs before it, with `val_` and the name of each metric.
        settings: what counts as progress, and the values under which a training is stopped.
        metrics: of those measured; the first decides which epoch is the best.
    """
    decides = metrics[0]
    key = f"val_{decides.name}"
    better = stands_best([*(row[key] for row in history), measured[decides.name]], decides)
    goes_on = better
    if settings.progress == "either" and history:
        before = history[-1]
        goes_on = any(m.better(measured[m.name], before[f"val_{m.name}"]) for m in metrics)
    least = settings.min_metric_by_epoch
    if least and decides.better(least[min(epoch, len(least)) - 1], measured[decides.name]):
        return better, settings.patience
    return better, 0 if goes_on else stale + 1
