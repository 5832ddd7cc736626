"""Which pair goes where: by hand, and laws over random sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfmp_core.data import InteractionData, InteractionSettings
from lfmp_core.errors import DataError, LfmpError

SPLITS = ("train", "val", "test")


def pairs(data, split):
    part = data.splits[split]
    return list(zip(part.users().tolist(), part.items.tolist(), strict=True))


def test_last_out_by_hand():
    """Of user 0 (times 5, 1, 9, 7) the latest tests, the one before validates; user 1 has one pair, user 2
    two. A pair that comes again counts at its first time: (0, 3) is user 0's first."""
    users, items, times = [0, 0, 0, 0, 1, 2, 2, 0], [0, 3, 2, 1, 0, 1, 2, 3], [5, 1, 9, 7, 4, 2, 1, 99]
    data = InteractionData.from_pairs(
        users, items, times=times, settings=InteractionSettings(split="last_out")
    )
    assert pairs(data, "test") == [(0, 2), (2, 1)] and pairs(data, "val") == [(0, 1)]
    assert pairs(data, "train") == [(0, 0), (0, 3), (1, 0), (2, 2)]
    said = [n.text for n in data.schema.notices]
    assert said[0] == "1 row repeats a pair: each pair counts once, at its first time"


def test_chronological_by_hand():
    """Ten pairs, 6 : 2 : 2 by time; of equal times the earlier row comes first."""
    users, items = [0] * 5 + [1] * 5, [*range(5), *range(5)]
    times = [0, 5, 5, 5, 9, 1, 2, 3, 8, 9]
    asked = InteractionSettings(split="chronological", shares=(6, 2, 2))
    data = InteractionData.from_pairs(users, items, times=times, settings=asked)
    # in order: (0,0) (1,0) (1,1) (1,2) (0,1) (0,2) | (0,3) (1,3) | (0,4) (1,4)
    assert pairs(data, "train") == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert pairs(data, "val") == [(0, 3), (1, 3)] and pairs(data, "test") == [(0, 4), (1, 4)]


def test_random_shares_of_each_user_by_hand():
    """d pairs give max(1, ⌊d / 10⌋) to test, then max(1, ⌊left / 9⌋) to val, but never the last one."""
    degrees = [1, 2, 3, 10, 20, 40]
    users = np.repeat(np.arange(6), degrees)
    items = np.concatenate([np.arange(d) for d in degrees])
    data = InteractionData.from_pairs(users, items)
    assert data.splits["test"].degrees().tolist() == [0, 1, 1, 1, 2, 4]
    assert data.splits["val"].degrees().tolist() == [0, 0, 1, 1, 2, 4]
    assert data.splits["train"].degrees().tolist() == [1, 1, 1, 8, 16, 32]


several = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 8), st.integers(0, 9)), min_size=25, max_size=80
)


@given(several, st.sampled_from(["random", "chronological", "last_out"]), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_splits_part_the_pairs_and_follow_from_the_seed(rows, split, seed):
    users, items, times = np.array(rows).T
    asked = InteractionSettings(split=split, seed=seed)
    try:
        data = InteractionData.from_pairs(users, items, times=times, settings=asked)
    except DataError as error:
        said = ("gets none", "each user has one pair", "has no user that is in training too")
        assert any(words in str(error) for words in said)
        return
    parts = [pairs(data, s) for s in SPLITS]
    assert sorted(pair for part in parts for pair in part) == sorted({(u, i) for u, i, _ in rows})
    again = InteractionData.from_pairs(users, items, times=times, settings=asked)
    assert again.fingerprint == data.fingerprint and [pairs(again, s) for s in SPLITS] == parts
    if split == "random":  # the rows' order decides nothing
        turned = InteractionData.from_pairs(users[::-1], items[::-1], settings=asked)
        assert turned.fingerprint == data.fingerprint
    if split == "last_out":
        first = {}
        for u, i, t in rows:
            first[u, i] = min(t, first.get((u, i), t))
        for u, i in parts[2]:
            assert first[u, i] == max(t for (v, _), t in first.items() if v == u)


def test_seeds_draw_other_pairs():
    users, items = np.repeat(np.arange(30), 10), np.tile(np.arange(10), 30)
    one, other = (
        InteractionData.from_pairs(users, items, settings=InteractionSettings(seed=s)) for s in (0, 1)
    )
    assert one.fingerprint != other.fingerprint and pairs(one, "test") != pairs(other, "test")
    default = InteractionData.from_pairs(users, items, settings=InteractionSettings(shares=(8, 1, 1)))
    assert default.fingerprint == one.fingerprint


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"settings": InteractionSettings(split="last_out")}, "last_out needs times"),
        ({"settings": InteractionSettings(split="given")}, "given of pairs that are not split already"),
        ({"num_items": 2}, "item 2 at place 2 lies outside 0..1"),
        ({"times": [1, 2]}, "2 times and 4 users"),
    ],
)
def test_what_can_not_be_split_is_refused(how, said):
    with pytest.raises(DataError, match=said):
        InteractionData.from_pairs([0, 0, 0, 1], [0, 1, 2, 0], **how)


def test_a_split_that_stays_empty_is_refused():
    with pytest.raises(DataError, match="split val gets none of the 3 pairs"):
        InteractionData.from_pairs([0, 1, 1], [0, 1, 2])
    with pytest.raises(DataError, match="no pairs"):
        InteractionData.from_pairs([], [])
    with pytest.raises(DataError, match="float64"):
        InteractionData.from_pairs([0.5], [1])


def test_numbers_have_no_vocabulary():
    with pytest.raises(LfmpError, match="arrays has no vocabulary"):
        InteractionData.from_pairs([0, 0, 0], [0, 1, 2]).vocabulary()
