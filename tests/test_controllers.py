"""Gates for each example: their formulas by hand, who moves them, how they are stored."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from outcomes import share_of
from sized import sized
from torch.nn import functional

from lfmp_core.budget import Budget
from lfmp_core.data import Rows
from lfmp_core.data.thinned import ThinnedDataset
from lfmp_core.efficiency import export_onnx
from lfmp_core.errors import LfmpError
from lfmp_core.methods import get_method
from lfmp_core.methods.gating.adafs import AdaFSSettings, ControllerOnOtherRows
from lfmp_core.methods.gating.phases import mean_gates
from lfmp_core.models import BackboneSettings, build_model, load_model, save_model
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.models.controllers import AdaptiveGates, MultiViewGates
from lfmp_core.models.layers import Dropout
from lfmp_core.surgery import plan_fields
from lfmp_core.tasks import Clicks
from lfmp_core.training import Batches, Trainer, TrainingSettings, evaluate, predict

METHODS = [("adafs", {}), ("adafs", {"mode": "hard"}), ("mvfs", {})]


@pytest.fixture(scope="module")
def task(planted):
    backbone = BackboneSettings(name="deepfm", embedding_dim=4, hidden=(16,))
    return Clicks(planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=2))


def run(task, method, ratio=0.5, seed=1, folder=None, **settings):
    return get_method(method).run(task, share_of(method, ratio), seed, settings=settings, folder=folder)


def plain_norm(norm, mean=0.0, deviation=1.0):
    """Let a batch normalisation subtract and divide by known numbers."""
    norm.running_mean.fill_(mean)
    norm.running_var.fill_(deviation**2 - norm.eps)


@torch.no_grad()
def adaptive(keep=None, fields=2):
    """ē = (e − 1)/2 and logits = ReLU(ē), D = 1."""
    gates = AdaptiveGates(fields, 1, keep).eval()
    plain_norm(gates.norm, 1.0, 2.0)
    plain_norm(gates.controller[1])
    gates.controller[0].weight.copy_(torch.eye(fields))
    return gates


# ---------------------------------------------------------------------------------------------- formulas


def test_adafs_by_hand():
    """ē = (1, 2): softmax gives 1/(1+e) and e/(1+e); of (1, −1) ReLU leaves (1, 0)."""
    e = torch.tensor([[[3.0], [5.0]], [[3.0], [-1.0]]])
    expected = torch.tensor([[0.268941, 2 * 0.731059], [0.731059, -0.268941]])
    assert torch.allclose(adaptive()(e).squeeze(2), expected, atol=1e-5)


def test_hard_adafs_by_hand():
    """ē = (1, 2, 3) and k = 2: the two largest share 1 as 1 : e."""
    e = torch.tensor([[[3.0], [5.0], [7.0]]])
    expected = torch.tensor([[0.0, 2 * 0.268941, 3 * 0.731059]])
    assert torch.allclose(adaptive(2, 3)(e).squeeze(2), expected, atol=1e-5)


def test_adafs_normalises_over_batch_and_fields():
    gates = AdaptiveGates(3, 2)
    e = torch.randn(8, 3, 2) * 5 + 1
    normal = gates.vectors(e)
    assert torch.allclose(normal.mean((0, 1)), torch.zeros(2), atol=1e-6)
    assert torch.allclose(normal.var((0, 1), correction=0), torch.ones(2), atol=1e-3)
    gates.gating = False
    gates.eval()
    assert torch.equal(gates(e), gates.vectors(e))


def test_hard_adafs_opens_k_fields_an_example():
    gates = AdaptiveGates(9, 4, 3, generator=torch.Generator().manual_seed(0)).eval()
    w = gates.gate(torch.randn(500, 9, 4))
    assert ((w > 0).sum(1) == 3).all()
    assert torch.allclose(w.sum(1), torch.ones(500))


def test_mvfs_by_hand():
    """Views (¾, ¼) and (½, ½), each weighed by σ(0) = ½: I = (.625, .375); s = ½(1 + tanh(t(I − .1)))."""
    gates = MultiViewGates(2, 1, views=2).eval()
    plain_norm(gates.norm)
    with torch.no_grad():
        gates.networks.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]]))
        gates.mixer.weight.zero_()
    e = torch.tensor([[[1.0986123], [0.0]]])
    expected = torch.tensor([[0.740775, 0.634136]])
    assert torch.allclose(gates.gate(e), expected, atol=1e-5)
    assert torch.allclose(gates(e).squeeze(2), expected * e.squeeze(2), atol=1e-5)


def test_mvfs_temperature_counts_training_batches():
    gates = MultiViewGates(2, 1, growth=0.5, limit=2.0)
    seen = []
    for training in (True, False, False, True, True):
        gates.train(training)
        gates(torch.randn(4, 2, 1))
        seen.append(gates.temperature.item())
    assert seen == [1.5, 1.5, 1.5, 2.0, 2.0]


def test_mvfs_never_closes_a_gate_at_the_authors_threshold():
    """½(1 − tanh ½) = .2689, even at the largest temperature and for a field of no importance."""
    gates = MultiViewGates(39, 2, generator=torch.Generator().manual_seed(0)).eval()
    gates.temperature.fill_(5.0)
    with torch.no_grad():
        gates.mixer.bias.fill_(-20)
    assert gates.gate(torch.randn(64, 39, 2)).min() >= 0.2689


# ----------------------------------------------------------------------------------------- who moves what


def trainer(task, flipped=False, update_every=3, checkpoint=None):
    schema = task.dataset.schema
    model = build_model(task.backbone, schema.field_sizes, seed=0)
    model.controller = AdaptiveGates(39, 4, generator=torch.Generator().manual_seed(0))
    rows = task.dataset.split("val")
    if flipped:
        rows = type(rows)(rows.ids, 1 - np.asarray(rows.labels))
    objective = ControllerOnOtherRows(Batches(rows, 512, 7), update_every)
    train = task.dataset.split("train")[:2000]
    return Trainer(model, train, task.training, seed=5, objective=objective, checkpoint=checkpoint)


def parts(model):
    own = {k: v.detach().clone() for k, v in model.named_parameters()}
    return (
        {k: v for k, v in own.items() if k.startswith("controller.controller.")},
        {k: v for k, v in own.items() if not k.startswith("controller.controller.")},
    )


def same(first, second):
    return all(torch.equal(first[k], second[k]) for k in first)


def test_controller_moves_only_on_its_own_batches(task):
    """At steps 3 and 6, and there by what their labels say; the weights move at every step."""
    for flipped in (False, True):
        t = trainer(task, flipped)
        before, moved = parts(t.model), []
        for step in range(1, 8):
            t.fit(stop_at=step)
            after = parts(t.model)
            assert not same(before[1], after[1])
            moved += [] if same(before[0], after[0]) else [step]
            before = after
        assert moved == [3, 6]
    straight, flipped = trainer(task), trainer(task, flipped=True)
    for t in (straight, flipped):
        t.fit(stop_at=3)
    first, second = parts(straight.model), parts(flipped.model)
    assert same(first[1], second[1])  # those labels reach the weights through the controller alone
    assert not same(first[0], second[0])


def test_first_step_of_the_controller_follows_its_own_gradient(task):
    """Adam's first step is the learning rate times the gradient's sign."""
    t = trainer(task, update_every=1)
    for module in t.model.modules():
        if isinstance(module, Dropout):
            module.level = 0
    ids, values, labels = next(Batches(task.dataset.split("val"), 512, 7).epoch(0))
    loss = functional.binary_cross_entropy_with_logits(t.model(ids, values), labels)
    weight = t.model.controller.controller[0].weight
    (gradient,) = torch.autograd.grad(loss, [weight])
    before = weight.detach().clone()
    t.fit(stop_at=1)
    clear = gradient.abs() > 1e-6
    assert clear.float().mean() > 0.5
    assert torch.allclose((weight - before)[clear], -0.01 * gradient.sign()[clear], atol=1e-4)


def test_controllers_batches_come_by_number(task):
    """In any order of asking, so that a resumed run gets the ones that it would have got."""
    rows = task.dataset.split("val")
    objective = ControllerOnOtherRows(Batches(rows, 300, 3), 1)
    count = -(-len(rows) // 300)
    first = [objective.others[k][0] for k in range(2 * count + 1)]
    again = ControllerOnOtherRows(Batches(rows, 300, 3), 1)
    for k in (count + 1, 2 * count, 0, 1, count - 1):
        assert torch.equal(again.others[k][0], first[k])
    assert sum(map(len, first[:count])) == len(rows)
    assert not torch.equal(first[0], first[count])


def test_main_phase_can_be_cut_off(task, tmp_path):
    whole = trainer(task)
    whole.fit()
    trainer(task, checkpoint=tmp_path / "run").fit(stop_at=5)
    resumed = trainer(task, checkpoint=tmp_path / "run")
    assert resumed.steps == 5
    resumed.fit()
    state = whole.model.state_dict()
    assert same(state, resumed.model.state_dict())


# ------------------------------------------------------------------------------------------------- methods


@pytest.mark.parametrize(("method", "settings"), METHODS, ids=str)
def test_methods_learn_and_remove_nothing(task, method, settings, tmp_path):
    """Law 6, and 5 in a folder or not. Fields, table and first-order weights are all there, the controller
    comes on top."""
    outcome = run(task, method, **settings)
    assert evaluate(outcome.model, task.dataset.split("test"))[0]["auc"] > 0.75
    assert outcome.kept_fields == tuple(range(39))
    n = task.dataset.schema.num_ids
    backbone = 5 * n + 156 * 16 + 16 + 16 + 1 + 1
    own = {"adafs": 8 + 156 * 39 + 39 + 78, "mvfs": 156 * 195 + 195 + 390 + 195 * 5 + 5}[method]
    assert outcome.sizes()["parameters"] == backbone + own
    stored = sum(t.numel() * t.element_size() for t in outcome.model.state_dict().values())
    assert outcome.sizes()["bytes"] == stored
    assert len(outcome.details["mean_gates"]) == 39 and set(outcome.phases) == {"PT", "CT"}
    assert all(p.requires_grad for p in outcome.model.parameters())

    kept = run(task, method, folder=tmp_path / "run", **settings)
    assert same(outcome.model.state_dict(), kept.model.state_dict())
    again = run(task, method, folder=tmp_path / "run", **settings)
    assert same(outcome.model.state_dict(), again.model.state_dict())
    assert again.phases["PT"] == kept.phases["PT"]


@pytest.mark.parametrize(("method", "settings"), METHODS, ids=str)
def test_no_weight_follows_from_validation_labels(task, method, settings):
    """They stop a training and choose a rate; a controller that learnt them would make both blind."""
    whole = task.dataset
    rows = whole.split("val")
    other_labels = {"val": Rows(rows.ids, 1 - np.asarray(rows.labels))}
    flipped = ThinnedDataset(whole.folder, whole.schema, whole, other_labels)
    once = task.training.model_copy(update={"epochs": 1})
    straight = run(replace(task, training=once), method, **settings)
    other = run(replace(task, dataset=flipped, training=once), method, **settings)
    assert same(straight.model.state_dict(), other.model.state_dict())


@pytest.mark.parametrize(("method", "settings"), METHODS, ids=str)
def test_choice_is_of_the_largest_mean_gates(task, method, settings):
    settings = settings | {"pretrain_epochs": 0}
    choice = get_method(method).choose(task, Budget(0.75), 1, settings=settings)
    model, rows = run(task, method, 0.75, **settings).model.eval(), task.dataset.split("val")
    with torch.no_grad():
        e = model.table(torch.tensor(np.asarray(rows.ids)))
        gates = model.controller.gate(model.controller.vectors(e)).mean(0)
    assert np.allclose(choice.scores, gates.numpy(), atol=1e-5)
    assert choice.fields == tuple(sorted(np.argsort(-np.array(choice.scores))[:10].tolist()))
    if settings.get("mode") == "hard":
        assert ((model.controller.gate(model.controller.vectors(e)) > 0).sum(1) == 10).all()


# ------------------------------------------------------------------------------------------------- models


KINDS = [AdaptiveGates, lambda m, d: AdaptiveGates(m, d, 2), MultiViewGates]
PAIRS = [(name, KINDS[k % 3]) for k, name in enumerate(REGISTRY) if name != "dnn"]
PAIRS += [("dnn", kind) for kind in KINDS]


@pytest.mark.parametrize(("name", "make"), PAIRS)
def test_gated_models_are_stored_and_exported(name, make, tmp_path):
    """Law 2: saved over every backbone, exported from one; a cut is refused."""
    settings = sized(name, embedding_dim=3, hidden=(6,), cin=(4, 3), init_std=0.5)
    model = build_model(settings, (5, 4, 3), (1,), seed=0)
    ids = torch.randint(0, 3, (30, 3), dtype=torch.int32) + torch.tensor([0, 5, 9], dtype=torch.int32)
    values = torch.randn(30, 1)
    before = model(ids, values)
    model.controller = make(3, 3)
    assert not torch.allclose(model(ids, values), before, atol=1e-4)
    model.eval()
    logits = model(ids, values).detach()
    loaded = load_model(save_model(model, tmp_path / "model")).eval()
    assert torch.equal(loaded(ids, values), logits)
    with pytest.raises(LfmpError, match="weigh each field against all others"):
        plan_fields(model, (0, 1))
    if name == "dnn":
        onnxruntime = pytest.importorskip("onnxruntime")
        session = onnxruntime.InferenceSession(export_onnx(model, tmp_path / "model.onnx"))
        (exported,) = session.run(None, {"ids": ids.numpy(), "values": values.numpy()})
        assert np.allclose(exported, logits.numpy(), atol=1e-5)


def test_mean_gates_leave_the_model_as_it_was(task):
    model = run(task, "mvfs", pretrain_epochs=0).model
    rows = task.dataset.split("val")
    before = predict(model, rows)
    assert torch.equal(mean_gates(model, rows), mean_gates(model, rows))
    assert np.array_equal(before, predict(model, rows)) and not model.controller._forward_hooks


def test_settings_are_the_authors():
    assert AdaFSSettings().model_dump() == {"mode": "soft", "pretrain_epochs": 2, "update_every": 10}
    assert get_method("mvfs").settings_type().model_dump() == {
        "views": 5,
        "threshold": 0.1,
        "growth": 0.001,
        "limit": 5.0,
        "pretrain_epochs": 2,
    }
