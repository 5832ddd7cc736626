"""A paired bootstrap over test units, rows or users, and over seeds."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numba
import numpy as np
from tqdm import tqdm

from ..errors import LfmpError
from ..kernels import compiled, run_kernel
from ..metrics import Metric

Name = TypeVar("Name", bound=Hashable)
_CELLS = 32_000_000  # of the units x draws block of counts held at a time, a byte each
_DRAWS = 128  # that one pass over the rows serves: their sums stay in the nearest cache


class Difference(NamedTuple):
    """metric(a) − metric(b) and its bootstrap interval."""

    difference: float
    low: float
    high: float


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


def resample(
    truth: np.ndarray | None,
    runs: Mapping[Name, list[np.ndarray]],
    metric: Metric,
    draws: int,
    seed: int,
    resample_seeds: bool,
    progress: str | None = None,
    one_training: Mapping[Name, Hashable] | None = None,
) -> dict[Name, np.ndarray]:
    """Per name [1 + draws]: the metric on the units themselves, then on each resample; mean over its runs.

    Units are drawn with replacement, as counts, and a metric is one that the counts weigh. All names see the
    same resampled units, so that any two of them can be compared by `difference_of`; all metrics do, too.

    Args:
        truth: labels [N] of rows, 0 and 1; None of users, whose figures stand for themselves.
        runs: by name what each seed's record keeps of its units: logits of rows [N], or NDCG@20 and Recall@20
            of users [N, 2].
        metric: its `unit` says which.
        draws: resamples. seed: of the resamples.
        resample_seeds: each draw takes the mean over n − 1 of a name's n seeds, drawn with replacement. With
            n of n the variance of the mean would come out as (n − 1)/n of s²/n, two thirds with three seeds;
            with n − 1 it is s²/n (the rescaled bootstrap of Rao and Wu, 1988). A single seed stays.
        progress: what the bar on stderr says; None for no bar.
        one_training: groups of names whose runs of a seed are one training, by name: they see the same drawn
            seeds. Their runs come in the same order.

    Raises:
        LfmpError: shapes differ, a number is not finite, or one class is missing.
    """
    if not runs:
        return {}
    flat = [(name, np.asarray(one, dtype=np.float64)) for name, many in runs.items() for one in many]
    labels, units = _checked(truth, flat, metric)
    values = [] if metric.each is None else [metric.each(labels, one) for _, one in flat]
    generator = np.random.default_rng(seed)
    blocks: list[np.ndarray] = []
    done = 0
    bar = tqdm(total=len(flat) * (1 + draws), desc=progress, unit_scale=True, disable=progress is None)
    with bar:
        while done <= draws:
            size = min(max(1, _CELLS // units), 1 + draws - done)
            counts = np.empty((units, size), dtype=np.uint8).T  # a unit's draws lie side by side
            for i in range(size):
                if done + i:
                    counts[i] = np.bincount(generator.integers(0, units, units), minlength=units)
                else:
                    counts[i] = 1
            if values:
                block = counts.astype(np.float64) @ np.stack(values, axis=1) / units
                bar.update(size * len(flat))
            else:
                block = np.empty((size, len(flat)))
                for k, (_, one) in enumerate(flat):
                    block[:, k] = weighted_auc(labels, one, counts)
                    bar.update(size)
            blocks.append(block)
            done += size
    scores = np.concatenate(blocks)  # [1 + draws, runs]
    result: dict[Name, np.ndarray] = {}
    picks: dict[tuple[Hashable, int], np.ndarray] = {}
    start = 0
    for name, many in runs.items():
        own = scores[:, start : start + len(many)]
        start += len(many)
        result[name] = own.mean(axis=1)
        if resample_seeds and len(many) > 1:
            group = (one_training or {}).get(name, (name,))
            if (group, len(many)) not in picks:
                picks[group, len(many)] = generator.integers(0, len(many), (draws, len(many) - 1))
            pick = picks[group, len(many)]
            result[name][1:] = np.take_along_axis(own[1:], pick, axis=1).mean(axis=1)
    return result


def _checked(
    truth: np.ndarray | None, flat: Sequence[tuple[Hashable, np.ndarray]], metric: Metric
) -> tuple[np.ndarray, int]:
    """Labels as float64, none of users; and how many units there are."""
    if metric.unit == "row":
        labels = np.asarray(truth, dtype=np.float64)
        what, shape = "logits", labels.shape
        if set(np.unique(labels)) != {0.0, 1.0}:
            raise LfmpError("labels must be 0 and 1, and both must occur")
    else:
        labels, what, shape = np.empty(0), "figures of users", (len(flat[0][1]), 2)
    for name, one in flat:
        if one.shape != shape or not np.isfinite(one).all():
            raise LfmpError(f"{what} of {name}: finite numbers {shape} expected, shape is {one.shape}")
    return labels, shape[0]


def difference_of(a: np.ndarray, b: np.ndarray, level: float) -> Difference:
    """Difference of two names of one `resample`, with its interval at `level`."""
    drawn = whole_draws(a, b)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Difference(float(a[0] - b[0]), float(low), float(high))


def whole_draws(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Differences of two names of one `resample` over its draws, those that hold both classes."""
    drawn = (a - b)[1:]
    drawn = drawn[np.isfinite(drawn)]  # a resample of very few rows can lack a class
    if not len(drawn):
        raise LfmpError("no resample holds both classes: too few rows to compare on")
    return drawn


def plus_minus(error: float) -> str:
    """An error of an AUC as it is told: with four digits, or with two of its own where these are all 0.

    None at all where it is 0: resamples of rows that are all ranked right, or all alike, tell nothing of
    others.
    """
    if not error > 0:
        return "(± can't be stated from so few rows)"
    return f"± {error:.4f}" if round(error, 4) else f"± {error:.1e}"
