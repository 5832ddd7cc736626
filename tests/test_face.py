"""One's own code: models by sizes, tables in foreign models, rows as arrays, a loop of one's own."""

import logging
import pickle
import warnings

import numpy as np
import pytest
import torch
from outcomes import share_of
from torch import nn
from torch.nn import functional

import lfmp_core
from lfmp_core import (
    BackboneSettings,
    Clicks,
    Dataset,
    DeepFM,
    HardConcrete,
    LfmpError,
    Trainer,
    TrainingSettings,
    compress_,
    cut,
    get_method,
    plan_fields,
    predict,
)
from lfmp_core.data import with_shadows
from lfmp_core.embeddings import TABLES, FullTable, table_factory
from lfmp_core.errors import DataError
from lfmp_core.face.tables import table_configs
from lfmp_core.masking import HardConcrete as Gates
from lfmp_core.masking import MaskSettings
from lfmp_core.models import build_model
from lfmp_core.models.backbone import REGISTRY

SIZES = (40, 60, 50, 30)
COMPRESSED = [config for config in table_configs().values() if config.kind != "full"]


class Foreign(nn.Module):
    """Two embeddings of somebody else's, one of them in a container."""

    def __init__(self, **options):
        super().__init__()
        self.user = nn.Embedding(5000, 16, **options)
        self.rest = nn.ModuleDict({"item": nn.Embedding(9000, 16, **options)})

    def forward(self, user, item):
        return (self.user(user) * self.rest["item"](item)).sum(-1)


def same(one, two):
    a, b = one.state_dict(), two.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("name", REGISTRY)
def test_a_model_by_sizes_is_the_model_by_settings(name):
    make = getattr(lfmp_core, REGISTRY[name].__name__)
    theirs = make(np.array(SIZES), [1], embedding_dim=4, hidden=(8,), seed=5)
    ours = build_model(BackboneSettings(name=name, embedding_dim=4, hidden=(8,)), SIZES, [1], seed=5)
    assert type(theirs) is type(ours) and theirs.settings == ours.settings and same(theirs, ours)
    assert pickle.loads(pickle.dumps(make)) is make


@pytest.mark.parametrize("kind", TABLES)
def test_a_config_makes_the_table_of_the_registry(kind):
    config = next(c for c in table_configs().values() if c.kind == kind)
    sparsity = 0 if kind == "full" else 0.5
    ours = table_factory(kind, sparsity)((1000, 2000, 3000), 16, torch.Generator().manual_seed(5))
    assert same(config(sparsity=sparsity).make([1000, 2000, 3000], 16, seed=5), ours)
    model = DeepFM([1000, 2000, 3000], embedding_dim=16, table=config(sparsity=sparsity))
    assert type(model.table) is type(ours)
    stored = pickle.dumps(config(sparsity=sparsity))
    assert repr(pickle.loads(stored)) == f"{config.__name__}(sparsity={sparsity:.1f})"


def test_gates_are_those_of_the_settings():
    theirs = HardConcrete(39, seed=3, temperature=0.5)
    ours = Gates(39, MaskSettings(temperature=0.5), torch.Generator().manual_seed(3))
    assert torch.equal(theirs.a, ours.a) and torch.equal(theirs.sample(), ours.sample())


def test_fields_are_as_good_as_their_plan():
    model = DeepFM(SIZES, embedding_dim=4, seed=0)
    for fields in ([0, 2], np.array([2, 0]), torch.tensor([0, 2]), (f for f in (0, 2))):
        assert same(cut(model, fields), cut(model, plan_fields(model, (0, 2))))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("config", COMPRESSED, ids=lambda c: c.kind)
def test_embeddings_of_a_foreign_model(config, dtype):
    """Those that are named and no others, in their type, as small as asked; every number learns."""
    torch.manual_seed(0)
    model = Foreign(dtype=dtype).eval()
    before = model.user.weight
    assert compress_(model, config(sparsity=0.5), where="rest.item", seed=1) is model
    again = compress_(Foreign(dtype=dtype), config(sparsity=0.5), seed=1)
    table, ids = model.rest["item"], torch.tensor([0, 17, 8999])
    assert table(ids[:0]).shape == (0, 16) and table(ids.view(3, 1).int()).shape == (3, 1, 16)
    meta = compress_(Foreign(dtype=dtype, device="meta"), config(sparsity=0.5))
    assert {(p.device.type, p.dtype) for p in meta.parameters()} == {("meta", dtype)}
    assert model.user.weight is before and not table.training and type(again.user) is type(table)
    assert same(again.rest["item"], table), "a table's start depends on its path and the seed alone"
    assert table.num_parameters() == pytest.approx(0.5 * 9000 * 16, rel=0.01)
    assert {p.dtype for p in table.parameters()} == {dtype} and model(ids[:2], ids[:2]).dtype == dtype
    model.train()(ids[:2], ids[1:]).sum().backward()
    assert all(p.grad is not None for p in table.parameters())


def test_a_backbone_within_a_foreign_model():
    model = nn.Sequential(nn.Identity(), DeepFM(SIZES, embedding_dim=16))
    compress_(model, lfmp_core.QR(sparsity=0.5))
    assert type(model[1].table).__name__ == "QRTable" and type(model[1].linear) is FullTable
    assert model(torch.tensor([[0, 40, 100, 150]])).shape == (1,)


def tied():
    model = Foreign()
    model.head = nn.Linear(16, 5000, bias=False)
    model.head.weight = model.user.weight
    return model


def twice():
    model = Foreign()
    model.again = model.user
    return model


def frozen():
    model = Foreign()
    model.user.requires_grad_(False)
    return model


def parametrised():
    model = Foreign()
    nn.utils.parametrizations.weight_norm(model.user)
    return model


class Scaled(nn.Embedding):
    """An embedding that does something of its own."""


def scaled():
    model = Foreign()
    model.user = Scaled(5000, 16)
    return model


def tiny():
    model = Foreign()
    model.user = nn.Embedding(3, 16)
    return model


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Foreign(padding_idx=0), "padding_idx=0"),
        (lambda: Foreign(max_norm=1.0), "max_norm=1.0"),
        (lambda: Foreign(sparse=True), "sparse=True"),
        (lambda: Foreign(scale_grad_by_freq=True), "scale_grad_by_freq=True"),
        (tied, "shares its weight with head.weight"),
        (twice, "shares its weight with again.weight"),
        (frozen, "frozen"),
        (parametrised, "more than an nn.Embedding"),
        (scaled, "more than an nn.Embedding"),
        (tiny, r"in the place of 'user' \(3 × 16\)"),
        (lambda: nn.Embedding(10, 4), "can't be replaced within itself"),
        (lambda: nn.Linear(2, 2), "nothing to replace"),
    ],
)
def test_what_a_table_does_not_keep_is_refused(make, said):
    """In one line, and nothing is replaced."""
    model = make()
    before = {path: type(part) for path, part in model.named_modules()}
    with pytest.raises(LfmpError, match=said) as refused:
        compress_(model, lfmp_core.TTRec(sparsity=0.99))
    assert "\n" not in str(refused.value)
    assert {path: type(part) for path, part in model.named_modules()} == before


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: DeepFM([10, 0]), "field_sizes is 0: it must be at least 1"),
        (lambda: DeepFM(10), "field_sizes is 10: it must be a list of whole numbers"),
        (lambda: DeepFM([10, 2.5]), "must be a list of whole numbers"),
        (lambda: DeepFM([10], [1]), "scalar_fields is 1: it must be at least 0 and below 1"),
        (lambda: DeepFM([10], embeding_dim=4), "did you mean 'embedding_dim'"),
        (lambda: lfmp_core.QR(), r"QR needs a sparsity, as in QR\(sparsity=0.8\), or remainders"),
        (lambda: lfmp_core.TableConfig(0.5), "take one of them, such as QR"),
        (lambda: lfmp_core.QR(sparsty=0.5), "did you mean 'sparsity'"),
        (lambda: lfmp_core.QR(sparsity=1.5), "sparsity is 1.5: it must be at least 0 and below 1"),
        (
            lambda: compress_(Foreign(), lfmp_core.QR(sparsity=0.5), where="rest.itm"),
            "did you mean 'rest.item'",
        ),
        (lambda: compress_(Foreign(), "qr"), "compress_ needs"),
        (lambda: cut(DeepFM([4, 5]), [False, True]), "fields is .* it must be a list of whole numbers"),
        (lambda: cut(Foreign(), [0]), "cut from a backbone, not from a Foreign"),
        (lambda: HardConcrete(3, temprature=1), "did you mean 'temperature'"),
    ],
)
def test_wrong_words_are_one_line(call, said):
    with pytest.raises(LfmpError, match=said) as refused:
        call()
    assert "\n" not in str(refused.value)


def arrays(rows=2000, seed=0):
    """Ids that count from 0 in each field, and clicks that depend on fields 1 and 2 alone."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, SIZES, (rows, len(SIZES)))
    logit = 3 * (ids[:, 1] > 29) + 3 * (ids[:, 2] > 24) - 3
    return ids, (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)


OFFSETS = np.cumsum([0, *SIZES[:-1]])


@pytest.mark.parametrize("of", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_rows_are_the_arrays(of):
    """Every row is in one split, stratified; both numberings and a prepared data set's say the same."""
    ids, labels = arrays()
    data = Dataset.from_arrays(of(ids + OFFSETS), of(labels), SIZES)
    other = Dataset.from_arrays(of(ids), of(labels), SIZES, local=True)
    assert data.schema.fingerprint == other.schema.fingerprint
    assert (
        data.schema.fingerprint != Dataset.from_arrays(ids, 1 - labels, SIZES, local=True).schema.fingerprint
    )
    parts = [data.split(name) for name in ("train", "val", "test")]
    assert sorted(map(tuple, np.concatenate([p.ids for p in parts]))) == sorted(map(tuple, ids + OFFSETS))
    for part, name in zip(parts, ("train", "val", "test"), strict=True):
        assert part.labels.mean() == pytest.approx(labels.mean(), abs=0.01)
        assert data.schema.rows[name] == len(part) and data.schema.positives[name] == part.labels.sum()
        assert part.ids.dtype == np.int32 and part.labels.dtype == np.uint8 and not part.ids.flags.writeable
    assert [len(p) for p in parts] == pytest.approx([1600, 200, 200], abs=10)
    assert with_shadows(data, 0).split("val").ids.shape == (len(parts[1]), 8)


def test_splits_of_ones_own():
    ids, labels = arrays()
    mask = np.arange(2000) % 10 == 0
    splits = {"val": mask, "train": np.flatnonzero(~mask)[::-1]}
    data = Dataset.from_arrays(ids, labels, SIZES, local=True, splits=splits)
    assert (data.split("train").ids - OFFSETS == ids[~mask][::-1]).all()
    assert (data.split("val").labels == labels[mask]).all() and len(data.split("test")) == 0


def test_scalar_values():
    ids, labels = arrays(200)
    values = np.linspace(-1, 1, 200)[:, None]
    data = Dataset.from_arrays(ids, labels, SIZES, local=True, values=values, scalar_fields=[3])
    rows, model = data.split("train"), DeepFM(SIZES, data.schema.scalar_columns, embedding_dim=4)
    assert data.schema.scalar_columns == (3,) and len(predict(model, rows)) == len(rows)
    place = [row.tolist() for row in ids + OFFSETS].index(rows.ids[0].tolist())
    assert rows.values[0, 0] == np.float32(values[place, 0])


def changed(**given):
    ids, labels = arrays(100)
    return {"ids": ids + OFFSETS, "labels": labels, "field_sizes": SIZES} | given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ids": arrays(100)[0]}, r"column field 1: \d+ in row 0 .*, where 40 to 99 .*pass local=True"),
        ({"ids": np.full((100, 4), 179)}, "column field 0: 179 in row 0 .*, where 0 to 39 may stand"),
        ({"ids": np.full((100, 4), -1), "local": True}, "column field 0: -1 in row 0"),
        ({"ids": np.zeros((100, 3), int)}, "ids of shape"),
        ({"ids": np.zeros((100, 4))}, "float64, not whole numbers"),
        ({"labels": np.full(100, 2)}, "label 2 in row 0"),
        ({"labels": np.full(100, np.nan)}, "label nan in row 0"),
        ({"labels": np.zeros(99)}, "100 rows of ids and 99 labels"),
        ({"values": np.full((100, 1), np.inf), "scalar_fields": [0]}, "row 0 .* not a finite number"),
        ({"scalar_fields": [0]}, "values of shape"),
        ({"field_sizes": 179}, "field_sizes is 179: it must be a list of whole numbers"),
        ({"shares": (8, 1)}, "shares"),
        ({"names": ["a", "a", "b", "c"]}, "3 different names for 4 fields"),
        ({"splits": {"train": range(60), "val": range(50, 100)}}, "a row of val is in two splits"),
        ({"splits": {"train": [100]}}, "reach from 100 to 100, and there are 100"),
        ({"splits": {"training": [1]}}, "did you mean 'train'"),
    ],
)
def test_arrays_that_are_no_data_set(given, said):
    """In one line, with what to do where that is known."""
    with pytest.raises(LfmpError, match=said) as refused:
        Dataset.from_arrays(**changed(**given))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("random_forest", {"max_rows": 500}),
        ("permutation", {}),
        ("light_fmp", {"pretrain_rows": 400, "pretrain_passes": 3}),
        ("pep", {"find_epochs": 2}),
    ],
)
def test_methods_run_on_arrays(name, settings, tmp_path):
    """Selectors find the two fields that matter; a folder is tied to the rows."""
    ids, labels = arrays(4000)
    data = Dataset.from_arrays(ids, labels, SIZES, local=True)
    backbone = BackboneSettings(name="deepfm", embedding_dim=4, hidden=(8,))
    task = Clicks(data, backbone, TrainingSettings(learning_rate=0.02, batch_size=200, epochs=3))
    half = share_of(name, 0.5)
    outcome = get_method(name).run(task, half, settings=settings, folder=tmp_path / "run")
    assert np.isfinite(predict(outcome.model, data.split("test"))).all()
    if name in ("random_forest", "permutation"):
        assert outcome.kept_fields == (1, 2)
    other = Clicks(Dataset.from_arrays(ids, 1 - labels, SIZES, local=True), backbone, task.training)
    with pytest.raises(DataError, match="another run"):
        get_method(name).run(other, half, settings=settings, folder=tmp_path / "run")


def test_gates_in_ones_own_loop_find_the_fields():
    ids, labels = arrays(4000)
    data = Dataset.from_arrays(ids, labels, SIZES, local=True)
    rows, model, gates = (
        data.split("train"),
        DeepFM(SIZES, embedding_dim=4, hidden=(8,)),
        HardConcrete(4, seed=0),
    )
    adam = torch.optim.Adam(
        [{"params": model.parameters()}, {"params": gates.parameters(), "lr": 0.05}], 0.02
    )
    x, y = torch.tensor(rows.ids), torch.tensor(rows.labels).float()
    for step in range(150):
        pick = torch.arange(step * 200, step * 200 + 200) % len(y)
        loss = functional.binary_cross_entropy_with_logits(model(x[pick], gate=gates.sample()), y[pick])
        (loss + 0.05 * gates.open_probability().mean()).backward()
        adam.step()
        adam.zero_grad()
        gates.clamp()
    assert gates.kept_fields(0.5) == (1, 2)
    z = gates.deterministic().detach()
    small = cut(model, gates.kept_fields(0.5), gate=z)
    closed = torch.where(torch.isin(torch.arange(4), torch.tensor([1, 2])), z, 0.0)
    expected = model.eval()(x[:50], gate=closed) - sum(
        model.linear.weight[x[:50, f].long(), 0] for f in (0, 3)
    )
    assert torch.allclose(small(x[:50]), expected, atol=1e-5)


def test_a_trainer_on_arrays_learns():
    ids, labels = arrays(4000)
    data = Dataset.from_arrays(ids, labels, SIZES, local=True)
    model = DeepFM(SIZES, embedding_dim=4, hidden=(8,), seed=0)
    settings = TrainingSettings(learning_rate=0.02, batch_size=200, epochs=3)
    history = Trainer(model, data.split("train"), settings, seed=0, validation=data.split("val")).fit()
    assert history[-1]["val_auc"] > 0.8


def test_an_export_says_nothing_of_the_exporter(tmp_path):
    log = logging.getLogger("torch.onnx")
    before = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        lfmp_core.export_onnx(DeepFM([4, 5], embedding_dim=2, hidden=(4,)), tmp_path / "model.onnx")
    assert log.level == before


def test_the_other_numbering_is_named_only_where_it_fits():
    ids = arrays(100)[0]
    with pytest.raises(DataError, match="pass local=True"):
        Dataset.from_arrays(**changed(ids=ids))
    one = ids + OFFSETS
    one[7, 1] = 3
    with pytest.raises(DataError, match=r"3 in row 7 \(from 0\), where 40 to 99 may stand$"):
        Dataset.from_arrays(**changed(ids=one))
