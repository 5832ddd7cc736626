"""The laws over every table kind and every compressing method × backbone × sparsity: one matrix.

A table knows its field sizes, D and the sparsity, and never the backbone over it; a backbone knows its table
as vectors [B, m, D] and their gradient, and never the sparsity. Nothing else passes from one to the other,
so every two of (table or method, backbone, sparsity) meet here, and not every three: each form is in every
backbone, at each sparsity in turn.
"""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sized import sized
from torch.nn import functional

from lfmp_core.budget import Budget
from lfmp_core.data import PrepareSettings, own_table, prepare
from lfmp_core.efficiency import export_onnx
from lfmp_core.embeddings import TABLES, BudgetError, FullTable, Table, build_table
from lfmp_core.embeddings.entry_mask import EntryMask
from lfmp_core.embeddings.field_columns import FieldColumnsTable
from lfmp_core.embeddings.masked import MaskedRows
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.ragged import RaggedTable
from lfmp_core.embeddings.soft_threshold import SoftThresholdTable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.methods import METHODS, get_method
from lfmp_core.methods.compression.autodim import CandidateTable
from lfmp_core.models import build_model, load_model, save_model
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.tasks import Clicks
from lfmp_core.training import TrainingSettings, evaluate, predict

# ----------------------------------------------------- what is trained, at three sparsities, in six backbones

DIM = 32  # so that one number a row is less than a twentieth
SPARSITIES = (0.5, 0.8, 0.95)
# each case: method, its settings, how far the count may be from the budget
CASES: dict[str, tuple[str, dict, float]] = {
    "smaller_dense": ("smaller_dense", {}, 0.3),
    "magprune": ("magprune", {}, 0),
    "pep": ("pep", {"rise_epochs": 2, "find_epochs": 2}, 0),
    "cerp": ("cerp", {"rise_epochs": 2, "find_epochs": 2}, 0),
    "deeplight": ("deeplight", {}, 0),
    "dsl": ("dsl", {"anneal_epochs": 2}, 0),
    "sseds": ("sseds", {}, 0.01),
    "autodim": ("autodim", {"find_epochs": 1}, 0),
    "optembed_budget": (
        "optembed_budget",
        {"search": {"search_epochs": 1, "evolution": {"mutated": 3, "crossed": 2, "generations": 1}}},
        0,
    ),
    "optembed_d": (
        "optembed_d",
        {"search_epochs": 1, "evolution": {"mutated": 3, "crossed": 2, "generations": 1}},
        0,
    ),
}
SPARSER = {"autodim", "optembed_budget", "optembed_d"}  # choose among all that is small enough
TABLE_CASES: dict[str, tuple[str, dict, float]] = {
    "hashing": ("hashing", {}, 0.01),
    "universal": ("hashing", {"hash": "universal"}, 0.01),
    "qr": ("qr", {}, 0.01),
    "tt_rec": ("tt_rec", {}, 0.01),
    "tt_cached": ("tt_rec", {"cache_rows": 12}, 0.01),
    "dhe": ("dhe", {"hashes": 32, "depth": 2}, 0.01),
    "memcom": ("memcom", {}, 0.01),
    "mixed_dimension": ("mixed_dimension", {}, 0.1),  # whole dimensions of seven fields
}
for case, (kind, own, tolerance) in TABLE_CASES.items():
    CASES[case] = ("table", {"table": kind, "table_settings": own, "tolerance": tolerance}, tolerance)
MATRIX = [
    (case, backbone, SPARSITIES[(i + j) % 3])
    for i, case in enumerate(CASES)
    for j, backbone in enumerate(REGISTRY)
]


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    """3,000 rows whose click depends on whether two fields agree, and on no field alone; and a long tail."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("crossed")
    few = [rng.integers(0, size, 3_000) for size in (6, 6, 4, 20)]
    tail = [np.where(rng.random(3_000) < 0.25, 1 + np.arange(3_000), 0) for _ in range(3)]
    ids = np.stack(few + tail, 1)
    logits = 5 * (-1.0) ** (ids[:, 0] + ids[:, 1])
    clicks = (rng.random(3_000) < 1 / (1 + np.exp(-logits))).astype(int)
    lines = [",".join([str(y), *(f"{f}{v}" for f, v in zip("abcdefg", row, strict=True))]) for y, row in
             zip(clicks, ids, strict=True)]  # fmt: skip
    (folder / "rows.csv").write_text("\n".join(["click,a,b,c,d,e,f,g", *lines, ""]))
    settings = PrepareSettings(shares=(6, 3, 1), threshold=1, vocabulary_rows="all")
    return prepare(own_table(folder / "rows.csv", "click"), folder / "rows", settings, progress=False)


def small(backbone, dim=DIM):
    sizes = {"hidden": (16,), "cin": (4,), "cross_layers": 1, "experts": 2, "rank": 4}
    return sized(backbone, embedding_dim=dim, init_std=0.1, **sizes)


def test_the_matrix_is_whole():
    """Every compressing method and every kind of table is a case; every two of the three meet."""
    named = {name for name, m in METHODS.items() if "numbers" in m.removes} - {"quantise"}
    assert {method for method, _, _ in CASES.values()} == named
    assert {kind for kind, _, _ in TABLE_CASES.values()} == set(TABLES) - {"full"}
    for pairs, of in (
        ({(c, b) for c, b, _ in MATRIX}, (CASES, REGISTRY)),
        ({(c, t) for c, _, t in MATRIX}, (CASES, SPARSITIES)),
        ({(b, t) for _, b, t in MATRIX}, (REGISTRY, SPARSITIES)),
    ):
        assert len(pairs) == len(of[0]) * len(of[1])


class Nothing(Table):
    """Every vector zero."""

    def __init__(self, field_sizes):
        super().__init__()
        self.field_sizes = field_sizes

    def forward(self, ids):
        return torch.zeros(*ids.shape, DIM)


@pytest.mark.parametrize(("case", "backbone", "sparsity"), MATRIX)
def test_compressed_models_keep_the_laws(case, backbone, sparsity, crossed, tmp_path):
    """Laws 2, 3, 4 and 6. What is learnt is in the vectors: without them the model is at chance, .5."""
    method, settings, tolerance = CASES[case]
    rate, epochs = (0.01, 8) if case == "dhe" else (0.02, 4)
    training = TrainingSettings(learning_rate=rate, batch_size=128, epochs=epochs, patience=epochs)
    task = Clicks(crossed, small(backbone), training)
    outcome = get_method(method).run(task, Budget(sparsity, "numbers"), 1, settings=settings)
    model, rows = outcome.model, crossed.split("val")
    table = model.table

    target = (1 - sparsity) * crossed.schema.num_ids * DIM
    count = table.num_parameters()
    assert count == pytest.approx(target, rel=tolerance, abs=1) or (case in SPARSER and count < target)
    assert outcome.details["sparsity"] == pytest.approx(1 - count / (crossed.schema.num_ids * DIM))

    ids = torch.from_numpy(np.array(rows.ids[:50]))
    vectors = table.eval()(ids)
    assert vectors.shape == (50, 7, table.dim)
    assert torch.allclose(table.weight_view()[ids.long()], vectors, atol=1e-6)
    assert method != "table" or table.kind == settings["table"]
    assert outcome.history[-1]["train_loss"] < outcome.history[0]["train_loss"]
    assert evaluate(model, rows)[0]["auc"] > 0.65

    folder = save_model(model, tmp_path / "model")
    stored = {k: v for k, v in load_file(folder / "model.safetensors").items() if k.startswith("table.")}
    assert table.num_bytes() == sum(v.nbytes for v in stored.values()) >= 4 * count
    assert np.array_equal(predict(load_model(folder), rows), predict(model, rows))
    if table.dim == DIM:
        model.table = Nothing(model.field_sizes)
        assert evaluate(model, rows)[0]["auc"] == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("case", ["memcom", "mixed_dimension", "autodim"])
def test_what_needs_a_number_a_row_says_so(case, crossed):
    """At D = 8 a twentieth is less than half a number a row."""
    method, settings, _ = CASES[case]
    task = Clicks(crossed, small("dnn", dim=8), TrainingSettings(epochs=1))
    with pytest.raises(BudgetError, match=r"at least one number|one number per id"):
        get_method(method).run(task, Budget(0.95, "numbers"), 1, settings=settings)


# ------------------------------------------------------------------ every form of a table, in six backbones

SIZES, D = (4, 7, 2), 8
N = sum(SIZES)


def generator():
    return torch.Generator().manual_seed(0)


def plain(sizes=SIZES):
    return FullTable(tuple(sizes), D, std=1.0, generator=generator())


def half(rows=N):
    return torch.rand(rows, D, generator=generator()) < 0.5


def thresholded():
    table = SoftThresholdTable(plain())
    table.threshold.fill_(0.5)
    return table


def by_columns():
    kept = half(len(SIZES)).repeat_interleave(torch.tensor(SIZES), 0)
    return FieldColumnsTable.of(plain().weight, kept, SIZES)


def sparse(sizes=SIZES):
    return SparseTable.of(plain(sizes).weight, half(sum(sizes)), sizes)


def registered(name, **settings):
    return lambda: build_table({"name": name, **settings}, SIZES, D, generator())


LEARNING = {
    "full": registered("full", std=1.0),
    "hashing": registered("hashing", buckets=5),
    "universal": registered("hashing", buckets=5, hash="universal"),
    "qr": registered("qr", remainders=4),
    "tt_rec": registered("tt_rec", ranks=(3, 2)),
    "tt_cached": registered("tt_rec", ranks=(3, 2), cache_rows=3),
    "dhe": registered("dhe", hashes=6, hidden=(5, 4)),
    "memcom": registered("memcom", buckets=5, bias=True),
    "mixed_dimension": registered("mixed_dimension", dims=(8, 1, 3)),
    "thresholded": thresholded,
    "masked": lambda: MaskedRows(plain(), EntryMask(half())),
    "pair": lambda: PairTable(SIZES, plain((4,)), plain((4,))),
    "candidates": lambda: CandidateTable(SIZES, D, std=1.0, generator=generator()),
    "ragged": lambda: RaggedTable.pack(plain().weight.detach(), torch.arange(N) % (D + 1), SIZES),
}
SERVED = {
    "sparse": sparse,
    "field_columns": by_columns,
    "sparse_pair": lambda: PairTable(SIZES, sparse((4,)), sparse((4,))),
    "ragged": LEARNING["ragged"],
}
ALL = LEARNING | SERVED


def ids_of_all(rows=24):
    """Ids [rows, 3] in which every id occurs."""
    k = torch.arange(rows, dtype=torch.int32)
    return torch.stack([k % 4, 4 + k % 7, 11 + k % 2], 1)


def with_table(form, backbone):
    model = build_model(small(backbone, D), SIZES, seed=0)
    model.table = ALL[form]()
    if form == "tt_cached":
        model.table.populate(torch.arange(N))
    return model


@pytest.mark.parametrize("backbone", REGISTRY)
@pytest.mark.parametrize("form", LEARNING)
def test_gradients_reach_every_parameter_and_only_what_is_open(form, backbone):
    """A step of them lowers the loss; none comes where a mask is closed or a number below the threshold."""
    model = with_table(form, backbone).train()
    ids, labels = ids_of_all(), (torch.arange(24) % 3 == 0).float()

    def loss():
        return functional.binary_cross_entropy_with_logits(model(ids), labels)

    before = loss()
    before.backward()
    assert model.table(ids).shape == (24, 3, D)
    own = dict(model.table.named_parameters())
    assert all(p.grad is not None and p.grad.any() for p in own.values())
    if form in ("thresholded", "masked"):
        weight = own["table.weight"]
        is_open = weight.abs() > 0.5 if form == "thresholded" else model.table.gate.mask
        assert not weight.grad[~is_open].any() and weight.grad[is_open].all()
    elif form in ("full", "memcom", "mixed_dimension", "ragged"):  # every number is some id's
        assert all(p.grad.ne(0).float().mean() > 0.9 for p in own.values())
    with torch.no_grad():
        size = torch.stack([p.grad.norm() for p in own.values()]).norm()
        for p in own.values():
            p -= 1e-3 * p.grad / size
    assert loss() < before


@pytest.mark.parametrize("form", ALL)
def test_ids_outside_are_refused(form):
    """Law 8: n, and −1, where a formula or the last bucket would have a row for them all the same."""
    table = with_table(form, "dnn").table.eval()
    column = torch.tensor([[0], [N - 1]])
    for wrong in (-1, N, N + 1, -N, 10**6):
        ids = column.clone()
        ids[0] = wrong
        if form == "candidates":
            ids = ids.expand(2, len(SIZES))
        for grad in (True, False):
            with torch.set_grad_enabled(grad), pytest.raises(IndexError):
                table(ids)
            with torch.set_grad_enabled(grad), pytest.raises(IndexError):
                table(ids.int())


@pytest.mark.parametrize(
    ("form", "backbone"), zip(SERVED, ("deepfm", "xdeepfm", "dcn_mix", "pnn"), strict=True)
)
def test_served_forms_are_exported(form, backbone, tmp_path):
    """Law 2. An exporter meets the table's own operations whichever the backbone, so each is in one."""
    onnxruntime = pytest.importorskip("onnxruntime")
    model, ids = with_table(form, backbone).eval(), ids_of_all(9)
    session = onnxruntime.InferenceSession(export_onnx(model, tmp_path / "model.onnx"))
    (logits,) = session.run(None, {"ids": ids.numpy()})
    assert np.allclose(logits, model(ids).detach().numpy(), atol=1e-5)
    assert np.abs(logits - logits[0]).max() > 1e-3
