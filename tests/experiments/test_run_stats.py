"""The bootstrap over rows, users and seeds against numbers by hand and scikit-learn on repeated rows."""

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from lfmp_core.errors import LfmpError
from lfmp_core.experiments.stats import difference_of, resample, weighted_auc
from lfmp_core.metrics import AUC, LOG_LOSS, NDCG20, RECALL20, metric_of


def compared(labels, a, b, metric=AUC, draws=1000, resample_seeds=False):
    """a − b, each a list of what its seeds keep."""
    drawn = resample(labels, {"a": a, "b": b}, metric, draws, seed=0, resample_seeds=resample_seeds)
    return difference_of(drawn["a"], drawn["b"], level=0.95)


def test_weighted_auc_by_hand():
    # scores 1 2 2 3, labels 0 1 0 1. Pairs (positive, negative): (2,1) won, (2,2) tied, (3,1) won, (3,2) won.
    labels, scores = np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 2.0, 3.0])
    weights = np.array([[1, 1, 1, 1], [2, 1, 1, 0], [0, 3, 1, 0], [1, 0, 1, 0]])
    # all once: 3.5 of 4; twice the first: (2 + .5) of 3; only the tie: .5; no positive: undefined
    np.testing.assert_allclose(weighted_auc(labels, scores, weights), [3.5 / 4, 2.5 / 3, 0.5, math.nan])


@pytest.mark.parametrize("decimals", [0, 1, 9])  # many tied scores, some, none
def test_weighted_auc_is_sklearn_on_repeated_rows(decimals):
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(decimals)
    labels = rng.integers(0, 2, 200)
    scores = np.round(rng.normal(size=200) + labels, decimals)
    counts = rng.multinomial(200, np.full(200, 1 / 200), size=300)
    expected = [roc_auc_score(np.repeat(labels, c), np.repeat(scores, c)) for c in counts]
    np.testing.assert_allclose(weighted_auc(labels, scores, counts), expected, rtol=1e-12)


@pytest.mark.parametrize("metric", ["auc", "logloss"])
def test_a_resample_is_a_bincount_of_the_seed_in_blocks_of_any_size(metric, monkeypatch):
    from sklearn.metrics import log_loss, roc_auc_score

    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 2, 60), rng.normal(size=60)
    generator = np.random.default_rng(5)
    rows = [np.arange(60), *(generator.integers(0, 60, 60) for _ in range(20))]
    p = 1 / (1 + np.exp(-logits))
    expected = [{"auc": roc_auc_score, "logloss": log_loss}[metric](labels[r], p[r]) for r in rows]
    for cells in (1, 60 * 6, 10**6):
        monkeypatch.setattr("lfmp_core.experiments.stats._CELLS", cells)
        drawn = resample(labels, {"a": [logits]}, metric_of(metric), 20, seed=5, resample_seeds=False)["a"]
        np.testing.assert_allclose(drawn, expected, rtol=1e-12)


@pytest.fixture
def example():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    signal = labels * 1.0 - 0.5

    def model(strength):
        return signal * strength + rng.normal(size=4000)

    return labels, model


@pytest.mark.parametrize("metric", ["auc", "logloss"])
def test_bootstrap_tells_better_from_worse(example, metric):
    from sklearn.metrics import log_loss, roc_auc_score

    labels, model = example
    a, b = model(1.2), model(0.6)
    found = compared(labels, [a], [b], metric_of(metric))

    def score(z):
        return roc_auc_score(labels, z) if metric == "auc" else log_loss(labels, 1 / (1 + np.exp(-z)))

    assert found.difference == pytest.approx(score(a) - score(b), abs=1e-9)
    assert found.low < found.difference < found.high and not found.low <= 0 <= found.high
    back = compared(labels, [b], [a], metric_of(metric))
    assert back == pytest.approx((-found.difference, -found.high, -found.low))
    assert compared(labels, [a], [b], metric_of(metric)) == found  # the seed decides
    assert compared(labels, [a], [a], metric_of(metric)) == (0, 0, 0)


def test_interval_has_the_width_that_theory_says():
    """Mean log-loss difference: standard error is sd(row differences) / sqrt(B)."""
    rng = np.random.default_rng(1)
    labels = np.tile([0, 1], 1500)
    a, b = rng.normal(size=3000), rng.normal(size=3000)
    rows = (np.logaddexp(0, a) - labels * a) - (np.logaddexp(0, b) - labels * b)
    found = compared(labels, [a], [b], LOG_LOSS, draws=4000)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * rows.std() / math.sqrt(3000), rel=0.06)


def test_seeds_are_averaged_and_may_be_resampled(example):
    labels, model = example
    many_a, many_b = [model(1.0) for _ in range(3)], [model(0.95) for _ in range(3)]
    singles = [compared(labels, [a], [b]).difference for a, b in zip(many_a, many_b, strict=True)]
    rows_only = compared(labels, many_a, many_b)
    with_seeds = compared(labels, many_a, many_b, resample_seeds=True)
    assert rows_only.difference == pytest.approx(np.mean(singles)) == with_seeds.difference
    assert with_seeds.high - with_seeds.low > rows_only.high - rows_only.low


def constant(loss):
    """Logits of rows 0 1 0 1 … whose every row has this log-loss, so that resampled rows change nothing."""
    logit = -math.log(math.expm1(loss))
    return np.tile([-logit, logit], 50)


@pytest.mark.parametrize("losses", [(0.1, 0.4), (0.1, 0.2, 0.6), (0.1, 0.2, 0.3, 0.9)])
def test_variance_over_seeds_is_that_of_a_mean(losses):
    """n − 1 of n seeds, so s²/n: of two seeds one is drawn, of three the nine pairs, each as often."""
    n, labels = len(losses), np.tile([0, 1], 50)
    runs = {"a": [constant(loss) for loss in losses]}
    drawn = resample(labels, runs, LOG_LOSS, 20_000, seed=0, resample_seeds=True)["a"]
    assert drawn[0] == pytest.approx(np.mean(losses))
    possible = [np.mean(pick) for pick in product(losses, repeat=n - 1)]
    assert np.var(possible) == pytest.approx(np.var(losses, ddof=1) / n)  # the law, by enumeration
    expected = Counter(np.round(possible, 9))
    found = Counter(np.round(drawn[1:], 9))
    assert set(found) == set(expected)
    for mean, times in expected.items():
        assert found[mean] / 20_000 == pytest.approx(times / len(possible), abs=0.015)
    assert drawn[1:].var() == pytest.approx(np.var(losses, ddof=1) / n, rel=0.03)


def test_a_single_seed_stays():
    labels = np.tile([0, 1], 50)
    drawn = resample(labels, {"a": [constant(0.3)]}, LOG_LOSS, 20, seed=0, resample_seeds=True)["a"]
    np.testing.assert_allclose(drawn, 0.3)
    rng = np.random.default_rng(0)
    other = {"a": [rng.normal(size=100)]}
    with_seeds, without = (resample(labels, other, AUC, 20, 0, flag)["a"] for flag in (True, False))
    np.testing.assert_array_equal(with_seeds, without)


@pytest.mark.parametrize(("metric", "column"), [(NDCG20, 0), (RECALL20, 1)])
def test_users_are_drawn_as_rows_are_and_their_own_figures_averaged(metric, column):
    """Two models on the same 50 users: on each draw the mean over the same users, as often as drawn."""
    rng = np.random.default_rng(0)
    a, b = (rng.random((50, 2)).astype(np.float16) for _ in range(2))
    drawn = resample(None, {"a": [a, b], "b": [b]}, metric, 20, seed=5, resample_seeds=False)
    generator = np.random.default_rng(5)
    users = [np.arange(50), *(generator.integers(0, 50, 50) for _ in range(20))]
    own = {"a": (a.astype(float) + b) / 2, "b": b.astype(float)}
    for name in drawn:
        expected = [own[name][u, column].mean() for u in users]
        np.testing.assert_allclose(drawn[name], expected, rtol=1e-12)


def test_the_interval_over_users_has_the_width_that_theory_says():
    rng = np.random.default_rng(1)
    a, b = rng.random((3000, 2)), rng.random((3000, 2))
    found = compared(None, [a], [b], NDCG20, draws=4000)
    apart = a[:, 0] - b[:, 0]
    assert found.difference == pytest.approx(apart.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * apart.std() / math.sqrt(3000), rel=0.06)


def test_refusals(example):
    labels, model = example
    a = model(1)
    for wrong in (a[:-1], np.where(np.arange(4000) == 7, np.nan, a)):
        with pytest.raises(LfmpError, match="logits of b"):
            compared(labels, [a], [wrong])
    for wrong in (np.zeros(4000), None):
        with pytest.raises(LfmpError, match="labels"):
            compared(wrong, [a], [a])
    users = np.ones((20, 2))
    for wrong in (users[:-1], users[:, 0], users * np.inf):
        with pytest.raises(LfmpError, match="figures of users of b: finite numbers"):
            compared(None, [users], [wrong], RECALL20)
    with pytest.raises(LfmpError, match="figures of users of a"):  # logits, where users are asked for
        compared(None, [a], [a], NDCG20)
