"""Rows of a table that are kept within some bytes: the same vectors, those asked for most, nothing stale."""

import numpy as np
import pytest
import torch

from lfmp_core.embeddings import build_table
from lfmp_core.embeddings.kept_rows import KeptRows
from lfmp_core.embeddings.memoised import keep_often, remembering

SIZES = (40, 57, 3)
SPECS = {
    "tt_rec": {"name": "tt_rec", "ranks": (3, 4)},
    "tt_rec of two cores": {"name": "tt_rec", "ranks": (3,), "cores": 2},
    "tt_rec with a cache of its own": {"name": "tt_rec", "ranks": (3, 4), "cache_rows": 5},
    "dhe": {"name": "dhe", "hashes": 8, "hidden": (6, 5)},
}


def made(name):
    table = build_table(SPECS[name], SIZES, 8, torch.Generator().manual_seed(0)).eval()
    if SPECS[name].get("cache_rows"):
        table.populate(torch.arange(100))
    return table


def test_places_by_hand():
    """Of 20 ids 1, 15, 16 and 19 are kept: in the second word of 16 two are kept before it."""
    ids = torch.tensor([1, 15, 16, 19])
    kept = KeptRows(ids, torch.tensor([[1.0, 1.5], [15, 15.5], [16, 16.5], [19, 19.5]]), 20)
    assert kept.words.tolist() == [2 - (1 << 15), 1 + 8] and kept.before.tolist() == [0, 2]
    assert kept.num_bytes() == 2 * 2 + 2 * 4 + 4 * 2 * 4
    out = torch.zeros(6, 2)
    absent = kept.find(torch.tensor([19, 0, 15, 16, 1, 18]), out)
    assert absent.tolist() == [1, 5]
    assert out[:, 0].tolist() == [19, 0, 15, 16, 1, 0] and out[2, 1] == 15.5


def test_every_id_of_a_random_choice():
    rng = np.random.default_rng(0)
    ids = torch.from_numpy(np.sort(rng.choice(1000, 300, replace=False)))
    vectors = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
    kept, out = KeptRows(ids, vectors, 1000), torch.zeros(1000, 3)
    absent = kept.find(torch.arange(1000, dtype=torch.int32), out)
    assert torch.equal(out[ids], vectors)
    assert sorted([*absent.tolist(), *ids.tolist()]) == list(range(1000))


def test_bytes_that_rows_may_take():
    """100 ids are 7 words of 6 bytes; a row of 8 numbers takes 32."""
    assert [KeptRows.fitting(limit, 100, 8) for limit in (42, 73, 74, 42 + 10 * 32)] == [0, 0, 1, 10]


@pytest.mark.parametrize("name", SPECS)
def test_vectors_are_those_of_the_formula(name):
    """Of kept ids, of others, of repeated ones, in any shape and order."""
    table = made(name)
    ids = torch.randint(0, 100, (30, 3), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    with torch.no_grad():
        table.memoise = False
        plain = table(ids)
        table.memoise = True
        assert keep_often(table, np.arange(100), 42 + 20 * 32) == 20
        found = table(ids)
        assert table.known().num_bytes() <= 42 + 20 * 32
    torch.testing.assert_close(found, plain, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", SPECS)
def test_few_rows_and_many_are_the_same(name):
    table = made(name)
    with torch.no_grad():
        ids = torch.tensor([7, 3, 3, 99, 0])
        torch.testing.assert_close(table.some_rows(ids), table.weight_view()[ids], rtol=1e-6, atol=1e-7)


def test_those_asked_for_most_are_kept_and_never_worked_out_again():
    table = made("dhe")
    counts = np.zeros(100)
    counts[[5, 50, 98]] = 9
    assert keep_often(table, counts, 42 + 3 * 32) == 3 and table.often.tolist() == [5, 50, 98]
    asked, rows = [], table.rows
    table.rows = lambda ids: asked.append(ids.tolist()) or rows(ids)
    with torch.inference_mode():
        for _ in range(2):
            table(torch.tensor([[50, 98, 7], [5, 7, 8]]))
    assert asked == [[5, 50, 98], [7, 8], [7, 8]]


def test_kept_rows_are_forgotten_when_a_parameter_changes():
    table = made("tt_rec")
    keep_often(table, np.arange(100), 42 + 90 * 32)
    ids = torch.arange(100)
    with torch.no_grad():
        table(ids)
        table.cores[0].mul_(2)
        torch.testing.assert_close(table(ids), table.weight_view(), rtol=1e-6, atol=1e-7)


def test_what_can_not_be_kept_is_refused():
    table = made("tt_rec")
    for counts, limit in ((np.arange(99), 1000), (np.arange(100), 73)):
        with pytest.raises(ValueError, match="needs 100 counts and room for a row"):
            keep_often(table, counts, limit)
    assert table.often is None and remembering(torch.nn.Sequential(table)) == [table]
