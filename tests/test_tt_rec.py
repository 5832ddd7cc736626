"""TT-Rec: shapes, rows and gradients against the plain formula, the cache, bounded memory."""

import math

import numpy as np
import pytest
import torch

from lfmp_core.embeddings import TABLES, build_table, tt_rec
from lfmp_core.embeddings.grouped import grouped_product
from lfmp_core.embeddings.tt_rec import TTRecSettings, TTRecTable
from lfmp_core.embeddings.tt_shape import split_dim, split_rows
from lfmp_core.errors import LfmpError


def made(n, dim, seed=0, **settings):
    table = build_table({"name": "tt_rec", **settings}, (n,), dim, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for core in table.cores:
            core.normal_(generator=torch.Generator().manual_seed(seed))
    return table


def dense(table):
    """All rows by one einsum over all cores: no digits, no prefixes."""
    letters = "abcdefgh"
    terms, out = [], ""
    for k in range(len(table.cores)):
        n, d = letters[k], letters[k].upper()
        terms.append(f"{n}{'uvwxyz'[k]}{d}{'uvwxyz'[k + 1]}")
        out += n
    dims = "".join(letters[k].upper() for k in range(len(table.cores)))
    first, last = "u", "uvwxyz"[len(table.cores)]
    whole = torch.einsum(f"{','.join(terms)}->{first}{out}{dims}{last}", *table.cores)
    return whole.reshape(math.prod(table.row_split), -1)[: table.n]


def test_splits_are_the_published_ones():
    assert split_rows(1_086_810, 3) == (125, 125, 128)
    assert split_rows(1_086_810, 4) == (25, 40, 40, 50)
    assert split_rows(4_428_511, 3) == (150, 150, 200)
    assert split_rows(29_858, 3) == (25, 30, 40)
    assert split_rows(40_981, 3) == (25, 40, 41)
    assert split_dim(16, 3) == (2, 2, 4)
    assert split_dim(16, 4) == (2, 2, 2, 2)
    assert split_dim(64, 3) == (4, 4, 4)
    assert split_dim(7, 3) == (1, 1, 7)
    for n in (1, 2, 13, 997, 123_457):
        assert math.prod(split_rows(n, 3)) >= n


def test_published_counts_are_met():
    """LERS Table 5's #Para of TT-Rec."""

    def count(n, *ranks, cache_rows=0):
        settings = TTRecSettings(ranks=ranks, cores=len(ranks) + 1, cache_rows=cache_rows)
        return TTRecTable.count((n,), 16, settings)

    criteo, avazu = 1_086_810, 4_428_511
    assert count(criteo, 192, 192) == 9_362_304
    assert count(criteo, 128, 96) == 3_153_152
    assert count(criteo, 64, 64, 64) == 664_960
    assert count(criteo, 64, 64, 64, cache_rows=12_780) == 869_440
    assert count(avazu, 192, 192, cache_rows=181_302) == 14_171_232
    assert round(count(avazu, 320, 320, cache_rows=272_255) / 1e6, 2) == 35.43
    found = TABLES["tt_rec"].budget((criteo,), 16, 0.95, cores=4, cache_rows=12_780)
    assert found.ranks == (64, 64, 64)
    share = TABLES["tt_rec"].budget((criteo,), 16, 0.95, cores=4, cache_share=12_780 / criteo)
    assert share == found
    with pytest.raises(ValueError, match="cache_share"):
        TABLES["tt_rec"].budget((criteo,), 16, 0.95, cache_share=0.01, cache_rows=5)


def test_rows_by_hand():
    """n = 8 = 2·2·2, D = 1, ranks 1: the row of i is the product of its three binary digits' numbers."""
    table = made(8, 1, ranks=(1, 1))
    with torch.no_grad():
        for core, values in zip(table.cores, ([2.0, 3], [5.0, 7], [11.0, 13]), strict=True):
            core.copy_(torch.tensor(values).view(2, 1, 1, 1))
    expected = [110, 130, 154, 182, 165, 195, 231, 273]
    assert table.weight_view().flatten().tolist() == expected


def test_a_rank_sums_and_dimensions_interleave_by_hand():
    """Two cores, one row, D = 4 = 2·2: entry (a, b) is Σ_r G1[a, r] G2[r, b], a the slower."""
    table = made(1, 4, ranks=(2,), cores=2)
    with torch.no_grad():
        table.cores[0].copy_(torch.tensor([[[[1.0, 2], [3, 4]]]]))
        table.cores[1].copy_(torch.tensor([[[[5.0, 6]], [[7.0, 8]]]]).view(1, 2, 2, 1))
    assert table(torch.tensor([0])).tolist() == [[5 + 14, 6 + 16, 15 + 28, 18 + 32]]


CASES = [
    {"ranks": (3,), "cores": 2},
    {"ranks": (4, 5)},
    {"ranks": (2, 6, 3), "cores": 4},
]


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_rows_and_gradients_are_those_of_one_einsum(settings):
    table = made(497, 12, **settings).double()
    ids = torch.randint(0, 497, (70, 5), generator=torch.Generator().manual_seed(2))
    factors = torch.randn(70, 5, 12, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    expected, actual = dense(table)[ids], table(ids)
    assert torch.allclose(expected, actual, atol=1e-10)
    assert torch.allclose(table.weight_view(), dense(table), atol=1e-10)
    wanted = torch.autograd.grad((expected * factors).sum(), list(table.cores))
    found = torch.autograd.grad((actual * factors).sum(), list(table.cores))
    for a, b in zip(wanted, found, strict=True):
        assert torch.allclose(a, b, atol=1e-9)


@pytest.mark.parametrize("learning", [True, False])
def test_blocks_change_nothing(learning, monkeypatch):
    """However many rows are worked out at a time: the same rows, the same gradients."""
    table, ids = made(300, 8, ranks=(4, 5)), torch.arange(0, 300, 2)

    def worked_out():
        with torch.set_grad_enabled(learning):
            out = table(ids)
        return (out, *(torch.autograd.grad(out.square().sum(), list(table.cores)) if learning else ()))

    whole = worked_out()
    monkeypatch.setattr(tt_rec, "BLOCK", 16)
    for a, b in zip(whole, worked_out(), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)


def test_starting_rows_have_the_deviation_asked_for():
    for settings in ({"ranks": (60, 40)}, {"ranks": (20, 30, 20), "cores": 4}):
        spec = {"name": "tt_rec", "std": 0.02, **settings}
        table = build_table(spec, (20_000,), 16, torch.Generator().manual_seed(0))
        assert table.weight_view().std().item() == pytest.approx(0.02, rel=0.15)


def test_published_starting_values_have_no_middle():
    """Every number is beyond ±2 before scaling, the mean square is 1 + 2φ(2)/(1 − Φ(2)) = 5.75."""
    spec = {"name": "tt_rec", "ranks": (40, 40), "init": "approx_normal"}
    table = build_table(spec, (20_000,), 16, torch.Generator().manual_seed(0))
    drawn = torch.cat([core.detach().flatten() for core in table.cores]) * (3 * 20_000) ** (1 / 6)
    assert drawn.abs().min() >= 2 - 1e-5
    assert drawn.square().mean().item() == pytest.approx(5.746, rel=0.02)
    assert drawn.mean().abs() < 0.05


def test_the_cache_keeps_frequent_rows_and_learns_them_alone():
    table = made(100, 4, ranks=(3, 3), cache_rows=5)
    counts = np.zeros(100, np.int64)
    counts[[90, 7, 55, 20, 3]] = [9, 8, 7, 6, 5]
    before = table.weight_view().detach().clone()
    table.populate(counts)
    assert table.cached.tolist() == [3, 7, 20, 55, 90]
    assert torch.allclose(table.weight_view(), before, atol=1e-6)
    with torch.no_grad():
        table.cache[1] = torch.tensor([1.0, 2, 3, 4])
    assert table(torch.tensor([7])).tolist() == [[1, 2, 3, 4]]
    expected = before.clone()
    expected[7] = torch.tensor([1.0, 2, 3, 4])
    assert torch.allclose(table.weight_view(), expected, atol=1e-6)
    table(torch.tensor([7, 90, 7])).sum().backward()
    assert table.cache.grad.tolist() == [[0] * 4, [2] * 4, [0] * 4, [0] * 4, [1] * 4]
    assert not any(core.grad.any() for core in table.cores)
    table(torch.tensor([8])).sum().backward()
    assert all(core.grad.any() for core in table.cores)
    assert table.num_parameters() == sum(core.numel() for core in table.cores) + 5 * 4
    assert table.num_bytes() == 4 * table.num_parameters() + 5 * 8


def test_a_cached_table_is_exported_with_its_cache():
    table = made(100, 4, ranks=(3, 3), cache_rows=5)
    assert torch.allclose(table.exported(torch.arange(100)), dense(table), atol=1e-5)
    table.populate(torch.arange(100))
    with torch.no_grad():
        table.cache.fill_(9)
    ids = torch.tensor([[0, 95], [99, 50]])
    assert torch.allclose(table.exported(ids), table(ids), atol=1e-5)


def test_refusals():
    with pytest.raises(LfmpError, match="2 ranks"):
        TTRecSettings(ranks=(3,), cores=3)
    with pytest.raises(ValueError, match="cache_rows"):
        made(100, 4, ranks=(3, 3)).populate(torch.ones(100))
    with pytest.raises(ValueError, match="100 counts"):
        made(100, 4, ranks=(3, 3), cache_rows=2).populate(torch.ones(99))


def test_grouped_products_are_products_by_group():
    rows, matrices = torch.randn(7, 3, requires_grad=True), torch.randn(4, 3, 2, requires_grad=True)
    group = torch.tensor([0, 0, 2, 2, 2, 3, 3])
    expected = torch.einsum("nk,nkm->nm", rows, matrices[group])
    actual = grouped_product(rows, matrices, (2, 0, 3, 2))
    assert torch.allclose(actual, expected, atol=1e-6)
    weights = torch.randn(7, 2)
    found, wanted = (torch.autograd.grad((o * weights).sum(), (rows, matrices)) for o in (actual, expected))
    for a, b in zip(found, wanted, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
