"""An id that its field doesn't have is refused by name, in every table; a graph reads it as unseen."""

import numpy as np
import pytest
import torch

from lfmp_core.data.dataset import Rows
from lfmp_core.efficiency import export_onnx
from lfmp_core.embeddings import FullTable, table_factory
from lfmp_core.embeddings.entry_mask import EntryMask
from lfmp_core.embeddings.field_columns import FieldColumnsTable
from lfmp_core.embeddings.masked import MaskedRows
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.embeddings.ragged import RaggedTable
from lfmp_core.embeddings.soft_threshold import SoftThresholdTable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.errors import IdError, LfmpError
from lfmp_core.methods.compression.autodim import CandidateTable
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.training import Trainer, TrainingSettings, predict
from lfmp_core.training.row_adam import RowAdam

SIZES, D = (6, 4, 15), 4
N, STARTS = sum(SIZES), np.array([0, 6, 10])
LARGEST = 2**31 - 1


def generator():
    return torch.Generator().manual_seed(0)


def plain(sizes=SIZES):
    return FullTable(sizes, D, std=1.0, generator=generator())


def by_name(name, **settings):
    return lambda: table_factory(name, settings=settings)(SIZES, D, generator())


MASK = torch.rand(N, D, generator=torch.Generator().manual_seed(1)) < 0.5
BY_FIELD = MASK[: len(SIZES)].repeat_interleave(torch.tensor(SIZES), 0)
TABLES = {
    "full": plain,
    "hashing": by_name("hashing", buckets=5),
    "universal": by_name("hashing", buckets=5, hash="universal"),
    "qr": by_name("qr", remainders=4),
    "tt_rec": by_name("tt_rec", ranks=(2, 2)),
    "tt_rec cached": by_name("tt_rec", ranks=(2, 2), cache_rows=3),
    "dhe": by_name("dhe", hashes=8, hidden=(4,)),
    "memcom": by_name("memcom", buckets=5),
    "mixed_dimension": by_name("mixed_dimension", dims=(4, 1, 2)),
    "sparse": lambda: SparseTable.of(plain().weight, MASK, SIZES),
    "ragged": lambda: RaggedTable.pack(plain().weight, MASK.sum(1), SIZES),
    "field_columns": lambda: FieldColumnsTable.of(plain().weight, BY_FIELD, SIZES),
    "masked": lambda: MaskedRows(plain(), EntryMask(MASK)),
    "thresholded": lambda: SoftThresholdTable(plain()),
    "pair": lambda: PairTable(SIZES, plain((6,)), plain((6,))),
    "sparse pair": lambda: PairTable(SIZES, *(SparseTable.of(plain((6,)).weight, MASK[:6], (6,)),) * 2),
    "quantised": lambda: QuantisedTable.of(plain(), 2),
    "quantised rows": lambda: QuantisedTable.of(plain(), 8, "row"),
    "quantised sparse": lambda: QuantisedTable.of(TABLES["sparse"](), 4),
    "quantised ragged": lambda: QuantisedTable.of(TABLES["ragged"](), 4),
    "quantised qr": lambda: QuantisedTable.of(TABLES["qr"](), 4),
    "quantised tt_rec": lambda: QuantisedTable.of(TABLES["tt_rec"](), 4),
    "candidates": lambda: CandidateTable(SIZES, D, std=1.0, generator=generator()),
}


def model_with(table, **options):
    settings = BackboneSettings(name="deepfm", embedding_dim=D, hidden=(4,), init_std=0.5)
    return build_model(settings, SIZES, seed=0, table=lambda *_: table, **options)


def good(rows=8, dtype=torch.int32):
    local = np.random.default_rng(0).integers(0, SIZES, (rows, len(SIZES)))
    return torch.from_numpy(local + STARTS).to(dtype)


@pytest.mark.parametrize("training", [True, False], ids=["training", "scoring"])
@pytest.mark.parametrize("kind", TABLES)
def test_every_table_refuses_foreign_ids(kind, training):
    """In a model by row, field, id and range, also ids of the field next to it; alone by place."""
    model = model_with(TABLES[kind]()).train(training)
    with torch.set_grad_enabled(training):
        for dtype, bad in ((torch.int32, (-1, 5, 10, N, LARGEST, -LARGEST - 1)), (torch.int64, (2**40,))):
            ids = good(dtype=dtype)
            model(ids)
            for wrong in bad:
                damaged = ids.clone()
                damaged[3, 1] = wrong
                with pytest.raises(IdError, match=f"row 3 of these, field 1: id {wrong}, which has 6 to 9"):
                    model(damaged)
                if not 0 <= wrong < N:
                    with pytest.raises(IdError, match=f"id {wrong} at place 10 of 24, in a table of {N}"):
                        model.table(damaged)


def test_a_restricted_model_names_the_rows_columns():
    """The range is that of the rows as they are given; what the model does not read is not looked at."""
    model = build_model(BackboneSettings(name="dnn", hidden=(4,)), SIZES, seed=0, fields=(0, 2))
    ids = good()
    ids[:, 1] = LARGEST
    model(ids)
    for column, wrong in ((0, 6), (0, -1), (2, 9), (2, -1), (2, N)):
        span, damaged = "10 to 24" if column else "0 to 5", ids.clone()
        damaged[7, column] = wrong
        with pytest.raises(IdError, match=f"row 7 of these, field {column}: id {wrong}, which has {span}"):
            model(damaged)


def test_a_table_of_other_fields_is_refused():
    """Ids that are the model's fields' could lie beyond it."""
    model = model_with(plain())
    model.table = SparseTable.of(plain((6, 4, 5)).weight, MASK[:15], (6, 4, 5))
    with pytest.raises(ValueError, match=r"a table for other fields: \(6, 4, 5\), not \(6, 4, 15\)"):
        model(good())


@pytest.mark.parametrize("optimizer", ["lazy", "dense"])
@pytest.mark.parametrize("wrong", [-1, N, LARGEST])
def test_no_loop_follows_a_foreign_id(optimizer, wrong):
    """Training and scoring end in the error, at the batch that holds it, and the weights are as before it."""
    ids = good(64).numpy()
    ids[50, 1] = wrong
    rows = Rows(ids, (np.arange(64) % 2).astype(np.uint8))
    model = model_with(plain())
    before = model.table.weight.detach().clone()
    settings = TrainingSettings(epochs=1, batch_size=64, optimizer=optimizer)
    with pytest.raises(IdError, match=f"field 1: id {wrong}"):
        Trainer(model, rows, settings, seed=0).fit()
    assert torch.equal(model.table.weight, before)
    with pytest.raises(IdError, match=f"row 50 of these, field 1: id {wrong}"):
        predict(model, rows)


def test_row_adam_goes_on_after_a_refusal():
    """What the refused batch had marked counts for nothing."""
    row_adam = RowAdam(torch.nn.Parameter(torch.ones(5, 2)), 0.1, 0.0)
    for wrong in (-1, 5, LARGEST):
        with pytest.raises(IdError, match=f"id {wrong} at place 2"):
            row_adam.lookup(torch.tensor([3, 1, wrong], dtype=torch.int32))
    rows, slot = row_adam.index(torch.tensor([1, 3, 1, 4], dtype=torch.int32))
    assert (rows.tolist(), slot.tolist()) == ([1, 3, 4], [0, 1, 0, 2])


EXPORTED = {"full": torch.int64, "qr": torch.int32, "sparse": torch.int64, "quantised": torch.int64}


@pytest.mark.parametrize("kind", EXPORTED)
def test_an_exported_graph_reads_a_foreign_id_as_unseen(kind, tmp_path):
    """A graph can't refuse: it says of an unknown id what the model says of the field's unseen value."""
    onnxruntime = pytest.importorskip("onnxruntime")
    dtype = EXPORTED[kind]
    settings = BackboneSettings(name="deepfm", embedding_dim=D, hidden=(4,), init_std=0.5)
    if kind == "full":  # restricted: the first column is not read, and the others' ids are shifted
        model = build_model(settings, SIZES, seed=0, fields=(1, 2))
    else:
        model = model_with(TABLES[kind]())
    model.eval()
    session = onnxruntime.InferenceSession(export_onnx(model, tmp_path / "m.onnx", ids=dtype))
    ids = good(40, dtype)
    damaged, unseen = ids.clone(), ids.clone()
    wrong = [-1, N, 5, LARGEST, -LARGEST - 1] + ([2**40, -(2**40)] if dtype == torch.int64 else [])
    for row, value in enumerate(wrong):
        damaged[row, 1], unseen[row, 1] = value, STARTS[1]
        damaged[-row - 1, 2], unseen[-row - 1, 2] = min(value, 9), STARTS[2]
    with torch.no_grad():
        for given, meant in ((ids, ids), (damaged, unseen)):
            (logits,) = session.run(None, {"ids": given.numpy()})
            assert np.allclose(logits, model(meant).numpy(), atol=1e-5)
    with pytest.raises(LfmpError):
        model(damaged)
