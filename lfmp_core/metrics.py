"""What models are measured by: each metric knows which end of it is better, and of what it is a mean."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from .errors import check_name


@dataclass(frozen=True)
class Metric:
    """One figure of merit.

    Attributes:
        name: in records, behind the name of a split: `val_auc`.
        title: for people.
        higher: a larger value is better.
        unit: what is drawn again when its uncertainty is asked for.
        each: what it is the mean of: (labels of rows, none of users; what a record keeps of its units: logits
            of rows [N], figures of users [N, 2]) → [N]; None of AUC, which is of pairs of rows.
        margin: a difference that the field calls large.

    Example:
        >>> from lfmp_core.metrics import AUC, LOG_LOSS
        >>> AUC.better(0.76, 0.75), LOG_LOSS.better(0.46, 0.45)
        (True, False)
    """

    name: str
    title: str
    higher: bool
    unit: Literal["row", "user"]
    each: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = field(
        default=None, compare=False, repr=False
    )
    margin: float = 0.001

    @property
    def sign(self) -> int:
        """1 where larger is better, else −1."""
        return 1 if self.higher else -1

    def gain(self, one: float, other: float) -> float:
        """How much better one value is than another; negative where it is worse."""
        return one - other if self.higher else other - one  # of equals 0, never −0

    def better(self, one: float, other: float) -> bool:
        """Whether one value is better than another."""
        return self.gain(one, other) > 0


def row_losses(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """log(1 + e^x) − y·x of each row [N], from logits x [N] and labels y [N]; float64 in, float64 out."""
    return np.logaddexp(0, logits) - labels * logits


def _column(index: int, _: np.ndarray, units: np.ndarray) -> np.ndarray:
    return units[:, index]


AUC = Metric("auc", "AUC", True, "row")
LOG_LOSS = Metric("logloss", "log-loss", False, "row", row_losses)
NDCG20 = Metric("ndcg20", "NDCG@20", True, "user", partial(_column, 0))
RECALL20 = Metric("recall20", "Recall@20", True, "user", partial(_column, 1))
METRICS = {metric.name: metric for metric in (AUC, LOG_LOSS, NDCG20, RECALL20)}


def metric_of(name: str) -> Metric:
    """The metric of that name.

    Raises:
        UnknownName: there is none; it lists the nearest.
    """
    return METRICS[check_name(name, METRICS, "metric")]


def metrics_among(figures: Iterable[str]) -> tuple[Metric, ...]:
    """The metrics among some figures; the first decides which epoch and which trial is the best.

    Args:
        figures: names behind the name of a split, as a record has them: `val_auc`.
    """
    names = {name.partition("_")[2] for name in figures}
    return tuple(metric for metric in METRICS.values() if metric.name in names)


def stands_best(values: Sequence[float], metric: Metric) -> bool:
    """Whether the last value is better than all before it."""
    return all(metric.better(values[-1], before) for before in values[:-1])
