"""Unusual and wrong input on pairs of users and items: the law that holds there, or what is said."""

import os
import shutil
import signal

import numpy as np
import pyarrow as pa
import pytest
import torch

from lfmp_core import Budget, get_method
from lfmp_core.data.interactions import InteractionData, Interactions
from lfmp_core.data.times import form_of, iso_times, whole_times
from lfmp_core.embeddings.base import IdError
from lfmp_core.embeddings.norm_mish import norm_mish
from lfmp_core.errors import DataError, UnknownName
from lfmp_core.methods.compression.optembed_d import widths_of_mean
from lfmp_core.models.factors import FactorSettings
from lfmp_core.models.lightgcn import LightGCNSettings
from lfmp_core.models.neumf import NeuMFSettings
from lfmp_core.tasks import TopItems
from lfmp_core.training.loop import Loop
from lfmp_core.training.pair_losses import info_nce
from lfmp_core.training.pairs import PairBatches, PairTrainingSettings

USERS, ITEMS = 60, 80
RECOMMENDERS = (
    FactorSettings(embedding_dim=8),
    LightGCNSettings(embedding_dim=8),
    NeuMFSettings(embedding_dim=8, hidden=(8,)),
)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    items = np.concatenate([rng.choice(ITEMS, 20, replace=False) for _ in range(USERS)])
    return InteractionData.from_pairs(np.repeat(np.arange(USERS), 20), items)


def task_of(data, recommender=RECOMMENDERS[0], **training):
    return TopItems(data, recommender, PairTrainingSettings(**{"batch_size": 8, "epochs": 2, **training}))


@pytest.mark.parametrize("recommender", RECOMMENDERS, ids=lambda r: r.name)
def test_an_id_outside_is_refused_and_not_another_ones(data, recommender):
    model = task_of(data, recommender).model(0).eval()
    first, none = torch.tensor([0]), torch.tensor([-1])
    for users, items in ((torch.tensor([USERS]), first), (first, torch.tensor([ITEMS])), (first, none)):
        with pytest.raises(IdError):
            model.pair(users, items)
    with pytest.raises(IdError):
        model.scorer()(none)


def test_nothing_is_ranked_for_training_pairs(data):
    task = task_of(data)
    for split in ("train", "tset"):
        with pytest.raises(UnknownName, match="split to rank for"):
            task.evaluate(task.model(0), split)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_factors_of_fewer_bits_are_ranked_as_their_float32_values(data, kind):
    task = task_of(data)
    model = task.model(0).to(kind)
    found = task.evaluate(model, "val")
    assert found.metrics == task.evaluate(model.float(), "val").metrics


def test_a_ranking_that_fails_leaves_the_model_in_training(data, monkeypatch):
    task = task_of(data)
    model = task.model(0).train()
    torch.nn.init.constant_(next(model.parameters()), float("nan"))
    with pytest.raises(Exception, match=r"diverged|NaN|finite"):
        task.evaluate(model, "val")
    assert model.training


def test_a_batch_of_one_user_is_learnt_from(data):
    """DHE normalises the rows of a batch by each other; one alone takes the running statistics."""
    x, norm = torch.tensor([[3.0, -1.0]]), torch.nn.BatchNorm1d(2)
    norm.running_mean.copy_(torch.tensor([1.0, 0.0]))
    norm.running_var.copy_(torch.tensor([4.0, 1.0]))
    u = torch.tensor([[1.0, -1.0]])
    torch.testing.assert_close(
        norm_mish(x, norm.train()), u * torch.tanh(torch.log1p(u.exp())), rtol=1e-4, atol=0
    )
    assert norm.running_mean.tolist() == [1.0, 0.0]
    assert len(data.splits["train"]) % 137 == 1
    settings = {"table": "dhe", "table_settings": {"hashes": 4}}
    for recommender in (RECOMMENDERS[0], RECOMMENDERS[2]):
        task = task_of(data, recommender, batch_size=137, epochs=1)
        outcome = get_method("table").run(task, Budget(0.5, "numbers"), settings=settings)
        assert np.isfinite(task.evaluate(outcome.model, "val").metrics["ndcg20"])


def test_who_took_everything_is_named_before_anything_is_learnt():
    pairs = Interactions.of_pairs(np.array([0, 1, 1, 1]), np.array([1, 0, 1, 2]), 2, 3)
    with pytest.raises(DataError, match="user 1 took all 3 items"):
        PairBatches(pairs, 2, 1, seed=0)


@pytest.mark.parametrize(
    ("users", "items", "given", "said"),
    [
        ([0, 1], [5, -1], {}, "item -1 at place 1 lies outside 0..5"),
        ([1, 0], [0, 5], {"num_items": 5}, "item 5 at place 1 lies outside 0..4"),
        ([0, 3], [0, 1], {"num_users": 3}, "user 3 at place 1 lies outside 0..2"),
        ([0, 1], [10**10, 1], {}, "items are numbered up to 10,000,000,000; an id has 32 bits"),
        ([0, 0], [0, 1], {"times": [1.0, np.nan]}, "time 1 is not finite"),
    ],
)  # fmt: skip
def test_ids_and_times_that_cant_be_are_refused_and_not_taken_for_others(users, items, given, said):
    with pytest.raises(DataError, match=said):
        InteractionData.from_pairs(users, items, **given)


def test_a_vector_that_is_nothing_has_a_finite_loss_under_any_temperature():
    """Rows e₁ and 0, 1/τ = 200: the sum of the first is 1 + e^−200, of the second 2·e^−200, kept from 0."""
    v = torch.tensor([[1.0, 0.0], [0.0, 0.0]], requires_grad=True)
    loss = info_nce(v, temperature=0.005)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(v.grad).all()


def test_a_misspelt_setting_of_the_protocol_is_refused(data):
    task = task_of(data)
    assert task.with_training(batch_size=3).training == task.training.model_copy(update={"batch_size": 3})
    with pytest.raises(UnknownName, match="batch_size"):
        task.with_training(batchsize=3)


@pytest.mark.parametrize("mean", [3.0, 4.5, 6.0, 7.5, 8.0])
def test_widths_have_any_mean_that_is_asked_for(mean):
    widths = widths_of_mean(mean, 8)
    assert widths.mean() == pytest.approx(mean, abs=0.02) and widths.min() >= 1 and widths.max() <= 8


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
def test_optembed_d_removes_what_was_asked_for(data, share):
    few = {"search_epochs": 1, "fitness_users": 20, "evolution": {"generations": 1}}
    outcome = get_method("optembed_d").run(task_of(data, epochs=1), Budget(share, "numbers"), settings=few)
    assert share <= outcome.details["sparsity"] < share + 0.06


def test_a_mask_that_is_found_after_an_interrupt_is_the_one_without(data, tmp_path, monkeypatch):
    """Between the step at which the threshold passes the target and the next look, too."""
    task, few = task_of(data, learning_rate=1e-2), {"checks": 6, "rise_epochs": 2.0, "find_epochs": 4}
    run = lambda folder: get_method("pep").run(task, Budget(0.5, "numbers"), 1, settings=few, folder=folder)
    whole, step, done = run(None), Loop.step, [0]
    for before in (1, 4, 30):
        folder, cut = tmp_path / "run", whole.details["find_steps"] - before
        done[0] = 0

        def counted(self, *given, cut=cut, **named):
            out = step(self, *given, **named)
            done[0] += 1
            if done[0] == cut:
                os.kill(os.getpid(), signal.SIGINT)
            return out

        monkeypatch.setattr(Loop, "step", counted)
        with pytest.raises(KeyboardInterrupt):
            run(folder)
        monkeypatch.setattr(Loop, "step", step)
        again = run(folder)
        assert again.details["find_steps"] == whole.details["find_steps"]
        for ours, theirs in zip(
            again.model.state_dict().values(), whole.model.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
        shutil.rmtree(folder)


def test_the_form_of_times_is_that_of_most_so_that_an_error_names_the_others():
    days = [f"2020-01-{day:02d}" for day in range(1, 16)]
    assert form_of(pa.array([*days, "notatime"])) is iso_times and form_of(pa.array([*days, ""])) is iso_times
    for texts in (["1", "2", days[0]], []):
        assert form_of(pa.array(texts, pa.string())) is whole_times
