"""A selector among random draws: its percentile by hand, its difference to their mean by variance."""

import math

import numpy as np
import pytest

from lfmp_core.errors import LfmpError
from lfmp_core.experiments.chance import LEAST, percentile
from lfmp_core.experiments.stats import difference_of, resample
from lfmp_core.metrics import AUC, LOG_LOSS, NDCG20


def test_percentile_by_hand():
    """Of 20 draws it is better than 14 and ties with 2: 75. Of log-losses the lower are the worse ones."""
    values = [0.1] * 14 + [0.5] * 2 + [0.9] * 4
    assert percentile(0.5, values, AUC) == pytest.approx(75)
    assert percentile(0.5, values, LOG_LOSS) == pytest.approx(25)
    assert percentile(2.0, values, AUC) == 100


def test_fewer_draws_than_a_distribution_needs_are_refused():
    assert percentile(0.0, range(LEAST), AUC) == 2.5 and LEAST == 20
    with pytest.raises(LfmpError, match="20 random draws at least, and has 19"):
        percentile(0.0, range(LEAST - 1), AUC)


def test_the_interval_covers_units_seeds_and_draws():
    """Variance of the difference: of users σ²/N, of the selector's seeds s²/n, of the draws s²/N."""
    rng = np.random.default_rng(0)
    users, seeds, draws = 400, 3, 25
    shared = rng.normal(0, 1, users)  # what is hard for all is hard for all: it cancels

    def run(level):
        one = shared + level + rng.normal(0, 0.5, users)
        return np.stack([one, one], axis=1)

    runs = {
        "ours": [run(level) for level in (0.0, 0.1, 0.2)],
        "random fields": [run(rng.normal(0, 0.2)) for _ in range(draws)],
    }
    drawn = resample(None, runs, NDCG20, 4000, seed=0, resample_seeds=True)
    found = difference_of(drawn["ours"], drawn["random fields"], 0.95)
    own, others = (np.array([one[:, 0].mean() for one in many]) for many in runs.values())
    ours, theirs = (np.mean([one[:, 0] for one in many], axis=0) for many in runs.values())
    variance = (ours - theirs).var() / users + own.var(ddof=1) / seeds + others.var(ddof=1) / draws
    # of three seeds, two are drawn: nine pairs, so the quantiles are not those of a normal distribution
    assert found.difference == pytest.approx(own.mean() - others.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * math.sqrt(variance), rel=0.15)
