"""The laws over every method of the registry: one matrix."""

import numpy as np
import pytest
from outcomes import share_of

from lfmp_core.budget import NOTHING, Budget
from lfmp_core.data import Rows
from lfmp_core.methods import METHODS, Outcome, get_method
from lfmp_core.models import BackboneSettings, load_model, save_model
from lfmp_core.tasks import Clicks
from lfmp_core.training import TrainingSettings, predict

FIELDS = 39
ON_CLICKS = [name for name, method in METHODS.items() if issubclass(Clicks, method.task)]
# what a method's model no longer reads; all others go on reading every field
CUTS_FIELDS = {
    "random_fields",
    "lasso",
    "pca",
    "random_forest",
    "gbdt",
    "xgboost",
    "permutation",
    "autofield",
}
CUTS_FIELDS |= {"lpfs", "sfs", "shark", "light_fmp", "light_fmp_stream", "light_fmp_regrow"}
CUTS_VALUES = {"optfs", "optembed"}  # a field without a value left is not read
# smaller than their defaults, for the time of a test
FOREST = {"trees": 5, "max_rows": 2000}
QUICK: dict[str, dict] = {
    "light_fmp": {"pretrain_rows": 1000, "pretrain_passes": 3},
    "light_fmp_regrow": {"pretrain_rows": 1000, "pretrain_passes": 3},
    "random_forest": FOREST,
    "gbdt": {**FOREST, "repeats": 1, "validation_rows": 500},
    "permutation": {**FOREST, "repeats": 1, "validation_rows": 500},
    "autofield": {"search_epochs": 1},
    "sfs": {"batches": 3},
    "adafs": {"pretrain_epochs": 1},
    "mvfs": {"pretrain_epochs": 1},
    "optfs": {"search_epochs": 2},
    "optembed": {"search_epochs": 1, "fitness_rows": 200, "evolution": {"generations": 1}},
}


@pytest.fixture(scope="module")
def task(planted):
    """A small network on the planted rows, one epoch."""
    backbone = BackboneSettings(name="dnn", embedding_dim=4, hidden=(16,))
    return Clicks(planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=1))


@pytest.fixture(scope="module")
def outcomes(task):
    """Every method run once with seed 1, when it is first asked for."""
    found: dict[str, Outcome] = {}

    def outcome(method: str) -> Outcome:
        if method not in found:
            found[method] = run(task, method, 1)
        return found[method]

    return outcome


def run(task: Clicks, method: str, seed: int) -> Outcome:
    budget = NOTHING if method == "quantise" else share_of(method, 0.5)
    return get_method(method).run(task, budget, seed, settings=QUICK.get(method, {}))


def timeless(value):
    """A copy without what a clock made."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if not k.endswith("seconds")}
    return [timeless(v) for v in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("method", ON_CLICKS)
def test_same_seed_same_bits(method, task, outcomes):
    """Law 5, and another seed gives other scores."""
    first, second = outcomes(method), run(task, method, 1)
    assert first.kept_fields == second.kept_fields
    assert timeless(first.history) == timeless(second.history)
    assert timeless(first.details) == timeless(second.details)
    rows = task.dataset.split("val")
    scores = [predict(o.model, rows) for o in (first, second, run(task, method, 2))]
    assert np.array_equal(scores[0], scores[1]) and not np.array_equal(scores[0], scores[2])


@pytest.mark.parametrize("method", ON_CLICKS)
def test_outcome_agrees_with_its_model(method, task, outcomes):
    """The model reads the kept fields of whole rows and no other; phases are timed; sizes are counts."""
    outcome, rows = outcomes(method), task.dataset.split("val")
    kept = outcome.kept_fields
    if method in CUTS_FIELDS:
        assert len(kept) == 20 and outcome.model.columns.tolist() == list(kept) == sorted(set(kept))
    elif method in CUTS_VALUES:
        assert 0 < len(kept) <= FIELDS
    else:
        assert kept == tuple(range(FIELDS))
    logits = predict(outcome.model, rows)
    ids = np.array(rows.ids)
    if method in CUTS_FIELDS:  # what is not read may hold anything
        ids[:, [f for f in range(FIELDS) if f not in kept]] = -1
    assert np.array_equal(logits, predict(outcome.model, Rows(ids, rows.labels)))
    used = np.array(rows.ids)
    offset, size = (getattr(task.dataset.schema.fields[kept[0]], k) for k in ("offset", "size"))
    used[:, kept[0]] = offset + (used[:, kept[0]] - offset + 1) % size
    assert not np.array_equal(logits, predict(outcome.model, Rows(used, rows.labels)))
    assert set(outcome.phases) == set(outcome.details["cpu_seconds"]) <= {"PT", "CT"}
    assert "CT" in outcome.phases and all(seconds > 0 for seconds in outcome.phases.values())
    sizes = outcome.sizes()
    stored = sum(t.numel() * t.element_size() for t in outcome.model.state_dict().values())
    assert sizes["bytes"] == stored and sizes["fields_kept"] == len(kept)
    assert get_method(method).summary


@pytest.mark.parametrize("method", ON_CLICKS)
def test_what_is_served_survives_a_save(method, task, outcomes, tmp_path):
    """Law 2 for whatever a method serves: saved without pickles, loaded, the same logits."""
    model, rows = outcomes(method).model.eval(), task.dataset.split("val")
    loaded = load_model(save_model(model, tmp_path / "model"))
    assert np.array_equal(predict(model, rows), predict(loaded, rows))
    assert loaded.num_bytes() == model.num_bytes()


@pytest.mark.parametrize("method", [m for m in METHODS if METHODS[m].chooser is not None])
def test_a_choice_is_that_of_the_run(method, task, outcomes):
    """`choose` stops where the training of what was chosen would begin."""
    choice = get_method(method).choose(task, Budget(0.5), 1, settings=QUICK.get(method, {}))
    assert len(choice.fields) == 20 and list(choice.fields) == sorted(set(choice.fields))
    if method in CUTS_FIELDS - {"light_fmp_regrow"}:  # which revises its choice while it trains
        assert choice.fields == outcomes(method).kept_fields
    if choice.scores:
        assert len(choice.scores) == FIELDS
        lost = [choice.scores[f] for f in range(FIELDS) if f not in choice.fields]
        assert min(choice.scores[f] for f in choice.fields) >= max(lost)
