"""What is cut, saved and loaded is what was trained: class, parts, modes. What can't be cut says why."""

import numpy as np
import pytest
import torch
from sized import sized

from lfmp_core.embeddings import FullTable, NamedTable, Table, table_factory
from lfmp_core.embeddings.compressed import CompressedTable
from lfmp_core.embeddings.entry_mask import EntryMask
from lfmp_core.embeddings.field_columns import FieldColumnsTable
from lfmp_core.embeddings.masked import MaskedRows
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.embeddings.ragged import RaggedTable
from lfmp_core.embeddings.soft_threshold import SoftThresholdTable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.errors import DataError, LfmpError
from lfmp_core.methods.compression.autodim import CandidateTable
from lfmp_core.models import build_model, load_model, save_model
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.models.controllers import AdaptiveGates, MultiViewGates
from lfmp_core.models.deepfm import DeepFM
from lfmp_core.models.layers import Dropout
from lfmp_core.surgery import cut, plan_fields

SIZES, D, KEPT = (7, 3, 11, 5), 4, (0, 2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def settings(name="deepfm", **options):
    sizes = {"embedding_dim": D, "hidden": (8, 6), "cin": (4, 3), "init_std": 0.5}
    return sized(name, **sizes | options)


def rows(count=64):
    starts = np.cumsum([0, *SIZES[:-1]])
    return torch.from_numpy(np.random.default_rng(0).integers(0, SIZES, (count, len(SIZES))) + starts)


def mask():
    z = torch.zeros(len(SIZES))
    z[list(KEPT)] = 1
    return z


class Doubled(DeepFM):
    """Of a reader: another interaction, not registered."""

    def interact(self, e):
        return 2 * super().interact(e)


def doubled(name="deepfm"):
    return Doubled(settings(name), SIZES, generator=generator()).eval()


# --------------------------------------------------------------------------------- modes, in every backbone


@pytest.mark.parametrize("training", [True, False], ids=["training", "scoring"])
@pytest.mark.parametrize("name", REGISTRY)
def test_masked_equals_cut_with_batch_norm_and_dropout(name, training):
    """Law 12: with the statistics that training left, and with the same noise; the mode is the parent's."""
    whole = build_model(settings(name, batch_norm=True, dropout=0.5), SIZES, seed=0)
    ids, z = rows(), mask()
    for _ in range(3):  # statistics other than a fresh model's
        whole(ids, None, z, gate_linear=True)
    whole.train(training)
    small = cut(whole, plan_fields(whole, KEPT))
    assert {part.training for part in small.modules()} == {training}
    logits = []
    for model, gate in ((whole, z), (small, None)):
        for part in model.modules():
            if isinstance(part, Dropout):
                part.generator = generator(5)
        logits.append(model(ids, None, gate, gate_linear=gate is not None))
    assert torch.allclose(*logits, atol=1e-5)
    assert logits[0].std() > 0.01


def test_each_part_keeps_its_own_mode():
    """As where batch statistics are frozen while the rest goes on learning."""
    whole = build_model(settings(batch_norm=True), SIZES, seed=0).train()
    whole.deep.norms.eval()
    small = cut(whole, plan_fields(whole, KEPT))
    assert small.training and small.deep.training and not small.deep.norms[0].training


# ---------------------------------------------------------------------------------------------------- class


@pytest.mark.parametrize("name", ["deepfm", "wide_deep"])
def test_a_cut_keeps_the_class(name):
    """Whatever the settings of a class that is not registered call it."""
    whole = doubled(name)
    small = cut(whole, plan_fields(whole, KEPT))
    assert type(small) is Doubled
    ids = rows()
    assert torch.allclose(whole(ids, None, mask(), gate_linear=True), small(ids), atol=1e-6)
    again = cut(small, plan_fields(small, [1]))
    assert type(again) is Doubled and again.columns.tolist() == [2]


def test_a_registered_class_goes_by_its_own_name():
    with pytest.raises(LfmpError, match="DeepFM is the backbone 'deepfm', its settings say 'wide_deep'"):
        DeepFM(settings("wide_deep"), SIZES, generator=generator())


def test_an_unregistered_class_is_saved_once_it_is_registered(tmp_path, monkeypatch):
    with pytest.raises(LfmpError, match=r"Doubled is not the backbone 'deepfm'.*models\.register"):
        save_model(doubled(), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(REGISTRY, "doubled", Doubled)
    model = build_model(settings("doubled"), SIZES, seed=0).eval()
    small = cut(model, plan_fields(model, KEPT))
    loaded = load_model(save_model(small, tmp_path / "model")).eval()
    assert type(loaded) is Doubled and torch.equal(loaded(rows()), small(rows()))
    monkeypatch.undo()
    with pytest.raises(DataError, match="unknown backbone 'doubled'"):
        load_model(tmp_path / "model")


class Halved(FullTable):
    def forward(self, ids):
        return super().forward(ids) / 2


class Negated(SparseTable):
    def forward(self, ids):
        return -super().forward(ids)


def test_parts_that_the_class_does_not_make_are_refused(tmp_path):
    """A look-alike would be cut, or loaded, as what it looks like."""
    for place, other in (
        ("table", Halved(SIZES, D, std=1.0, generator=generator())),
        ("linear", Halved(SIZES, 1, std=1.0, generator=generator())),
        ("deep", torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(len(SIZES) * D, 1))),
    ):
        model = build_model(settings(), SIZES, seed=0)
        setattr(model, place, other)
        with pytest.raises(LfmpError, match=f"{place}.*{type(other).__name__}"):
            cut(model, plan_fields(model, KEPT))
        with pytest.raises(LfmpError, match=type(other).__name__):
            save_model(model, tmp_path / "model")
    model.deep, model.table = build_model(settings(), SIZES, seed=0).deep, Negated(SIZES, D, 0)
    with pytest.raises(LfmpError, match="Negated is for training"):
        save_model(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_double_precision_stays(tmp_path):
    """A cut, or a loaded model, in single precision would score otherwise."""
    whole, ids = build_model(settings(), SIZES, seed=0).double().eval(), rows()
    small = cut(whole, plan_fields(whole, KEPT))
    assert torch.equal(load_model(save_model(small, tmp_path / "model")).eval()(ids), small(ids))
    gap = (whole(ids, None, mask().double(), gate_linear=True) - small(ids)).abs().max()
    assert small(ids).dtype == torch.float64 and gap < 1e-14


# ------------------------------------------------------------------------------------------ what can't be cut


def plain(sizes=SIZES):
    return FullTable(sizes, D, std=1.0, generator=generator())


WEIGHT = plain().weight.detach()
STAY = torch.rand(WEIGHT.shape, generator=generator(1)) < 0.5
BY_FIELD = STAY[: len(SIZES)].repeat_interleave(torch.tensor(SIZES), 0)
UNCUTTABLE = {
    "sparse": (lambda: SparseTable.of(WEIGHT, STAY, SIZES), "numbers are removed already"),
    "field columns": (lambda: FieldColumnsTable.of(WEIGHT, BY_FIELD, SIZES), "columns are removed already"),
    "ragged": (lambda: RaggedTable.pack(WEIGHT, STAY.sum(1), SIZES), "rows are removed already"),
    "masked": (lambda: MaskedRows(plain(), EntryMask(STAY)), "gate speaks of the ids of all fields"),
    "thresholded": (lambda: SoftThresholdTable(plain()), "threshold was found for all rows"),
    "pair": (lambda: PairTable(SIZES, plain((9,)), plain((9,))), "several fields share a row"),
    "masked thresholded": (lambda: MaskedRows(SoftThresholdTable(plain()), EntryMask(STAY)), "gate speaks"),
    "candidates": (
        lambda: CandidateTable(SIZES, D, std=1.0, generator=generator()),
        "made for a search over all fields",
    ),
    "qr": (
        lambda: table_factory("qr", settings={"remainders": 4})(SIZES, D, generator()),
        "kept fields alone",
    ),
}


@pytest.mark.parametrize("case", UNCUTTABLE)
def test_a_table_says_why_it_can_not_be_cut(case):
    make, why = UNCUTTABLE[case]
    model = build_model(settings(), SIZES, seed=0)
    model.table = make()
    with pytest.raises(LfmpError, match=f"no field can be cut where the table is a .*{why}"):
        plan_fields(model, KEPT)


@pytest.mark.parametrize("gates", [AdaptiveGates, MultiViewGates])
def test_a_controller_says_why_it_can_not_be_cut(gates):
    model = build_model(settings(), SIZES, seed=0)
    model.controller = gates(len(SIZES), D)
    with pytest.raises(LfmpError, match=r"where the controller is a .*weigh each field against all others"):
        plan_fields(model, KEPT)


def kinds(of):
    return [of, *(kind for each in of.__subclasses__() for kind in kinds(each))]


@pytest.mark.parametrize("kind", [k for k in kinds(Table) if k.__module__.startswith("lfmp_core.")])
def test_every_table_has_axes_or_a_reason(kind):
    """One mechanism: a table that says nothing can't be cut, and no property raises in its place.

    A rounded one is cut as the table was that was rounded, or has that one's reason.
    """
    assert bool(kind.uncuttable) == (kind not in (FullTable, QuantisedTable))
    assert not hasattr(kind, "field_axes")
    shared = kind in (Table, NamedTable) or issubclass(kind, CompressedTable)
    if kind.uncuttable and not shared:
        assert "uncuttable" in vars(kind), "a reason of its own"
