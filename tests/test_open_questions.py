"""What Light-FMP leaves open: which rows to pretrain on, and how many fields to remove."""

from collections import Counter

import numpy as np
import pytest
import torch
from outcomes import share_of
from sized import sized
from torch.nn import functional

from lfmp_core.errors import UnknownName
from lfmp_core.masking import HardConcrete, MaskSettings
from lfmp_core.methods import Context, LightFMPSettings, get_method
from lfmp_core.methods.light_fmp import pretrain, prune
from lfmp_core.methods.subsets import (
    centres,
    cover,
    covered_share,
    gate_gradients,
    pretraining_rows,
)
from lfmp_core.methods.tau_search import fields_within, removal_curve
from lfmp_core.methods.train import fresh_model
from lfmp_core.models import BackboneSettings
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.settings import canonical_json
from lfmp_core.surgery import cut, plan_fields
from lfmp_core.tasks import Clicks
from lfmp_core.training import Trainer, TrainingSettings, log_loss, predict, to_batch

QUICK = {"pretrain_rows": 1000, "pretrain_passes": 3}


@pytest.fixture(scope="session")
def task(planted):
    """A small network on 6,400 planted rows, one epoch of 25 batches."""
    backbone = BackboneSettings(name="dnn", embedding_dim=4, hidden=(16,))
    return Clicks(planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=1))


def run(task, method="light_fmp", ratio=0.5, seed=1, folder=None, **settings):
    return get_method(method).run(
        task, share_of(method, ratio), seed, settings=QUICK | settings, folder=folder
    )


def test_new_settings_leave_old_records_their_ids():
    assert "subset" not in canonical_json(LightFMPSettings())
    assert "tolerance" not in canonical_json(LightFMPSettings(subset="random"))
    assert '"subset":"coverage"' in canonical_json(LightFMPSettings(subset="coverage"))
    assert '"tolerance":0.0' in canonical_json(LightFMPSettings(tolerance=0))


# ------------------------------------------------------------------------------------------ which rows: D_S

# Two fields of ids 0 1 2 and 3 4 5. Counts: 0:3 1:2 2:1, 3:3 4:2 5:1.
IDS = np.array([[0, 3], [0, 3], [0, 4], [1, 3], [1, 4], [2, 5]])


def test_cover_by_hand():
    none, one = np.zeros(6, int), np.array([0, 0, 0, 0, 0, 1])
    # row 0 adds 3 + 3; then row 4 adds 2 + 2, rows 2 and 3 but 2, row 5 only 1 + 1; then row 5
    assert cover(IDS, none, (3, 0)).tolist() == [0, 4, 5]
    # all is covered; of equals the first
    assert cover(IDS, none, (5, 0)).tolist() == [0, 4, 5, 1, 2]
    # the click is row 5 alone: it is taken when the other class is full
    assert cover(IDS, one, (1, 1)).tolist() == [0, 5]
    assert cover(IDS, one, (2, 0)).tolist() == [0, 4]
    # 6 + 4 cells of 12 hold a value of rows 0 and 4
    assert covered_share(IDS, np.array([0, 4])) == pytest.approx(10 / 12)


def test_centres_by_hand():
    """Points 0 1 2 9 10 on a line, mean 4.4: 10 is the farthest, then 0, then 2 (9 is but 1 from 10)."""
    points = np.array([[0.0], [1.0], [2.0], [9.0], [10.0]])
    assert centres(points, np.zeros(5, int), (4, 0)).tolist()[:3] == [4, 0, 2]
    # of the first class (9 and 10) one only
    assert centres(points, np.array([1, 1, 1, 0, 0]), (1, 2)).tolist() == [4, 0, 2]


@pytest.mark.parametrize("kind", ["random", "coverage", "coreset"])
def test_subset_is_exact_and_left_out(task, kind, monkeypatch):
    """So many rows and clicks as the random draw; continued training sees exactly the others, once."""
    rows, drawn = task.dataset.split("train"), task.dataset.pretrain_rows(500, 1)[0]
    subset = pretraining_rows(task, kind, 500, 1)
    assert subset.tolist() == sorted(set(subset.tolist())) and len(subset) == 500
    assert rows.labels[subset].sum() == rows.labels[drawn].sum()
    assert np.array_equal(subset, pretraining_rows(task, kind, 500, 1))
    assert (kind == "random") == np.array_equal(subset, drawn)
    assert not np.array_equal(subset, pretraining_rows(task, kind, 500, 2))

    fed: Counter = Counter()

    class Spy(Trainer):
        def step(self, batch):
            table = torch.cat([batch.ids, batch.labels[:, None].to(batch.ids.dtype)], 1).numpy()
            fed.update(row.tobytes() for row in table)
            return super().step(batch)

    monkeypatch.setattr("lfmp_core.tasks.clicks.Trainer", Spy)
    run(task, pretrain_rows=500, subset=kind)
    rest = np.delete(np.arange(len(rows)), subset)
    table = np.concatenate([rows.ids[rest], rows.labels[rest][:, None].astype(np.int32)], 1)
    assert fed == Counter(row.tobytes() for row in np.ascontiguousarray(table))


def test_coverage_covers_more(task):
    ids = np.asarray(task.dataset.split("train").ids)
    blind, chosen = (covered_share(ids, pretraining_rows(task, k, 200, 1)) for k in ("random", "coverage"))
    assert chosen > blind + 0.01


@pytest.mark.parametrize("backbone", REGISTRY)
def test_gate_gradients_are_those_of_single_rows(planted, backbone):
    """Against one backward pass a row through a gate shared by the batch, as in pretraining."""
    settings = sized(backbone, embedding_dim=4, hidden=(16,), cin=(4, 4), init_std=0.3)
    task = Clicks(planted, settings, TrainingSettings())
    model, index = fresh_model(task, 1), np.array([5, 3, 100])
    found = gate_gradients(model, task, index, batch_size=2)
    for row, own in zip(index, found, strict=True):
        ids, values, labels = to_batch(planted.split("train"), np.array([row]))
        gate = torch.ones(39, requires_grad=True)
        functional.binary_cross_entropy_with_logits(model(ids, values, gate), labels).backward()
        assert own == pytest.approx(gate.grad.numpy(), abs=1e-6)
    assert np.abs(found).max() > 1e-4


def test_subset_of_no_known_kind(task):
    with pytest.raises(UnknownName, match="'coverage'"):
        pretraining_rows(task, "covrage", 500, 1)


# --------------------------------------------------------------------------------------- how many fields: τ

CURVE = [0.50, 0.49, 0.495, 0.493, 0.52, 0.40, 0.40]


@pytest.mark.parametrize(
    ("tolerance", "most", "removed"),
    [
        (0.01, 6, 3),  # .52 > .49 + .01; the .40 behind it is never looked at
        (0.004, 6, 1),  # .495 > .49 + .004
        (0.0, 6, 1),
        (0.04, 6, 6),
        (0.04, 2, 2),
        (0.01, 0, 0),
    ],
)
def test_removal_stops_by_the_curve(tolerance, most, removed):
    order, asked = (4, 2, 0, 5, 1, 3), []

    def loss(fields):
        asked.append(fields)
        return CURVE[len(fields)]

    count, losses = removal_curve(order, loss, most, tolerance)
    assert count == removed
    assert losses == CURVE[: len(asked)] and len(asked) == min(most, removed + 1) + 1
    assert asked == [order[:k] for k in range(len(asked))]


def test_tau_is_found_on_validation_rows(task):
    """The curve holds the losses of the models as cut; at most ⌊τm⌋ fields go; a tight tolerance keeps more.

    The constraint aims at half of τ.
    """
    settings = LightFMPSettings(**QUICK)
    pretrained = pretrain(task, 0.375, settings, Context(1))
    loose = run(task, ratio=0.75, tolerance=10.0)
    assert loose.kept_fields == pretrained.gates.kept_fields(0.75)
    assert len(loose.details["removal_losses"]) == 30
    order, rows = loose.details["removal_order"], task.dataset.split("val")
    for k in (0, 7, 29):
        model = prune(pretrained, 0.75, settings, [f for f in range(39) if f not in order[:k]])[1]
        expected = log_loss(rows.labels, predict(model, rows))
        assert loose.details["removal_losses"][k] == pytest.approx(expected, abs=1e-6)
    tight = run(task, ratio=0.75, tolerance=0.0005)
    assert 10 < len(tight.kept_fields) <= 39
    assert set(loose.kept_fields) < set(tight.kept_fields)
    assert tight.details["removal_losses"] == loose.details["removal_losses"][: 41 - len(tight.kept_fields)]


def test_tau_stops_before_planted_fields(planted):
    """With well-trained gates most of the 23 noise fields go and most of the 10 informative ones stay."""
    backbone = BackboneSettings(name="dnn", embedding_dim=4, hidden=(16,))
    task = Clicks(planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=1))
    settings = {"pretrain_rows": 6000, "pretrain_passes": 8, "continue_on": "all", "tolerance": 0.002}
    outcome = run(task, ratio=0.9, **settings)
    truth, names = planted.schema.truth, planted.schema.field_names
    kept = {names[f] for f in outcome.kept_fields}
    assert len(kept & set(truth["informative"])) >= 8
    assert len(kept & set(truth["noise"])) <= 13


def test_equal_scores_go_from_the_end(task):
    """The same fields as `kept_fields` keeps: of equals the lower index stays."""
    gates = HardConcrete(39, MaskSettings(std=0), torch.Generator().manual_seed(0))
    model = fresh_model(task, 1)
    kept, _ = fields_within(
        task, gates.a.tolist(), 19, lambda fields: cut(model, plan_fields(model, fields)), 10.0, 1
    )
    assert kept == gates.kept_fields(0.5) == tuple(range(20))
