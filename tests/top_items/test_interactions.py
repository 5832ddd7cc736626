"""Pairs as rows, negatives, splits: counts by hand, and laws over random sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfmp_core.data.interactions import Interactions, held_out, last_out
from lfmp_core.errors import DataError


def made(pairs, users, items):
    u, i = np.array(sorted(pairs)).reshape(-1, 2).T
    return Interactions.of_pairs(u, i, users, items)


def test_rows_by_hand():
    own = Interactions.of_pairs([2, 0, 0, 2, 0], [1, 3, 1, 1, 3], 4, 5)  # two of them stand there twice
    assert own.starts.tolist() == [0, 2, 2, 3, 3] and own.items.tolist() == [1, 3, 1]
    assert own.degrees().tolist() == [2, 0, 1, 0] and own.item_degrees().tolist() == [0, 2, 0, 1, 0]
    assert own.users().tolist() == [0, 0, 2] and own.keys().tolist() == [1, 3, 11]
    assert own[2].tolist() == [1] and own[3].tolist() == []


@pytest.mark.parametrize(
    ("users", "items", "said"), [([0], [5], "item 5"), ([-1], [0], "user -1"), ([4], [0], "user 4")]
)
def test_an_id_beyond_the_counts_is_refused(users, items, said):
    with pytest.raises(DataError, match=said):
        Interactions.of_pairs(users, items, 4, 5)


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 7)), max_size=40), st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_a_negative_was_never_taken_whatever_the_degree(pairs, seed):
    pairs = {(u, i) for u, i in pairs if i != 7 or u % 2}  # an even user has an item left at least
    own = made(pairs, 6, 8) if pairs else Interactions.of_pairs([], [], 6, 8)
    users = np.repeat(np.arange(0, 6, 2), 40)
    drawn = own.negatives(users.reshape(-1, 4), np.random.default_rng(seed))
    assert drawn.shape == (30, 4)
    found = set(zip(users.tolist(), drawn.reshape(-1).tolist(), strict=True))
    assert not found & pairs and all(0 <= i < 8 for _, i in found)


def test_negatives_are_drawn_evenly_among_the_others():
    """4,000 draws of user 0, who took 2 of 6 items: each other one 1,000 times, within four deviations."""
    own = made({(0, 1), (0, 4), (1, 0)}, 2, 6)
    counts = np.bincount(own.negatives(np.zeros(4000, int), np.random.default_rng(0)), minlength=6)
    assert counts[[1, 4]].tolist() == [0, 0]
    assert (abs(counts[[0, 2, 3, 5]] - 1000) < 4 * np.sqrt(4000 * 0.25 * 0.75)).all()


def test_who_took_everything_has_no_negative():
    with pytest.raises(DataError, match="user 1 took all 2 items"):
        made({(0, 0), (1, 0), (1, 1)}, 2, 2).negatives(np.array([0, 1]), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("degree", "out"), [(1, 0), (2, 1), (9, 1), (10, 1), (20, 2), (29, 2), (30, 3), (100, 10)]
)
def test_a_tenth_of_each_user_is_held_out_and_at_least_one(degree, out):
    own = made({(0, i) for i in range(degree)} | {(1, 3)}, 2, 100)
    kept, held = held_out(own, 0.1, np.random.default_rng(0))
    assert (len(held[0]), len(kept[0])) == (out, degree - out)
    assert held[1].tolist() == [] and kept[1].tolist() == [3]
    assert sorted([*kept[0], *held[0]]) == list(range(degree))
    assert kept.together(held).keys().tolist() == own.keys().tolist()


def test_what_is_held_out_follows_from_the_seed_and_is_even():
    own = made({(u, i) for u in range(200) for i in range(10)}, 200, 10)
    first, again, other = (held_out(own, 0.1, np.random.default_rng(s))[1] for s in (1, 1, 2))
    assert (first.items == again.items).all() and (first.items != other.items).any()
    counts = first.item_degrees()  # 200 draws of one item in ten
    assert (abs(counts - 20) < 4 * np.sqrt(200 * 0.09)).all()


def test_the_latest_pair_of_each_user_is_left_out():
    users, items = np.array([0, 1, 0, 0, 1, 2]), np.array([5, 5, 6, 7, 8, 9])
    kept, late = last_out(users, items, np.array([3, 1, 9, 9, 0, 4]))
    assert late.tolist() == [False, True, False, True, False, False]  # of the two 9s the later row
    assert (kept == ~late).all()
