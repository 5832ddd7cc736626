"""The real executor on planted data: one worker or two, the same bits; a search never opens the test rows."""

import pytest

from lfmp_core.budget import Budget
from lfmp_core.data import PlantedSettings, PrepareSettings
from lfmp_core.data.dataset import Dataset
from lfmp_core.errors import DataError
from lfmp_core.experiments.engine import dataset_ref, execute, open_dataset, run_item
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.store import Store
from lfmp_core.methods import LightFMPSettings
from lfmp_core.models import BackboneSettings
from lfmp_core.training import TrainingSettings


@pytest.fixture
def ref(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    return dataset_ref("planted", PrepareSettings(threshold=4), PlantedSettings(rows=3000))


@pytest.fixture
def demo(ref):
    grid = Grid(
        item="demo",
        profile="quick",
        dataset=ref,
        backbones=[BackboneSettings(name="deepfm", hidden=(8,))],
        arms=[
            Arm("all", "no_selection"),
            Arm("light", "light_fmp", Budget(0.5), LightFMPSettings(pretrain_rows=500, pretrain_passes=4)),
            Arm("random", "random_fields", Budget(0.5)),
        ],
        training=TrainingSettings(batch_size=256, epochs=2),
        candidates=[{"learning_rate": 1e-2}, {"learning_rate": 1e-3}],
        seeds=[1],
    )
    return Item("demo", "demo", "real runs", {"quick": [grid]})


def test_one_worker_or_two_the_same_records(demo, tmp_path):
    alone = run_item(demo, "quick", 1, Store(tmp_path / "a"), progress=False)
    many = run_item(demo, "quick", 2, Store(tmp_path / "b"), progress=False)
    assert len(alone) == len(many) == 9
    for a, b in zip(alone, many, strict=True):
        assert a.same_result(b), a.spec.label
        assert set(a.phases) >= {"CT", "TT"} and (a.phases.get("IT", 0) > 0) == (a.spec.role == "final")
        fields = 39 if a.spec.method == "no_selection" else 20
        assert a.sizes["fields_kept"] == len(a.details["kept_fields"]) == fields
        if a.spec.role == "final":
            assert set(a.metrics) == {"val_auc", "val_logloss", "test_auc", "test_logloss"}
            assert len(Store(tmp_path / "a").logits(a)) == open_dataset(a.spec.dataset).schema.rows["test"]
        else:
            assert set(a.metrics) == {"val_auc", "val_logloss"} and not a.logits


def test_a_search_never_opens_the_test_rows(demo, tmp_path, monkeypatch):
    spec = demo.plan("quick", Store(tmp_path))[0]
    dataset = open_dataset(spec.dataset)
    opened = []
    split = Dataset.split
    monkeypatch.setattr(Dataset, "split", lambda self, name: opened.append(name) or split(self, name))
    record, logits = execute(spec, dataset=dataset)
    assert spec.role == "search" and "test" not in opened and "val" in opened
    assert logits is None and record.certificate is None


def test_other_data_under_the_same_name_is_refused(ref):
    with pytest.raises(DataError, match="was planned on 0000"):
        open_dataset(ref.model_copy(update={"fingerprint": "0000"}))
