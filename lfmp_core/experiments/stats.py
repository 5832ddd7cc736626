"""Mean and spread, and which methods can't be told apart."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

import numba
import numpy as np
from tqdm import tqdm

from ..errors import LfmpError, check_name
from ..kernels import compiled, run_kernel

Metric = Literal["auc", "logloss"]
Name = TypeVar("Name", bound=Hashable)
_METRICS = ("auc", "logloss")
_CELLS = 32_000_000  # of the rows x draws block of counts held at a time, a byte each
_DRAWS = 128  # that one pass over the rows serves: their sums stay in the nearest cache


class Difference(NamedTuple):
    """metric(a) − metric(b), its bootstrap interval, and the two-sided p of no difference."""

    difference: float
    low: float
    high: float
    p: float


def mean_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation with n − 1; the deviation of a single value is NaN.

    Raises:
        LfmpError: no values.
    """
    if len(values) == 0:
        raise LfmpError("the mean of no values does not exist")
    array = np.asarray(values, dtype=float)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else math.nan


def paired_bootstrap(
    labels: np.ndarray,
    logits_a: np.ndarray | Sequence[np.ndarray],
    logits_b: np.ndarray | Sequence[np.ndarray],
    metric: Metric = "auc",
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    resample_seeds: bool = False,
) -> Difference:
    """Compare two models on the same rows: both are scored on the same resamples of them.

    Rows are drawn with replacement, as counts; a metric is a weighted metric with the counts as weights.
    Of several training seeds per model each draw takes the mean over seeds.

    Args:
        labels: [B] of 0 and 1.
        logits_a, logits_b: [B], or a list of [B], one per seed.
        metric: auc or logloss.
        draws: resamples.
        seed: of the resamples.
        level: of the interval.
        resample_seeds: draw the seeds too, so that the interval also covers the spread between trainings, not
            only that of the test rows; see `resample`.

    Raises:
        LfmpError: shapes differ, a logit is not finite, or one class is missing.
    """
    drawn = resample(
        labels, {"a": _runs(logits_a), "b": _runs(logits_b)}, metric, draws, seed, resample_seeds
    )
    return difference_of(drawn["a"], drawn["b"], level)


def ties(
    labels: np.ndarray,
    logits_by_name: Mapping[str, np.ndarray | Sequence[np.ndarray]],
    metric: Metric = "auc",
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    resample_seeds: bool = False,
) -> set[str]:
    """Names that can't be told from the best: the interval of their difference to it holds 0.

    The best itself is among them. Arguments as in `paired_bootstrap`.
    """
    if not logits_by_name:
        return set()
    runs = {name: _runs(logits) for name, logits in logits_by_name.items()}
    drawn = resample(labels, runs, metric, draws, seed, resample_seeds)
    sign = 1 if metric == "auc" else -1
    best = max(drawn, key=lambda name: sign * drawn[name][0])
    compared = {name: difference_of(drawn[best], drawn[name], level) for name in drawn}
    return {name for name, d in compared.items() if name == best or d.low <= 0 <= d.high}


def weighted_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUC of each row of weights; NaN without both classes.

    Σ w₊ · (Σ w₋ below + ½ Σ w₋ tied) / (Σ w₊ · Σ w₋), w₊ the weights of the clicks, w₋ of the others.

    Args:
        labels: [B] of 0 and 1.
        scores: [B].
        weights: [draws, B], not negative.

    Returns:
        [draws].
    """
    labels, scores = np.asarray(labels).astype(bool), np.asarray(scores)
    order = np.lexsort((labels, scores))  # of one score the clicks come last
    ends = np.append(np.flatnonzero(np.diff(scores[order])) + 1, len(order))  # of rows of one score
    by_row = np.ascontiguousarray(weights.T)
    won, clicks, others = (np.zeros(len(weights)) for _ in range(3))
    run_kernel(_pairs, order, ends, labels, by_row, won, clicks, others)
    pairs = clicks * others
    return np.divide(won, pairs, out=np.full(len(weights), math.nan), where=pairs > 0)


@compiled
def _pairs(order, ends, labels, weights, won, clicks, others):
    """Pairs that clicks win, and the weights of both classes, from the lowest score to the highest."""
    for b in numba.prange((len(won) + _DRAWS - 1) // _DRAWS):
        a, z = b * _DRAWS, min(len(won), (b + 1) * _DRAWS)
        won_, clicks_, others_ = won[a:z], clicks[a:z], others[a:z]
        below = np.empty(z - a)
        start = 0
        for end in ends:
            below[:] = others_
            for i in order[start:end]:
                w = weights[i, a:z]
                if labels[i]:
                    # the others of its score are counted by now: it wins half against those
                    for d in range(z - a):
                        won_[d] += w[d] * (below[d] + others_[d]) / 2
                        clicks_[d] += w[d]
                else:
                    for d in range(z - a):
                        others_[d] += w[d]
            start = end


def _runs(logits: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
    if isinstance(logits, np.ndarray) and logits.ndim == 1:
        return [logits]
    return [np.asarray(one) for one in logits]


def resample(
    labels: np.ndarray,
    runs: Mapping[Name, list[np.ndarray]],
    metric: str,
    draws: int,
    seed: int,
    resample_seeds: bool,
    progress: str | None = None,
) -> dict[Name, np.ndarray]:
    """Per name [1 + draws]: the metric on the rows themselves, then on each resample; mean over its runs.

    All names see the same resampled rows, so that any two of them can be compared by `difference_of`.

    Args:
        labels: [B] of 0 and 1. runs: by name the logits [B] of each seed. metric: auc or logloss.
        draws: resamples. seed: of the resamples.
        resample_seeds: each draw takes the mean over n − 1 of a name's n seeds, drawn with replacement. With
            n of n the variance of the mean would come out as (n − 1)/n of s²/n, two thirds with three seeds;
            with n − 1 it is s²/n (the rescaled bootstrap of Rao and Wu, 1988). A single seed stays.
        progress: what the bar on stderr says; None for no bar.

    Raises:
        LfmpError: shapes differ, a logit is not finite, or one class is missing.
    """
    check_name(metric, _METRICS, "metric")
    labels = np.asarray(labels).astype(np.float64)
    rows = len(labels)
    if set(np.unique(labels)) != {0.0, 1.0}:
        raise LfmpError("labels must be 0 and 1, and both must occur")
    flat = [(name, np.asarray(one, dtype=np.float64)) for name, many in runs.items() for one in many]
    for name, one in flat:
        if one.shape != labels.shape or not np.isfinite(one).all():
            raise LfmpError(f"logits of {name}: {rows} finite numbers expected, shape is {one.shape}")
    losses = [np.logaddexp(0, one) - labels * one for _, one in flat] if metric == "logloss" else []
    generator = np.random.default_rng(seed)
    blocks: list[np.ndarray] = []
    done = 0
    bar = tqdm(total=len(flat) * (1 + draws), desc=progress, unit_scale=True, disable=progress is None)
    with bar:
        while done <= draws:
            size = min(max(1, _CELLS // rows), 1 + draws - done)
            counts = np.empty((rows, size), dtype=np.uint8).T  # a row's draws lie side by side
            for i in range(size):
                if done + i:
                    counts[i] = np.bincount(generator.integers(0, rows, rows), minlength=rows)
                else:
                    counts[i] = 1
            if metric == "auc":
                block = np.empty((size, len(flat)))
                for k, (_, one) in enumerate(flat):
                    block[:, k] = weighted_auc(labels, one, counts)
                    bar.update(size)
            else:
                block = counts.astype(np.float64) @ np.stack(losses, axis=1) / rows
                bar.update(size * len(flat))
            blocks.append(block)
            done += size
    values = np.concatenate(blocks)  # [1 + draws, runs]
    result: dict[Name, np.ndarray] = {}
    start = 0
    for name, many in runs.items():
        own = values[:, start : start + len(many)]
        start += len(many)
        result[name] = own.mean(axis=1)
        if resample_seeds and len(many) > 1:
            pick = generator.integers(0, len(many), (draws, len(many) - 1))
            result[name][1:] = np.take_along_axis(own[1:], pick, axis=1).mean(axis=1)
    return result


def difference_of(a: np.ndarray, b: np.ndarray, level: float) -> Difference:
    """Difference of two names of one `resample`, with its interval at `level`."""
    drawn = (a - b)[1:]
    drawn = drawn[np.isfinite(drawn)]  # a resample of very few rows can lack a class
    if not len(drawn):
        raise LfmpError("no resample holds both classes: too few rows to compare on")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    rarer = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    p = min(1.0, 2 * (rarer + 1) / (len(drawn) + 1))
    return Difference(float(a[0] - b[0]), float(low), float(high), float(p))
