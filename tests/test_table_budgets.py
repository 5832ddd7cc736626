"""What tables cost and how they start: budgets, published counts, logits of untrained models."""

import pytest
import torch

from lfmp_core.data.planted import CRITEO_SIZES
from lfmp_core.embeddings import TABLES, BudgetError, table_factory
from lfmp_core.embeddings.dhe import DHESettings, DHETable
from lfmp_core.embeddings.qr import QRSettings, QRTable
from lfmp_core.embeddings.small_dense import smaller_dim
from lfmp_core.errors import UnknownName
from lfmp_core.models import BackboneSettings, build_model

SIZES, DIM = (7, 3, 110, 2, 50, 40), 8
N = sum(SIZES)


def generator():
    return torch.Generator().manual_seed(0)


def test_published_counts_are_met():
    """LERS Table 5's #Para of QR and DHE, digit for digit, and DHE's of Table 6."""
    criteo, avazu = (1_086_810,), (4_428_511,)
    for sizes, counts in (
        (criteo, (8_694_512, 3_477_872, 869_776)),
        (avazu, (35_428_128, 14_171_328, 3_543_136)),
    ):
        for p, sparsity, count in zip((2, 5, 20), (0.5, 0.8, 0.95), counts, strict=True):
            assert QRTable.count(sizes, 16, QRSettings(remainders=p)) == count
            assert TABLES["qr"].budget(sizes, 16, sparsity).remainders == p

    def dhe(hidden, dim=16, **options):
        return DHETable.count(criteo, dim, DHESettings(hidden=hidden, **options))

    as_coded = {"linear_output": False}
    assert dhe((1536,) * 4, **as_coded) == 8_693_808
    assert dhe((1024,) * 3, **as_coded) == 3_171_376
    assert dhe((1024,) * 3) == 3_171_376 - 2 * 16
    assert 2 * dhe((512,) * 3, 64, **as_coded) == 2_172_288
    assert 2 * dhe((256, 256, 128, 128), 64, **as_coded) == 775_040


@pytest.mark.parametrize("sparsity", [0.5, 0.7, 0.8, 0.95])
@pytest.mark.parametrize("name", [name for name in TABLES if name != "full"])
def test_budgets_are_met_within_a_percent_or_refused(name, sparsity):
    target = (1 - sparsity) * sum(CRITEO_SIZES) * 16
    if sparsity == 0.95 and name in ("memcom", "mixed_dimension"):
        with pytest.raises(BudgetError, match=r"at least one number|one number per id") as refusal:
            TABLES[name].budget(CRITEO_SIZES, 16, sparsity)
        assert refusal.value.nearest > sum(CRITEO_SIZES) > refusal.value.target
        return
    table = table_factory(name, sparsity)(CRITEO_SIZES, 16, generator())
    assert abs(table.num_parameters() / target - 1) < 0.01


def test_budgets_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match="buckets"):
        TABLES["hashing"].budget(SIZES, DIM, 0.5, buckets=3)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        TABLES["qr"].budget(SIZES, DIM, 1.0)
    with pytest.raises(BudgetError, match="sparsity is 0"):
        TABLES["full"].budget(SIZES, DIM, 0.5)
    with pytest.raises(UnknownName, match="'tt_rec'"):
        table_factory("ttrec")
    with pytest.raises(UnknownName, match="'hashes'"):
        table_factory("dhe", 0.5, {"hashs": 3})(SIZES, DIM, generator())


def test_the_smaller_plain_model_says_what_it_can_do():
    assert smaller_dim(SIZES, 16, 0.5) == 8
    with pytest.raises(BudgetError, match=r"sparsity 0\.8125") as refusal:
        smaller_dim(SIZES, 16, 0.8)
    assert refusal.value.nearest == 3 * N
    assert smaller_dim(SIZES, 16, 0.8, tolerance=0.1) == 3
    assert smaller_dim(SIZES, 16, 0.99, tolerance=10) == 1


def starting_logits(name, settings):
    backbone = BackboneSettings(name="deepfm", embedding_dim=16, hidden=(400, 400, 400))
    model = build_model(backbone, CRITEO_SIZES, seed=0, table=table_factory(name, settings=settings))
    sizes = torch.tensor(CRITEO_SIZES)
    ids = (torch.rand(64, 39, generator=generator()) * sizes).int() + (sizes.cumsum(0) - sizes).int()
    with torch.no_grad():
        return model.train()(ids)


@pytest.mark.parametrize(("name", "settings"), [
    ("hashing", {"buckets": 200_000}),
    ("qr", {"remainders": 5}),
    ("tt_rec", {"ranks": (128, 96)}),
    ("tt_rec", {"ranks": (64, 64, 64), "cores": 4}),
    ("dhe", {"hidden": (64, 64)}),
    ("memcom", {"buckets": 100_000}),
    ("mixed_dimension", {"dims": (4,) * 39}),
], ids=str)  # fmt: skip
def test_starting_logits_are_sane(name, settings):
    assert starting_logits(name, settings).abs().max() < 0.5


def test_published_starting_values_give_logits_in_the_hundreds():
    assert 500 < starting_logits("qr", {"remainders": 5, "init": "uniform"}).mean() < 900
    literal = {"init": "approx_normal"}
    assert 40 < starting_logits("tt_rec", {"ranks": (128, 96)} | literal).std() < 150
    assert 40 < starting_logits("tt_rec", {"ranks": (64,) * 3, "cores": 4} | literal).std() < 150
    assert starting_logits("dhe", {"hidden": (64, 64), "linear_output": False}).mean() > 200
