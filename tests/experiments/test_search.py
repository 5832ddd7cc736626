"""A search by TPE: its next trial follows from the records, whoever holds them."""

import re
from dataclasses import replace

import fake_runs
import optuna
import pytest

from lfmp_book.lers import grids as lers
from lfmp_core.errors import LfmpError, UnknownName
from lfmp_core.experiments.engine import run_item
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.search import TPE, Interval, Trial
from lfmp_core.experiments.store import Store
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.training import Trainer, TrainingSettings

SPACE = {
    "learning_rate": Interval(low=1e-4, high=1e-1, log=True),
    "dropout": Interval(low=0, high=0.8),
}
SEARCH = TPE(space=SPACE, trials=9, random=4)


def score(values):
    return 0.8 - abs(values["dropout"] - 0.3) / 10 - abs(values["learning_rate"] - 0.01)


def finished(tpe):
    known = []
    while len(known) < tpe.trials:
        known.append(Trial(score(tpe.proposals(known)[len(known)])))
    return known


def grid(**changes):
    given = {"tpe": SEARCH, "training": {"epochs": 1, "learning_rate": 0.1}, "seeds": (1, 2)}
    backbones = ({"name": "dnn", "dropout": 0.0},)
    return fake_runs.grid(**{"backbones": backbones, **given, **changes})


def values_of(spec):
    return {"learning_rate": spec.training["learning_rate"], "dropout": spec.backbone["dropout"]}


def put(store, spec, value=None):
    value = score(values_of(spec)) if value is None else value
    store.put(Record(spec=spec, metrics={"val_auc": value}, details={"history": [{"val_auc": value}]}))


def test_trials_are_optunas_own():
    """The same values as a study that was asked and told in one go."""
    sampler = optuna.samplers.TPESampler(seed=2023, n_startup_trials=4)
    study = optuna.create_study(sampler=sampler, direction="maximize")

    def objective(trial):
        dropout = trial.suggest_float("dropout", 0, 0.8)
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
        return score({k: float(f"{v:.3g}") for k, v in (("dropout", dropout), ("learning_rate", rate))})

    study.optimize(objective, n_trials=9)
    known = finished(SEARCH)
    expected = [{k: float(f"{v:.3g}") for k, v in trial.params.items()} for trial in study.trials]
    assert SEARCH.proposals(known) == expected
    assert [trial.score for trial in known] == pytest.approx([trial.value for trial in study.trials])


def test_random_trials_may_come_in_any_order_and_the_others_wait():
    known = finished(SEARCH)
    first = SEARCH.proposals([])
    assert len(first) == 4
    assert SEARCH.proposals([None, known[1], None, known[3]]) == first
    assert SEARCH.proposals([*known[:3], None]) == first
    assert SEARCH.proposals(known[:4]) == [*first, SEARCH.proposals(known)[4]]
    assert len(SEARCH.proposals(known[:6])) == 7
    assert len(SEARCH.proposals(known)) == 9


STARTS = ({"learning_rate": 0.02, "dropout": 0.5}, {"learning_rate": 0.003, "dropout": 0.1})
STARTED = SEARCH.model_copy(update={"starts": STARTS, "trials": 11, "random": 6})


def test_starts_come_first_and_the_draws_after_them_are_the_same():
    assert STARTED.proposals([]) == [*STARTS, *SEARCH.proposals([])]
    known = finished(STARTED)
    assert [STARTED.drawn(k) for k in range(7)] == ["start"] * 2 + ["random"] * 4 + ["TPE"]
    assert len(known) == 11 and STARTED.proposals([None, *known[1:3]]) == STARTED.proposals([])
    liked = [Trial(1.0), Trial(1.0), *known[2:6]]
    assert STARTED.proposals(liked)[6] != STARTED.proposals(known)[6]


def test_starts_keep_their_places_where_a_trial_was_another_samplers():
    """The first start is a foreign journal's; the second is still to be proposed, once."""
    foreign = {"learning_rate": 0.07, "dropout": 0.3}
    said = Trial(0.5, values=tuple(foreign.items()))
    assert STARTED.proposals([said])[:2] == [foreign, STARTS[1]]
    assert STARTED.proposals([None, said])[:2] == [STARTS[0], foreign]
    assert STARTS[1] not in STARTED.proposals([None, said])


@pytest.mark.parametrize(
    ("starts", "said"),
    [
        ([{"dropout": 0.1}], "needs learning_rate, dropout; this one has dropout"),
        ([{"learning_rate": 0.5, "dropout": 0.1}], "learning_rate of 0.5 lies outside 0.0001 to 0.1"),
        ([STARTS[0]] * 5, "5 starts can't be the first of 4 random trials"),
    ],
)
def test_starts_outside_the_space_are_refused(starts, said):
    with pytest.raises(LfmpError, match=re.escape(said)):
        TPE.model_validate({**SEARCH.model_dump(), "starts": starts})


def test_scores_matter_after_the_random_trials():
    known = finished(SEARCH)[:6]
    turned = [Trial(1 - trial.score) for trial in known]
    assert SEARCH.proposals(known)[:4] == SEARCH.proposals(turned)[:4]
    assert SEARCH.proposals(known)[6] != SEARCH.proposals(turned)[6]
    other = SEARCH.model_copy(update={"seed": 1})
    assert not [v for v in other.proposals([]) if v in SEARCH.proposals([])]


def test_a_failed_trial_is_passed_over():
    known = [Trial(None), *finished(SEARCH)[1:4]]
    assert len(SEARCH.proposals(known)) == 5
    states = [trial.state.name for trial in SEARCH.study(known).trials]
    assert states == ["FAIL", "COMPLETE", "COMPLETE", "COMPLETE", "RUNNING"]


def test_the_grid_searches_then_runs_with_the_best(tmp_path):
    store, search = Store(tmp_path), grid()
    plan = search.plan(store)
    assert len(plan) == 8 and {spec.role for spec in plan} == {"search"}
    assert [values_of(spec) for spec in plan[:4]] == SEARCH.proposals([])
    assert {tuple(values_of(s).values()) for s in plan[:4]} == {
        tuple(values_of(s).values()) for s in plan[4:]
    }
    for _ in range(20):
        for spec in search.plan(store):
            if spec.role == "search" and spec.method == "none":
                put(store, spec)
    final = [spec for spec in search.plan(store) if spec.role == "final"]
    done, waiting = search.choices(store)
    assert len(done.scores) == 9 and done.scores[done.chosen] == max(done.scores)
    assert waiting.chosen is None and len(waiting.candidates) == 4
    assert [values_of(spec) for spec in final] == [done.candidate] * 2
    assert [spec.method for spec in final] == ["none", "none"]
    assert len(search.plan(store)) + search.lacking(store) == 2 * (9 + 2)
    known = search.trials("dnn", "base", store)
    assert [trial.score for trial in known] == list(done.scores)
    with pytest.raises(LfmpError, match="no search for 'bas'"):
        search.trials("dnn", "bas", store)


def test_interrupted_or_not_the_same_trials(tmp_path):
    """One trial a call, each with a fresh store, as a search that is stopped all the time."""
    whole, item = Store(tmp_path / "a"), fake_runs.item(**vars_of(grid()))
    run_item(item, "quick", workers=1, store=whole, progress=False, runner=fake_runs.runner)
    for _ in range(30):
        store = Store(tmp_path / "b")
        run_item(item, "quick", workers=1, store=store, progress=False, runner=fake_runs.runner, limit=1)
    names = [sorted(p.name for p in (tmp_path / side / "planted").glob("*.json")) for side in "ab"]
    assert names[0] == names[1] and len(names[0]) == 2 * (9 + 2)


def vars_of(made):
    return {name: getattr(made, name) for name in ("tpe", "training", "seeds", "backbones")}


def test_another_grid_takes_the_choice(tmp_path):
    store, search = Store(tmp_path), grid(seeds=())
    for _ in range(20):
        for spec in search.plan(store):
            put(store, spec)
    follower = replace(search, item="other", tpe=None, candidates=({},), picks=search, seeds=(1,))
    chosen = {choice.arm: choice.candidate for choice in search.choices(store)}
    assert [values_of(spec) for spec in follower.plan(store)] == [chosen["base"], chosen["light .5"]]


def test_a_misspelt_hyper_parameter_is_refused(tmp_path):
    wrong = TPE(space={"droput": Interval(low=0, high=1)}, trials=2, random=1)
    made = grid(tpe=wrong, training=TrainingSettings(), backbones=(BackboneSettings(name="dnn"),))
    with pytest.raises(UnknownName, match="did you mean 'dropout'"):
        made.plan(Store(tmp_path))


def test_borders():
    at = {"learning_rate": 1e-2, "dropout": 0.4}
    assert SEARCH.on_border(at) == ()
    assert SEARCH.on_border({**at, "learning_rate": 0.09}) == ("learning_rate",)
    assert SEARCH.on_border({"learning_rate": 1.2e-4, "dropout": 0.79}) == ("learning_rate", "dropout")
    assert Interval(low=1e-4, high=1e-2, log=True).place(1e-3) == pytest.approx(0.5)
    for low, high, log in ((1, 1, False), (2, 1, False), (0, 1, True)):
        with pytest.raises(LfmpError, match="no interval"):
            Interval(low=low, high=high, log=log)


def test_least_metrics_are_medians_of_the_random_trials(tmp_path):
    search = TPE(space=SPACE, trials=5, random=3, median_pruning=True)
    known = [Trial(0.7, (0.6, 0.7)), Trial(0.65, (0.65,)), Trial(0.8, (0.5, 0.6, 0.8))]
    assert search.min_metric_by_epoch(known) == (0.6, 0.65, 0.7)
    assert TPE(space=SPACE, trials=5, random=3).min_metric_by_epoch(known) == ()
    store, made = Store(tmp_path), grid(tpe=search, training=TrainingSettings(), seeds=(1,))
    for _ in range(10):
        for spec in made.plan(store):
            if spec.role == "search":
                put(store, spec)
    plan = made.plan(store)
    said = [spec.training.get("floors") for spec in plan if spec.role == "search" and spec.method == "none"]
    assert said[:3] == [None] * 3 and all(len(least) == 1 for least in said[3:])
    assert all("floors" not in spec.training for spec in plan if spec.role == "final")


def test_below_its_least_metric_training_stops(planted):
    schema, train, val = planted.schema, planted.split("train")[:1000], planted.split("val")

    def epochs(*least):
        settings = TrainingSettings(epochs=4, patience=4, batch_size=256, min_metric_by_epoch=least)
        backbone = BackboneSettings(name="dnn", embedding_dim=4, hidden=(8,))
        model = build_model(backbone, schema.field_sizes, schema.scalar_columns, seed=0)
        return len(Trainer(model, train, settings, seed=0, validation=val).fit())

    assert [epochs(), epochs(0.0), epochs(1.0), epochs(0.0, 0.0, 1.0), epochs(0.0, 1.0)] == [4, 4, 1, 3, 2]
    assert "floors" not in TrainingSettings().model_dump()


def test_a_journal_file_holds_the_search(tmp_path):
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    known, path = finished(SEARCH), str(tmp_path / "journal.log")
    SEARCH.study(known, JournalStorage(JournalFileBackend(path)), "demo")
    read = optuna.load_study(study_name="demo", storage=JournalStorage(JournalFileBackend(path)))
    assert [trial.value for trial in read.trials] == [trial.score for trial in known]
    with pytest.raises(LfmpError, match="a study named 'demo'"):
        SEARCH.study(known, JournalStorage(JournalFileBackend(path)), "demo")


def test_every_method_of_table5_has_one_budget():
    search, final = lers.table4("reference")[0], lers.table5("reference")[0]
    assert search.tpe == lers.tpe_for("reference") and search.seeds == ()
    shares = {}
    for arm in final.arms:
        shares.setdefault(arm.label, []).append(arm.budget.share)
    assert set(shares) == {arm.label for arm in search.arms}
    limited = {"Original": [0], lers.OWN_SIZE: [0], **{key: [0.5, 0.8] for key in lers.ONE_NUMBER_AN_ID}}
    assert shares == {label: limited.get(label, [0.5, 0.8, 0.95]) for label in shares}
    paper = lers.tpe_for("paper")
    assert (paper.trials, paper.random) == (30, 10)
