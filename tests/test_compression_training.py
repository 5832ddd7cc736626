"""What the compression methods do step by step while they train, in numbers small enough to check by hand."""

import math
import sys

import numpy as np
import pytest
import torch
from compressing import DIM, clicks_on, run
from torch import nn

from lfmp_core.data import Rows
from lfmp_core.embeddings import FullTable
from lfmp_core.embeddings.entry_mask import EntryMask
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.soft_threshold import SoftThresholdTable
from lfmp_core.errors import LfmpError
from lfmp_core.methods.compression.autodim import AutoDimSettings, CandidateTable, Choosing
from lfmp_core.methods.compression.cerp import CERPSettings, Complementary
from lfmp_core.methods.compression.dsl import DSLSettings, Exchanging, WatchedRows
from lfmp_core.methods.compression.magnitude import largest_entries
from lfmp_core.models.batch import ClickBatch
from lfmp_core.training import Batches, LogLoss, Trainer


@pytest.fixture(scope="module")
def task(planted):
    return clicks_on(planted)


def filled(rows):
    table = FullTable((len(rows),), len(rows[0]), std=0, generator=torch.Generator())
    table.weight.data = torch.tensor(rows)
    return table


class Read(nn.Module):
    """A model of a table and of what it does with the vectors."""

    def __init__(self, table, use):
        super().__init__()
        self.table, self.use = table, use

    def tables(self):
        return {"table": self.table}

    def read(self, batch):
        return {"table": batch.ids}

    def forward(self, ids, values=None):
        return self.use(self.table(ids))


# -------------------------------------------------------------------------------------------------- magnitude


def test_no_more_entries_are_kept_than_there_are():
    scores = torch.arange(10.0).view(5, 2)
    for count in (-1, 11):
        with pytest.raises(ValueError, match=f"{count} entries can't be kept of 10"):
            largest_entries(scores, count)
    assert largest_entries(scores, 10).all()


def test_magprune_keeps_exactly_the_largest(task):
    whole, cut = (run(task, "magprune", sparsity=t).model.table.weight_view().numpy() for t in (0, 0.9))
    size = whole.size
    count = size - math.floor(0.9 * size)
    top = np.argsort(-np.abs(whole), axis=None, kind="stable")[:count]
    assert np.array_equal(np.flatnonzero(cut), np.sort(top))
    assert np.array_equal(cut.ravel()[top], whole.ravel()[top])


# ------------------------------------------------------------------------------------------------------- CERP


def test_the_regulariser_of_cerp_halves_with_every_epoch():
    """n = 3, b = 2, T = ¼: P̂ = (1, −½), Q̂ = (¼, 0); e_0 = 5/4, e_1 = −¼, e_2 = 1. Logits of 0 cost ln 2."""
    tables = [SoftThresholdTable(filled([[1.25], [-0.75]])), SoftThresholdTable(filled([[0.5], [0.1]]))]
    settings = CERPSettings(regulariser=0.8, steepness=2.0)
    objective = Complementary(LogLoss(), tables, settings, per_epoch=3)
    for table in tables:
        table.threshold.fill_(0.25)
    model = Read(PairTable((3,), *tables), lambda e: 0 * e.sum((1, 2)))
    assert model.table(torch.arange(3)).flatten().tolist() == [1.25, -0.25, 1.0]
    ids, labels = torch.tensor([[0, 0], [2, 0]]), torch.tensor([0.0, 1.0])
    distinct = math.tanh(2.5) ** 2 + math.tanh(2.0) ** 2
    for step, weight in ((0, 0.8), (2, 0.8), (3, 0.4), (5, 0.4), (6, 0.2)):
        loss = objective(model, ClickBatch(ids, None, labels), step).item()
        assert loss == pytest.approx(math.log(2) - weight * distinct, abs=1e-6)
    start = objective.threshold.value()
    objective.after_step(0)
    assert objective.threshold.value() > start
    assert all(t.threshold.item() == pytest.approx(objective.threshold.value()) for t in tables)


def test_cerp_is_regularised_while_it_finds_and_not_afterwards(task, monkeypatch):
    objectives = []

    class Spy(Trainer):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            objectives.append(self.objective)

    monkeypatch.setattr("lfmp_core.tasks.clicks.Trainer", Spy)
    quick = {"rise_epochs": 1, "find_epochs": 1}
    served = [run(task, "cerp", regulariser=g, **quick).model.table for g in (0, 1)]
    assert [isinstance(o, Complementary) for o in objectives] == [True, False] * 2
    assert not torch.equal(served[0].first.starts, served[1].first.starts)


def test_cerp_says_how_many_buckets_would_do(task):
    """A quarter of n·D stays: 2·b·D of it need b ≥ n/8; and b² ≥ n."""
    n = task.dataset.schema.num_ids
    count = n * DIM - math.floor(0.75 * n * DIM)
    fewest = math.ceil(count / (2 * DIM))
    assert fewest**2 > n
    with pytest.raises(LfmpError, match=f"give {fewest:,} or more"):
        run(task, "cerp", buckets=fewest - 1)
    quick = {"rise_epochs": 1, "find_epochs": 1}
    table = run(task, "cerp", buckets=fewest, **quick).model.table
    assert (table.buckets, table.num_parameters()) == (fewest, count)
    with pytest.raises(LfmpError, match=f"give {math.isqrt(n - 1) + 1:,} or more"):
        run(task, "cerp", sparsity=0.999, buckets=2)


# ---------------------------------------------------------------------------------------------------- AutoDim


def choosing(validation, read, logits, **settings):
    """An objective over a table of one field and two candidates, for B = 2,000, and its model."""
    table = CandidateTable((3,), 2, std=1.0, generator=torch.Generator().manual_seed(0))
    objective = Choosing(
        table=table,
        settings=AutoDimSettings(**settings),
        validation=validation,
        batch_size=2000,
        steps=100,
        generator=torch.Generator().manual_seed(0),
    )
    objective.logits.data = torch.tensor([logits])
    return objective, Read(table, read), table


@pytest.mark.parametrize(
    ("step", "minus_log_u", "expected"),
    [
        (1, (1, 1), (1 / 4, 3 / 4)),  # no noise, T = 1 (but for 5e-5): the probabilities themselves
        (10_000, (1, 1), (1 / 10, 9 / 10)),  # T = 1/2: their squares
        (1, (1, 3), (1 / 2, 1 / 2)),  # g = −log 3 takes the second's advantage away
        (1, (3, 1), (1 / 10, 9 / 10)),
        (10**6, (1, 2.9), (0.0326, 0.9674)),  # T is .01 at least: (3/2.9)^100 = 29.7
    ],
)
def test_the_mixture_is_drawn_as_printed(step, minus_log_u, expected, monkeypatch):
    """α = log (1, 3) and a constant, g = −log(−log u)."""
    u = torch.exp(-torch.tensor([minus_log_u], dtype=torch.float32))
    monkeypatch.setattr(torch, "rand", lambda *shape, generator: u.clone())
    logits = [5.0, 5.0 + math.log(3)]
    objective, model, table = choosing(None, lambda e: e.sum((1, 2)), logits, update_every=7)
    objective(model, ClickBatch(torch.zeros(2, 1, dtype=torch.int64), None, torch.zeros(2)), step)
    assert table.mixture[0].tolist() == pytest.approx(expected, abs=2e-4)
    assert not table.mixture.requires_grad


def test_the_choice_learns_from_validation_rows_and_the_weights_from_training_rows():
    """More of the second candidate raises the logit: validation wants it, training rows the opposite."""
    asked = []

    class Validation(Batches):
        def epoch(self, epoch, start=0):
            asked.append((epoch, start))
            return super().epoch(epoch, start)

    rows = Rows(np.zeros((8, 1), np.int32), np.ones(8, np.uint8))
    validation = Validation(rows, 4, 0)  # two batches an epoch
    objective, model, table = choosing(validation, None, [0.0, 0.0], update_every=2)
    optimizer = torch.optim.Adam(objective.groups(0.5))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(3 * 2 / 100)  # the choice's own, not the weights'
    scale = nn.Parameter(torch.tensor(2.0))
    model.use = lambda e: scale * table.mixture[0, 1].expand(len(e))
    ids, labels = torch.zeros(6, 1, dtype=torch.int64), torch.zeros(6)
    for step in range(8):
        before = objective.logits.detach().clone()
        loss = objective(model, ClickBatch(ids, None, labels), step)
        wanted = objective.logits.grad
        wanted = None if wanted is None else wanted.clone()
        loss.backward()
        assert (wanted is None) == bool(step % 2)
        assert wanted is None or torch.equal(objective.logits.grad, wanted)  # training rows add nothing
        optimizer.step()
        optimizer.zero_grad()
        moved = (objective.logits - before).detach()[0]
        # the second's logit rises where a choice is made; between two nothing moves
        assert (moved[1] > 0 > moved[0]) if step % 2 == 0 else not moved.any()
        drawn = table.mixture[0, 1].item()
        slope = drawn / (1 + math.exp(-2 * drawn))  # of training rows alone, labels 0
        assert scale.grad.item() == pytest.approx(slope, rel=1e-5)
        scale.grad = None
    assert asked == [(0, 0), (1, 0)]  # the rows are read once an epoch, not once a batch


def test_autodim_chooses_on_the_validation_split(task, monkeypatch):
    given = []

    class Spy(Batches):
        def __init__(self, rows, *args, **options):
            given.append(np.array(rows.ids))
            super().__init__(rows, *args, **options)

    monkeypatch.setattr(sys.modules["lfmp_core.methods.compression.autodim"], "Batches", Spy)
    run(task, "autodim", find_epochs=1)
    assert len(given) == 1 and np.array_equal(given[0], task.dataset.split("val").ids)


# -------------------------------------------------------------------------------------------------------- DSL


def exchanging(per_epoch=5, **settings):
    """Four numbers in column 0 of rows 0 to 3; column 1, which alone is read, is free. Always in exchange."""
    plain = filled([[5.0, 9.0], [0.1, 9.0], [-0.2, 9.0], [4.0, 9.0], [9.0, 9.0]])
    gate = EntryMask(torch.tensor([[1, 0], [1, 0], [1, 0], [1, 0], [0, 0]], dtype=torch.bool))
    masked = WatchedRows(plain, gate)
    settings = DSLSettings(exchanges=10**6, anneal_epochs=2, **settings)
    objective = Exchanging(LogLoss(), [masked], settings, per_epoch)
    return objective, Read(masked, lambda e: e[..., 1].sum(1)), plain, gate


def test_the_share_that_is_exchanged_falls_along_a_half_cosine():
    objective, *_ = exchanging(first_share=0.5, last_share=0.1)
    shares = {0: 0.5, 2.5: 0.1 + 0.2 * (1 + math.sqrt(0.5)), 5: 0.3, 10: 0.1, 99: 0.1}
    assert {k: objective.share(k) for k in shares} == pytest.approx(shares)


@pytest.mark.parametrize(("step", "count"), [(0, 2), (10, 1)])
def test_an_exchange_moves_the_smallest_to_where_the_loss_falls_fastest(step, count):
    """Logits are 0, so each row's slope is ±½ over six rows: id 0 sums to 0, 1 to −½, 2 to 3/2, 3 to −1.

    ρ is a half, of four numbers two; after the annealing a quarter, one.
    """
    objective, model, plain, gate = exchanging(first_share=0.5, last_share=0.25)
    ids = torch.tensor([[0, 1], [0, 3], [0, 3], [0, 2], [0, 2], [0, 2]])
    labels = torch.tensor([1.0, 1, 1, 0, 0, 0])
    objective(model, ClickBatch(ids, None, labels), step).backward()
    objective.after_step(step)
    kept = (
        [[1, 0], [0, 0], [0, 1], [1, 1], [0, 0]] if count == 2 else [[1, 0], [0, 0], [1, 1], [1, 0], [0, 0]]
    )
    assert gate.mask.int().tolist() == kept and gate.mask.sum() == 4
    assert plain.weight[:, 1].tolist() == ([9, 9, 0, 0, 9] if count == 2 else [9, 9, 0, 9, 9])
    assert plain.weight[:, 0].tolist() == pytest.approx([5, 0.1, -0.2, 4, 9])
    assert int(objective.exchanged) == count


# -------------------------------------------------------------------------------------------------- DeepLight


def test_deeplight_goes_on_with_adams_moments(task, monkeypatch):
    """Of every parameter, under whatever name it has once the table is masked."""
    left, taken = {}, {}

    def moments(trainer):
        names = trainer.named_parameters()
        state = trainer.optimizer_state()
        return {id(names[k]): {slot: v.clone() for slot, v in state[k].items()} for k in names if k in state}

    class Spy(Trainer):
        """The first finds and is not stopped early; the second goes on."""

        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            if self.validate:
                taken.update(moments(self))
                assert taken.keys() == {id(p) for p in self.named_parameters().values()}

        def fit(self, stop_at=None):
            history = super().fit(stop_at)
            if not self.validate:
                left.update(moments(self))
            return history

    monkeypatch.setattr("lfmp_core.tasks.clicks.Trainer", Spy)
    run(task, "deeplight")
    assert left.keys() == taken.keys()
    for parameter, slots in left.items():
        assert slots.keys() == taken[parameter].keys() and slots["exp_avg_sq"].any() and slots["step"] > 0
        assert all(torch.equal(value, taken[parameter][slot]) for slot, value in slots.items())
