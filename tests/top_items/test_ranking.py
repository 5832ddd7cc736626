"""Full ranking: lists and metrics by hand, and against sorting everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfmp_core.data.interactions import Interactions
from lfmp_core.errors import Diverged
from lfmp_core.training.ranking import by_scores, hits, ndcg, recall, top_items

NOBODY = Interactions.of_pairs([], [], 3, 200)


def lists(scores, taken, most=20, block=7):
    rank = by_scores(lambda users: scores[users], most)
    parts = [found for _, [found] in top_items(rank, np.arange(len(scores)), [taken], block)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def sorted_out(scores, taken, most):
    """The same by sorting: higher scores first, then lower numbers."""
    found = []
    for user, row in enumerate(scores):
        left = np.setdiff1d(np.arange(scores.shape[1]), taken[user])
        best = left[np.lexsort((left, -row[left]))][:most]
        found.append([*best, *[-1] * (most - len(best))])
    return np.array(found)


@given(
    st.integers(0, 1000),
    st.integers(1, 200),
    st.integers(1, 25),
    st.integers(1, 9),
    st.sampled_from(["normal", "ties", "extreme"]),
)
@settings(max_examples=60, deadline=None)
def test_lists_are_those_of_sorting_for_any_scores_and_any_block(seed, items, most, block, kind):
    rng = np.random.default_rng(seed)
    users = 11
    scores = rng.normal(size=(users, items)).astype(np.float32)
    if kind == "ties":
        scores = rng.integers(0, 3, (users, items)).astype(np.float32)
    if kind == "extreme":  # below any mask that peers write into the scores
        scores = rng.choice(np.float32([-np.inf, -1e30, -1024, 0, 1e30, np.inf]), (users, items))
    count = rng.integers(0, users * items)
    taken = Interactions.of_pairs(rng.integers(0, users, count), rng.integers(0, items, count), users, items)
    found, counts = lists(scores, taken, most, block)
    expected = sorted_out(scores, taken, most)
    assert counts.tolist() == (expected >= 0).sum(1).tolist()
    assert (np.where(np.arange(most) < counts[:, None], found, -1) == expected).all()


@pytest.mark.parametrize("place", [0, 63, 64, 199])
def test_a_score_that_is_no_number_is_refused(place):
    scores = np.zeros((3, 200), np.float32)
    scores[1, place] = np.nan
    with pytest.raises(Diverged, match="user 1 is not a number"):
        lists(scores, NOBODY)


def test_metrics_by_hand():
    """Hits at ranks 1 and 3 of 4, of 3 relevant items; then of 6, of which a list of 4 could hold 4."""
    found = np.array([[True, False, True, False]])
    three, six = np.array([3]), np.array([6])
    gain = 1 + 1 / 2
    assert ndcg(found, three) == pytest.approx(gain / (1 + 1 / np.log2(3) + 1 / 2))
    assert ndcg(found, six) == pytest.approx(gain / (1 + 1 / np.log2(3) + 1 / 2 + 1 / np.log2(5)))
    assert recall(found, three, capped=True) == recall(found, three, capped=False) == pytest.approx(2 / 3)
    assert recall(found, six, capped=True) == pytest.approx(1 / 2)
    assert recall(found, six, capped=False) == pytest.approx(1 / 3)


def test_a_hit_is_an_item_wanted_of_that_very_user():
    wanted = Interactions.of_pairs([0, 1, 1], [4, 0, 9], 2, 10)
    found = hits(np.array([1, 0]), np.array([[9, 4, -1], [9, 4, 0]]), wanted)
    assert found.tolist() == [[True, False, False], [False, True, False]]


def test_hits_are_those_of_each_users_own_items():
    """Whatever users a block has, in whatever order, with pairs or without."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        users, items, pairs = rng.integers(1, 30), rng.integers(1, 40), rng.integers(0, 60)
        drawn = rng.integers(0, users, pairs), rng.integers(0, items, pairs)
        wanted = Interactions.of_pairs(*drawn, users, items)
        asked = rng.integers(0, users, rng.integers(1, 12))
        lists = rng.integers(-1, items, (len(asked), 5))
        expected = [[item in wanted[user] for item in row] for user, row in zip(asked, lists, strict=True)]
        assert hits(asked, lists, wanted).tolist() == expected
