"""OptFS and OptEmbed from search to served model."""

import shutil
import sys

import numpy as np
import pytest
import torch
from sized import sized

from lfmp_core.budget import Budget
from lfmp_core.embeddings.masked import MaskedRows
from lfmp_core.embeddings.ragged import RaggedTable
from lfmp_core.errors import LfmpError
from lfmp_core.methods import Context, get_method
from lfmp_core.methods.gating import OptEmbedSettings, OptFSSettings, optembed, optfs
from lfmp_core.methods.gating.optembed import fittest_widths, train_supernet
from lfmp_core.methods.gating.optfs import ValueGates, search_gates
from lfmp_core.methods.train import fresh_model
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.seeds import derive
from lfmp_core.surgery import plan_fields
from lfmp_core.tasks import Clicks
from lfmp_core.training import Trainer, TrainingSettings, evaluate, predict

# so strong that much is removed from few rows
OPTFS = {"search_epochs": 2, "mask_learning_rate": 0.05, "regularisation": 5e-6}
OPTEMBED = {
    "search_epochs": 2,
    "regularisation": 5e-3,
    "evolution": {"mutated": 2, "crossed": 2, "parents": 2, "generations": 2},
}
CASES = [("optfs", OPTFS), ("optembed", OPTEMBED)]


def make_task(planted, name="dnn", epochs=2):
    backbone = sized(name, embedding_dim=4, hidden=(16,), cin=(4, 4))
    return Clicks(planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=epochs))


@pytest.fixture(scope="module")
def task(planted):
    return make_task(planted)


def run(task, method, seed=1, folder=None, **settings):
    return get_method(method).run(task, seed=seed, settings=settings, folder=folder)


def same(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize(("method", "settings"), CASES, ids=["optfs", "optembed"])
def test_methods_learn_with_less(task, method, settings, tmp_path):
    """Law 6, 5 and 3; phases are taken up from a folder; what is served has no row of a removed value."""
    outcome = run(task, method, **settings)
    assert evaluate(outcome.model, task.dataset.split("test"))[0]["auc"] > 0.75
    assert 0.2 < outcome.details["values_kept"] < 0.8
    table, sizes = outcome.model.table, outcome.sizes()
    kept = outcome.details["values_kept_by_field"]
    widths = outcome.details.get("widths", [4] * 39)
    assert isinstance(table, RaggedTable)
    assert sizes["embedding_parameters"] == sum(k * w for k, w in zip(kept, widths, strict=True))
    stored = sum(t.numel() * t.element_size() for t in outcome.model.state_dict().values())
    assert sizes["bytes"] == stored
    assert outcome.kept_fields == tuple(f for f in range(39) if kept[f])
    assert outcome.model.columns.tolist() == list(outcome.kept_fields)
    assert set(outcome.phases) == set(outcome.details["cpu_seconds"]) == {"PT", "CT"}

    whole = run(task, method, folder=tmp_path / "run", **settings)
    for lost in ([], ["training"], ["training", "searched"]):
        for name in lost:
            shutil.rmtree(tmp_path / "run" / name)
        again = run(task, method, folder=tmp_path / "run", **settings)
        assert same(outcome.model.state_dict(), again.model.state_dict())
        assert again.kept_fields == outcome.kept_fields
        if "searched" not in lost:
            assert again.phases["PT"] == whole.phases["PT"]
    other = run(task, method, seed=2, **settings)
    rows = task.dataset.split("val")
    assert not np.array_equal(predict(other.model, rows), predict(outcome.model, rows))


@pytest.mark.parametrize(("method", "settings"), CASES, ids=["optfs", "optembed"])
@pytest.mark.parametrize("name", REGISTRY)
def test_every_backbone_can_lose_values(planted, name, method, settings):
    outcome = run(make_task(planted, name, epochs=1), method, **settings)
    assert evaluate(outcome.model, planted.split("test"))[0]["auc"] > 0.7


@pytest.mark.parametrize(("method", "settings"), CASES, ids=["optfs", "optembed"])
def test_choice_finds_the_useful_fields(planted, method, settings):
    """Of 39 fields 16 say something of the label; 15 or 16 are found, and 6.6 ± 1.5 by blind draws."""
    task, truth = make_task(planted), planted.schema.truth
    names = [*truth["informative"], *truth["redundant"]]
    useful = {f for f, name in enumerate(planted.schema.field_names) if name in names}
    choice = get_method(method).choose(task, Budget(0.6), 1, settings=settings)
    assert len(useful) == len(choice.fields) == 16
    assert len(useful & set(choice.fields)) >= 13
    lost = np.delete(choice.scores, choice.fields)
    assert min(np.array(choice.scores)[list(choice.fields)]) >= lost.max()


# -------------------------------------------------------------------------------------------------- OptFS


@pytest.mark.parametrize("epoch", [0, 1])
def test_rewinding_restores_exactly(task, epoch):
    """The model that goes on is, bit for bit, one that was trained up to the rewind epoch and no further;
    at epoch 0 it is the untrained one."""
    settings = OptFSSettings(**OPTFS | {"search_epochs": 3}, rewind_epoch=epoch)
    model, c = search_gates(task, settings, Context(1))
    assert isinstance(model.state_dict()["table.weight"], torch.Tensor) and len(c) == len(model.table.weight)
    expected = fresh_model(task, 1)
    table, gates = expected.table, ValueGates(len(c), settings, 25)
    expected.table = MaskedRows(table, gates.gate)
    rows, training = task.dataset.split("train"), task.training.model_copy(update={"epochs": 3})
    trainer = Trainer(expected, rows, training, seed=derive(1, "search"), objective=gates)
    assert len(trainer.batches) == 25
    trainer.fit(stop_at=25 * epoch)
    expected.table = table
    assert same(model.state_dict(), expected.state_dict())


def test_training_goes_on_from_the_rewound_rows(task, monkeypatch):
    # the package's `optfs` is the procedure; the module of that name is behind it
    module = sys.modules["lfmp_core.methods.gating.optfs"]
    monkeypatch.setattr(module, "train_to_outcome", lambda task, model, *args, **options: model)
    served = optfs(task, 0.5, OptFSSettings(**OPTFS), Context(1))
    model, c = search_gates(task, OptFSSettings(**OPTFS), Context(1))
    kept = model.table.weight * (c > 0).unsqueeze(1)
    fields = plan_fields(model, served.columns.tolist())
    assert torch.equal(served.table.weight_view(), fields.take("table.weight", kept))
    assert torch.equal(served.deep.linears[1].weight, model.deep.linears[1].weight)


def test_dearer_values_are_fewer(task):
    kept = [
        (search_gates(task, OptFSSettings(**OPTFS | {"regularisation": price}), Context(1))[1] > 0).sum()
        for price in (0.0, 1e-5, 1e-4)
    ]
    assert kept[0] > kept[1] > kept[2]


def test_optfs_refuses_an_epoch_that_is_not_searched():
    with pytest.raises(LfmpError, match="one of the 3 epochs"):
        OptFSSettings(search_epochs=3, rewind_epoch=3)


# ----------------------------------------------------------------------------------------------- OptEmbed


def test_retraining_starts_from_the_initial_weights(task, monkeypatch):
    """Of the rows that stay; what is trained is masked to the widths, and nothing is kept of the supernet."""
    starts = []

    def stop(task, model, *args, **options):
        starts.append((type(model.table), model.table.weight_view().detach(), model.state_dict()))
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["lfmp_core.methods.gating.optembed"], "train_to_outcome", stop)
    settings = OptEmbedSettings(**OPTEMBED)
    with pytest.raises(KeyboardInterrupt):
        optembed(task, 0.5, settings, Context(1))
    kind, weight, state = starts[0]
    supernet, margins, _ = train_supernet(task, settings, Context(1))
    kept = margins > 0
    widths, _ = fittest_widths(task, supernet, kept, settings, Context(1))
    fresh = fresh_model(task, 1)
    assert kind is MaskedRows and not kept.all()
    spans = [w * k for w, k in zip(widths, kept.split(list(fresh.field_sizes)), strict=True)]
    mask = torch.arange(4) < torch.cat(spans).unsqueeze(1)
    whole = [f for f, span in enumerate(spans) if span.any()]
    assert torch.equal(weight, plan_fields(fresh, whole).take("table.weight", fresh.table.weight * mask))
    assert torch.equal(state["deep.linears.1.weight"], fresh.deep.linears[1].weight)


def test_fitness_is_the_supernets_validation_auc(task):
    """Of the fittest vector, with the supernet's weights cut to it; the supernet comes back as it was."""
    settings = OptEmbedSettings(**OPTEMBED)
    supernet, margins, _ = train_supernet(task, settings, Context(1))
    kept = margins > 0
    before = {k: v.clone() for k, v in supernet.state_dict().items()}
    widths, best = fittest_widths(task, supernet, kept, settings, Context(1))
    assert same(before, supernet.state_dict())
    spans = torch.tensor(widths).repeat_interleave(torch.tensor(supernet.field_sizes)) * kept
    supernet.table.weight.data *= torch.arange(4) < spans.unsqueeze(1)
    auc = evaluate(supernet, task.dataset.split("val"))[0]["auc"]
    assert best[-1] == pytest.approx(auc, abs=1e-6)
    assert best == sorted(best)
