"""Runs that only choose fields, and data sets with shadow fields, from the plan to the record."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from lfmp_book.sets import CRITEO_SAMPLE
from lfmp_core.data import PlantedSettings, PrepareSettings, is_shadow
from lfmp_core.data.dataset import Dataset
from lfmp_core.errors import DataError, LfmpError
from lfmp_core.experiments.engine import RunsFailed, dataset_ref, execute, open_dataset, run_item
from lfmp_core.experiments.executor import prepared, shadowed
from lfmp_core.experiments.items import Item
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.spec import RunSpec, plain
from lfmp_core.experiments.store import Store
from lfmp_core.methods import get_method
from lfmp_core.models import BackboneSettings
from lfmp_core.training import TrainingSettings


@pytest.fixture
def ref(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    return dataset_ref("planted", PrepareSettings(threshold=4), PlantedSettings(rows=3000))


def spec(ref, method="lasso", **changes):
    given = {
        "item": "demo",
        "profile": "quick",
        "role": "choice",
        "dataset": ref,
        "backbone": BackboneSettings(name="dnn", hidden=(8,)),
        "training": TrainingSettings(batch_size=256, epochs=1),
        "method": method,
        "prune_ratio": 0.75,
        "seed": 1,
    }
    return RunSpec(**{**given, **changes})


@dataclass(frozen=True)
class Planned(Item):
    """An item whose runs are written down."""

    specs: tuple[RunSpec, ...] = field(default=())

    def plan(self, profile, store):
        return list(self.specs)


def planned(*specs):
    return Planned("demo", "demo", "choices", {}, specs=specs)


def test_a_choice_is_what_the_whole_run_would_keep(ref):
    for method in ("lasso", "random_fields"):
        record, logits = execute(spec(ref, method))
        whole, _ = execute(spec(ref, method, role="final"))
        assert record.details["kept_fields"] == whole.details["kept_fields"]
        assert record.sizes == {"fields_kept": 10} and len(record.details["kept_fields"]) == 10
        assert logits is None and not record.logits and record.metrics == {}
        assert set(record.phases) == set(record.details["cpu_seconds"]) == {"PT"}
        assert record.phases["PT"] > 0
        assert Record.from_json(record.to_json()) == record
    assert record.details["scores"] == []
    scores = execute(spec(ref))[0].details["scores"]
    assert len(scores) == 39 and np.isfinite(scores).all()


def test_a_choice_never_opens_the_test_rows_nor_trains_what_it_chose(ref, monkeypatch):
    dataset, opened, split = open_dataset(ref), [], Dataset.split
    monkeypatch.setattr(Dataset, "split", lambda self, name: opened.append(name) or split(self, name))
    monkeypatch.setattr(
        "lfmp_core.methods.selection.base.train_to_outcome", lambda *_, **__: pytest.fail("trained")
    )
    for method in ("lasso", "permutation"):
        execute(spec(ref, method), dataset=dataset)
    assert set(opened) == {"train", "val"}


def test_choices_go_through_engine_and_store(ref, tmp_path):
    """All or some of them, each once."""
    twins = shadowed(ref, 3)
    specs = [spec(r, m) for r in (ref, twins) for m in ("lasso", "random_fields")]
    store = Store(tmp_path / "records")
    [one] = run_item(planned(*specs), "quick", 1, store, progress=False, ids=[specs[2].id])
    assert one.spec == specs[2] and specs[2].label.endswith(" choice")
    records = run_item(planned(*specs), "quick", 1, store, progress=False)
    assert len(records) == 4 and records[2] == one
    for record in records:
        assert record.certificate.command.endswith(record.id) and not record.logits
        assert record.same_result(execute(record.spec)[0]), record.spec.label
    assert run_item(planned(*specs), "quick", 1, store, progress=False) == records
    assert list(store.verify()) == [] and not list(store.root.rglob("*.npy"))
    assert {r.spec.role for r in records} == {"choice"}
    assert [r.sizes["fields_kept"] for r in records].count(20) == 2
    assert all(set(r.phases) == {"PT"} for r in records)


def test_a_method_that_chooses_nothing_fails(ref, store):
    with pytest.raises(RunsFailed, match="'no_selection' chooses no fields"):
        run_item(planned(spec(ref, "no_selection", prune_ratio=0.0)), "quick", 1, store, progress=False)


def test_what_decides_by_itself_is_trained_whatever_the_budget_beside_it(ref):
    """Its choice takes the budget, its training none; what removes nothing refuses one."""
    own = {"role": "final", "method_settings": {"search_epochs": 2}}
    ratios = [execute(spec(ref, "optfs", prune_ratio=ratio, **own))[0] for ratio in (0.25, 0.75)]
    assert ratios[0].metrics == ratios[1].metrics and ratios[0].id != ratios[1].id
    with pytest.raises(LfmpError, match="'no_selection' removes no share of fields"):
        execute(spec(ref, "no_selection", prune_ratio=0.5, role="final"))


def test_a_choice_holds_no_test_result(ref):
    with pytest.raises(LfmpError, match="a choice run must not see test rows"):
        Record(spec=spec(ref), metrics={"test_auc": 0.7})
    with pytest.raises(LfmpError, match="a choice run must not see test rows"):
        Record(spec=spec(ref), logits="0" * 16)
    assert len({spec(ref, role=role).id for role in ("search", "final", "choice")}) == 3


# ------------------------------------------------------------------------------------ references with shadows


def test_shadows_are_part_of_the_reference(ref, tmp_path):
    twins = shadowed(ref, 3)
    dataset = open_dataset(twins)
    assert dataset.schema.num_fields == 78 and is_shadow(dataset.schema).sum() == 39
    assert dataset.schema.fingerprint == twins.fingerprint != ref.fingerprint
    assert twins.settings == {**ref.settings, "shadows": 3} and plain(twins.settings) == twins.settings
    assert len({r.id for r in (ref, twins, shadowed(ref, 4))}) == 3
    own = prepared(open_dataset(ref).folder)
    assert shadowed(own, 3).fingerprint == twins.fingerprint
    assert np.array_equal(open_dataset(shadowed(own, 3)).split("val").ids, dataset.split("val").ids)
    unchecked = twins.model_copy(update={"fingerprint": ""})
    assert open_dataset(unchecked).schema == dataset.schema
    assert shadowed(ref.model_copy(update={"fingerprint": ""})).fingerprint == ""


def test_a_pinned_reference_gets_shadows_without_its_data():
    twins = shadowed(CRITEO_SAMPLE)
    assert twins.settings["shadows"] == 0 and len(twins.fingerprint) == 64
    assert twins.fingerprint != CRITEO_SAMPLE.fingerprint and "shadows" not in CRITEO_SAMPLE.settings


def test_wrong_shadows_are_refused(ref):
    twins = shadowed(ref, 3)
    for wrong in (
        ref.model_copy(update={"settings": twins.settings}),
        ref.model_copy(update={"fingerprint": twins.fingerprint}),
        twins.model_copy(update={"settings": {**ref.settings, "shadows": 4}}),
    ):
        with pytest.raises(DataError, match="was planned on"):
            open_dataset(wrong)
    with pytest.raises(ValueError, match="has shadows already"):
        shadowed(twins)


def test_choices_tell_how_many_are_false(ref):
    """Of ten fields drawn of 78, half are twins, over twenty seeds."""
    dataset = open_dataset(shadowed(ref, 3))
    shadow = is_shadow(dataset.schema)
    records = [
        execute(spec(shadowed(ref, 3), "random_fields", seed=s), dataset=dataset)[0] for s in range(20)
    ]
    assert 0.35 < np.mean([shadow[r.details["kept_fields"]].mean() for r in records]) < 0.65
    assert get_method("random_fields").chooser is not None
