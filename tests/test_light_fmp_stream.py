"""Light-FMP in one pass: the ordinary pass when nothing closes, cut where the rule says, no row twice."""

import shutil
import signal
import sys

import numpy as np
import pytest
import torch
from outcomes import assert_same_outcome
from sized import sized

from lfmp_core.budget import Budget
from lfmp_core.errors import LfmpError
from lfmp_core.masking import HardConcrete, MaskSettings
from lfmp_core.methods import Context, StreamSettings, get_method
from lfmp_core.methods.light_fmp_stream import StreamObjective, Stretch, agreements, hold_budget, mean_open
from lfmp_core.methods.light_fmp_stream import gates_settled as is_settled
from lfmp_core.models import BackboneSettings
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.seeds import derive
from lfmp_core.surgery import cut_optimizer_state
from lfmp_core.tasks import Clicks
from lfmp_core.training import Batches, Trainer, TrainingSettings, evaluate

# the package's `light_fmp_stream` is the procedure; the module of that name is behind it
MODULE = sys.modules["lfmp_core.methods.light_fmp_stream"]


@pytest.fixture(scope="session")
def task(planted):
    """A small network on 6,400 planted rows: 25 batches an epoch, one epoch."""
    backbone = BackboneSettings(name="dnn", embedding_dim=4, hidden=(16,))
    return Clicks(planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=1))


def run(task, ratio=0.5, seed=1, folder=None, **settings):
    return get_method("light_fmp_stream").run(task, Budget(ratio), seed, settings=settings, folder=folder)


class Spy(Trainer):
    """Remembers every trainer, the moments it began with and the rows it was fed."""

    made: list["Spy"]

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        state = self.optimizer_state().items()
        self.first_moments = {n: {k: v.clone() for k, v in slots.items()} for n, slots in state}
        self.fed: list[np.ndarray] = []
        self.losses: list[float] = []
        Spy.made.append(self)

    def step(self, batch):
        self.fed.append(torch.cat([batch.ids, batch.labels[:, None].to(batch.ids.dtype)], 1).numpy())
        loss = super().step(batch)
        self.losses.append(loss.item())
        return loss


@pytest.fixture
def spies(monkeypatch):
    Spy.made = []
    monkeypatch.setattr("lfmp_core.tasks.clicks.Trainer", Spy)
    monkeypatch.setattr(MODULE, "Trainer", Spy)
    return Spy.made


# ------------------------------------------------------------------------------------------------ the rule


def test_agreement_is_with_half_as_far():
    looks = [(0, 1), (0, 2), (0, 3), (3, 2), (3, 0), (3, 0)]
    # look 2 with 1, 3 with 1, 4 with 2, 5 with 2, 6 with 3
    assert agreements(looks) == [0.5, 0.5, 0.5, 0.5, 1.0]
    assert agreements(looks[:1]) == []


def test_settled_needs_every_one_of_the_last_looks():
    looks = [(0, 1), (0, 2), (0, 1), (0, 2), (0, 2)]  # agreements .5 1 1 1
    assert not is_settled(looks[:2], StreamSettings(patience=1))
    assert is_settled(looks[:3], StreamSettings(patience=1))
    assert not is_settled(looks[:3], StreamSettings(patience=2))
    assert is_settled(looks[:4], StreamSettings(patience=2))
    assert is_settled(looks, StreamSettings(patience=4, agreement=0.5))
    assert not is_settled(looks[:4], StreamSettings(patience=4, agreement=0.5))  # three agreements so far


def artificial(monkeypatch, changes):
    """Gates that keep fields 0..19 until batch `changes`, and then 19..38."""

    def kept(self):
        first = 0 if self.trainer.position < changes else 19
        return tuple(range(first, first + 20))

    monkeypatch.setattr(Stretch, "kept_fields", kept)


@pytest.mark.parametrize(
    ("changes", "settings", "at"),
    [
        # looks at 2, 4, 6: the second and third agree with the first
        (99, {"min_steps": 0}, 6),
        (99, {"min_steps": 0, "patience": 1}, 4),
        (99, {"min_steps": 0, "check_every": 3}, 9),
        # 4 steps a batch: the first look at which 40 are done; 1 step a batch: later
        (99, {"min_steps": 40}, 10),
        (99, {"min_steps": 10, "pieces": 1}, 10),
        # all kept fields but one change at 3; the looks 4 and 5 (batches 8, 10) are held against 2 (4)
        (3, {"min_steps": 0}, 10),
        # never settled: the longest stretch, a share of 25 batches, and at most all but one of them
        (99, {"min_steps": 0, "patience": 25}, 12),
        (99, {"min_steps": 0, "patience": 25, "max_share": 0.2}, 5),
        (99, {"min_steps": 0, "patience": 25, "max_share": 1.0}, 24),
        (99, {"min_steps": 0, "patience": 25, "max_share": 0.01}, 1),
    ],
)
def test_cut_comes_at_the_stated_batch(task, monkeypatch, changes, settings, at):
    artificial(monkeypatch, changes)
    stretch = Stretch(task, 0.5, StreamSettings(**settings), Context(1))
    stretch.run()
    details = stretch.details()
    assert (details["cut_batch"], details["cut_step"]) == (at, at * settings.get("pieces", 4))
    assert details["epoch_batches"] == 25
    assert details["settled"] == (settings.get("patience") != 25)
    assert len(details["agreement"]) == max(0, at // settings.get("check_every", 2) - 1)


# ---------------------------------------------------------------------------------------------- the budget


def test_mean_open_is_the_mean_of_samples():
    """E[z] in closed form against 40,000 draws, standard error .002."""
    gates = HardConcrete(1, MaskSettings(), torch.Generator().manual_seed(0))
    for a in (-3.0, -0.5, 0.5, 2.0):
        gates.a.data = torch.full((40_000,), a)
        assert mean_open(np.array([a]), 0.83) == pytest.approx(gates.sample().mean().item(), abs=0.008)
    assert mean_open(np.zeros(1), 0.83) == pytest.approx(0.5, abs=1e-12)  # by symmetry


def test_budget_is_met_by_one_shift():
    gates = HardConcrete(39, MaskSettings(), torch.Generator().manual_seed(0))
    before = gates.a.detach().clone()
    for share in (0.25, 0.5, 0.75):
        hold_budget(gates, share)
        assert mean_open(gates.a.detach().double().numpy(), 0.83) == pytest.approx(share, abs=1e-6)
        shift = gates.a - before
        assert shift.detach() == pytest.approx(shift.mean().item(), abs=1e-5)
    hold_budget(gates, 1.0)  # out of reach: as open as gates can be
    assert gates.deterministic().tolist() == [1.0] * 39


def test_budget_falls_to_what_is_kept(task):
    """E[z] starts at that of α's mean, .5, and comes down in a line over `min_steps`; then it stays."""
    stretch = Stretch(task, 0.75, StreamSettings(min_steps=20, max_share=0.3, patience=25), Context(1))
    start, seen = mean_open(np.array([0.5]), 0.83), []
    after = StreamObjective.after_step

    def noted(self, step):
        after(self, step)
        seen.append(mean_open(self.gates.a.detach().double().numpy(), 0.83))

    stretch.objective.after_step = noted.__get__(stretch.objective)
    stretch.run()
    expected = [start + (0.25 - start) * min(1, (k + 1) / 20) for k in range(len(seen))]
    assert len(seen) == 32
    assert seen == pytest.approx(expected, abs=1e-4)


# ------------------------------------------------------------------------------------------- the one pass


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("backbone", REGISTRY)
def test_open_gates_are_plain_training(planted, monkeypatch, backbone, fold):
    """Gates forced open and τ = 0: through the cut, every bit is that of training without any method."""
    open_gates = lambda self: torch.ones_like(self.a)
    monkeypatch.setattr(HardConcrete, "sample", open_gates)
    monkeypatch.setattr(HardConcrete, "deterministic", open_gates)
    small = sized(backbone, embedding_dim=4, hidden=(16,), cin=(4, 4))
    task = Clicks(planted, small, TrainingSettings(learning_rate=0.01, batch_size=512, epochs=2))
    whole = run(task, ratio=0.0, pieces=1, fold=fold)
    plain = get_method("no_selection").run(task, seed=1)
    assert 0 < whole.details["cut_batch"] < whole.details["epoch_batches"]
    assert [h["val_auc"] for h in whole.history] == [h["val_auc"] for h in plain.history]
    for name, weight in plain.model.named_parameters():
        assert torch.equal(weight, whole.model.get_parameter(name)), name


@pytest.mark.parametrize("pieces", [1, 4])
def test_no_row_comes_twice(task, spies, pieces):
    """Before and after the cut together: the rows of the task's own epoch, in its own order.

    The history's loss averages the batches after the cut.
    """
    outcome = run(task, pieces=pieces)
    before, after = spies
    assert len(before.fed) == before.position * pieces and len(after.fed) == 25 - before.position
    fed = np.concatenate(before.fed + after.fed)
    own = Batches(task.dataset.split("train"), 256, derive(1, "training")).epoch(0)
    ordinary = np.concatenate([np.column_stack([ids, labels.int()]) for ids, _, labels in own])
    assert np.array_equal(fed, ordinary)
    assert outcome.history[0]["train_loss"] == pytest.approx(np.mean(after.losses), rel=1e-6)


def test_moments_go_through_the_cut(task, spies):
    stretch = Stretch(task, 0.5, StreamSettings(), Context(1))
    stretch.run()
    plan, small, state = stretch.cut()
    expected = cut_optimizer_state(stretch.trainer.optimizer_state(), plan)
    spies.clear()
    outcome = run(task)
    assert outcome.kept_fields == plan.fields
    began = spies[1].first_moments
    assert began.keys() == expected.keys() == state.keys() == dict(small.named_parameters()).keys()
    for name, slots in expected.items():
        assert slots["step"].item() == outcome.details["cut_step"]
        assert slots["exp_avg"].abs().sum() > 0, name
        assert all(torch.equal(value, began[name][key]) for key, value in slots.items()), name


def test_phases_can_be_taken_up(task, tmp_path):
    whole = run(task)
    folder = tmp_path / "run"
    kept = run(task, folder=folder)
    assert_same_outcome(whole, kept)
    for lost in ([], ["training"], ["training", "pruned"], ["training", "pruned", "pretraining"]):
        for name in lost:
            shutil.rmtree(folder / name)
        again = run(task, folder=folder)
        assert_same_outcome(whole, again)
        if "pruned" not in lost:
            assert again.phases["PT"] == kept.phases["PT"]


@pytest.mark.parametrize("at", [13, 20])
def test_stretch_can_be_cut_off(task, tmp_path, monkeypatch, at):
    """Ctrl-C between two looks and at one: what the rule had seen is not lost."""
    whole = run(task)

    class Interrupted(StreamObjective):
        def forward(self, model, batch, step):
            if step == at:
                signal.raise_signal(signal.SIGINT)
            return super().forward(model, batch, step)

    monkeypatch.setattr(MODULE, "StreamObjective", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(task, folder=tmp_path)
    monkeypatch.undo()
    assert_same_outcome(whole, run(task, folder=tmp_path))


# ------------------------------------------------------------------------------------------- what it finds


def test_recovers_the_planted_fields(planted):
    """Of 39 fields 10 are informative and 6 repeat one; drawn blindly, 16 fields would hold 4.1 and 6.6."""
    backbone = BackboneSettings(name="dnn", embedding_dim=4, hidden=(16,))
    task = Clicks(planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=128, epochs=4))
    truth, names = planted.schema.truth, planted.schema.field_names
    informative = {f for f, name in enumerate(names) if name in truth["informative"]}
    useful = informative | {f for f, name in enumerate(names) if name in truth["redundant"]}
    gains = []
    for seed in range(3):
        chosen = run(task, 0.6, seed)
        drawn = get_method("random_fields").run(task, Budget(0.6), seed)
        assert len(informative & set(chosen.kept_fields)) >= 7
        assert len(useful & set(chosen.kept_fields)) >= 10
        auc = [evaluate(o.model, planted.split("test"))[0]["auc"] for o in (chosen, drawn)]
        gains.append(auc[0] - auc[1])
    assert np.mean(gains) > 0.03


@pytest.mark.parametrize("backbone", REGISTRY)
def test_chooser_chooses_what_run_keeps(planted, backbone):
    small = sized(backbone, embedding_dim=4, hidden=(16,), cin=(4, 4))
    task = Clicks(planted, small, TrainingSettings(learning_rate=0.01, batch_size=512, epochs=1))
    method = get_method("light_fmp_stream")
    choice, outcome = method.choose(task, Budget(0.75), 1), run(task, 0.75)
    assert choice.fields == outcome.kept_fields and len(choice.fields) == 10
    assert set(np.argsort(choice.scores)[-10:]) == set(choice.fields)
    assert choice.details.items() <= outcome.details.items()
    assert set(outcome.phases) == {"PT", "CT"}


def test_refusals(task):
    with pytest.raises(LfmpError, match="smaller batch_size"):
        run(Clicks(task.dataset, task.backbone, TrainingSettings(batch_size=10_000)))
