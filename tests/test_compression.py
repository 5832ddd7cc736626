"""Methods that compress the table: their budgets, their phases, and that they learn."""

import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from outcomes import assert_same_outcome

from lfmp_core.budget import Budget
from lfmp_core.embeddings import BudgetError
from lfmp_core.errors import LfmpError, WrongValue
from lfmp_core.methods import get_method
from lfmp_core.methods.compression.base import numbers_within
from lfmp_core.methods.train import fresh_model
from lfmp_core.models import BackboneSettings, load_model, save_model
from lfmp_core.tasks import Clicks
from lfmp_core.training import Trainer, TrainingSettings, evaluate, predict

# what each needs so that a test takes a second
METHODS = {
    "table": {},
    "smaller_dense": {},
    "magprune": {},
    "pep": {"rise_epochs": 2, "find_epochs": 2},
    "cerp": {"rise_epochs": 2, "find_epochs": 2},
    "deeplight": {},
    "dsl": {"exchanges": 5, "anneal_epochs": 2},
    "sseds": {},
    "autodim": {"find_epochs": 1},
    "optembed_budget": {
        "search": {"search_epochs": 1, "evolution": {"mutated": 3, "crossed": 2, "generations": 1}}
    },
}
SPARSER = {"autodim", "optembed_budget"}  # choose among all that is small enough
DIM = 8


def make_task(planted, backbone="deepfm", epochs=2, dim=DIM):
    sizes = {"cross_layers": 1, "experts": 2, "rank": 4} if backbone == "dcn_mix" else {}
    settings = BackboneSettings(name=backbone, embedding_dim=dim, hidden=(16,), **sizes)
    return Clicks(planted, settings, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=epochs))


@pytest.fixture(scope="session")
def task(planted):
    return make_task(planted)


def run(task, method, sparsity=0.75, seed=1, folder=None, **settings):
    settings = METHODS[method] | settings
    return get_method(method).run(task, Budget(sparsity, "numbers"), seed, settings=settings, folder=folder)


# ---------------------------------------------------------------------------------------------- every method


@pytest.mark.parametrize("backbone", ["deepfm", "dcn_mix"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_meets_its_budget_learns_and_can_be_stored(planted, method, backbone, tmp_path):
    """Laws 2, 3 and 6. Chance is .5; the whole model has .78 to .82 here."""
    task = make_task(planted, backbone)
    outcome = run(task, method)
    dense = sum(planted.schema.field_sizes) * DIM
    reached = 1 - outcome.sizes()["embedding_parameters"] / dense
    assert reached == pytest.approx(0.75, abs=0.01) or (method in SPARSER and reached > 0.75)
    assert outcome.details["sparsity"] == pytest.approx(reached, abs=1e-9)
    assert outcome.kept_fields == tuple(range(39))
    assert set(outcome.phases) <= {"PT", "CT"} and set(outcome.details["cpu_seconds"]) == set(outcome.phases)
    rows = planted.split("val")
    assert evaluate(outcome.model, rows)[0]["auc"] > 0.65
    stored = outcome.model.table
    assert stored.num_bytes() < 4 * dense
    loaded = load_model(save_model(outcome.model, tmp_path / "model"))
    assert np.array_equal(predict(loaded, rows), predict(outcome.model, rows))
    ids = torch.from_numpy(np.array(rows.ids[:50]))
    dense_rows, looked_up = stored.eval().weight_view()[ids.long()], stored(ids)
    assert torch.allclose(dense_rows, looked_up, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_bits_and_phases_are_taken_up(task, method, tmp_path):
    """Law 5: alone, in a folder, and again after the last phase was lost."""
    rows = task.dataset.split("val")
    whole = predict(run(task, method).model, rows)
    folder = tmp_path / "run"
    kept = run(task, method, folder=folder)
    shutil.rmtree(folder / "training")
    again = run(task, method, folder=folder)
    assert np.array_equal(whole, predict(kept.model, rows))
    assert np.array_equal(whole, predict(again.model, rows))
    if method != "magprune":  # its only search is the last step
        assert again.phases.get("PT") == kept.phases.get("PT")


def test_fields_are_not_theirs_to_prune(task):
    with pytest.raises(LfmpError, match=r"removes no share of fields .* ask for a share of numbers"):
        get_method("magprune").run(task, Budget(0.5), 1)


def test_budget_is_what_the_floor_leaves(task):
    """⌊t·nD⌋ go: of 1,821·8 = 14,568 a tenth is 1,456.8."""
    size = sum(task.dataset.schema.field_sizes) * DIM
    gone = {t: size - numbers_within(task, Budget(t, "numbers")) for t in (0, 0.1, 0.5, 0.95)}
    assert gone == {t: math.floor(t * size) for t in gone}


def test_budget_of_a_whole_number_is_that_number():
    """.29·100 is 28.999… in binary, and .57·100 is 56.999…; of what is no whole number the floor goes."""
    for size in (100, 700, 10_000, 123_400, 1_086_800):
        one = SimpleNamespace(num_ids=size // 2, dim=2)
        left = [numbers_within(one, Budget(k / 100, "numbers")) for k in range(100)]
        assert left == [size - size * k // 100 for k in range(100)]
        assert numbers_within(one, Budget(0.3337, "numbers")) == size - size * 3337 // 10_000


def test_impossible_budgets_say_why_before_training(task, monkeypatch):
    monkeypatch.setattr(Trainer, "fit", None)
    with pytest.raises(BudgetError, match="at least one number"):
        run(task, "autodim", 0.95)
    with pytest.raises(BudgetError, match="Dimension 1"):
        run(task, "smaller_dense", 0.95, tolerance=0.01)
    with pytest.raises(WrongValue, match="numbers in each of"):
        run(task, "magprune", 0.75, row_minimum=3)


def test_magprune_is_the_trained_model_without_its_smallest_numbers(task):
    """Nothing is trained after the cut; all fields are cut together."""
    whole, cut = (run(task, "magprune", t).model.table.weight_view() for t in (0, 0.9))
    kept = cut != 0
    assert torch.equal(cut[kept], whole[kept])
    assert whole[kept].abs().min() >= whole[~kept].abs().max()
    ones = run(task, "magprune", 0.85, row_minimum=1).model.table
    assert ones.starts.diff().min() == 1


def test_pep_retrains_what_is_left_from_its_start(task, monkeypatch):
    starts = []

    class Spy(Trainer):
        def __init__(self, model, *args, **options):
            super().__init__(model, *args, **options)
            if self.validate:  # the finding phase is not stopped early
                start = {k: v.clone() for k, v in model.state_dict().items()}
                starts.append((model.table, start))

    monkeypatch.setattr("lfmp_core.tasks.clicks.Trainer", Spy)
    outcome = run(task, "pep")
    ((table, start),) = starts
    fresh = fresh_model(task, 1).state_dict()
    assert torch.equal(start["table.table.weight"], fresh.pop("table.weight"))
    assert all(torch.equal(start[key], value) for key, value in fresh.items())
    served = outcome.model.table
    assert torch.equal(served.weight_view() != 0, table.gate.mask)
    assert table.gate.mask.sum() == numbers_within(task, Budget(0.75, "numbers"))


def test_a_cache_is_filled_after_the_first_pass_and_learns_apart(planted):
    """The ids seen most in training, ties to the lower id; before that pass ends nothing is cached."""
    sizes = {"table": "tt_rec", "table_settings": {"cache_rows": 12}}
    one, two = (run(make_task(planted, epochs=n), "table", 0.75, **sizes).model.table for n in (1, 2))
    rows = np.array(planted.split("train").ids)
    counts = np.bincount(rows.ravel(), minlength=sum(planted.schema.field_sizes))
    expected = sorted(np.argsort(-counts, kind="stable")[:12].tolist())
    assert one.cached.tolist() == two.cached.tolist() == expected
    assert torch.allclose(one.cache, one._train(one.cached), atol=1e-6)
    assert not torch.allclose(two.cache, two._train(two.cached), atol=1e-3)


def test_a_cache_survives_an_interrupt_in_the_first_pass(planted, tmp_path, monkeypatch):
    sizes = {"table": "tt_rec", "table_settings": {"cache_rows": 12}}
    task, fit = make_task(planted), Trainer.fit
    whole = run(task, "table", **sizes)

    def cut_off(trainer, stop_at=None):
        fit(trainer, stop_at=3)
        raise KeyboardInterrupt

    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(Trainer, "fit", cut_off)
        run(task, "table", folder=tmp_path, **sizes)
    assert_same_outcome(whole, run(task, "table", folder=tmp_path, **sizes))
