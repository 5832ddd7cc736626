"""A run that was lost says nothing of its settings; a training that diverged does."""

import numpy as np
import pytest
from fake_runs import Arm, computed, item, runner, single

from lfmp_book.sets import planted_ref as planted_ref
from lfmp_core.errors import Diverged, LfmpError
from lfmp_core.experiments.engine import RunsFailed, execute, run_item
from lfmp_core.experiments.items import Grid, Item
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.search import TPE
from lfmp_core.experiments.store import Store
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.training import Trainer, TrainingSettings, evaluate

SPACE = {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}}
BOTH = {"base": "none", "light .5": "light"}  # method by arm


def searches(kind):
    """Two searches of 8 candidates on one backbone, and a final run of what each chooses."""
    rates = [{"learning_rate": rate} for rate in np.geomspace(1e-4, 1e-1, 8).round(6).tolist()]
    own = {"tpe": TPE(space=SPACE, trials=8, random=3)} if kind == "tpe" else {"candidates": rates}
    return item(backbones=({"name": "dnn"},), seeds=(1,), **own)


def go(demo, store, workers=1, **more):
    return run_item(demo, "quick", workers, store, progress=False, runner=runner, **more)


def undisturbed(demo, tmp_path):
    return {r.id: r for r in go(demo, Store(tmp_path / "undisturbed"))}


def of(records, method, role):
    return [r for r in records if r.spec.method == method and r.spec.role == role]


@pytest.mark.parametrize(
    ("kind", "how", "at"),  # of a search by TPE the second is a random trial, the sixth looks at scores
    [
        *(("tpe", "killed", 1), ("tpe", "killed", 5), ("fixed", "killed", 1)),
        *(("tpe", "no memory", 5), ("tpe", "no disk", 1), ("fixed", "no memory", 5)),
    ],
)
def test_a_lost_run_stops_its_search_and_a_rerun_goes_on_as_if_nothing_was(
    tmp_path, store, log, fates, kind, how, at
):
    demo = searches(kind)
    whole = undisturbed(demo, tmp_path)
    victim = of(whole.values(), "none", "search")[at].id
    before = len(computed())
    fates({victim: how})
    workers = 2 if how == "killed" else 1
    with pytest.raises(RunsFailed) as caught:
        go(demo, store, workers)
    [failure] = store.failures()
    assert (failure.id, failure.cause) == (victim, "other") and caught.value.failures == [failure]
    last = str(caught.value).splitlines()[-1]
    assert last.startswith("stopped: the search of 'base' on dnn and planted, whose run " + victim)
    assert failure.error in last and last.endswith("run again, it goes on where it was: " + COMMAND)
    kept = {r.id: r for r in store.all()}
    assert kept.keys() < whole.keys() and not of(kept.values(), "none", "final")
    # nothing of the stopped search was begun afterwards; the other worker may have been at something
    assert workers > 1 or len(of(kept.values(), "none", "search")) == at
    assert len(of(kept.values(), "light", "search")) == 8 and len(of(kept.values(), "light", "final")) == 1
    again = {r.id: r for r in go(demo, store, workers)}
    assert again.keys() == whole.keys() == {r.id for r in store.all()}
    assert all(again[i].same_result(whole[i]) for i in whole)
    assert len(computed()) - before == len(whole) + 1 and store.failures() == []


COMMAND = "lfmp run demo --profile quick"


@pytest.mark.parametrize("kind", ["tpe", "fixed"])
def test_a_training_that_diverged_is_passed_over(tmp_path, store, log, fates, kind):
    demo = searches(kind)
    best = max(of(undisturbed(demo, tmp_path).values(), "none", "search"), key=lambda r: r.metrics["val_auc"])
    victim = best.id if kind == "fixed" else demo.plan("quick", store)[1].id
    before = len(computed())
    fates({victim: "diverges"})
    with pytest.raises(RunsFailed) as caught:
        go(demo, store)
    assert caught.value.stopped == () and [r.id for r in caught.value.failures] == [victim]
    [failure] = store.failures()
    assert failure.cause == "diverged" and failure.error.startswith("Diverged: planned to diverge [")
    [grid] = demo.grids("quick")
    choice = next(c for c in grid.choices(store) if c.arm == "base")
    tried = of(store.all(), "none", "search")
    assert choice.scores.count(None) == 1 and len(tried) == 7
    top = max(tried, key=lambda r: r.metrics["val_auc"])
    [final] = of(store.all(), "none", "final")
    assert final.spec.training == top.spec.training and final.spec.training != failure.spec.training
    count = len(computed()) - before
    with pytest.raises(RunsFailed, match=victim):  # it is said again, and not computed again
        go(demo, store)
    assert len(computed()) - before == count == 8 + 8 + 2
    with pytest.raises(RunsFailed, match=victim):
        go(demo, store, ids=[victim])
    assert len(computed()) - before == count + 1


def test_candidates_of_several_seeds_wait_for_all_of_them(store):
    demo = item(backbones=({"name": "dnn"},), arms=(Arm("base", "none"),), search_seeds=(0, 1))
    [grid] = demo.grids("quick")
    first, second, *others = grid.plan(store)
    store.put(Record(spec=first, status="failed", error="x", cause="diverged"))
    store.put(Record(spec=second, status="failed", error="x", cause="other"))
    for spec in others:
        store.put(runner(spec)[0])
    assert grid.choices(store)[0].chosen is None
    store.put(runner(second)[0])
    assert grid.choices(store)[0].chosen == 1 and grid.choices(store)[0].scores[0] is None


def test_a_failure_without_a_cause_is_computed_again(store, log):
    """As records from before causes were written down."""
    demo = searches("tpe")
    spec = demo.plan("quick", store)[0]
    store.put(Record(spec=spec, status="failed", error="ValueError: a score is not finite"))
    assert "cause" not in store.failed_path(spec).read_text()
    assert len(go(demo, store)) == 18 and spec.id in computed() and store.failures() == []
    with pytest.raises(LfmpError, match="no cause of failure"):
        Record(spec=spec, cause="other")


def test_a_record_that_is_not_there_after_writing_is_not_computed_for_ever(store, log):
    """A record stands in the way that nobody can read."""
    demo = single(1)
    path = store.path(demo.plan("quick", store)[0])
    path.parent.mkdir(parents=True)
    path.symlink_to(path.with_name("nowhere"))
    with pytest.raises(Exception, match=path.name):
        go(demo, store)
    assert len(computed()) <= 1


# ---- real trainings


def trained(planted, rate, **given):
    settings = TrainingSettings(epochs=2, batch_size=256, learning_rate=rate)
    backbone = BackboneSettings(name="dnn", embedding_dim=4, hidden=(8,))
    model = build_model(backbone, planted.schema.field_sizes, planted.schema.scalar_columns, seed=0)
    Trainer(model, planted.split("train")[:1000], settings, seed=0, **given).fit()
    return model


def test_a_training_says_that_it_diverged(planted):
    with pytest.raises(Diverged, match="the training diverged"):
        trained(planted, 1e20, validation=planted.split("val"))
    with pytest.raises(Diverged, match="its loss is nan by step 3"):
        trained(planted, 1e20, max_steps=3)
    model = trained(planted, 1e-2)
    assert all(np.isfinite(list(evaluate(model, planted.split("val"))[0].values())))
    next(model.parameters()).data.fill_(float("nan"))
    with pytest.raises(Diverged, match="a score is not finite"):
        evaluate(model, planted.split("val"))


def test_a_run_that_diverged_says_so_in_its_record(store):
    made = Grid(
        item="demo",
        profile="quick",
        dataset=planted_ref(2_000),
        backbones=[BackboneSettings(name="dnn", embedding_dim=4, hidden=(8,))],
        arms=(Arm("base", "no_selection"),),
        training=TrainingSettings(epochs=1, batch_size=256),
        candidates=({"learning_rate": 1e20}, {"learning_rate": 1e-2}),
        seeds=(1,),
    )
    demo = Item("demo", "demo", "one candidate diverges", {"quick": made})
    with pytest.raises(RunsFailed, match="1 of 3 runs failed"):
        run_item(demo, "quick", 1, store, progress=False, runner=execute)
    [failure] = store.failures()
    assert failure.cause == "diverged" and failure.spec.training["learning_rate"] == 1e20
    assert [c.chosen for c in made.choices(store)] == [1]
