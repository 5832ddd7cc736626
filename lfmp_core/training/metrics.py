"""AUC and log-loss on arrays."""

import numpy as np


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve: P(score of a click > score of a non-click), ties counting one half.

    Args:
        labels: 0 or 1, [N].
        scores: any monotone score, [N].

    Raises:
        ValueError: only one class is present, or a score is not a number.
    """
    labels = np.asarray(labels).astype(bool)
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        raise ValueError(f"AUC needs both classes; got {positives} clicks in {len(labels)} rows")
    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite: the training diverged")
    order = np.argsort(scores, kind="stable")
    ranked = np.asarray(scores)[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    clicks = np.diff(labels[order].cumsum()[last], prepend=0)
    others = np.diff(last, prepend=-1) - clicks
    below = others.cumsum() - others
    return float((clicks * (below + 0.5 * others)).sum() / (positives * negatives))


def log_loss(labels: np.ndarray, logits: np.ndarray) -> float:
    """Mean of log(1 + e^x) − y·x in double precision, from logits x [N] and labels y [N]."""
    x = np.asarray(logits, dtype=np.float64)
    return float(np.mean(np.logaddexp(0, x) - np.asarray(labels) * x))
