"""Fast ways of training held against the plain one: differences seed by seed, verdicts by rule."""

import pandas as pd
import pytest

from lfmp_book.speed import fast_training


@pytest.fixture
def frame():
    """Plain: .75, .76 (deviation .00707). Lazy: each .001 more. bfloat16: each .02 less."""
    plain, lazy, half = fast_training.TRAINING_VARIANTS
    rows = [
        {
            **{"backbone": "deepfm", "arm": arm, "seed": seed, "numerics": {"training": "now"}},
            **{"test_auc": auc + add, "test_logloss": 0.5},
        }
        for arm, add in ((plain, 0.0), (lazy, 0.001), (half, -0.02))
        for seed, auc in enumerate((0.75, 0.76))
    ]
    return pd.DataFrame(rows)


def test_differences_are_taken_seed_by_seed(frame):
    found = fast_training.seed_differences(frame)
    assert found.groupby("arm").difference.mean().round(9).tolist() == [-0.02, 0.001]
    lost = frame.drop(frame.index[0])  # plain's first seed is gone: only the second can be compared
    assert fast_training.seed_differences(lost).seed.tolist() == [1, 1]
    old = frame.assign(numerics=[{"training": "old"}, *frame.numerics[1:]])
    assert fast_training.seed_differences(old).seed.tolist() == [1, 1]  # nor is it compared across stamps


def test_agreement_means_within_the_seeds_spread(frame):
    lazy, half = fast_training.claims(frame)
    assert (lazy.verdict, half.verdict) == ("holds", "fails")
    assert "+0.00100 (spread 0.00707)" in lazy.found
    assert fast_training.claims(frame[:0])[0].verdict == "untestable"


def test_table_shows_every_way(frame):
    text = str(fast_training.variants_table(frame))
    assert all(way in text for way in fast_training.TRAINING_VARIANTS) and "0.02000" in text
