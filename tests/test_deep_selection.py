"""AutoField, LPFS++, SFS and SHARK: their formulas, what moves what, and what they find."""

import itertools
import math
import sys

import numpy as np
import pytest
import torch
from sized import sized
from torch.nn import functional

from lfmp_core.budget import Budget
from lfmp_core.data import Dataset, Rows
from lfmp_core.errors import DataError
from lfmp_core.methods import get_method
from lfmp_core.methods.selection.autofield import AutoFieldSettings, TwoLevel
from lfmp_core.methods.selection.deep import endless, gated_loss, validation_rows
from lfmp_core.methods.selection.lpfs import LPFSSettings, PolarisingGates
from lfmp_core.methods.selection.sfs import field_saliency
from lfmp_core.methods.selection.shark import inputs, permutation_importance
from lfmp_core.models import Backbone, BackboneSettings, build_model
from lfmp_core.models.batch import ClickBatch
from lfmp_core.tasks import Clicks
from lfmp_core.training import Trainer, TrainingSettings, to_batch

SELECTORS = ("autofield", "lpfs", "sfs", "shark")
BACKBONES = ("xdeepfm", "deepfm", "wide_deep", "pnn", "dnn")
SIZES = (3, 2, 4, 2, 2)  # the last two fields carry scalars
SCALARS = (3, 4)


def small(name: str, scalars=SCALARS, **settings) -> Backbone:
    """A model of random weights, first-order ones included, large enough for every term to count."""
    own = sized(name, embedding_dim=3, hidden=(6,), cin=(3,), init_std=0.7, **settings)
    model = build_model(own, SIZES, scalars, seed=4)
    if model.linear is not None:
        torch.nn.init.normal_(model.linear.weight, generator=torch.Generator().manual_seed(5))
    return model


def rows_of(count: int, scalars=SCALARS) -> Rows:
    rng = np.random.default_rng(6)
    starts = np.cumsum([0, *SIZES])[:-1]
    ids = np.stack([a + rng.integers(n, size=count) for a, n in zip(starts, SIZES, strict=True)], 1)
    values = rng.normal(size=(count, len(scalars))).astype(np.float32) if scalars else None
    if values is not None:
        values[0] = 0  # a vector times 0 still has a gradient
    return Rows(ids.astype(np.int32), rng.integers(2, size=count).astype(np.uint8), values)


def scaling(ids, values):
    """What vectors are multiplied by [B, m, 1]: 1, and in scalar fields the value."""
    factors = torch.ones(len(ids), 5, 1)
    if values is not None:
        factors[:, list(SCALARS), 0] = values
    return factors


@pytest.mark.parametrize("scalars", [SCALARS, ()], ids=["scalars", "ids"])
@pytest.mark.parametrize("name", BACKBONES)
def test_permutation_importance_row_by_row(name, scalars):
    """The formula with one row at a time and its gradient through the whole loss, in evaluation mode."""
    model, rows = small(name, scalars, dropout=0.5, batch_norm=True), rows_of(11, scalars)
    found = permutation_importance(model.train(), rows, batch_size=4)
    model.eval()
    ids, values, labels = to_batch(rows, slice(0, 11))
    factors = scaling(ids, values)
    everything = model.table(ids) * factors
    weights = None if model.linear is None else model.linear(ids) * factors
    expected = torch.zeros(5, dtype=torch.float64)
    for k in range(11):
        e = everything[k : k + 1].detach().requires_grad_()
        w = torch.zeros(1, 5, 1) if weights is None else weights[k : k + 1].detach()
        w.requires_grad_()
        logit = model.bias + w.sum() + model.interact(e)
        own = None if values is None else values[k : k + 1]
        assert torch.allclose(logit, model(ids[k : k + 1], own), atol=1e-6)
        functional.binary_cross_entropy_with_logits(logit, labels[k : k + 1]).backward()
        change = (e.grad * (everything.mean(0) - e)).sum((0, 2))
        if weights is not None:
            change = change + (w.grad * (weights.mean(0) - w)).sum((0, 2))
        expected += change.abs().double().detach() / 11
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-7) and (found > 0).all()
    assert torch.allclose(found, permutation_importance(model, rows), rtol=1e-4)


def test_permutation_importance_by_hand():
    """Wide part only: one field of two ids with weights 0 and 2, bias 0; rows (id 0, y 0) and (id 1, y 1).

    Mean weight 1; errors σ(0) − 0 = .5 and σ(2) − 1 = −.1192; I = (|.5·1| + |−.1192·−1|)/2 = .3096.
    """
    model = build_model(BackboneSettings(name="wide_deep", embedding_dim=1, hidden=()), (2,), seed=0)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    model.linear.weight.data[1] = 2
    rows = Rows(np.array([[0], [1]], np.int32), np.array([0, 1], np.uint8))
    assert permutation_importance(model, rows).tolist() == pytest.approx([0.30960], abs=1e-5)
    x = inputs(model, to_batch(rows, slice(0, 2)))
    assert x.shape == (2, 1, 2) and x[..., 1].flatten().tolist() == [0, 2]


@pytest.mark.parametrize("name", BACKBONES)
def test_saliency_is_the_slope_of_the_loss(name):
    """Against central differences of the loss in each gate; batches of 8 and 3 rows weigh 8 and 3."""
    model, rows = small(name, dropout=0.5), rows_of(11)
    batches = [to_batch(rows, slice(0, 8)), to_batch(rows, slice(8, 11))]
    found = field_saliency(model.train(), batches)
    model = model.double().eval()
    expected = torch.zeros(5, dtype=torch.float64)
    for ids, values, labels in batches:
        for f in range(5):
            step = torch.zeros(5, dtype=torch.float64)
            step[f] = 1e-5
            batch = (ids, values, labels.double())
            with torch.no_grad():
                high, low = (model_loss(model, batch, 1 + sign * step) for sign in (1, -1))
            expected[f] += len(labels) * abs(high - low) / 2e-5
    assert found.sum().item() == pytest.approx(1)
    assert torch.allclose(found, expected / expected.sum(), rtol=1e-3, atol=1e-5)


def model_loss(model, batch, gate):
    """Log-loss with the gate multiplied into vectors and first-order weights by hand."""
    ids, values, labels = batch
    factors = scaling(ids, values) * gate[:, None]
    logit = model.bias + model.interact(model.table(ids) * factors)
    if model.linear is not None:
        logit = logit + (model.linear(ids) * factors).sum((1, 2))
    return functional.binary_cross_entropy_with_logits(logit, labels)


def test_polarising_gate_by_hand():
    """α = 10, τ = 2. ε = .1, x = 1: 1/1.1 + 10·√.1·π/4 = 3.39274; ε = .01 at the end of five steps."""
    gates = PolarisingGates(4, LPFSSettings(final_epsilon=0.01), steps=5)
    assert gates.gates(0).tolist() == pytest.approx([1 / 1.1 + 10 * math.sqrt(0.1) * math.pi / 4] * 4)
    assert [gates.epsilon(k) for k in (0, 2, 4, 9)] == pytest.approx([0.1, math.sqrt(0.001), 0.01, 0.01])
    gates.x.data = torch.tensor([0.5, -0.5, 0.0, 2.0])
    half = 0.25 / 0.26 + math.atan(0.5)
    assert gates.gates(4).tolist() == pytest.approx([half, -half, 0, 4 / 4.01 + math.atan(2)])
    # a gate that the proximal step has shut can be opened again: g'(0) = α ε^{1/τ}
    gates.gates(4).sum().backward()
    assert gates.x.grad[2].item() == pytest.approx(1.0)


def test_proximal_step(planted):
    """After each of Adam's steps |x| loses λη, and stays at 0 once there; no L2 on x."""
    settings = LPFSSettings(threshold=0.5, learning_rate=0.1)
    gates = PolarisingGates(4, settings, steps=5)
    gates.x.data = torch.tensor([1.0, -1.0, 0.04, -0.04])
    gates.after_step(0)
    assert gates.x.tolist() == pytest.approx([0.95, -0.95, 0, 0])
    assert gates.groups(0.3) == [{"params": [gates.x], "lr": 0.1, "weight_decay": 0}]
    # within a trainer: Adam's first step is the learning rate, against the slope
    objective = PolarisingGates(39, settings, steps=5)
    trainer_of(planted, objective).fit(stop_at=1)
    moved = objective.x.detach() - 1
    assert all(min(abs(d + 0.05 - s) for s in (0.1, -0.1)) < 1e-3 for d in moved.tolist())


def test_lpfs_ranks_by_size_not_sign(planted, monkeypatch):
    """A gate of −3 counts more than one of 1."""

    def train(task, context, *, epochs, objective):
        objective.x.data = torch.linspace(-3, 1, 39)

    # the package's `lpfs` is the scoring; the module of that name is behind it
    monkeypatch.setattr(sys.modules["lfmp_core.methods.selection.lpfs"], "train_all_fields", train)
    choice = get_method("lpfs").choose(quick(planted), Budget(0.75), 0)
    assert choice.fields == tuple(range(10))
    assert choice.details["gates"][0] < 0 < choice.scores[0]


def trainer_of(dataset, objective, optimizer="dense", name="deepfm") -> Trainer:
    model = build_model(quick(dataset, name).backbone, dataset.schema.field_sizes, seed=1)
    settings = TrainingSettings(learning_rate=0.01, batch_size=256, epochs=2, optimizer=optimizer)
    return Trainer(model, dataset.split("train"), settings, seed=2, objective=objective)


def flipped(batches):
    for ids, values, labels in batches:
        yield ClickBatch(ids, values, 1 - labels)


def two_level(dataset, *, flip=False, **settings):
    batches = endless(quick(dataset), 3)
    return TwoLevel(39, AutoFieldSettings(**settings), flipped(batches) if flip else batches, 4)


@pytest.mark.parametrize("optimizer", ["dense", "lazy"])
def test_each_level_moves_its_own(planted, optimizer):
    """Validation labels turned round move the logits the other way and no weight, where logits move so
    little that gates stay the same; training steps without an update leave the logits as they are."""
    weights, logits = [], []
    for flip in (False, True):
        objective = two_level(planted, flip=flip, learning_rate=1e-30, update_every=1)
        objective.logits.data *= 0  # 1e-30 is lost beside ½
        trainer = trainer_of(planted, objective, optimizer)
        trainer.fit(stop_at=4)
        trainer.flush()
        weights.append({k: v.clone() for k, v in trainer.model.state_dict().items()})
        logits.append(objective.logits.detach().sign())
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])
    assert (logits[0] != 0).all() and (logits[0] != logits[1]).float().mean() > 0.6

    objective = two_level(planted, update_every=3)
    trainer = trainer_of(planted, objective, optimizer)
    trainer.fit(stop_at=2)
    assert (objective.logits == 0.5).all() and objective.updates == 0 and objective.logits.grad is None
    trainer.fit(stop_at=3)
    assert (objective.logits != 0.5).all() and objective.updates == 1
    assert all(p is not objective.logits for g in trainer.optimizer.param_groups for p in g["params"])
    trainer.fit(stop_at=30)  # the two logits get opposite gradients
    assert torch.allclose(objective.logits.sum(1), torch.ones(39), atol=1e-5) and objective.updates == 10


def test_logits_step_is_adams_on_the_validation_loss(planted):
    """One update with the weights as they are: the gradient of the validation loss under the same noise."""
    objective, twin = (two_level(planted, learning_rate=0.01, update_every=1) for _ in range(2))
    trainer = trainer_of(planted, objective)
    trainer.fit(stop_at=0)
    batch = next(twin.validation)
    (slope,) = torch.autograd.grad(gated_loss(trainer.model, batch, twin.sample(0)), [twin.logits])
    before = {k: v.clone() for k, v in trainer.model.state_dict().items()}
    objective(trainer.model, to_batch(planted.split("train"), slice(0, 256)), 0)
    moved = objective.logits.detach() - 0.5
    assert torch.allclose(moved, -0.01 * slope / (slope.abs() + 1e-8), atol=1e-7)
    assert all(torch.equal(before[k], v) for k, v in trainer.model.state_dict().items())
    assert all(p.grad is None for p in trainer.model.parameters()) and objective.logits.grad is None


def test_gumbel_softmax(planted):
    """P(p^keep > ½) = e^keep/(e^drop + e^keep) at any temperature, and a cold gate is 0 or 1."""
    objective = two_level(planted, temperature_decay=1e-3)
    assert [objective.temperature(k) for k in (0, 250, 10_000)] == pytest.approx([1, 0.75, 0.01])
    objective.logits.data = torch.tensor([[0.0, 1.0]]).repeat(20_000, 1)
    warm, cold = objective.sample(0), objective.sample(10_000)
    for gate in (warm, cold):
        assert (gate > 0.5).float().mean().item() == pytest.approx(1 / (1 + math.exp(-1)), abs=0.01)
    assert ((warm > 0.05) & (warm < 0.95)).float().mean() > 0.7
    assert ((cold > 0.05) & (cold < 0.95)).float().mean() < 0.03


def quick(dataset, name="dnn", epochs=4) -> Clicks:
    backbone = sized(name, embedding_dim=4, hidden=(16,), cin=(4,))
    return Clicks(dataset, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=epochs))


@pytest.mark.parametrize("method", SELECTORS)
def test_planted_fields_are_found(planted, method):
    """Law 6. Of 39 fields 10 are informative and 6 repeat one of them; 16 are kept. Blind draws hold 4.1 of
    the ten and 6.6 of the sixteen, with deviations of 1.2 and 1.5."""
    names, truth = planted.schema.field_names, planted.schema.truth
    informative = {f for f, name in enumerate(names) if name in truth["informative"]}
    useful = informative | {f for f, name in enumerate(names) if name in truth["redundant"]}
    for name, seed in itertools.product(("dnn", "deepfm"), (0, 1)):
        kept = set(get_method(method).choose(quick(planted, name), Budget(0.6), seed).fields)
        assert len(kept) == 16 and len(kept & informative) >= 8 and len(kept & useful) >= 12


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_same_seed_same_bits(name, planted_scalar):
    """Law 5, and a seed that matters; `choose` is the first half of `run`."""
    task = quick(planted_scalar, name, epochs=1)
    for method in SELECTORS:
        own = {"batches": 5} if method == "sfs" else {}
        first, again, other = (
            get_method(method).choose(task, Budget(0.5), s, settings=own) for s in (1, 1, 2)
        )
        assert first == again and first.scores != other.scores
        assert len(set(first.scores)) > 30 and np.isfinite(first.scores).all()
        if name == "dnn":
            outcome = get_method(method).run(task, Budget(0.5), 1, settings=own)
            assert outcome.kept_fields == first.fields == tuple(outcome.model.columns.tolist())


def test_half_precision(planted_scalar):
    """AutoField's backward pass within a step in autocast; the order of fields hardly changes."""
    task = quick(planted_scalar, "xdeepfm", epochs=1)
    half = Clicks(task.dataset, task.backbone, task.training.model_copy(update={"precision": "bfloat16"}))
    scores = [get_method("autofield").choose(t, Budget(0.5), 1).scores for t in (task, half)]
    assert np.corrcoef(scores)[0, 1] > 0.8


@pytest.mark.parametrize("method", SELECTORS)
def test_test_rows_are_never_read(planted, method, monkeypatch):
    opened, split = set(), Dataset.split
    monkeypatch.setattr(Dataset, "split", lambda self, name: opened.add(name) or split(self, name))
    get_method(method).choose(quick(planted), Budget(0.5), settings={"batches": 2} if method == "sfs" else {})
    assert opened == ({"train"} if method == "lpfs" else {"train", "val"})


def test_endless_validation(planted, monkeypatch):
    """Every pass over the 800 rows holds each once, in another order; without rows it says so at once."""
    stream, rows = endless(quick(planted), 1), planted.split("val")
    passes = [list(itertools.islice(stream, 4)) for _ in range(2)]
    for batches in passes:
        assert [len(b[2]) for b in batches] == [256, 256, 256, 32]
        seen = torch.cat([b[0] for b in batches]).numpy()
        assert sorted(map(tuple, seen)) == sorted(map(tuple, np.asarray(rows.ids)))
    assert not torch.equal(passes[0][0][0], passes[1][0][0])
    monkeypatch.setattr(Dataset, "split", lambda self, name: rows[0:0])
    for refuse in (validation_rows, lambda task: next(endless(task, 1))):
        with pytest.raises(DataError, match="no validation row"):
            refuse(quick(planted))
