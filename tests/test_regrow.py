"""Fields taken back: what they would explain is measured out of fold, and a cut model grows by them."""

import shutil

import numpy as np
import pytest
import torch
from outcomes import assert_same_outcome, share_of
from sized import sized

from lfmp_core.budget import Budget
from lfmp_core.data import Rows
from lfmp_core.methods import Context, RegrowSettings, get_method
from lfmp_core.methods.regrow import exchange_fields, put_back, until_revised, upcoming
from lfmp_core.methods.revision import RevisionSettings, codes, offsets, revise
from lfmp_core.methods.train import fresh_model
from lfmp_core.models import BackboneSettings
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.surgery import cut, cut_optimizer_state, plan_fields
from lfmp_core.tasks import Clicks
from lfmp_core.training import Batches, Trainer, TrainingSettings, predict

QUICK = {"pretrain_rows": 1000, "pretrain_passes": 3}


@pytest.fixture(scope="session")
def task(planted):
    """A small network on 6,400 planted rows, two epochs of 25 batches."""
    backbone = BackboneSettings(name="dnn", embedding_dim=4, hidden=(16,))
    return Clicks(
        planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=2, patience=2)
    )


def run(task, method="light_fmp_regrow", ratio=0.5, seed=1, folder=None, **settings):
    return get_method(method).run(
        task, share_of(method, ratio), seed, settings=QUICK | settings, folder=folder
    )


def roles(planted):
    """Positions of the planted informative and noise fields."""
    truth, names = planted.schema.truth, planted.schema.field_names
    return tuple([f for f, n in enumerate(names) if n in truth[role]] for role in ("informative", "noise"))


# --------------------------------------------------------------------------------------------- usefulness


def test_offsets_by_hand():
    """p = ½, two folds (even, odd rows), s = ½: Σ(y − p) / (Σ ¼ + ½) over the other fold's equal values."""
    values, labels = np.array([0, 0, 0, 1, 0, 0]), np.array([1, 1, 0, 1, 1, 0])
    found = offsets(values, labels, np.zeros(6), folds=2, smoothing=0.5)
    # value 0: even rows hold 1 0 1 (Σ ½), odd rows 1 0 (Σ 0); value 1: in the odd fold alone
    even, odd = 0.0 / (0.5 + 0.5), 0.5 / (0.75 + 0.5)
    assert found == pytest.approx([even, odd, even, 0.0, even, odd])


def test_offsets_are_not_learnt_from_their_own_row():
    """A value that no other row holds says nothing, whatever its label."""
    rng = np.random.default_rng(0)
    found = offsets(np.arange(100), rng.integers(0, 2, 100), np.zeros(100), folds=5, smoothing=5.0)
    assert np.array_equal(found, np.zeros(100))


def test_scalar_values_are_binned():
    rows = Rows(np.zeros((64, 2), np.int32), np.zeros(64, np.uint8), np.arange(64, dtype=np.float32)[:, None])
    assert codes(rows, 1, [1]).tolist() == [k // 2 for k in range(64)]
    assert codes(Rows(rows.ids + 7, rows.labels), 0, []).tolist() == [0] * 64


@pytest.mark.parametrize("backbone", ["deepfm", "dnn"])
def test_a_planted_field_wrongly_cut_comes_back(planted, backbone):
    """The two most telling fields are cut and noise is kept: they return, and what goes is noise."""
    settings = BackboneSettings(name=backbone, embedding_dim=4, hidden=(16,))
    task = Clicks(planted, settings, TrainingSettings(learning_rate=0.01, batch_size=128, epochs=2))
    informative, noise = roles(planted)
    rows = planted.split("val")
    labels = np.asarray(rows.labels)
    explained = {
        f: np.std(offsets(codes(rows, f, []), labels, np.zeros(len(rows)), 5, 5.0)) for f in informative
    }
    lost = sorted(informative, key=lambda f: explained[f])[-2:]
    kept = sorted({*informative, *noise[:6]} - {*lost})
    model = fresh_model(task, 1, kept)
    Trainer(model, planted.split("train"), task.training, seed=1).fit()
    found = revise(model, planted.schema, rows, RevisionSettings(smoothing=5.0), 1)
    assert {back for _, back in found.swaps} & set(lost)
    assert found.swaps[0][1] in lost
    assert {out for out, _ in found.swaps} <= set(noise)
    assert min(found.losses) < found.losses[0]
    assert set(found.costs) == set(kept) and set(found.gains) == set(range(39)) - set(kept)
    none = revise(model, planted.schema, rows, RevisionSettings(most_swaps=0), 1)
    assert none.swaps == [] and none.gains == found.gains and none.costs == found.costs


def test_a_good_choice_is_left_alone(planted):
    """With all informative fields kept, no noise field is worth one of them."""
    settings = BackboneSettings(name="dnn", embedding_dim=4, hidden=(16,))
    task = Clicks(planted, settings, TrainingSettings(learning_rate=0.01, batch_size=128, epochs=3))
    informative, noise = roles(planted)
    model = fresh_model(task, 1, informative)
    Trainer(model, planted.split("train"), task.training, seed=1).fit()
    found = revise(model, planted.schema, planted.split("val"), RevisionSettings(), 1)
    assert not {back for _, back in found.swaps} & set(noise)
    assert max(found.gains[f] for f in noise) < 0.005 < max(found.costs.values())


def test_upcoming_rows_are_the_next_ones(task):
    rows = task.dataset.split("train")
    batches = Batches(rows, 256, 3)
    following = [batch for k, batch in enumerate(batches.epoch(0)) if k >= 7]
    found = upcoming(batches, 0, 7, 600)
    assert np.array_equal(found.ids, torch.cat([ids for ids, _, _ in following]).numpy()[:600])
    assert np.array_equal(found.labels, torch.cat([y for _, _, y in following]).numpy()[:600])
    assert len(upcoming(batches, 0, 24, 10_000)) == 256


# ------------------------------------------------------------------------------------------------- exchange


@pytest.mark.parametrize("backbone", REGISTRY)
def test_put_back_undoes_take(planted, backbone):
    settings = sized(backbone, embedding_dim=4, hidden=(16,), cin=(4, 4))
    task = Clicks(planted, settings, TrainingSettings())
    model, other = fresh_model(task, 1), fresh_model(task, 2)
    plan = plan_fields(model, range(0, 39, 2))
    for name, weight in model.named_parameters():
        into = other.get_parameter(name).detach().clone()
        put_back(into, plan.take(name, weight.detach()), plan, name)
        assert torch.equal(plan.take(name, into), plan.take(name, weight.detach())), name
        # what was not taken is as it was
        put_back(into, plan.take(name, other.get_parameter(name).detach()), plan, name)
        assert torch.equal(into, other.get_parameter(name).detach()), name


@pytest.mark.parametrize("backbone", REGISTRY)
def test_exchange_keeps_what_stays(planted, backbone):
    """Same fields: the same logits and moments. Others: what both have is the cut model's, the rest fresh."""
    settings = sized(backbone, embedding_dim=4, hidden=(16,), cin=(4, 4), init_std=0.1, batch_norm=True)
    task = Clicks(planted, settings, TrainingSettings(batch_size=256, epochs=1))
    rows = planted.split("val")
    plan = plan_fields(fresh_model(task, 1), range(20))
    small = cut(fresh_model(task, 1), plan)
    trainer = Trainer(small, planted.split("train")[:1024], task.training, seed=1)
    trainer.fit()
    state = trainer.optimizer_state()
    same_plan, same, moments = exchange_fields(small, state, plan, range(20), fresh_model(task, 2))
    assert np.array_equal(predict(same, rows), predict(small, rows))
    assert same_plan.fields == plan.fields and moments.keys() == state.keys()
    for name, slots in state.items():
        assert all(torch.equal(value, moments[name][key]) for key, value in slots.items()), name

    fields = [*range(1, 20), 30]
    _, new, moments = exchange_fields(small, state, plan, fields, fresh_model(task, 2))
    assert new.columns.tolist() == fields
    # cut both down to the 19 fields that they share: one model
    both = [cut(small, plan_fields(small, range(1, 20))), cut(new, plan_fields(new, range(19)))]
    assert np.array_equal(predict(both[0], rows), predict(both[1], rows))
    own = [
        cut_optimizer_state(state, plan_fields(small, range(1, 20))),
        cut_optimizer_state(moments, plan_fields(new, range(19))),
    ]
    for name in state:
        assert torch.equal(own[0][name]["exp_avg"], own[1][name]["exp_avg"]), name
    size = planted.schema.field_sizes[30]
    fresh = fresh_model(task, 2)
    back = plan_fields(fresh, [30]).take("table.weight", fresh.table.weight.detach())
    assert torch.equal(new.table.weight[-size:], back)
    assert not moments["table.weight"]["exp_avg"][-size:].any()
    Trainer(new, planted.split("train")[:1024], task.training, seed=1, optimizer_state=moments).fit()


# --------------------------------------------------------------------------------------------- the method


@pytest.mark.parametrize("after", [0.5, 1.0])
def test_without_swaps_it_is_light_fmp(task, after):
    """The epoch goes on where it was left: bit for bit."""
    outcome = run(task, regrow_after=after, revision={"most_swaps": 0})
    plain = run(task, "light_fmp")
    assert outcome.details["swaps"] == []
    assert outcome.kept_fields == plain.kept_fields
    assert [h["val_auc"] for h in outcome.history] == [h["val_auc"] for h in plain.history]
    assert [h["epoch"] for h in outcome.history] == [1, 2]


def test_nothing_is_revised_after_the_end(task):
    outcome = run(task, regrow_after=2.0)
    assert_same_outcome(outcome, run(task, regrow_after=5.0))
    plain = run(task, "light_fmp")
    assert outcome.details["swaps"] == [] and set(outcome.phases) == {"PT", "CT"}
    for key, value in plain.model.state_dict().items():
        assert torch.equal(value, outcome.model.state_dict()[key])


def test_swaps_keep_the_number_of_fields(task, tmp_path):
    """From a pretraining of three passes over 1,000 rows there is something to mend; also in a folder."""
    outcome = run(task, ratio=0.75)
    first = run(task, "light_fmp", ratio=0.75).kept_fields
    out, back = ({s[k] for s in outcome.details["swaps"]} for k in (0, 1))
    assert out and out <= set(first) and not back & set(first)
    assert set(outcome.kept_fields) == set(first) - out | back
    assert outcome.model.columns.tolist() == list(outcome.kept_fields) and len(outcome.kept_fields) == 10
    choice = get_method("light_fmp_regrow").choose(task, Budget(0.75), 1, settings=QUICK)
    assert choice.fields == outcome.kept_fields
    assert set(np.argsort(choice.scores)[-10:]) == set(choice.fields)

    assert_same_outcome(outcome, run(task, ratio=0.75, folder=tmp_path / "run"))
    for lost in (["training"], ["training", "before"], ["training", "before", "pruned"]):
        for name in lost:
            shutil.rmtree(tmp_path / "run" / name)
        assert_same_outcome(outcome, run(task, ratio=0.75, folder=tmp_path / "run"))


def test_probe_rows_are_not_yet_seen(task, monkeypatch):
    seen = []

    def noted(model, schema, rows, settings, seed):
        seen.append(rows)
        return revise(model, schema, rows, settings, seed)

    monkeypatch.setattr("lfmp_core.methods.regrow.revise", noted)
    settings = RegrowSettings(**QUICK, revision=RevisionSettings(probe_rows=300, cost_rows=100))
    revised = until_revised(task, 0.5, settings, Context(1))
    trainer = revised.trainer
    assert (trainer.epoch, trainer.position) == (0, round(len(trainer.batches) / 2))
    expected = upcoming(trainer.batches, 0, trainer.position, 300)
    assert np.array_equal(seen[0].ids, expected.ids) and len(seen[0]) == 300
