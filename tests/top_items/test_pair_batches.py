"""Batches of pairs: each pair once an epoch, no negative ever observed, a function of seed and place."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lfmp_core.data.interactions import Interactions
from lfmp_core.errors import DataError
from lfmp_core.training.pairs import PairBatches

USERS, ITEMS = 13, 11


def some_pairs(seed, count):
    rng = np.random.default_rng(seed)
    return Interactions.of_pairs(
        rng.integers(0, USERS, count), rng.integers(0, ITEMS - 1, count), USERS, ITEMS
    )


def keys(users, items):
    return users.numpy().astype(np.int64) * ITEMS + items.numpy()


@given(st.integers(0, 500), st.integers(1, 120), st.integers(1, 40), st.integers(1, 3), st.integers(0, 4))
@settings(max_examples=80, deadline=None)
def test_every_pair_once_an_epoch_beside_items_that_its_user_did_not_take(
    seed, count, batch_size, negatives, epoch
):
    pairs = some_pairs(seed, count)
    batches = PairBatches(pairs, batch_size, negatives, seed)
    seen = list(batches.epoch(epoch))
    assert [len(b.users) for b in seen[:-1]] == [batch_size] * (len(batches) - 1)
    assert len(seen) == len(batches) == -(-len(pairs) // batch_size)
    taken = np.concatenate([keys(b.users, b.taken) for b in seen])
    assert np.array_equal(np.sort(taken), pairs.keys())
    for b in seen:
        assert b.others.shape == (len(b.users), negatives) and b.others.dtype == torch.int64
        assert b.others.min() >= 0 and b.others.max() < ITEMS
        assert not np.isin(keys(b.users[:, None], b.others), pairs.keys()).any()


def test_a_batch_is_a_function_of_seed_epoch_and_position():
    pairs = some_pairs(0, 100)

    def epoch(seed, number, start=0):
        return list(PairBatches(pairs, 8, 2, seed).epoch(number, start))

    whole = epoch(5, 3)
    for start in range(len(whole) + 1):
        left = epoch(5, 3, start)
        assert len(left) == len(whole) - start
        for a, b in zip(whole[start:], left, strict=True):
            assert all(map(torch.equal, a, b))

    def order(seed, number):
        return torch.cat([b.taken for b in epoch(seed, number)]).tolist()

    def others(seed, number):
        """Negatives by pair, whatever their order."""
        found = epoch(seed, number)
        by_pair = np.concatenate([keys(b.users, b.taken) for b in found]).argsort()
        return torch.cat([b.others for b in found])[by_pair].tolist()

    for draw in (order, others):
        one, later, other = draw(5, 3), draw(5, 4), draw(6, 3)
        assert one == draw(5, 3) and one != later and one != other and later != other


def test_negatives_are_even_among_those_that_are_left():
    """User 0 took 0 and 3 of 5 items: 1, 2 and 4 in a third of the draws each, within four deviations."""
    pairs = Interactions.of_pairs([0, 0], [0, 3], 1, 5)
    batches = PairBatches(pairs, 2, 1, seed=0)
    draws = np.concatenate([next(batches.epoch(epoch)).others.flatten() for epoch in range(1500)])
    counts = np.bincount(draws, minlength=5)
    assert counts[[0, 3]].sum() == 0 and counts.sum() == 3000
    assert abs(counts[[1, 2, 4]] - 1000).max() < 4 * (3000 * 2 / 9) ** 0.5


def test_a_user_who_took_everything_is_named():
    pairs = Interactions.of_pairs([0, 1, 1, 1], [1, 0, 1, 2], 2, 3)
    with pytest.raises(DataError, match="user 1 took all 3 items"):
        list(PairBatches(pairs, 4, 1, seed=0).epoch(0))


def test_a_batch_of_pairs_is_one_step():
    batches = PairBatches(some_pairs(0, 9), 4, 1, seed=0)
    batch = next(batches.epoch(0))
    assert batches.split(batch, 1) == [(batch, 1.0)]
    with pytest.raises(ValueError, match="one step, not 2"):
        batches.split(batch, 2)
