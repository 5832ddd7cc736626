"""A spec's id: the same for the same run, another for any other; and what records accept."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fake_runs import grid, runner, single

from lfmp_core.budget import Budget
from lfmp_core.errors import LfmpError, UnknownName, WrongValue
from lfmp_core.experiments.certificate import certify, source_state
from lfmp_core.experiments.items import Arm
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.search import TPE, Interval
from lfmp_core.experiments.spec import DatasetRef, RunSpec, plain
from lfmp_core.settings import Settings, canonical_json
from lfmp_core.training import TrainingSettings

BASE = {
    "item": "demo",
    "profile": "quick",
    "role": "final",
    "dataset": DatasetRef(name="planted", settings={"threshold": 12, "seed": 21}, fingerprint="ab"),
    "backbone": {"name": "dnn", "embedding_dim": 12, "hidden": (21, 3)},
    "training": {"epochs": 12, "batch_size": 21},
    "method": "light_fmp",
    "prune_ratio": 0.5,
    "seed": 1,
}


def spec(**changes):
    return RunSpec(**{**BASE, **changes})


def test_id_is_pinned():
    """An id that moves orphans every committed record: change it never, or deliberately."""
    assert spec().id == "89625eb963d98b21"


def test_id_ignores_key_order_and_tuple_or_list():
    turned = spec(
        training={"batch_size": 21, "epochs": 12},
        backbone={"hidden": [21, 3], "embedding_dim": 12, "name": "dnn"},
        dataset=DatasetRef(fingerprint="ab", settings={"seed": 21, "threshold": 12}, name="planted"),
    )
    assert turned.id == spec().id
    assert turned == spec()


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"epochs": 21, "batch_size": 12}},  # swapped digits: one id in FuxiCTR's tuner
        {"dataset": DatasetRef(name="planted", settings={"threshold": 21, "seed": 12}, fingerprint="ab")},
        {"dataset": BASE["dataset"].model_copy(update={"fingerprint": "ba"})},
        {"backbone": {"name": "dnn", "embedding_dim": 12, "hidden": (3, 21)}},
        {"role": "search"},
        {"prune_ratio": 0.25},
        {"seed": 12},
        {"threads": 2},
        {"method_settings": {"passes": 1}},
    ],
)
def test_id_feels_every_part(changes):
    assert spec(**changes).id != spec().id


@pytest.mark.parametrize("label", [{"item": "another"}, {"profile": "reference"}])
def test_labels_are_no_part_of_the_id_nor_of_the_result(label):
    """Who asks decides nothing, so equal runs of two items are one record."""
    assert spec(**label).id == spec().id and spec(**label) != spec()
    ours, theirs = (Record(spec=one, metrics={"val_auc": 0.7}) for one in (spec(), spec(**label)))
    assert ours.same_result(theirs) and ours.id == theirs.id


def test_spec_survives_json():
    again = RunSpec(**json.loads(json.dumps(plain(spec()))))
    assert again == spec() and again.id == spec().id and hash(again) == hash(spec())


def test_settings_are_stored_complete():
    class Training(Settings):
        epochs: int = 3
        betas: tuple[float, float] = (0.9, 0.999)

    assert spec(training=Training(epochs=5)).training == {"epochs": 5, "betas": [0.9, 0.999]}


def test_refusals():
    with pytest.raises(UnknownName, match="did you mean 'prune_ratio'"):
        spec(prune_ration=0.5)
    with pytest.raises(LfmpError, match=r"training\.l2 is nan"):
        spec(training={"l2": float("nan")})
    with pytest.raises(LfmpError, match=r"training\.when is a object"):
        spec(training={"when": object()})
    with pytest.raises(LfmpError, match="needs a name"):
        spec(backbone={})
    with pytest.raises(LfmpError):
        spec(prune_ratio=1.0)


def test_record_refuses_what_is_not_true():
    with pytest.raises(LfmpError, match=r"metrics\.val_auc is inf"):
        Record(spec=spec(), metrics={"val_auc": float("inf")})
    with pytest.raises(LfmpError, match="not its spec's"):
        Record(id="0" * 16, spec=spec())
    with pytest.raises(LfmpError, match="must not see test rows"):
        Record(spec=spec(role="search"), metrics={"test_auc": 0.7})


def test_record_round_trip_and_same_result():
    final = spec(training={"learning_rate": 0.003})
    record, _ = runner(final)
    assert Record.from_json(record.to_json()) == record
    later, _ = runner(final)
    assert later != record and later.same_result(record)  # phases and history seconds differ, nothing else
    other = record.model_copy(update={"metrics": {**record.metrics, "val_auc": 0.1}})
    assert not other.same_result(record)
    assert not record.model_copy(update={"logits": "0" * 16}).same_result(record)
    lines = 2 + len(Record.model_fields) - len(Record.later) + 1  # a line per part, and a digest
    assert len(record.to_json().splitlines()) == lines


def test_certificate(tmp_path):
    certificate = certify(spec().command, started="2026-01-01T00:00:00+00:00", seconds=1.23456, threads=2)
    assert certificate.command == f"lfmp run demo --profile quick --id {spec().id}"
    assert certificate.peak_rss > 10_000_000 and certificate.hardware.cores >= 1
    assert certificate.packages["numpy"] == np.__version__
    assert source_state(tmp_path) == ("unknown", False)


def test_source_state_sees_source_but_not_records(tmp_path):
    import subprocess

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    source = tmp_path / "lfmp_core" / "a.py"
    source.parent.mkdir()
    source.write_text("x = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "--no-verify", "-m", "first")
    commit, dirty = source_state(tmp_path)
    assert len(commit) == 40 and not dirty
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "record.json").write_text("{}")
    assert source_state(tmp_path) == (commit, False)
    assert source_state(tmp_path / "book") == ("unknown", False)  # inside somebody else's checkout
    source.write_text("x = 2\n")
    assert source_state(tmp_path) == (commit, True)


def test_plan_has_two_stages(store):
    demo = grid()
    first = demo.plan(store)
    assert [s.role for s in first] == ["search"] * 12  # 2 backbones x 2 arms x 3 rates
    for one in first[:9]:  # the last cell's search stays open
        store.put(runner(one)[0])
    plan = demo.plan(store)
    assert plan[:12] == first and len({s.id for s in plan}) == len(plan)
    final = [(s.backbone["name"], s.method, s.training["learning_rate"], s.seed) for s in plan[12:]]
    expected = [("dnn", "none", 0.003), ("dnn", "light", 0.01), ("deepfm", "none", 0.003)]
    assert final == [(*cell, seed) for cell in expected for seed in (1, 2)]
    assert {s.training["epochs"] for s in plan} == {1}
    choices = demo.choices(store)
    assert [c.border for c in choices] == [False, True, False, False]
    assert choices[1].candidate == {"learning_rate": 0.01} and choices[3].candidate is None
    assert demo.arm_of(plan[-3]) == "light .5" and demo.lacking(store) == 20 - len(plan) == 2


def test_a_close_choice_is_made_by_more_seeds(store):
    """Of three rates two lie within .002 with the first seed; the third's luck on no other seed counts."""
    scores = {0.001: (0.7, 0.8, 0.8), 0.003: (0.701, 0.7, 0.7), 0.01: (0.69, 0.9, 0.9)}
    arms = grid().arms[:1]
    demo = grid(backbones=({"name": "dnn"},), arms=arms, recheck_seeds=(5, 6), close=0.002)
    seen = []
    while new := [s for s in demo.plan(store) if s.role == "search" and store.get(s) is None]:
        seen.append([(s.training["learning_rate"], s.seed) for s in new])
        assert demo.choices(store)[0].chosen is None and demo.lacking(store) == 2
        for spec in new:
            value = scores[spec.training["learning_rate"]][(0, 5, 6).index(spec.seed)]
            store.put(Record(spec=spec, metrics={"val_auc": value}))
    assert seen == [[(r, 0) for r in scores], [(r, s) for r in (0.001, 0.003) for s in (5, 6)]]
    assert demo.choices(store)[0].candidate == {"learning_rate": 0.001} and demo.lacking(store) == 0
    alone = grid(backbones=({"name": "dnn"},), arms=arms, recheck_seeds=(5, 6), close=0.0005)
    assert alone.choices(store)[0].candidate == {"learning_rate": 0.003}  # nothing is near: one seed decides


def test_ties_go_to_the_first_and_one_candidate_needs_no_search(store):
    demo = grid(candidates=({"l2": 1}, {"l2": 2}), arms=grid().arms[:1], backbones=({"name": "dnn"},))
    for one in demo.plan(store):
        store.put(Record(spec=one, metrics={"val_auc": 0.75}))
    assert demo.choices(store)[0].chosen == 0
    assert [s.role for s in single(2).plan("quick", store)] == ["final", "final"]


def test_a_grid_may_take_the_choice_of_another(store):
    search = grid()
    follower = replace(search, item="other", arms=search.arms[1:], candidates=({},), picks=search)
    assert follower.plan(store) == []
    for one in search.plan(store)[:6]:  # the first backbone's
        store.put(runner(one)[0])
    rates = [(s.item, s.role, s.backbone["name"], s.training["learning_rate"]) for s in follower.plan(store)]
    assert rates == [("other", "final", "dnn", 0.01)] * 2


def test_a_misspelt_candidate_is_refused(store):
    class Training(Settings):
        learning_rate: float = 0.1

    with pytest.raises(UnknownName, match="did you mean 'learning_rate'"):
        grid(training=Training(), candidates=({"learning_rat": 1},)).plan(store)


def test_a_search_may_choose_among_a_methods_own_settings(store):
    """What training and backbone don't know goes to the method, and the run still belongs to its arm."""
    training, backbone = TrainingSettings(), {"name": "dnn", "embedding_dim": 4}
    arms = [Arm("whole", "none"), Arm("small", "magprune", Budget(0.5, "numbers"), {"row_minimum": 1})]
    space = {"row_minimum": Interval(low=1, high=8, whole=True), "learning_rate": Interval(low=1e-3, high=1)}
    tpe = TPE(space=space, trials=4, random=2)
    demo = grid(training=training, backbones=(backbone,), arms=arms[1:], tpe=tpe)
    plan = demo.plan(store)
    assert len(plan) == 2 and {demo.arm_of(one) for one in plan} == {"small"}
    for one in plan:
        assert one.method_settings["row_minimum"] in range(1, 9) and one.method_settings["sparsity"] == 0.5
        assert one.training["learning_rate"] != training.learning_rate
        assert "row_minimum" not in {**one.training, **one.backbone}
        store.put(runner(one)[0])
    assert len(demo.plan(store)) == 3
    other = plan[0].model_copy(update={"method_settings": {"sparsity": 0.4, "row_minimum": 1}})
    assert demo.arm_of(other) == ""
    with pytest.raises(UnknownName, match="row_minimum"):
        replace(demo, tpe=TPE(space={"row_minimun": space["row_minimum"]}, trials=1)).plan(store)


def test_an_interval_of_whole_numbers_has_whole_ends():
    assert "whole" not in canonical_json(Interval(low=1, high=2))
    with pytest.raises(WrongValue, match=r"can't go from 1\.5 to 8"):
        Interval(low=1.5, high=8, whole=True)
