"""AUC on bootstrap resamples of the test rows: what every comparison of two cells rests on.

    python -m benchmarks.resampled_auc

One model's scores are weighed by the same counts of rows by each contender, in turns; all must agree.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from lfmp_core.experiments.stats import weighted_auc

BLOCK = 500_000  # counts that the NumPy contender takes at a time


def scikit_learn(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One call a resample; each sorts the rows anew."""
    return np.array([roc_auc_score(labels, scores, sample_weight=w) for w in weights])


def running_sums(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """NumPy: running sums of the others' weights, looked up at the clicks, block by block."""
    size = max(1, BLOCK // len(labels))
    found = []
    for start in range(0, len(weights), size):
        block = weights[start : start + size]
        clicks, others = (np.flatnonzero(labels == c)[np.argsort(scores[labels == c])] for c in (1, 0))
        below = np.zeros((len(block), len(others) + 1))
        np.cumsum(block[:, others], axis=1, dtype=np.float64, out=below[:, 1:])
        first, last = (np.searchsorted(scores[others], scores[clicks], side) for side in ("left", "right"))
        beaten = (below[:, first] + below[:, last]) / 2
        weight = block[:, clicks].astype(np.float64)
        found.append(np.einsum("ij,ij->i", weight, beaten) / (weight.sum(axis=1) * below[:, -1]))
    return np.concatenate(found)


CONTENDERS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "ours": weighted_auc,
    "NumPy, running sums": running_sums,
    "scikit-learn": scikit_learn,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="of the test part")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5, help="counted, after one that is not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    labels = rng.integers(0, 2, options.rows)
    scores = (rng.normal(size=options.rows) + labels).astype(np.float16)
    counts = [
        np.bincount(rng.integers(0, options.rows, options.rows), minlength=options.rows)
        for _ in range(options.draws)
    ]
    weights = np.stack(counts, axis=1).astype(np.uint8).T
    spent: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with threadpool_limits(options.threads):
        for turn in range(1 + options.rounds):
            values = []
            for name, contender in CONTENDERS.items():
                started = time.perf_counter()
                values.append(contender(labels, scores, weights))
                if turn:
                    spent[name].append(time.perf_counter() - started)
            for other in values[1:]:
                np.testing.assert_allclose(values[0], other, rtol=1e-9)
    for name, seconds in spent.items():
        ratios = sorted(s / own for s, own in zip(seconds, spent["ours"], strict=True))
        print(
            f"{name:20} {median(seconds) * 1e3:8.1f} ms, {median(ratios):6.1f} × ours "
            f"({ratios[0]:.1f} to {ratios[-1]:.1f})"
        )


if __name__ == "__main__":
    main()
