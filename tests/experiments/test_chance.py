"""A selector among random draws: its percentile by hand, its interval by variance and coverage."""

import math

import numpy as np
import pytest

from lfmp_core.errors import LfmpError
from lfmp_core.experiments.chance import LEAST, against_chance
from lfmp_core.experiments.stats import resample
from lfmp_core.metrics import AUC, LOG_LOSS, NDCG20


def still(values, resamples=10):
    """[1 + resamples] each: no unit makes a difference."""
    return [np.full(1 + resamples, value) for value in values]


def test_percentile_by_hand():
    """Of 20 draws it is better than 14 and ties with 2: 75. Of log-losses the lower are the worse ones."""
    values = [0.1] * 14 + [0.5] * 2 + [0.9] * 4
    [ours] = still([0.5])
    assert against_chance(ours, still(values), AUC).percentile == pytest.approx(75)
    assert against_chance(ours, still(values), LOG_LOSS).percentile == pytest.approx(25)
    assert against_chance(still([2.0])[0], still(values), AUC).percentile == 100
    assert against_chance(ours, still(values), AUC).difference.difference == pytest.approx(
        0.5 - np.mean(values)
    )


def test_fewer_draws_than_a_distribution_needs_are_refused():
    [ours] = still([0.5])
    assert against_chance(ours, still(np.arange(LEAST)), AUC).draws == LEAST == 20
    with pytest.raises(LfmpError, match="20 random draws at least, and has 19"):
        against_chance(ours, still(np.arange(LEAST - 1)), AUC)


def test_the_interval_covers_units_seeds_and_draws():
    """Variance of the difference: of users σ²/N, of the selector's seeds s²/n, of the draws s²/N."""
    rng = np.random.default_rng(0)
    users, seeds, draws = 400, 3, 25
    shared = rng.normal(0, 1, users)  # what is hard for all is hard for all: it cancels

    def run(level):
        one = shared + level + rng.normal(0, 0.5, users)
        return np.stack([one, one], axis=1)

    runs = {"ours": [run(level) for level in (0.0, 0.1, 0.2)]}
    runs |= {f"random {i}": [run(rng.normal(0, 0.2))] for i in range(draws)}
    drawn = resample(None, runs, NDCG20, 4000, seed=0, resample_seeds=True)
    ours = drawn.pop("ours")
    found = against_chance(ours, list(drawn.values()), NDCG20).difference
    own = np.array([one[:, 0].mean() for one in runs["ours"]])
    others = np.array([values[0] for values in drawn.values()])
    apart = np.mean([one[:, 0] for one in runs["ours"]], axis=0)
    apart = apart - np.mean([runs[name][0][:, 0] for name in drawn], axis=0)
    variance = apart.var() / users + own.var(ddof=1) / seeds + others.var(ddof=1) / draws
    # of three seeds, two are drawn: nine pairs, so the quantiles are not those of a normal distribution
    assert found.difference == pytest.approx(own.mean() - others.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * math.sqrt(variance), rel=0.15)


def test_a_selector_that_is_a_random_draw_is_no_better_than_chance():
    """Five seeds, each with other fields, among 20 draws: the interval holds 0 in about 95 of 100."""
    rng, covered, percentiles = np.random.default_rng(0), 0, []
    tries, resamples, seeds = 300, 300, 5
    for _ in range(tries):
        own = rng.normal(size=seeds)
        pick = rng.integers(0, seeds, (resamples, seeds - 1))
        noise = 0.3 * np.append(rng.normal(), rng.normal(size=resamples))
        noise[1:] += noise[0]
        ours = np.append(own.mean(), own[pick].mean(axis=1)) + noise
        found = against_chance(ours, still(rng.normal(size=20), resamples), AUC, seed=1)
        covered += found.difference.low <= 0 <= found.difference.high
        percentiles.append(found.percentile)
    assert 0.86 < covered / tries < 0.98  # five seeds: a little less than 95
    assert np.mean(percentiles) == pytest.approx(50, abs=4)
