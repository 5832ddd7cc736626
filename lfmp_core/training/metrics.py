"""AUC and log-loss on arrays."""

import numpy as np

from ..errors import LfmpError
from ..metrics import row_losses


class NoScore(LfmpError, ValueError):
    """Labels and scores that have no AUC or log-loss."""


def _checked(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What both metrics refuse."""
    labels, scores = np.asarray(labels), np.asarray(scores)
    if labels.shape != scores.shape or labels.ndim != 1:
        raise NoScore(f"labels {labels.shape} and scores {scores.shape} are no two rows of equal length")
    if not ((labels == 0) | (labels == 1)).all():
        raise NoScore("a label is neither 0 nor 1")
    if not np.isfinite(scores).all():
        raise NoScore("a score is not finite: the training diverged")
    return labels, scores


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve: P(score of a click > score of a non-click), ties counting one half.

    Args:
        labels: 0 or 1, [N].
        scores: any monotone score, [N].

    Raises:
        NoScore: only one class is present, a label is neither 0 nor 1, or a score is not a finite number.
    """
    labels, scores = _checked(labels, scores)
    labels = labels.astype(bool)
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        raise NoScore(f"AUC needs both classes; got {positives} clicks in {len(labels)} rows")
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    clicks = np.diff(labels[order].cumsum()[last], prepend=0)
    others = np.diff(last, prepend=-1) - clicks
    below = others.cumsum() - others
    return float((clicks * (below + 0.5 * others)).sum() / (positives * negatives))


def log_loss(labels: np.ndarray, logits: np.ndarray) -> float:
    """Mean of log(1 + e^x) − y·x in double precision, from logits x [N] and labels y [N].

    Raises:
        NoScore: there are no rows, a label is neither 0 nor 1, or a logit is not a finite number. Of a single
            class it has a value, unlike AUC.
    """
    labels, logits = _checked(labels, logits)
    if not len(labels):
        raise NoScore("log-loss needs at least one row")
    return float(np.mean(row_losses(labels, logits.astype(np.float64))))
