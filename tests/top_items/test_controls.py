"""Popularity by hand, iALS against its normal equations, and both on planted pairs."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from lfmp_core.budget import Budget
from lfmp_core.data import InteractionData, InteractionSettings
from lfmp_core.data.interactions import Interactions
from lfmp_core.errors import LfmpError
from lfmp_core.experiments.tiny import planted_pairs
from lfmp_core.methods import extras, get_method
from lfmp_core.models.factors import FactorSettings, MatrixFactorisation
from lfmp_core.models.neumf import NeuMFSettings
from lfmp_core.seeds import derive
from lfmp_core.tasks import TopItems
from lfmp_core.training.pairs import PairTrainingSettings

SEED = 3


@pytest.fixture
def ials():
    pytest.importorskip("implicit")
    return get_method("ials")


def task_of(data, dim=3, **training):
    return TopItems(data, FactorSettings(embedding_dim=dim), PairTrainingSettings(**training))


def test_popularity_by_hand():
    """Item 2 is in three training pairs, item 0 in two, item 1 in none: for every user alike."""
    kept = Interactions.of_pairs([0, 0, 1, 1, 2], [0, 2, 0, 2, 2], 4, 3)
    data = InteractionData.from_pairs([0, 1, 2, 3] * 3, np.repeat([0, 1, 2], 4), num_users=4, num_items=3)
    data = InteractionData(data.folder, data.schema, {**data.splits, "train": kept})
    outcome = get_method("popularity").run(task_of(data), seed=SEED)
    found = outcome.model.scorer()(torch.tensor([3, 0]))
    assert found.tolist() == [[2, 0, 3], [2, 0, 3]]
    assert outcome.model.pair(torch.tensor([1, 2]), torch.tensor([2, 0])).tolist() == [3, 2]
    assert outcome.sizes() == {"parameters": 4, "embedding_parameters": 4, "bytes": 16}


def solved(taken, others, confidence, regularisation):
    """Rows X [n, D] of the normal equations of 0/1 rows [n, m] with `others` Y [m, D] held."""
    rows = []
    for row in taken:
        weights = np.where(row, confidence, 1.0)
        left = (others * weights[:, None]).T @ others + regularisation * np.eye(others.shape[1])
        rows.append(np.linalg.solve(left, others.T @ (weights * row)))
    return np.array(rows)


def dense(pairs):
    found = np.zeros((pairs.num_users, pairs.num_items))
    found[pairs.users(), pairs.items] = 1
    return found


def test_each_half_step_solves_the_normal_equations(ials):
    """Three steps of conjugate gradients solve a system of three unknowns."""
    data, settings = planted_pairs(), {"confidence": 4.0, "regularisation": 0.5}
    task = task_of(data, epochs=1)
    found = ials.run(task, seed=SEED, settings=settings)
    start = task.model(derive(SEED, "weights")).items.weight.detach().double().numpy()
    taken = dense(task.pairs)
    users = solved(taken, start, 4.0, 0.5)
    items = solved(taken.T, users, 4.0, 0.5)
    of = {name: table.weight.detach().numpy() for name, table in found.model.tables().items()}
    np.testing.assert_allclose(of["users"], users, rtol=1e-3, atol=1e-3 * np.abs(users).max())
    np.testing.assert_allclose(of["items"], items, rtol=1e-3, atol=1e-3 * np.abs(items).max())
    weights = np.where(taken > 0, 4.0, 1.0)
    penalty = 0.5 * sum((table**2).sum() for table in of.values())
    loss = (weights * (taken - of["users"] @ of["items"].T) ** 2).sum() + penalty
    assert found.history[0]["train_loss"] == pytest.approx(loss / weights.sum(), rel=1e-5)


def test_its_loss_never_rises_and_the_best_epoch_is_kept(ials):
    task = task_of(planted_pairs(), dim=12, epochs=15, patience=15)
    found = ials.run(task, seed=SEED, settings={"confidence": 5.0, "regularisation": 0.1})
    losses = [row["train_loss"] for row in found.history]
    assert len(losses) == 15 and all(b <= a * (1 + 1e-6) for a, b in pairwise(losses))
    best = max(row["val_ndcg20"] for row in found.history)
    assert task.evaluate(found.model, "val").metrics["ndcg20"] == best
    again = ials.run(task, seed=SEED, settings={"confidence": 5.0, "regularisation": 0.1})
    users = torch.arange(found.model.num_users)
    assert torch.equal(found.model.scorer()(users), again.model.scorer()(users))


def test_it_stops_where_a_training_stops(ials):
    task = task_of(planted_pairs(), dim=12, epochs=15, patience=15, min_metric_by_epoch=(0.0, 1.0))
    assert len(ials.run(task, seed=SEED).history) == 2


def test_planted_neighbours_are_found_where_popularity_knows_nobody(ials):
    rng = np.random.default_rng(0)
    likes = np.arange(240)[:, None] % 8 == np.arange(160) % 8
    users, items = np.nonzero(rng.uniform(size=likes.shape) < np.where(likes, 0.5, 0.02))
    data = InteractionData.from_pairs(users, items, settings=InteractionSettings())
    task = task_of(data, dim=16, epochs=10, patience=10)
    found = {
        name: task.evaluate(get_method(name).run(task, seed=SEED).model, "test").metrics["ndcg20"]
        for name in ("popularity", "ials")
    }
    assert found["ials"] > 2 * found["popularity"] > 0


def test_it_solves_for_factors_alone(ials):
    task = TopItems(planted_pairs(), NeuMFSettings(), PairTrainingSettings())
    with pytest.raises(LfmpError, match="factors of 'mf' on a CPU, not for neumf"):
        ials.run(task, seed=SEED)
    with pytest.raises(LfmpError, match="its settings alone decide what goes"):
        ials.run(task_of(planted_pairs()), Budget(0.5), SEED)


def test_who_lacks_the_library_is_told_of_the_extra(monkeypatch):
    def absent(module):
        raise ImportError(f"No module named {module!r}")

    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(
        LfmpError, match=r"needs implicit.*install the extra: pip install 'lfmp-core\[controls"
    ):
        get_method("ials").run(task_of(planted_pairs()), seed=SEED)


def test_factors_are_trained_by_bpr_too():
    """Every method that works on recommenders works on factors; what they share, their loss asks for."""
    data = planted_pairs()
    task = task_of(data, dim=8, epochs=8, patience=8, batch_size=128, learning_rate=0.03, contrast=0.1)
    model = get_method("no_selection").run(task, seed=SEED).model
    assert isinstance(model, MatrixFactorisation)
    popular = task.evaluate(get_method("popularity").run(task, seed=SEED).model, "test").metrics["ndcg20"]
    assert task.evaluate(model, "test").metrics["ndcg20"] > popular
    rows = torch.tensor([0, 4, data.num_users, data.num_users + 7])
    v, e = model.represent(rows)
    expected = torch.cat([model.users.weight[[0, 4]], model.items.weight[[0, 7]]])
    assert torch.equal(v, expected) and torch.equal(e, expected)
