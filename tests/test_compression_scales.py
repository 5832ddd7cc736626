"""What of a compression follows from the rows at hand: its pace must not, its starting values must not."""

from importlib import import_module

import pytest
import torch

from lfmp_core.budget import Budget
from lfmp_core.embeddings.dhe import DHETable
from lfmp_core.embeddings.memoised import compact
from lfmp_core.embeddings.qr import QRSettings, QRTable
from lfmp_core.embeddings.small_dense import dim_in_bytes, smaller_dim
from lfmp_core.embeddings.sparse import SparseTable, sparse_bytes
from lfmp_core.errors import LfmpError
from lfmp_core.methods import get_method
from lfmp_core.methods.base import Context
from lfmp_core.methods.compression import optembed, threshold
from lfmp_core.methods.compression.autodim import AutoDimSettings, CandidateTable, Choosing
from lfmp_core.methods.compression.dsl import DSLSettings, Exchanging
from lfmp_core.methods.compression.optembed import mean_width, width_bias
from lfmp_core.methods.compression.threshold import RisingThreshold
from lfmp_core.methods.gating.optembed import OptEmbedSettings
from lfmp_core.methods.train import fresh_model
from lfmp_core.models import BackboneSettings
from lfmp_core.tasks import Clicks
from lfmp_core.training import LogLoss, TrainingSettings

SIZES = (40, 25, 15)
gating = import_module("lfmp_core.methods.gating.optembed")  # its package has a method of that name


def make_task(planted, batch_size, **training):
    backbone = BackboneSettings(name="dnn", embedding_dim=8, hidden=(8,))
    rates = {"learning_rate": 0.01, "batch_size": batch_size, "epochs": 1}
    return Clicks(planted, backbone, TrainingSettings(**rates | training))


def run(task, method, sparsity, of="numbers", **settings):
    return get_method(method).run(task, Budget(sparsity, of), settings=settings)


@pytest.mark.parametrize(
    ("per_epoch", "exchanges", "every"), [(54, 5, 10), (14, 5, 2), (3, 5, 1), (16_000, 160, 100)]
)
def test_dsl_exchanges_so_often_in_a_pass(per_epoch, exchanges, every):
    made = Exchanging(LogLoss(), [], DSLSettings(exchanges=exchanges, anneal_epochs=2), per_epoch)
    assert (made.every, made.total) == (every, 2 * per_epoch)


@pytest.mark.parametrize("batch_size", [2048, 256])
def test_dsl_exchanges_numbers_on_few_steps_as_on_many(planted, batch_size):
    details = run(make_task(planted, batch_size), "dsl", sparsity=0.8).details
    assert details["exchanged"] > 0


def test_dsl_refuses_a_table_that_is_behind(planted):
    with pytest.raises(LfmpError, match="optimizer='dense'"):
        run(make_task(planted, 256, optimizer="lazy"), "dsl", sparsity=0.8)


def test_a_choice_travels_as_far_on_few_steps_as_on_many():
    """Adam moves a logit by its rate a step where all gradients agree: rate × steps of the choice is 3."""
    table = CandidateTable(SIZES, 4, std=0.1, generator=torch.Generator().manual_seed(0))
    for steps, every in ((28, 1), (108, 1), (108, 4)):
        settings = AutoDimSettings(choice_travel=3.0, update_every=every)
        (group,) = Choosing(table, settings, None, 256, steps, torch.Generator()).groups(0.01)
        assert group["lr"] * steps / every == pytest.approx(3) and group["weight_decay"] == 0


@pytest.mark.parametrize("batch_size", [256, 2048])
def test_thresholds_rise_as_far_on_few_steps_as_on_many(planted, batch_size, monkeypatch):
    """Rate × α × steps is the rise, whatever the batches."""
    rates = []

    class Noted(gating.Supernet):
        def __init__(self, *args):
            super().__init__(*args)
            rates.append(self.rate)

    monkeypatch.setattr(gating, "Supernet", Noted)
    task = make_task(planted, batch_size)
    settings = OptEmbedSettings(regularisation=0.01, threshold_rise=0.2, search_epochs=2)
    gating.train_supernet(task, settings, Context(0))
    steps = 2 * -(-planted.schema.rows["train"] // batch_size)
    assert rates[0] * 0.01 * steps == pytest.approx(0.2)
    gating.train_supernet(task, OptEmbedSettings(search_epochs=1), Context(0))
    assert rates[1] == 1.0
    with pytest.raises(LfmpError, match="threshold_rise needs"):
        OptEmbedSettings(threshold_rise=0.1, regularisation=0)


def test_later_settings_leave_earlier_records_their_ids():
    assert "threshold_rise" not in OptEmbedSettings().model_dump()
    assert OptEmbedSettings(threshold_rise=0.2).model_dump()["threshold_rise"] == 0.2


@pytest.mark.parametrize(("per_epoch", "every"), [(14, 1), (100, 2), (5000, 100)])
def test_zeros_are_counted_so_often_in_a_pass(planted, per_epoch, every, monkeypatch):
    """Else the threshold runs far past the budget between two counts on few rows."""
    told = []

    def note(trainer, steps):
        told.append(steps)
        raise InterruptedError

    monkeypatch.setattr(threshold, "advance", note)
    task = make_task(planted, 256)
    settings = threshold.ThresholdSettings()
    objective = RisingThreshold(LogLoss(), (), settings, per_epoch)
    model = fresh_model(task, 0)
    with pytest.raises(InterruptedError):
        threshold.find_mask(task, model, objective, 0, settings, Context(0))
    assert told == [every]


# ---------------------------------------------------------------------------------------------- OptEmbed


@pytest.mark.parametrize(("dim", "mean"), [(64, 12.8), (16, 4.8), (128, 6.4), (512, 3.0), (64, 1.0)])
def test_width_bias_has_the_mean_that_was_asked_for(dim, mean):
    assert mean_width(width_bias(mean, dim), dim) == pytest.approx(mean, abs=1e-5)


def test_widths_stay_within_the_budget(planted):
    """At most the budget, and what each part of the search took."""
    own = {"search_epochs": 1, "evolution": {"mutated": 3, "crossed": 2, "generations": 1}}
    outcome = run(make_task(planted, 512), "optembed_budget", sparsity=0.8, search=own)
    assert outcome.details["sparsity"] >= 0.8 - 1e-9
    parts = outcome.details["finding_seconds"]
    assert list(parts) == ["supernet", "evolution"]
    assert 0 < sum(parts.values()) <= outcome.details["cpu_seconds"]["PT"]


def test_no_row_left_is_said(planted, monkeypatch):
    real = optembed.train_supernet

    def shut(*given):
        supernet, margins, thresholds = real(*given)
        return supernet, -margins.abs(), thresholds

    monkeypatch.setattr(optembed, "train_supernet", shut)
    with pytest.raises(LfmpError, match="leave no row"):
        run(make_task(planted, 2048), "optembed_budget", sparsity=0.8, search={"search_epochs": 1})


# ---------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("remainders", [4, 20])
def test_rows_of_qr_start_as_those_of_a_plain_table(remainders):
    """80 ids: 4 remainders and 20 quotients, or the reverse. The table of 4 rows has the signs."""
    made = QRTable(SIZES, 16, QRSettings(remainders=remainders), generator=torch.Generator().manual_seed(0))
    few, many = sorted((made.remainder, made.quotient), key=len)
    assert (len(few), len(many)) == (4, 20)
    assert set(few.flatten().tolist()) == {-1.0, 1.0} and many.abs().max() < 0.06
    # none is another's twin, not even of those that share a row of the larger table
    rows = torch.nn.functional.normalize(made.weight_view().detach())
    assert (rows @ rows.T).fill_diagonal_(0).max() < 0.95
    assert made.weight_view().std().item() == pytest.approx(0.01, rel=0.1)


def test_few_remainders_where_they_come_within_a_hundredth():
    """n = 5,791, D = 1. At 80 % 5 + 1,159 are .5 % off 1,158.2; at 95 % 20 + 290 are 7 % off 289.55."""
    assert QRTable.budget((5791,), 1, 0.8).remainders == 5
    assert QRTable.budget((5791,), 1, 0.95).remainders > 200


def test_dimension_of_as_many_bytes():
    """n = 100, D = 16, t = .5: 800 numbers of 4 bytes, 100 masks of 2, 101 places of 4: 3,804 bytes, or 9.5
    numbers a row. Asked for as many numbers it is 8."""
    assert sparse_bytes(100, 16, 800) == 3804 and smaller_dim((100,), 16, 0.5) == 8
    assert [dim_in_bytes((60, 40), 16, t) for t in (0.5, 0.8, 0.95)] == [10, 5, 2]
    assert dim_in_bytes((100,), 16, 0.0) == 16
    weight = torch.arange(32.0).view(4, 8)
    assert SparseTable.of(weight, weight > 10, (4,)).num_bytes() == sparse_bytes(4, 8, 21)
    wide = torch.ones(2, 300)
    assert SparseTable.of(wide, wide > 0, (2,)).num_bytes() == sparse_bytes(2, 300, 600)


def test_a_smaller_dense_model_of_as_many_bytes(planted):
    """D = 8, t = .75: 2 numbers a row, a mask of 2 bytes and a place of 4: 14 bytes or 3.5 numbers, so 4."""
    outcome = run(make_task(planted, 2048), "smaller_dense", sparsity=0.75, of="bytes")
    assert outcome.details["embedding_dim"] == 4 == outcome.model.table.dim


def test_compact_tables_remember_nothing_for_the_while():
    settings = DHETable.settings_type(hashes=8, hidden=(8,))
    model = torch.nn.Sequential(
        DHETable(SIZES, 4, settings, generator=torch.Generator().manual_seed(0))
    ).eval()
    asked = []
    rows = model[0].rows
    model[0].rows = lambda ids: asked.append(len(ids)) or rows(ids)
    with torch.no_grad():
        for _ in range(2):
            model(torch.tensor([[1, 50]]))
        with compact(model) as found:
            for _ in range(2):
                model(torch.tensor([[1, 50]]))
        model(torch.tensor([[1, 50]]))
    assert found and asked == [2, 2, 2]  # once remembered, twice worked out, remembered still
    with compact(torch.nn.Linear(1, 1)) as found:
        assert not found
