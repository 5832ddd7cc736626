"""Fast ways of training held against the plain one: differences seed by seed, verdicts by rule."""

import pandas as pd
import pytest

from lfmp_book.speed import ways


@pytest.fixture
def frame():
    """Plain: .75, .76 (deviation .00707). Lazy: each .001 more. bfloat16: each .02 less."""
    plain, lazy, half = ways.WAYS
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
    found = ways.differences(frame)
    assert found.groupby("arm").difference.mean().round(9).tolist() == [-0.02, 0.001]
    lost = frame.drop(frame.index[0])  # plain's first seed is gone: only the second can be compared
    assert ways.differences(lost).seed.tolist() == [1, 1]
    old = frame.assign(numerics=[{"training": "old"}, *frame.numerics[1:]])
    assert ways.differences(old).seed.tolist() == [1, 1]  # nor is it compared across stamps


def test_agreement_means_within_the_seeds_spread(frame):
    lazy, half = ways.claims(frame)
    assert (lazy.verdict, half.verdict) == ("holds", "fails")
    assert "+0.00100 (spread 0.00707)" in lazy.found
    assert ways.claims(frame[:0])[0].verdict == "untestable"


def test_table_shows_every_way(frame):
    text = str(ways.ways_table(frame))
    assert all(way in text for way in ways.WAYS) and "0.02000" in text
