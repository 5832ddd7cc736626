"""The laws of the book, over every backbone: one matrix."""

import json

import numpy as np
import pytest
import torch
from sized import sized
from torch.nn import functional

from lfmp_core.efficiency import export_onnx
from lfmp_core.embeddings import FullTable
from lfmp_core.errors import DataError, UnknownName, WrongValue
from lfmp_core.models import BackboneSettings, DNNSettings, build_model, load_model, save_model
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.surgery import CutPlan, cut, cut_optimizer_state, plan_fields
from lfmp_core.training import Trainer, TrainingSettings, predict

SIZES = (7, 3, 11, 2, 5, 4)
SCALARS = (1, 4)
CASES = [(name, {}) for name in REGISTRY if name != "pnn"]
CASES += [("pnn", {"product": p}) for p in ("inner", "outer")]
CASES += [("xdeepfm", {"cin": (4,)}), ("xdeepfm", {"cin": (5, 4)}), ("dnn", {"batch_norm": True})]
MASKS = [(0,), (5,), (1, 4), (0, 2, 3), (1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5)]


def make(name, options, scalars=(), seed=3):
    options = {"cin": (4, 3, 5)} | options
    settings = sized(name, embedding_dim=3, hidden=(8, 6), init_std=0.5, **options)
    model = build_model(settings, SIZES, scalars, seed=seed)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():  # zeros would hide a wrong cut
        if not parameter.any():
            parameter.data.normal_(generator=generator)
    return model


def make_batch(rows=64, seed=0):
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, *SIZES[:-1]])
    ids = torch.from_numpy((rng.integers(0, SIZES, (rows, len(SIZES))) + offsets).astype(np.int32))
    values = torch.from_numpy(rng.normal(size=(rows, len(SCALARS))).astype(np.float32))
    return ids, values, torch.from_numpy(rng.integers(0, 2, rows).astype(np.float32))


def mask_of(kept):
    z = torch.zeros(len(SIZES))
    z[list(kept)] = 1
    return z


@pytest.mark.parametrize("scalars", [(), SCALARS], ids=["ids", "scalars"])
@pytest.mark.parametrize("kept", MASKS, ids=str)
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_masked_equals_cut(name, options, kept, scalars):
    """Law 1: same logits, same loss, and the same weights after the next step of Adam with L2."""
    whole = make(name, options, scalars)
    ids, values, labels = make_batch()
    values = values if scalars else None
    plan = plan_fields(whole, kept)
    small = cut(whole, plan)
    z = mask_of(kept)
    before = whole(ids, values, z, gate_linear=True)
    assert torch.allclose(before, small(ids, values), atol=1e-6)

    start = {key: parameter.detach().clone() for key, parameter in small.named_parameters()}
    steps = [torch.optim.Adam(m.parameters(), 1e-2, weight_decay=1e-3) for m in (whole, small)]
    for logits, step in ((before, steps[0]), (small(ids, values), steps[1])):
        functional.binary_cross_entropy_with_logits(logits, labels).backward()
        step.step()
    whole_parameters = dict(whole.named_parameters())
    for key, parameter in small.named_parameters():
        if not parameter.numel():  # one field has no pairs
            continue
        assert torch.allclose(parameter.grad, plan.take(key, whole_parameters[key].grad), atol=1e-6), key
    for key, parameter in small.named_parameters():
        if not parameter.numel():
            continue
        expected = plan.take(key, dict(whole.named_parameters())[key])
        # Adam divides by the gradient's size, decay included: where that is rounding noise, so is the step
        reliable = (parameter.grad + 1e-3 * start[key]).abs() > 1e-5
        assert torch.allclose(parameter[reliable], expected[reliable], atol=1e-4), key
    if name != "dnn" or not options:
        after = whole(ids, values, z, gate_linear=True)
        assert torch.allclose(after, small(ids, values), atol=1e-3)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_cut_really_removes(name, options):
    """Every stored number of a cut field is gone: the count is that of a model made for those fields."""
    kept = (0, 2, 3)
    small = cut(make(name, options), plan_fields(make(name, options), kept))
    fresh = build_model(small.settings, [SIZES[f] for f in kept], seed=0)
    shapes = [{k: v.shape for k, v in model.state_dict().items()} for model in (small, fresh)]
    assert shapes[0] == shapes[1]
    assert small.num_parameters() < make(name, options).num_parameters()


def test_cut_twice_equals_cut_once():
    whole = make("xdeepfm", {}, SCALARS)
    ids, values, _ = make_batch()
    once = cut(whole, plan_fields(whole, (1, 2, 5)))
    middle = cut(whole, plan_fields(whole, (0, 1, 2, 5)))
    twice = cut(middle, plan_fields(middle, (1, 2, 3)))
    assert torch.equal(once(ids, values), twice(ids, values))


@pytest.mark.parametrize("gate_linear", [False, True])
@pytest.mark.parametrize("name", REGISTRY)
def test_folded_gates_leave_logits_unchanged(name, gate_linear):
    """A half-open gate folded into the weights needs no mask any more."""
    whole = make(name, {}, SCALARS)
    ids, values, _ = make_batch()
    z = torch.tensor([0.3, 1.0, 0.7, 0.1, 0.9, 0.5])
    small = cut(whole, plan_fields(whole, range(6)), z, gate_linear=gate_linear)
    assert torch.allclose(whole(ids, values, z, gate_linear=gate_linear), small(ids, values), atol=1e-5)


def test_optimizer_state_is_cut_like_the_weights():
    """With moments carried over, the cut model's next step is the masked model's."""
    whole = make("xdeepfm", {})
    ids, _, labels = make_batch()
    kept = (1, 3, 4)
    z, plan = mask_of(kept), plan_fields(whole, kept)

    def step(model, optimizer, gate=None):
        optimizer.zero_grad()
        logits = model(ids, None, gate, gate_linear=True)
        functional.binary_cross_entropy_with_logits(logits, labels).backward()
        optimizer.step()

    first = torch.optim.Adam(whole.parameters(), 1e-2)
    for _ in range(5):
        step(whole, first, z)
    small = cut(whole, plan)
    state = {k: dict(first.state[p]) for k, p in whole.named_parameters()}
    second = torch.optim.Adam(small.parameters(), 1e-2)
    for key, value in cut_optimizer_state(state, plan).items():
        second.state[dict(small.named_parameters())[key]] = value
    for _ in range(3):
        step(whole, first, z)
        step(small, second)
    logits = whole(ids, None, z, gate_linear=True), small(ids)
    assert torch.allclose(*logits, atol=1e-4)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_saved_and_exported_models_score_alike(name, options, tmp_path):
    """Law 2: cut, save, load, export to ONNX: same logits, for any batch size."""
    onnxruntime = pytest.importorskip("onnxruntime")
    whole = make(name, options, SCALARS).eval()
    small = cut(whole, plan_fields(whole, (1, 2, 4))).eval()
    ids, values, _ = make_batch(33)
    loaded = load_model(save_model(small, tmp_path / "model")).eval()
    assert torch.equal(small(ids, values), loaded(ids, values))
    session = onnxruntime.InferenceSession(export_onnx(small, tmp_path / "model.onnx"))
    (logits,) = session.run(None, {"ids": ids.numpy(), "values": values.numpy()})
    assert np.allclose(logits, small(ids, values).detach().numpy(), atol=1e-5)


def test_damaged_models_are_refused(tmp_path):
    folder = save_model(make("dnn", {}), tmp_path / "model")
    head = json.loads((folder / "model.json").read_text())
    for entry in ({"row_width": "x"}, {"whole": [99, 1]}, {"value_width": True}, {"field_sizes": [36, -4]}):
        (folder / "model.json").write_text(json.dumps(head | entry))
        with pytest.raises(DataError, match="no whole model"):
            load_model(folder)
    (folder / "model.json").write_text(json.dumps(head))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-40])
    with pytest.raises(DataError, match="no whole model"):
        load_model(folder)
    with pytest.raises(DataError, match="no whole model"):
        load_model(tmp_path / "absent")


@pytest.mark.parametrize("name", REGISTRY)
def test_counts_are_what_is_stored(name):
    """Law 3."""
    model = make(name, {})
    assert model.num_parameters() == sum(p.numel() for p in model.parameters())
    assert model.table.num_parameters() == sum(SIZES) * 3
    assert model.table.num_bytes() == sum(SIZES) * 3 * 4


def test_weight_view_equals_forward():
    """Law 4."""
    table = FullTable(SIZES, 4, std=1.0, generator=torch.Generator().manual_seed(0))
    ids = torch.randint(0, sum(SIZES), (9, 5))
    assert torch.equal(table.weight_view()[ids], table(ids))


@pytest.mark.parametrize("name", REGISTRY)
def test_starting_logits_are_sane(name):
    """An untrained model says about one half, not ±6 as N(0, 1) first-order weights would."""
    model = build_model(BackboneSettings(name=name), (50,) * 39, seed=0).eval()
    ids = torch.randint(0, 50, (256, 39)) + torch.arange(39) * 50
    assert model(ids).abs().max() < 0.2


@pytest.mark.parametrize("name", REGISTRY)
def test_every_backbone_learns(name, planted):
    """Law 6: on planted rows with a strong signal each beats chance (.5) by a wide margin."""
    settings = sized(name, embedding_dim=4, hidden=(32,), cin=(8, 8))
    schema = planted.schema
    model = build_model(settings, schema.field_sizes, schema.scalar_columns, seed=0)
    training = TrainingSettings(learning_rate=0.01, batch_size=256, epochs=4)
    history = Trainer(model, planted.split("train"), training, seed=0, validation=planted.split("val")).fit()
    assert max(h["val_auc"] for h in history) > 0.75


@pytest.mark.parametrize("name", REGISTRY)
def test_same_seed_same_bits(name, planted):
    """Law 5, and another seed gives other bits."""
    rows, schema = planted.split("train")[:1000], planted.schema

    def logits(seed):
        settings = sized(name, embedding_dim=4, hidden=(16,), cin=(4, 4), dropout=0.3)
        model = build_model(settings, schema.field_sizes, seed=seed)
        Trainer(model, rows, TrainingSettings(batch_size=256, epochs=2), seed=seed).fit()
        return predict(model, rows)

    assert np.array_equal(logits(1), logits(1))
    assert not np.array_equal(logits(1), logits(2))


def test_refusals_name_the_nearest():
    with pytest.raises(UnknownName, match="'xdeepfm'"):
        BackboneSettings(name="xdeepmf")
    with pytest.raises(UnknownName, match="'embedding_dim'"):
        BackboneSettings(name="dnn", embeding_dim=3)
    with pytest.raises(UnknownName, match="DNNSettings parameter 'cin'"):
        BackboneSettings(name="dnn", cin=(4, 4))
    with pytest.raises(WrongValue, match="BackboneSettings needs name"):
        BackboneSettings(embedding_dim=3)
    with pytest.raises(WrongValue, match="the backbone 'pnn' takes PNNSettings"):
        DNNSettings(name="pnn")
    model = make("dnn", {})
    for fields in ((), (0, 0), (6,), (-1, 2)):
        with pytest.raises(ValueError, match=r"0\.\.5"):
            plan_fields(model, fields)
    other = plan_fields(make("pnn", {}), (0, 1))
    with pytest.raises(ValueError, match="another model"):
        cut(model, other)
    with pytest.raises(ValueError, match="scalar"):
        make("dnn", {}, SCALARS)(make_batch()[0])


def test_plan_is_json_and_prints_what_it_removes():
    model = make("xdeepfm", {})
    plan = plan_fields(model, (0, 3))
    assert CutPlan.model_validate_json(plan.model_dump_json()) == plan
    assert plan.cuts["table.weight"] == {0: ((0, 7), (21, 23))}
    assert plan.cuts["deep.linears.0.weight"] == {1: ((0, 3), (9, 12))}
    assert plan.cuts["cin.weights.0"] == {1: ((0, 1), (3, 4)), 2: ((0, 1), (3, 4))}
    assert plan.cuts["cin.weights.1"] == {2: ((0, 1), (3, 4))}
    assert "keep 2 of 6 fields: 0, 3" in str(plan)
    assert "32 × 3 → 9 × 3" in " ".join(str(plan).split())
