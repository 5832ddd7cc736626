"""A GPU says what the CPU says: every table, backbone and method. Skipped where there is no GPU."""

import numpy as np
import pytest
import torch
from test_compression_laws import TABLE_CASES, small
from test_method_laws import ON_CLICKS
from test_method_laws import run as run_method

from lfmp_core.efficiency import inference_rate
from lfmp_core.embeddings import TABLES, table_factory
from lfmp_core.models import BackboneSettings, build_model, load_model, save_model
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.tasks import Clicks
from lfmp_core.training import Trainer, TrainingSettings, evaluate, predict, to_batch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

# float32 sums in another order
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
TABLES_HERE = {"full": ("full", None, {}, 0.01)} | {
    case: (kind, 0.5, own, tolerance) for case, (kind, own, tolerance) in TABLE_CASES.items()
}


def task_on(device, planted, **training):
    backbone = BackboneSettings(name="deepfm", embedding_dim=8, hidden=(16,), dropout=0.1)
    settings = {"learning_rate": 0.01, "batch_size": 256, "epochs": 2, **training}
    return Clicks(planted, backbone, TrainingSettings(device=device, **settings))


def model_of(case, backbone, planted, device="cpu"):
    kind, sparsity, own, tolerance = TABLES_HERE[case]
    factory = table_factory(kind, sparsity, own, tolerance=tolerance)
    model = build_model(small(backbone), planted.schema.field_sizes, seed=3, table=factory)
    return model.to(device)


def losses(model, planted, device, steps=6):
    """Of the first steps of a training without dropout."""
    settings = TrainingSettings(learning_rate=0.01, batch_size=512, device=device)
    trainer = Trainer(model, planted.split("train"), settings, seed=1)
    batches = list(trainer.batches.epoch(0))[:steps]
    model.train()
    return [trainer.step(batch).item() for batch in batches]


@pytest.mark.parametrize("backbone", REGISTRY)
@pytest.mark.parametrize("case", TABLES_HERE)
def test_same_logits_and_same_steps(case, backbone, planted):
    """From the same weights the logits and the losses of the first steps are the CPU's."""
    here, there = (model_of(case, backbone, planted, device) for device in ("cpu", "cuda"))
    rows = planted.split("val")[:300]
    assert np.allclose(predict(here, rows), predict(there, rows), **CLOSE)
    ids = to_batch(rows, slice(0, 50), "cuda")[0]
    there.eval()
    assert torch.allclose(there.table.weight_view()[ids.long()], there.table(ids), atol=1e-6)
    assert losses(there, planted, "cuda") == pytest.approx(losses(here, planted, "cpu"), rel=2e-3)


@pytest.mark.parametrize("method", ON_CLICKS)
def test_every_method_runs_and_its_model_moves_to_a_cpu(method, planted, tmp_path):
    """It learns what it learns on a CPU (validation AUC within .03), and its model serves on either."""
    try:
        outcome = run_method(task_on("cuda", planted), method, 1)
    except ImportError as error:
        pytest.skip(str(error))
    model, rows = outcome.model, planted.split("val")
    assert {p.device.type for p in [*model.parameters(), *model.buffers()]} == {"cuda"}
    twin = run_method(task_on("cpu", planted), method, 1).model
    here, there = (evaluate(one, rows)[0]["auc"] for one in (twin, model))
    assert there == pytest.approx(here, abs=0.03)
    assert inference_rate(model, rows, batches=1, rounds=1) > 0
    loaded = load_model(save_model(model, tmp_path / "model"))
    assert np.allclose(predict(loaded, rows), predict(model, rows), **CLOSE)
    assert loaded.num_bytes() == model.num_bytes()


@pytest.mark.parametrize("backbone", REGISTRY)
def test_half_precision_learns(backbone, planted):
    """bfloat16 on a GPU ends near float32."""
    scores = []
    for precision in ("float32", "bfloat16"):
        model = model_of("full", backbone, planted)
        settings = TrainingSettings(
            learning_rate=0.01, batch_size=256, epochs=3, device="cuda", precision=precision
        )
        Trainer(model, planted.split("train"), settings, seed=1).fit()
        scores.append(evaluate(model, planted.split("val"))[0]["auc"])
    assert scores[0] > 0.65 and scores[1] == pytest.approx(scores[0], abs=0.02)


def test_resumed_equals_uninterrupted(planted, tmp_path):
    """A checkpoint of a GPU is taken up there, the state of its generator included."""
    histories = []
    for stops in ((None,), (20, None)):
        for stop in stops:
            task = task_on("cuda", planted)
            model = build_model(task.backbone, planted.schema.field_sizes, seed=3)
            rows, folder = planted.split("train"), tmp_path / str(len(stops))
            validation = planted.split("val")
            trainer = Trainer(model, rows, task.training, seed=1, validation=validation, checkpoint=folder)
            trainer.fit(stop_at=stop)
        histories.append([row["val_auc"] for row in trainer.history])
    assert histories[1] == pytest.approx(histories[0], abs=1e-3)


@pytest.mark.parametrize("kind", TABLES)
def test_ids_outside_are_refused(kind, planted):
    """A formula would give them a row all the same, and a look-up would end the device's context."""
    case = next(c for c, (k, *_) in TABLES_HERE.items() if k == kind)
    model = model_of(case, "dnn", planted, "cuda")
    table, sizes = model.table, planted.schema.field_sizes
    ids = torch.tensor([[0, *np.cumsum(sizes[:-1])]], device="cuda", dtype=torch.int32)
    model(ids)
    with pytest.raises(IndexError, match=f"field 0: id {sizes[0]}"):
        model(ids.index_fill(1, torch.tensor([0], device="cuda"), sizes[0]))
    for wrong in (-1, sum(sizes)):
        with pytest.raises(IndexError, match="in a table of"):
            table(torch.tensor([[0, wrong]], device="cuda"))
