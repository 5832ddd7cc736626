"""The task of recommending: evaluation by hand, early stopping by NDCG, what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted_blocks import Fixed, by_popularity, task_of

from lfmp_core.budget import Budget
from lfmp_core.data import InteractionData
from lfmp_core.data.interactions import Interactions
from lfmp_core.errors import DataError, Diverged, LfmpError, UnknownName, WrongValue
from lfmp_core.experiments.executor import task_on
from lfmp_core.methods import METHODS, get_method
from lfmp_core.models import BackboneSettings
from lfmp_core.models.lightgcn import LightGCNSettings
from lfmp_core.models.recommenders import recommender_settings
from lfmp_core.tasks import Clicks, TopItems
from lfmp_core.training.pairs import PairTrainingSettings

ITEMS = 30
TAKEN = {
    "train": [(0, 0), (0, 1), (1, 0), (2, 0), (3, 9)],
    "val": [(0, 2), (1, 4), (2, 1)],
    "test": [(0, 3), (0, 5), (1, 29), *((2, item) for item in range(2, 24))],
}


def by_hand(**training):
    """Users 0 to 2 of the docstrings below; user 3 has training pairs alone."""
    data = InteractionData.from_pairs([0, 1, 2, 3] * 3, np.arange(12), num_users=4, num_items=ITEMS)
    splits = {split: Interactions.of_pairs(*np.array(pairs).T, 4, ITEMS) for split, pairs in TAKEN.items()}
    settings = LightGCNSettings(embedding_dim=2)
    return TopItems(replace(data, splits=splits), settings, PairTrainingSettings(**training))


def gain(*ranks):
    return sum(1 / np.log2(rank + 1) for rank in ranks)


# every user ranks items by their number
RANKED = np.tile(-np.arange(ITEMS), (4, 1))
FULL = gain(*range(1, 21))


def test_test_pairs_by_hand_under_both_recalls_and_both_maskings():
    """Without the training items alone: 2 3 4 5 … for user 0, 1 2 3 … for users 1 and 2.

    User 0: 3 and 5 at ranks 2 and 4. User 1: 29 at rank 29, so not at all. User 2: of 22 items 2 to 20 at
    ranks 2 to 20. Without validation items 3 and 5 stand at 1 and 3, and user 2 has a full list.
    """
    task = by_hand()
    scores = task.evaluate(Fixed(RANKED), "test")
    ndcgs = [gain(2, 4) / gain(1, 2), 0, gain(*range(2, 21)) / FULL]
    unseen = [gain(1, 3) / gain(1, 2), 0, 1]
    expected = {
        "ndcg20": np.mean(ndcgs),
        "recall20": np.mean([1, 0, 19 / 20]),
        "recall20_whole": np.mean([1, 0, 19 / 22]),
        "ndcg20_unseen": np.mean(unseen),
        "recall20_unseen": np.mean([1, 0, 1]),
        "recall20_whole_unseen": np.mean([1, 0, 20 / 22]),
    }
    assert scores.metrics == pytest.approx(expected, abs=1e-12)
    assert scores.units.dtype == np.float32
    np.testing.assert_allclose(scores.units, np.stack([ndcgs, [1, 0, 19 / 20]], 1), rtol=1e-6)


def test_validation_pairs_by_hand():
    """Ranked without training items, test items among them: 2 first, 4 fourth, 1 first."""
    scores = by_hand().evaluate(Fixed(RANKED), "val")
    expected = {"ndcg20": np.mean([1, gain(4), 1]), "recall20": 1.0, "recall20_whole": 1.0}
    assert scores.metrics == pytest.approx(expected, abs=1e-12)
    assert scores.units.shape == (3, 2)


def test_a_model_is_left_in_the_mode_that_it_was_in():
    task, model = by_hand(), Fixed(RANKED)
    for mode in (True, False):
        model.train(mode)
        task.evaluate(model, "test")
        assert model.training is mode


def test_blocks_of_users_don_t_change_a_metric(monkeypatch):
    task = task_of("lightgcn")
    whole = task.evaluate(task.model(0), "test")
    monkeypatch.setattr("lfmp_core.tasks.top_items.BLOCK", 7)
    parts = task.evaluate(task.model(0), "test")
    np.testing.assert_allclose(whole.units, parts.units, atol=1e-6)
    assert whole.metrics == pytest.approx(parts.metrics, abs=1e-9)


def test_a_score_that_is_no_number_has_diverged():
    """A result of the run, as a loss that is not finite: the same run would give it again."""
    with pytest.raises(Diverged, match="user 2 is not a number"):
        by_hand().evaluate(Fixed(np.where(np.arange(4)[:, None] == 2, np.nan, RANKED)), "test")


def scripted(task, monkeypatch, ndcgs):
    """A trainer whose validation says so, epoch by epoch, and the weights at the end of each."""
    left = iter(ndcgs)
    weights = []

    def measure():
        weights.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"ndcg20": next(left), "recall20": len(weights) / 100}

    model = task.model(1)
    monkeypatch.setattr(TopItems, "_measure", lambda self, model, most: measure)
    return task.trainer(model, seed=1), model, weights


def test_training_stops_by_ndcg_and_keeps_the_best_epoch(monkeypatch):
    """Recall rises all the while; the third and the fourth NDCG are below the second, patience is two."""
    trainer, model, weights = scripted(task_of("lightgcn", patience=2), monkeypatch, [0.1, 0.3, 0.2, 0.29, 1])
    history = trainer.fit()
    assert [row["val_ndcg20"] for row in history] == [0.1, 0.3, 0.2, 0.29]
    assert all(torch.equal(value, weights[1][key]) for key, value in model.state_dict().items())


def test_floors_are_of_ndcg(monkeypatch):
    """A trial below the floor of its epoch ends."""
    task = task_of("lightgcn", min_metric_by_epoch=(0.1, 0.25))
    trainer, _, _ = scripted(task, monkeypatch, [0.1, 0.24, 0.5])
    assert len(trainer.fit()) == 2


def test_early_stopping_ranks_for_the_same_few_users_each_epoch(monkeypatch):
    task, asked = task_of("lightgcn", validation_users=10, epochs=3), []
    found = TopItems._found

    def watched(self, model, users, split, left_out):
        asked.append((tuple(users), split))
        return found(self, model, users, split, left_out)

    monkeypatch.setattr(TopItems, "_found", watched)
    history = task.trainer(task.model(0), seed=0).fit()
    assert len(asked) == len(history) == 3 and len(set(asked)) == 1
    users, split = asked[0]
    assert len(set(users)) == 10 and split == "val" and list(users) == sorted(users)


def test_fitness_is_validation_ndcg():
    task = task_of("neumf")
    model = task.model(0)
    assert task.fitness(model, 10**6)() == task.evaluate(model, "val").metrics["ndcg20"]


def test_a_training_without_validation_needs_no_validation_pairs():
    """The finding phases of methods train so; a run that stops early says what is missing."""
    task = by_hand(epochs=2, batch_size=2)
    nobody = Interactions.of_pairs([], [], 4, ITEMS)
    bare = replace(task, dataset=replace(task.dataset, splits={**task.dataset.splits, "val": nobody}))
    assert len(bare.trainer(bare.model(0), seed=0, validate=False).fit()) == 2
    with pytest.raises(DataError, match="no pair of val to rank for"):
        bare.trainer(bare.model(0), seed=0)


def test_counts_and_groups_are_of_training_pairs():
    task = by_hand()
    counts = task.id_counts()
    assert counts["users"].tolist() == [2, 1, 1, 1]
    assert counts["items"][[0, 1, 9]].tolist() == [3, 1, 1] and counts["items"].sum() == 5
    assert set(task.id_groups()) == {"users", "items"}
    four = replace(task, recommender=recommender_settings({"name": "neumf", "embedding_dim": 2}))
    assert four.id_groups() == {"users": ("gmf_users", slice(None)), "items": ("gmf_items", slice(None))}
    assert four.num_ids == 2 * (4 + ITEMS) and task.num_ids == 4 + ITEMS


def test_popularity_is_what_recommenders_have_to_beat():
    """Planted blocks: popularity knows nothing of them, the law of the pairs knows all."""
    task = task_of("lightgcn")
    popular = task.evaluate(by_popularity(task), "test").metrics["ndcg20"]
    trained = task.evaluate(get_method("no_selection").run(task, seed=1).model, "test").metrics["ndcg20"]
    assert popular < 0.16 < 0.3 < trained


# ------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("method", [m for m in METHODS if not issubclass(TopItems, METHODS[m].task)])
def test_a_method_of_clicks_says_that_it_is_one(method):
    with pytest.raises(LfmpError, match=f"method '{method}' works on Clicks, not on TopItems") as error:
        get_method(method).run(task_of("lightgcn"), seed=1)
    assert "take one of cerp, " in str(error.value) and "\n" not in str(error.value)


def test_pairs_have_no_fields_to_remove():
    with pytest.raises(LfmpError, match="removes no share of fields"):
        get_method("pep").run(task_of("lightgcn"), Budget(0.5), 1)


def test_data_of_the_other_kind_is_refused(planted):
    pairs = by_hand().dataset
    with pytest.raises(LfmpError, match="lightgcn learns from interactions; planted holds clicks"):
        task_on(planted, {"name": "lightgcn"})
    with pytest.raises(LfmpError, match="deepfm learns from clicks; arrays holds interactions"):
        task_on(pairs, {"name": "deepfm"})
    assert isinstance(task_on(planted, BackboneSettings(name="deepfm").model_dump()), Clicks)
    assert isinstance(task_on(pairs, {"name": "neumf"}), TopItems)


def test_an_unknown_recommender_names_the_nearest():
    with pytest.raises(UnknownName, match=r"unknown recommender 'lightgnc'.*lightgcn"):
        recommender_settings({"name": "lightgnc"})
    with pytest.raises(LfmpError, match="layer"):
        recommender_settings({"name": "lightgcn", "layer": 2})


def test_what_lightgcn_can_not_do_is_said_before_training():
    """Its graph lies in loops of a CPU that read every row at every step."""
    with pytest.raises(LfmpError, match=r"lightgcn is trained on a CPU alone.*'cuda'"):
        by_hand(device="cuda")
    with pytest.raises(LfmpError, match="take optimizer='dense'"):
        by_hand(optimizer="lazy")


@pytest.mark.parametrize("name,value", [("negatives", 0), ("contrast", -1), ("temperature", 0)])
def test_settings_out_of_range_are_named(name, value):
    with pytest.raises(WrongValue, match=name):
        PairTrainingSettings(**{name: value})


def test_lazy_rows_give_neumf_the_same_numbers():
    """Its tables are only looked up: rows may wait for their steps."""
    histories = [
        get_method("no_selection").run(task_of("neumf", optimizer=way, epochs=2), seed=1).history
        for way in ("dense", "lazy")
    ]
    for dense, lazy in zip(*histories, strict=True):
        assert lazy["train_loss"] == pytest.approx(dense["train_loss"], rel=1e-6)
        assert lazy["val_ndcg20"] == pytest.approx(dense["val_ndcg20"], abs=1e-6)


@pytest.mark.parametrize("name", ["lightgcn", "neumf"])
@pytest.mark.parametrize("table", ["full", "qr", "dhe"])
def test_bfloat16_trains_whatever_the_table(name, table):
    settings, budget = {"table": table, "tolerance": 0.1}, Budget(0.0 if table == "full" else 0.5, "numbers")
    settings |= {"table_settings": {"hashes": 16}} if table == "dhe" else {}
    task = task_of(name, precision="bfloat16", epochs=1, contrast=0.1)
    outcome = get_method("table").run(task, budget, 1, settings=settings)
    assert np.isfinite(outcome.history[0]["train_loss"])
