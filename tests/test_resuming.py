"""A training can be cut off anywhere and gone on with, to the same bits."""

import json
import signal

import numpy as np
import pytest
import torch
from loops import SIZES, TRAIN, VALIDATION, assert_same_bits, make_model, make_rows, weights

from lfmp_core.errors import DataError
from lfmp_core.masking import HardConcrete, MaskSettings, SparsityConstraint
from lfmp_core.methods.light_fmp import GatedObjective
from lfmp_core.models import build_model
from lfmp_core.training import LogLoss, Trainer, TrainingSettings


def make_gates(seed=0):
    settings = MaskSettings()
    gates = HardConcrete(len(SIZES), settings, torch.Generator().manual_seed(seed))
    return GatedObjective(gates, SparsityConstraint(0.5, settings, 4))


def without_clock(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


# 4 steps an epoch, 12 in all
SHORT = TrainingSettings(batch_size=20, epochs=3, patience=3, learning_rate=0.02)


def make_trainer(folder=None, *, gated=False, objective=None, settings=SHORT, seed=10, train=TRAIN):
    return Trainer(
        make_model(dropout=0.4),
        train,
        settings,
        seed=seed,
        validation=None if gated else VALIDATION,
        objective=objective or (make_gates() if gated else None),
        checkpoint=folder,
    )


@pytest.mark.parametrize("gated", [False, True], ids=["plain", "gated"])
def test_resumed_equals_uninterrupted_at_every_step(gated, tmp_path):
    """Law 5: cut off after any step and gone on with in a new process's objects: the same bits."""
    whole = make_trainer(gated=gated)
    whole.fit()
    end, moments = weights(whole), whole.optimizer_state()
    if not gated:  # the first epoch is the best, so that its weights have to come through every cut
        assert whole.history[0]["val_auc"] == max(row["val_auc"] for row in whole.history)
    for stop in range(13):
        folder = tmp_path / str(stop)
        make_trainer(folder, gated=gated).fit(stop_at=stop)
        resumed = make_trainer(folder, gated=gated)
        assert resumed.steps == stop
        resumed.fit()
        assert_same_bits(weights(resumed), end)
        assert without_clock(resumed.history) == without_clock(whole.history)
        for name, slots in resumed.optimizer_state().items():
            assert_same_bits(slots, moments[name])
    assert len({round(row["train_loss"], 9) for row in whole.history}) == 3  # it did train


def test_objective_is_told_of_every_step():
    """Gates with a step of 9 leave their interval at once, and are led back after each step."""
    settings = MaskSettings(learning_rate=9.0)
    gates = HardConcrete(len(SIZES), settings, torch.Generator().manual_seed(0))
    objective = GatedObjective(gates, SparsityConstraint(0.5, settings, 0))
    trainer = make_trainer(gated=True, objective=objective)
    for stop in (1, 2, 3):
        trainer.fit(stop_at=stop)
        assert gates.a.abs().max().item() == pytest.approx(np.log(100))


def test_finished_run_does_nothing_more(tmp_path):
    first = make_trainer(tmp_path / "run")
    first.fit()
    again = make_trainer(tmp_path / "run")
    again.step = None  # no step is taken
    again.fit()
    assert_same_bits(weights(again), weights(first))
    assert again.history == first.history


class Interrupted(LogLoss):
    """Ctrl-C arrives in the middle of a step."""

    def __init__(self, at, times=1):
        super().__init__()
        self.at, self.times = at, times

    def forward(self, model, batch, step):
        for _ in range(self.times if step == self.at else 0):
            signal.raise_signal(signal.SIGINT)
        return super().forward(model, batch, step)


@pytest.mark.parametrize("at", [0, 2, 3, 4, 11])
def test_interrupt_leaves_a_checkpoint_to_go_on_from(at, tmp_path):
    """In the first step, within an epoch, in an epoch's last step, in the next one's first, in the last."""
    whole = make_trainer()
    whole.fit()
    before = signal.getsignal(signal.SIGINT)
    cut_off = make_trainer(tmp_path / "run", objective=Interrupted(at))
    with pytest.raises(KeyboardInterrupt):
        cut_off.fit()
    assert cut_off.steps == at + 1  # the running step was ended
    assert signal.getsignal(signal.SIGINT) is before
    resumed = make_trainer(tmp_path / "run")
    assert resumed.steps == at + 1
    resumed.fit()
    assert_same_bits(weights(resumed), weights(whole))
    assert without_clock(resumed.history) == without_clock(whole.history)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_second_interrupt_stops_at_once(tmp_path):
    cut_off = make_trainer(tmp_path / "run", objective=Interrupted(2, times=2))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        cut_off.fit()
    assert cut_off.steps == 2  # the third was not ended
    assert signal.getsignal(signal.SIGINT) is before
    assert not list(tmp_path.iterdir())  # and nothing half-written is there


def test_failing_step_leaves_the_last_checkpoint(tmp_path):
    class Failing(LogLoss):
        def forward(self, model, batch, step):
            if step == 6:
                raise RuntimeError("diverged")
            return super().forward(model, batch, step)

    with pytest.raises(RuntimeError, match="diverged"):
        make_trainer(tmp_path / "run", objective=Failing()).fit()
    assert make_trainer(tmp_path / "run").steps == 4  # the end of the first epoch


def refused(match, folder, **options):
    """A checkpoint is refused with an error that says how to go on, and the model stays as it was."""
    model, files = make_model(dropout=0.4), {p.name: p.read_bytes() for p in folder.iterdir()}
    before = {k: v.clone() for k, v in model.state_dict().items()}
    options = {"settings": SHORT, "seed": 10, "train": TRAIN} | options
    with pytest.raises(DataError, match=match) as error:
        Trainer(
            options.pop("model", model),
            options.pop("train"),
            options.pop("settings"),
            validation=VALIDATION,
            checkpoint=folder,
            **options,
        )
    assert "Delete the folder" in str(error.value)
    assert_same_bits(before, dict(model.state_dict()))
    assert files == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_other_checkpoints_are_refused(tmp_path):
    folder = tmp_path / "run"
    make_trainer(folder).fit(stop_at=5)
    other = SHORT.model_copy(update={"learning_rate": 0.5})
    refused("other settings", folder, settings=other)
    refused("other settings", folder, seed=8)
    refused("other settings", folder, train=make_rows(60))
    refused("other settings", folder, exclude=np.array([3]))
    refused("another model", folder, model=make_model("dnn"))
    refused("another model", folder, model=build_model(make_model().settings, (5, 3, 7, 5), seed=0))
    refused("another model", folder, objective=make_gates())
    make_trainer(folder)  # while its own run still takes it


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "no counters", "list", "absent"])
def test_damaged_checkpoints_are_refused(damage, tmp_path):
    folder = tmp_path / "run"
    make_trainer(folder).fit(stop_at=5)
    tensors, text = folder / "state.safetensors", folder / "state.json"
    if damage == "truncated":
        tensors.write_bytes(tensors.read_bytes()[:-100])
    elif damage == "text":
        text.write_text(text.read_text()[:-10])
    elif damage == "empty":
        text.write_text("{}")
    elif damage == "no counters":
        state = json.loads(text.read_text())
        del state["counters"]["steps"]
        text.write_text(json.dumps(state))
    elif damage == "list":
        text.write_text("[]")
    else:
        tensors.unlink()
    refused("not whole", folder)
