"""The loop: its steps are Adam's, its best epoch stays, and it stops when it should."""

import numpy as np
import pytest
import torch
from loops import SIZES, TRAIN, assert_same_bits, make_model, make_rows, weights
from sized import sized
from torch.nn import functional

from lfmp_core.data import Rows
from lfmp_core.errors import DataError
from lfmp_core.models import build_model
from lfmp_core.training import LogLoss, Trainer, TrainingSettings, auc, evaluate, log_loss, predict
from lfmp_core.training.batches import to_batch


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_step_is_adams(l2):
    """Three steps against Adam written out; λw joins the gradient of table and first-order weights alone."""
    model, reference = make_model(), make_model()
    settings = TrainingSettings(learning_rate=0.01, l2=l2)
    trainer = Trainer(model, make_rows(100), settings, seed=0)
    moments = {name: (0.0, 0.0) for name, _ in reference.named_parameters()}
    for t in (1, 2, 3):
        batch = to_batch(make_rows(50, seed=t), slice(None))
        loss = trainer.step(batch)
        expected = functional.binary_cross_entropy_with_logits(reference(batch[0]), batch[2])
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
        reference.zero_grad()
        expected.backward()
        for name, parameter in reference.named_parameters():
            decay = l2 if name in ("table.weight", "linear.weight") else 0.0
            g = parameter.grad + decay * parameter.data
            m, v = (0.9 * moments[name][0] + 0.1 * g, 0.999 * moments[name][1] + 0.001 * g**2)
            moments[name] = (m, v)
            parameter.data -= 0.01 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
    for name, parameter in reference.named_parameters():
        # where a gradient is rounding noise, so is Adam's direction
        reliable = moments[name][1] > 1e-14
        found = dict(model.named_parameters())[name]
        assert reliable.float().mean() > 0.5, name
        assert torch.allclose(found[reliable], parameter[reliable], atol=1e-6), name


def test_untouched_ids_decay_only_under_l2():
    """L2 is coupled and dense: an id that no batch holds shrinks with it, and stays without it."""
    rows = make_rows(40)
    unseen = sum(SIZES) - 1
    rows = Rows(np.minimum(rows.ids, unseen - 1), rows.labels)
    for l2, moves in ((0.0, False), (1e-3, True)):
        model = make_model()
        before = model.table.weight[unseen].clone()
        Trainer(model, rows, TrainingSettings(l2=l2, batch_size=10), seed=0).fit(stop_at=3)
        assert (not torch.equal(model.table.weight[unseen], before)) == moves


def test_early_stopping_restores_the_best_epoch(monkeypatch):
    """Validation AUC .6, .7, .65, .7, .69, patience 3: epoch 2's weights stay; a tie is no improvement."""
    scores = iter([0.6, 0.7, 0.65, 0.7, 0.69, 0.9])
    seen = []

    def judge(model, rows):
        seen.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"auc": next(scores), "logloss": 0.5}, None

    monkeypatch.setattr("lfmp_core.training.trainer.evaluate", judge)
    rows = make_rows(60)
    settings = TrainingSettings(batch_size=20, epochs=10, patience=3, learning_rate=0.05)
    trainer = Trainer(make_model(), rows, settings, seed=0, validation=rows)
    history = trainer.fit()
    assert [row["val_auc"] for row in history] == [0.6, 0.7, 0.65, 0.7, 0.69]
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5]
    assert [row["steps"] for row in history] == [3, 6, 9, 12, 15]
    assert_same_bits(dict(trainer.model.state_dict()), seen[1])
    assert any(not torch.equal(v, seen[4][k]) for k, v in trainer.model.state_dict().items())


@pytest.mark.parametrize(
    ("progress", "patience", "epochs"), [("best", 1, 2), ("best", 2, 3), ("either", 1, 5), ("either", 2, 8)]
)
def test_what_counts_as_progress(monkeypatch, progress, patience, epochs):
    """A slow start: AUC falls while log-loss does, rises above the epoch before but not above the first."""
    curve = [(0.65, 0.68), (0.60, 0.67), (0.62, 0.69), (0.70, 0.70), (0.69, 0.71), (0.69, 0.70), (0.68, 0.72)]
    scores = iter([*curve, (0.67, 0.73), (0.9, 0.1)])

    def judge(model, rows):
        auc, logloss = next(scores)
        return {"auc": auc, "logloss": logloss}, None

    monkeypatch.setattr("lfmp_core.training.trainer.evaluate", judge)
    settings = TrainingSettings(batch_size=20, epochs=10, patience=patience, progress=progress)
    history = Trainer(make_model(), (rows := make_rows(60)), settings, seed=0, validation=rows).fit()
    assert len(history) == epochs
    assert "progress" not in TrainingSettings().model_dump()  # the ids of older records stay


def test_without_validation_the_last_step_stays():
    trainer = Trainer(make_model(), make_rows(60), TrainingSettings(batch_size=20, epochs=3), seed=0)
    history = trainer.fit()
    assert [sorted(row) for row in history] == [["epoch", "seconds", "steps", "train_loss"]] * 3
    assert trainer.best is None and trainer.finished and trainer.steps == 9


def test_history_holds_the_mean_loss_of_the_epoch():
    losses = []

    class Noting(LogLoss):
        def forward(self, *args):
            loss = super().forward(*args)
            losses.append(loss.item())
            return loss

    trainer = Trainer(
        make_model(), make_rows(50), TrainingSettings(batch_size=20, epochs=2), seed=0, objective=Noting()
    )
    history = trainer.fit()
    assert [row["train_loss"] for row in history] == pytest.approx(
        [sum(losses[:3]) / 3, sum(losses[3:]) / 3], rel=1e-6
    )


@pytest.mark.parametrize("limit", [1, 3, 4, 6])
def test_max_steps(limit):
    settings = TrainingSettings(batch_size=20, epochs=2)
    trainer = Trainer(make_model(), make_rows(60), settings, seed=0, max_steps=limit)
    trainer.fit()
    other = Trainer(make_model(), make_rows(60), settings, seed=0)
    other.fit(stop_at=limit)
    assert trainer.steps == other.steps == limit and trainer.finished
    assert_same_bits(weights(trainer), weights(other))


def test_every_excluded_row_is_left_out():
    """Rows that are excluded could as well be nonsense."""
    rows = make_rows(60)
    spoilt = Rows(rows.ids.copy(), rows.labels.copy())
    spoilt.ids[20:30], spoilt.labels[20:30] = 0, 1
    found = []
    for data in (rows, spoilt):
        trainer = Trainer(
            make_model(), data, TrainingSettings(batch_size=16, epochs=2), seed=0, exclude=np.arange(20, 30)
        )
        trainer.fit()
        found.append(weights(trainer))
    assert_same_bits(*found)
    with pytest.raises(DataError, match="no training row is left"):
        Trainer(make_model(), rows, TrainingSettings(), seed=0, exclude=np.arange(60))


def test_optimizer_state_round_trip():
    """Moments that were taken out and put in again go on as if nothing had been; without them it differs."""
    settings = TrainingSettings(batch_size=20, learning_rate=0.05)
    first = Trainer(make_model(), TRAIN, settings, seed=0)
    batches = [to_batch(make_rows(30, seed=s), slice(None)) for s in range(6)]
    for batch in batches[:3]:
        first.step(batch)
    state = first.optimizer_state()
    assert set(state) == {name for name, _ in first.model.named_parameters()}
    assert all(slots["step"].item() == 3 for slots in state.values())
    ends = []
    for carried in (state, None):
        model = make_model()
        model.load_state_dict(first.model.state_dict())
        trainer = Trainer(model, TRAIN, settings, seed=0, optimizer_state=carried)
        for batch in batches[3:]:
            trainer.step(batch)
        ends.append(weights(trainer))
    assert all(slots["step"].item() == 3 for slots in state.values())  # a copy was put in
    for batch in batches[3:]:
        first.step(batch)
    assert_same_bits(ends[0], weights(first))
    assert not torch.equal(ends[1]["model.table.weight"], ends[0]["model.table.weight"])


@pytest.mark.parametrize("name", ["xdeepfm", "pnn"])
def test_bfloat16_learns_as_much(name, planted):
    """Validation AUC within .01 of single precision's.

    bfloat16 rounds to 8 bits, each activation by up to 2⁻⁹ of itself; weights and logits stay single. The
    logits then differ in the third digit (asserted: by something, and by less than a tenth of their spread),
    which swaps only neighbours in the ranking: .01 is half the standard error of an AUC of .8 on 800 rows.
    """
    schema, found = planted.schema, {}
    rows = planted.split("val")
    for precision in ("float32", "bfloat16"):
        settings = sized(name, embedding_dim=4, hidden=(16,), cin=(4, 4))
        model = build_model(settings, schema.field_sizes, seed=0)
        training = TrainingSettings(learning_rate=0.01, batch_size=256, epochs=2, precision=precision)
        Trainer(model, planted.split("train"), training, seed=0).fit()
        assert all(p.dtype is torch.float32 for p in model.parameters())
        found[precision] = evaluate(model, rows)
    (single, exact), (half, rounded) = found["float32"], found["bfloat16"]
    assert single["auc"] > 0.7
    assert half["auc"] == pytest.approx(single["auc"], abs=0.01)
    assert 0 < np.abs(exact - rounded).mean() < 0.1 * exact.std()


def test_predict_keeps_order_and_mode():
    """Batch by batch, dropout off, and the model is left in the mode that it was in."""
    model, rows = make_model(dropout=0.5), make_rows(101)
    for training in (True, False):
        model.train(training)
        logits = predict(model, rows, batch_size=10)
        assert model.training is training
        assert logits.dtype == np.float32
        assert logits == pytest.approx(predict(model, rows, batch_size=500), abs=1e-6)
    with torch.inference_mode():
        assert logits == pytest.approx(model.eval()(torch.from_numpy(rows.ids)).numpy(), abs=1e-6)
    metrics, same = evaluate(model, rows)
    assert metrics == {"auc": auc(rows.labels, same), "logloss": log_loss(rows.labels, same)}
