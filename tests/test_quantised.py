"""Tables in few bits: their rounding by hand, and their laws in every form."""

import pytest
import torch
from few_bits import FORMS, TRAINED_ONLY, WAYS, form
from test_compression_laws import LEARNING, N, generator, ids_of_all, plain
from test_compression_laws import SIZES as FIELDS
from test_compression_laws import D as DIM

from lfmp_core.embeddings import FullTable
from lfmp_core.embeddings.compressed import NotByField
from lfmp_core.embeddings.packed import Packed
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.errors import LfmpError


def of_weight(weight, sizes, bits=4, per="field"):
    full = FullTable(sizes, weight.shape[1], std=0, generator=generator())
    full.weight.data = weight.clone()
    return QuantisedTable.of(full, bits, per)


def test_rows_by_hand():
    """Two bits: steps of 1 from 0 to 3, codes from the lowest bits on; a field of one value has no step."""
    table = of_weight(torch.tensor([[0.0, 1.2], [2.0, 3.0], [5.0, 5.0]]), (2, 1), bits=2)
    packed = table.inner.weight
    assert packed.codes.tolist() == [0b11_10_01_00, 0] and packed.scale.tolist() == [[1, 0], [0, 5]]
    assert table(torch.tensor([[1, 2], [0, 1]])).tolist() == [[[2, 3], [5, 5]], [[0, 1], [2, 3]]]
    assert table.weight_view().tolist() == [[0, 1], [2, 3], [5, 5]]
    assert (table.num_parameters(), table.num_bytes()) == (6, 2 + 2 * 2 * 4)


def test_rows_of_their_own_scale_by_hand():
    """Four bits: steps of 1 and of 2; three codes fill a byte and a half of the field's."""
    weight = torch.tensor([[0.0, 7, 15], [-10, 20, 0.9]])
    table = of_weight(weight, (2,), bits=4, per="row")
    packed = table.inner.weight
    assert packed.scale.tolist() == [[1, 0], [2, -10]] and packed.scale.dtype == torch.float16
    assert packed.codes.tolist() == [0x70, 0x0F, 0x5F]  # 0, 7, 15 and 0, 15, 5
    assert table.weight_view().tolist() == [[0, 7, 15], [-10, 20, 0]]
    assert (table.num_parameters(), table.num_bytes()) == (6, 3 + 2 * 2 * 2)


def test_pruned_rows_by_hand():
    """(5 · · 6), nothing, (· 8 · ·) in eight steps of .2 and of 0: only what is stored has a code."""
    mask = torch.tensor([[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]).bool()
    weight = torch.tensor([[5.0, 9, 9, 6], [9] * 4, [9, 8, 9, 9]])
    table = QuantisedTable.of(SparseTable.of(weight, mask, (3,)), bits=2)
    assert table.inner.values.codes.tolist() == [0b11_01_00]  # steps of 1 from 5: 5, 6, 8
    assert table(torch.arange(3)).tolist() == [[5, 0, 0, 6], [0] * 4, [0, 8, 0, 0]]
    index = 3 * 2 + 4 * 4  # masks and starts
    assert (table.num_parameters(), table.num_bytes()) == (3, 1 + 8 + index)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3], ids=str)
@pytest.mark.parametrize(("bits", "per"), WAYS)
def test_no_number_moves_by_more_than_half_a_step(bits, per, scale):
    """|w − ŵ| ≤ s/2 for every number, and steps are as short as the type of the scales allows."""
    sizes, dim = (40, 1, 300), 13
    weight = scale * torch.randn(sum(sizes), dim, generator=generator())
    weight[5] = 0.25 * scale  # a row of one value
    table = of_weight(weight, sizes, bits, per)
    groups = sizes if per == "field" else [1] * sum(sizes)
    step = table.inner.weight.scale[:, 0].double()
    away = (weight.double() - table.weight_view().double()).abs()
    for own, rows, s in zip(away.split(groups), weight.double().split(groups), step.tolist(), strict=True):
        rounding = 2.0**-24 * rows.abs().max()  # of the float32 sum itself
        assert own.max() <= s / 2 + rounding
        exact = (rows.max() - rows.min()) / (2**bits - 1)
        if per == "field":
            assert exact <= s <= exact * (1 + 2**-15)
        elif scale == 1:  # float16 rounds an offset and a step by 2⁻¹⁰ at most, where it is not subnormal
            assert exact <= s <= (exact + 2**-10 * rows.abs().max() / (2**bits - 1)) * (1 + 2**-10)


@pytest.mark.parametrize(("bits", "share"), [(8, 0.25), (4, 0.125), (2, 0.0625)])
def test_bytes_are_as_stated(bits, share):
    """Of a plain table: b/32 of its bytes, and 8 for each field or 4 for each row."""
    plain_bytes = 4 * 65 * 16
    weight = torch.randn(65, 16, generator=generator())
    assert of_weight(weight, (60, 5), bits).num_bytes() == share * plain_bytes + 2 * 8
    assert of_weight(weight, (60, 5), bits, "row").num_bytes() == share * plain_bytes + 65 * 4
    # fields begin at a byte: 7 rows of 3 codes are 21, 3 rows 9
    codes = sum(-(-numbers * bits // 8) for numbers in (21, 9))
    assert of_weight(weight[:10, :3], (7, 3), bits).num_bytes() == codes + 2 * 8


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dim", [1, 3, 10, 16, 17, 32])
@pytest.mark.parametrize(("bits", "per"), WAYS)
def test_loops_and_tensor_operations_say_the_same(bits, per, dim, threads):
    """To the last bit, of any shape and order of ids, for plain and for pruned rows."""
    sizes = (50, 1, 20)
    weight = torch.randn(sum(sizes), dim, generator=generator())
    mask = torch.rand(weight.shape, generator=torch.Generator().manual_seed(1)) < 0.4
    mask[3] = False
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for table in (
            of_weight(weight, sizes, bits, per),
            QuantisedTable.of(SparseTable.of(weight, mask, sizes), bits, per),
        ):
            dense = table.weight_view()
            for ids in (
                torch.randint(0, 71, (40, 3), generator=generator()),
                torch.tensor([[0, 50, 51], [49, 50, 70]], dtype=torch.int32),
                torch.arange(70, -1, -1),
                torch.tensor(50),
                torch.zeros(0, 3, dtype=torch.int32),
            ):
                assert torch.equal(table(ids), dense[ids.long()])
                packed = Packed.compiled
                Packed.compiled = lambda *_: False
                try:
                    assert torch.equal(table(ids), dense[ids.long()])
                finally:
                    Packed.compiled = packed
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("bits", "per"), WAYS)
@pytest.mark.parametrize("name", FORMS)
def test_every_form_keeps_the_laws_of_a_table(name, bits, per):
    """Laws 3 and 4; the vectors are those of the form with rounded numbers, near the trained ones."""
    table = form(name)
    rounded = QuantisedTable.of(table, bits, per)
    ids = ids_of_all()
    vectors = rounded(ids)
    assert vectors.shape == (24, 3, DIM) and not rounded.training
    assert torch.allclose(rounded.weight_view()[ids.long()], vectors, atol=1e-6)
    assert rounded.num_parameters() == table.num_parameters()
    stored = sum(t.numel() * t.element_size() for t in rounded.state_dict().values())
    assert rounded.num_bytes() == stored
    if bits == 8:
        assert torch.allclose(vectors, table(ids), atol=0.02) and not torch.equal(vectors, table(ids))


def test_factors_are_rounded_each_by_itself():
    """A row of QR is the product of two rounded ones, of a hashed table the rounded one."""
    qr, hashed = form("qr"), form("hashing")
    first, second = (of_weight(w.detach(), (len(w),)).weight_view() for w in (qr.remainder, qr.quotient))
    i = torch.arange(N)
    assert torch.equal(QuantisedTable.of(qr).weight_view(), first[i % 4] * second[i // 4])
    rows = of_weight(hashed.weight.detach(), (5,)).weight_view()
    assert torch.equal(QuantisedTable.of(hashed)(i), rows[i % 5])


def test_a_pair_is_two_rounded_tables():
    pair = form("sparse_pair")
    rounded = QuantisedTable.of(pair, 4)
    assert type(rounded) is PairTable
    parts = [QuantisedTable.of(part, 4).weight_view() for part in (pair.first, pair.second)]
    i = torch.arange(N)
    assert torch.equal(rounded(i), parts[0][i % 4] + parts[1][i // 4])


@pytest.mark.parametrize("name", ["full", "sparse", "ragged", "field_columns", "mixed_dimension"])
def test_fields_are_scaled_where_rows_are_stored(name):
    rounded, factors = QuantisedTable.of(form(name), 4), torch.tensor([2.0, 0.5, -1.0])
    before = rounded.weight_view()
    rounded.scale_fields(factors)
    each = factors.repeat_interleave(torch.tensor(FIELDS)).unsqueeze(1)
    assert torch.allclose(rounded.weight_view(), before * each, atol=1e-6)
    assert torch.allclose(rounded(torch.arange(N)), before * each, atol=1e-6)


def test_what_can_not_be_scaled_says_why():
    with pytest.raises(NotByField, match="scale, then round"):
        QuantisedTable.of(plain(), 4, "row").scale_fields(torch.ones(3))
    with pytest.raises(NotByField, match="rounded qr table"):
        QuantisedTable.of(form("qr"), 4).scale_fields(torch.ones(3))


@pytest.mark.parametrize("name", TRAINED_ONLY)
def test_what_is_still_trained_is_not_rounded(name):
    with pytest.raises(LfmpError, match="can't be rounded: it is still trained"):
        QuantisedTable.of(LEARNING[name]())


def test_refusals():
    with pytest.raises(LfmpError, match="rounded already"):
        QuantisedTable.of(QuantisedTable.of(plain()))
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(LfmpError, match="not finite"):
            of_weight(torch.tensor([[1.0, wrong]]), (1,))
    large = torch.tensor([[0.0, 40_000.0]])
    with pytest.raises(LfmpError, match="take per='field'"):
        of_weight(large, (1,), 8, "row")
    assert of_weight(large, (1,), 8).weight_view()[0].tolist() == pytest.approx([0, 40_000], rel=1e-5)
    for bits, per in ((3, "field"), (4, "column"), (True, "row")):
        with pytest.raises(LfmpError, match="bits are 2, 4 or 8"):
            QuantisedTable.of(plain(), bits, per)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_vectors_have_the_type_of_the_model(dtype):
    """Scales and codes keep their own, whatever a model is brought to."""
    for per in ("field", "row"):
        table = QuantisedTable.of(plain().to(dtype), 4, per)
        there = QuantisedTable.of(plain(), 4, per).to(dtype)
        for made in (table, there):
            assert made(torch.arange(N)).dtype == made.weight_view().dtype == dtype
            kept = {torch.uint8, torch.float32 if per == "field" else torch.float16}
            assert {p.dtype for p in made.parameters()} == kept
