"""Ranking in two passes ends where sorting all exact scores would, however coarse the first one is."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_blocks import task_of
from test_ranking import sorted_out

from lfmp_core.data.interactions import Interactions
from lfmp_core.errors import Diverged
from lfmp_core.kernels import run_kernel
from lfmp_core.tasks import top_items as tasks
from lfmp_core.training.product_ranking import ProductRanking
from lfmp_core.training.ranking import top_items
from lfmp_core.training.ranking_loops import decide_near

USERS = 9


def lists(x, y, taken, most=20, block=4):
    rank = ProductRanking(torch.from_numpy(x), torch.from_numpy(y), most)
    parts = [found for _, [found] in top_items(rank, np.arange(len(x)), [taken], block)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def exact(x, y):
    return x.astype(np.float64) @ y.astype(np.float64).T


def vectors(kind, rng, items, dim):
    """x and y whose products are hard to rank in 8 bits, each in its own way."""
    x, y = (rng.normal(size=(rows, dim)) for rows in (USERS, items))
    if kind == "ties":
        x, y = rng.integers(-2, 3, x.shape), rng.integers(-2, 3, y.shape)
    if kind == "alike":  # scores differ by less than bfloat16 can tell
        y = 1 + y / 2**12
    if kind == "alike in float32":
        x, y = np.ones_like(x), 1 + np.round(y) / 2**23
    if kind == "one":
        y = np.ones_like(y)
    if kind == "unequal":  # lengths from 2⁻⁴⁰ to 2⁴⁰
        y = y * 2.0 ** rng.integers(-40, 41, (items, 1))
    if kind == "tiny":
        x, y = x * 1e-25, y * 1e-25
    return x.astype(np.float32), y.astype(np.float32)


@given(
    st.integers(0, 1000),
    st.sampled_from([1, 19, 127, 129, 700, 5000]),
    st.integers(1, 25),
    st.sampled_from(["normal", "ties", "alike", "alike in float32", "one", "unequal", "tiny"]),
)
@settings(max_examples=80, deadline=None)
def test_lists_are_those_of_sorting_the_exact_scores(seed, items, most, kind):
    rng = np.random.default_rng(seed)
    x, y = vectors(kind, rng, items, dim=int(rng.integers(1, 40)))
    count = rng.integers(0, USERS * items)
    taken = Interactions.of_pairs(rng.integers(0, USERS, count), rng.integers(0, items, count), USERS, items)
    found, counts = lists(x, y, taken, most, block=int(rng.integers(1, USERS + 1)))
    expected = sorted_out(exact(x, y), taken, most)
    assert counts.tolist() == (expected >= 0).sum(1).tolist()
    assert (found == expected).all()


def test_what_bfloat16_ranks_far_apart_the_other_way_round_is_ranked_right():
    """Of the better item all factors are rounded down, of the other one up: nearly the worst that can be."""
    least = 2.0**-14
    down, up = np.full(16, 1 + 2.0**-8 - least), np.full(16, 1 + 2.0**-8 + least)
    none = np.zeros(16)
    x = np.float32([[*down, *up, 1]])
    y = np.float32([[*none, *up, 0], [*down, *none, 2.0**-6]])
    coarse = (torch.from_numpy(x).bfloat16() @ torch.from_numpy(y).bfloat16().T).float()[0]
    longest = np.prod([np.linalg.norm(rows, axis=1).max() for rows in (x, y)])
    assert coarse[0] - coarse[1] > 2.5 * 2**-8 * longest and exact(x, y)[0].argmax() == 1
    assert lists(x, y, Interactions.of_pairs([], [], 1, 2), most=1)[0].tolist() == [[1]]


def test_a_look_at_all_items_of_crowded_users_leaves_out_none_of_the_best():
    """Where factors cancel each other, the matrix product ranks otherwise than the sums that decide do."""
    rng, items = np.random.default_rng(0), 3000
    large = rng.normal(size=(USERS, 20)) * 2.0**30
    x = np.hstack([large, -large[:, ::-1], rng.normal(size=(USERS, 20))]).astype(np.float32)
    y = np.hstack([np.ones((items, 40)), rng.normal(size=(items, 20)) / 2**20]).astype(np.float32)
    expected, counts = np.full((USERS, 20), -1, np.int32), np.full(USERS, items)
    every = np.tile(np.arange(items, dtype=np.int32), (USERS, 1))
    own = np.arange(USERS), np.full(USERS, -np.inf), every, np.zeros_like(every), counts
    run_kernel(decide_near, x, y, *own, expected)
    nobody = Interactions.of_pairs([], [], USERS, items)
    assert (sorted_out(exact(x, y), nobody, 20) != expected).any()
    assert (lists(x, y, nobody)[0] == expected).all()


def test_every_set_of_pairs_that_is_left_out_has_its_own_lists():
    rng = np.random.default_rng(0)
    x, y = vectors("normal", rng, 300, 8)
    nobody = Interactions.of_pairs([], [], USERS, 300)
    best = sorted_out(exact(x, y), nobody, 5)
    first = Interactions.of_pairs(np.arange(USERS), best[:, 0], USERS, 300)
    rank = ProductRanking(torch.from_numpy(x), torch.from_numpy(y), 4)
    whole, without = rank(np.arange(USERS), [nobody, first])
    assert (whole[0] == best[:, :4]).all() and (without[0] == best[:, 1:]).all()


@pytest.mark.parametrize("side", [0, 1])
def test_a_score_that_is_no_number_is_refused(side):
    both = vectors("normal", np.random.default_rng(0), 200, 8)
    both[side][3, 2] = np.nan
    with pytest.raises(Diverged, match="is not a number"):
        lists(*both, Interactions.of_pairs([], [], USERS, 200))


@pytest.mark.parametrize("name", ["lightgcn", "neumf"])
def test_metrics_do_not_depend_on_the_processor(name, monkeypatch):
    """Those with units for bfloat16 rank in two passes, where scores are products."""
    task, found, made = task_of(name, epochs=1), [], []
    model = task.model(0)
    task.trainer(model, seed=0).fit()
    monkeypatch.setattr(tasks, "ProductRanking", lambda *given: made.append(1) or ProductRanking(*given))
    for units in (False, True):
        monkeypatch.setattr(tasks, "multiplies_bfloat16", lambda units=units: units)
        found.append(task.evaluate(model, "test"))
    assert found[0].metrics == found[1].metrics
    assert (found[0].units == found[1].units).all() and bool(made) == (name != "neumf")
