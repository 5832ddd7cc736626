"""Tables to serve after pruning, and those to prune with: look-ups, bytes, storage, gradients."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from lfmp_core.embeddings import FullTable
from lfmp_core.embeddings.entry_mask import EntryMask
from lfmp_core.embeddings.field_columns import FieldColumnsTable
from lfmp_core.embeddings.masked import MaskedRows
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.ragged import RaggedTable
from lfmp_core.embeddings.soft_threshold import SoftThresholdTable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.errors import DataError, LfmpError
from lfmp_core.models import BackboneSettings, build_model, load_model, save_model

SIZES = (4, 7, 2)
N, D = 13, 5


def plain(std=1.0, sizes=SIZES, dim=D, seed=0):
    return FullTable(sizes, dim, std=std, generator=torch.Generator().manual_seed(seed))


def sparse(seed=0, sizes=SIZES, share=0.4):
    weight = plain(sizes=sizes, seed=seed).weight.detach()
    mask = torch.rand(weight.shape, generator=torch.Generator().manual_seed(seed)) < share
    mask[1] = False  # a row without any number
    return SparseTable.of(weight, mask, sizes), weight * mask


def columns():
    kept = torch.tensor([[1, 0, 0, 1, 0], [0] * 5, [1] * 5], dtype=torch.bool)
    mask = kept.repeat_interleave(torch.tensor(SIZES), 0)
    weight = plain().weight.detach()
    return FieldColumnsTable.of(weight, mask, SIZES), weight * mask


def ragged():
    weight, widths = plain().weight.detach(), torch.arange(N) % (D + 1)
    return RaggedTable.pack(weight, widths, SIZES), weight * (torch.arange(D) < widths.unsqueeze(1))


def pair():
    first, second = sparse(1, (5,)), sparse(2, (5,))
    i = torch.arange(N)
    return PairTable(SIZES, first[0], second[0]), first[1][i % 5] + second[1][i // 3]


KINDS = {"sparse": sparse, "field_columns": columns, "ragged": ragged, "pair": pair}


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_dense_ones(kind, dtype):
    """Law 4, for any shape of ids."""
    table, dense = KINDS[kind]()
    assert torch.equal(table.weight_view(), dense)
    for shape in [(), (3,), (6, 4), (2, 3, 5)]:
        ids = torch.randint(0, N, shape).to(dtype)
        assert torch.equal(table(ids), dense[ids.long()])
    assert table(torch.zeros(0, 3, dtype=dtype)).shape == (0, 3, D)


def test_rows_by_hand():
    """(5 · · 6), nothing, (· 7 · ·)."""
    table = SparseTable((3,), 4, 3)
    index = {"values": [5.0, 6.0, 7.0], "masks": [[0b1001], [0], [0b10]], "starts": [0, 2, 2, 3]}
    table.load_state_dict({k: torch.tensor(v) for k, v in index.items()})
    assert table(torch.tensor([[2, 0], [1, 2]])).tolist() == [
        [[0, 7, 0, 0], [5, 0, 0, 6]],
        [[0, 0, 0, 0], [0, 7, 0, 0]],
    ]
    assert (table.num_parameters(), table.num_bytes()) == (3, 3 * 4 + 3 * 2 + 4 * 4)
    assert SparseTable((3,), 300, 3).num_bytes() == 3 * 4 + 3 * 19 * 2 + 4 * 4


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dim", [1, 15, 16, 17, 32, 40])
def test_rows_of_any_width(dim, threads):
    """Masks have 16 bits: the last one stands for fewer columns, the sixteenth bit is a sign."""
    weight = torch.randn(50, dim, generator=torch.Generator().manual_seed(dim))
    mask = torch.rand(50, dim, generator=torch.Generator().manual_seed(1)) < 0.5
    mask[::5] = True
    table, before = SparseTable.of(weight, mask, (50,)), torch.get_num_threads()
    ids = torch.randint(0, 50, (40, 3), generator=torch.Generator().manual_seed(2))
    torch.set_num_threads(threads)
    try:
        assert torch.equal(table(ids), (weight * mask)[ids])
    finally:
        torch.set_num_threads(before)
    assert torch.equal(table.double()(ids), (weight * mask)[ids].double())
    assert torch.equal(table.bits(torch.arange(50)), mask)


def test_nothing_stored_is_zero():
    table = SparseTable.of(torch.ones(3, 4), torch.zeros(3, 4, dtype=torch.bool), (3,))
    assert not table(torch.arange(3)).any() and not table.weight_view().any()


def test_a_mask_beyond_the_columns_is_refused():
    """Bit 5 of rows of 5 columns: one bit for one number, but of no column."""
    table = SparseTable.of(torch.ones(2, 5), torch.eye(2, 5) > 0, (2,))
    stored = table.state_dict() | {"masks": torch.tensor([[1], [1 << 5]], dtype=torch.int16)}
    with pytest.raises(ValueError, match="damaged"):
        table.load_state_dict(stored)


def test_columns_by_hand():
    """A field of two rows with columns 1 and 3, one that is gone, one with all."""
    table = FieldColumnsTable((2, 3, 1), 4, [[1, 3], [], [0, 1, 2, 3]])
    table.values.data = torch.arange(1.0, 9.0)
    expected = torch.tensor([[0, 1, 0, 2], [0, 3, 0, 4], *[[0.0] * 4] * 3, [5, 6, 7, 8]])
    assert torch.equal(table(torch.arange(6)), expected)
    assert torch.equal(table.weight_view(), expected)
    index = 3 * 4 * 2 + 3 * 8 + 4 * 8 + 4 * 8  # columns, widths, edges, starts
    assert (table.num_parameters(), table.num_bytes()) == (8, 8 * 4 + index)


def test_pair_by_hand():
    """Five ids in three buckets: rows (i mod 3) and ⌊i/2⌋."""
    first, second = plain(sizes=(3,), seed=1), plain(sizes=(3,), seed=2)
    table = PairTable((5,), first, second)
    rows = [(0, 0), (1, 0), (2, 1), (0, 1), (1, 2)]
    expected = torch.stack([first.weight[p] + second.weight[q] for p, q in rows])
    assert torch.equal(table(torch.arange(5)), expected)
    assert table.num_parameters() == 2 * 3 * D


@pytest.mark.parametrize("n", [1, 2, 7, 50, 99, 100, 1821])
def test_no_two_ids_share_both_rows(n):
    for buckets in {-(-n // 1), *range(1, n + 1)}:
        if buckets**2 < n:
            with pytest.raises(ValueError, match="take more"):
                PairTable((n,), plain(sizes=(buckets,)), plain(sizes=(buckets,)))
            continue
        if buckets % 7 and n > 100:  # a sample of the many
            continue
        span = -(-n // buckets)
        pairs = {(i % buckets, i // span) for i in range(n)}
        assert len(pairs) == n and max(q for _, q in pairs) < buckets


@pytest.mark.parametrize("build", [sparse, columns])
def test_tensor_operations_do_what_the_loops_do(build):
    """What runs where there is no compiled loop."""
    table, dense = build()
    ids = torch.randint(0, N, (40,))
    assert torch.equal(table._rows(ids), dense[ids])


@pytest.mark.parametrize("build", [sparse, columns])
def test_ids_outside_are_refused(build):
    table, _ = build()
    for wrong in (-1, N):
        with pytest.raises(IndexError, match=f"table of {N} rows"):
            table(torch.tensor([0, wrong]))


@pytest.mark.parametrize("build", [sparse, columns])
def test_scaling_a_field(build):
    table, dense = build()
    factors = torch.tensor([2.0, 0.5, -1.0])
    table.scale_fields(factors)
    assert torch.equal(table.weight_view(), dense * factors.repeat_interleave(torch.tensor(SIZES))[:, None])


@pytest.mark.parametrize("kind", KINDS)
def test_models_with_such_tables_are_saved_and_loaded(kind, tmp_path):
    """Law 2, and a damaged index is refused instead of followed."""
    settings = BackboneSettings(name="deepfm", embedding_dim=D, hidden=(4,))
    model = build_model(settings, SIZES, seed=0).eval()
    model.table, _ = KINDS[kind]()
    folder = save_model(model, tmp_path / "model")
    loaded = load_model(folder).eval()
    ids = torch.tensor([[0, 4, 11], [3, 10, 12]])
    assert torch.equal(loaded(ids), model(ids))
    assert loaded.num_parameters() == model.num_parameters()
    assert loaded.num_bytes() == model.num_bytes()
    tensors = load_file(folder / "model.safetensors")
    for name in [k for k in tensors if k.startswith("table.") and k.endswith(("starts", "columns", "masks"))]:
        broken = tensors | {name: torch.full_like(tensors[name], 7)}
        save_file({k: v.contiguous() for k, v in broken.items()}, folder / "model.safetensors")
        with pytest.raises(DataError, match="damaged"):
            load_model(folder)


def test_only_what_is_served_is_saved(tmp_path):
    model = build_model(BackboneSettings(name="dnn", embedding_dim=D, hidden=(4,)), SIZES, seed=0)
    model.table = SoftThresholdTable(model.table)
    with pytest.raises(LfmpError, match="training"):
        save_model(model, tmp_path / "model")
    model.table = PairTable(SIZES, plain(sizes=(5,)), plain(sizes=(5,)))
    with pytest.raises(LfmpError, match="still trained"):
        save_model(model, tmp_path / "model")


def test_soft_threshold_and_its_gradient():
    """sign(v)·max(0, |v| − T) against the definition, value and gradient."""
    table = SoftThresholdTable(plain())
    table.threshold.fill_(0.7)
    ids = torch.tensor([[0, 5], [12, 0]])
    v = table.table.weight.detach()[ids].requires_grad_()
    expected = v.sign() * torch.relu(v.abs() - 0.7)
    assert torch.allclose(table(ids), expected)
    assert torch.allclose(table.weight_view()[ids], expected)
    assert (expected == 0).any() and (expected != 0).any()
    factors = torch.randn(2, 2, D)
    (expected * factors).sum().backward()
    (table(ids) * factors).sum().backward()
    summed = torch.zeros(N, D).index_add_(0, ids.flatten(), v.grad.flatten(0, 1))
    assert torch.allclose(table.table.weight.grad, summed)
    assert table.num_parameters() == int((table.table.weight.abs() > 0.7).sum())


def test_masked_entries_pass_neither_value_nor_gradient():
    full = plain()
    mask = torch.rand(N, D, generator=torch.Generator().manual_seed(3)) < 0.5
    table = MaskedRows(full, EntryMask(mask))
    ids = torch.randint(0, N, (30, 3), dtype=torch.int32)
    assert torch.equal(table(ids), (full.weight * mask)[ids.long()])
    assert torch.equal(table.weight_view(), full.weight * mask)
    table(ids).square().sum().backward()
    assert not full.weight.grad[~mask].any() and full.weight.grad[mask].any()
