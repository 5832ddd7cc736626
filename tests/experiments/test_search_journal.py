"""The journal of a search: its runs are found with another sampler, and with none."""

import json
import sys
from dataclasses import replace

import fake_runs
import optuna
import pytest
from fake_runs import Arm, runner

from lfmp_core.budget import Budget
from lfmp_core.errors import DataError, LfmpError
from lfmp_core.experiments.engine import RunsFailed, run_item
from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.journal import JournalEntry
from lfmp_core.experiments.search import TPE, Interval, Trial, sampler
from lfmp_core.experiments.store import SEARCHES, Store, store_for

SPACE = {"learning_rate": Interval(low=1e-4, high=1e-1, log=True)}
SEARCH = TPE(space=SPACE, trials=7, random=3)


def demo(**changes):
    given = {"backbones": ({"name": "dnn"},), "arms": (Arm("base", "none"),), "seeds": (1,), "tpe": SEARCH}
    return fake_runs.item(**{**given, **changes})


def go(item, store, **more):
    return run_item(item, "quick", 1, store, progress=False, runner=runner, **more)


def lines(store):
    [path] = (store.root / SEARCHES).iterdir()
    return path, path.read_text().splitlines()


def another_release(monkeypatch):
    """One default of the sampler changed, as a release might."""

    class Newer(optuna.samplers.TPESampler):
        def __init__(self, *given, **more):
            super().__init__(*given, n_ei_candidates=25, **more)

    monkeypatch.setattr(optuna.samplers, "TPESampler", Newer)
    forget()


def no_sampler(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    forget()


def forget():
    from lfmp_core.experiments import search

    search._proposals.cache_clear()


def test_a_search_is_put_down_in_order(store):
    item = demo(search_seeds=(0, 4))
    records = {r.id: r for r in go(item, store)}
    path, [head, *trials] = lines(store)
    assert path.name.startswith("planted-dnn-none-") and path.suffix == ".jsonl"
    assert json.loads(head)["search"]["tpe"]["random"] == 3
    known = []
    for line in trials:
        entry = JournalEntry.model_validate_json(line)
        own = [records[run] for run in entry.runs]
        assert [r.spec.seed for r in own] == [0, 4] and entry.sampler == f"optuna {optuna.__version__}"
        assert {r.spec.training["learning_rate"] for r in own} == {entry.values["learning_rate"]}
        assert entry.score == sum(r.metrics["val_auc"] for r in own) / 2 and entry.state == "done"
        assert SEARCH.proposals(known)[len(known)] == entry.values
        known.append(Trial(entry.score))
    assert len(known) == 7
    # what it chose is the best of its lines
    scores = [trial.score for trial in known]
    assert [c.chosen for c in item.grids("quick")[0].choices(store)] == [scores.index(max(scores))]


@pytest.mark.parametrize("change", [another_release, no_sampler])
def test_records_are_found_with_another_sampler_or_none(store, monkeypatch, change):
    item = demo()
    records = go(item, store)
    assert len(records) == 8
    path, _ = lines(store)
    change(monkeypatch)
    assert item.plan("quick", store) == [r.spec for r in records] and go(item, store) == records
    path.unlink()  # without it they are lost, or nothing can be asked
    if change is no_sampler:
        with pytest.raises(LfmpError, match="a search needs Optuna"):
            item.plan("quick", store)
    else:
        assert len([s for s in item.plan("quick", store) if store.get(s)]) < 7


def test_another_release_goes_on_with_a_search_that_was_begun(store, monkeypatch):
    item = demo()
    go(item, store, limit=5)
    _, before = lines(store)
    states = [JournalEntry.model_validate_json(line).state for line in before[1:]]
    assert states == ["done"] * 5 + ["open"]  # what is proposed stays so
    another_release(monkeypatch)
    first = {r.id for r in go(item, store)}
    _, after = lines(store)
    assert after[:6] == before[:6] and len(after) == 8 and len(first) == 8
    assert json.loads(after[6]) == {
        **json.loads(before[6]),
        "state": "done",
        "score": first_score(store, after[6]),
    }
    study = SEARCH.study(item.grids("quick")[0].trials("dnn", "base", store))
    told = [json.loads(line) for line in after[1:]]
    assert [t.params for t in study.trials] == [line["values"] for line in told]
    assert [t.value for t in study.trials] == [line["score"] for line in told]
    forget()
    assert {s.id for s in item.plan("quick", store)} == first


def first_score(store, line):
    [run] = json.loads(line)["runs"]
    return next(r.metrics["val_auc"] for r in store.all() if r.id == run)


def test_made_anew_it_is_the_same(store):
    item = demo()
    go(item, store)
    path, before = lines(store)
    path.unlink()
    go(item, store)
    assert lines(store) == (path, before)
    changed = path.stat().st_mtime_ns
    go(item, store)
    assert path.stat().st_mtime_ns == changed  # written when there is something to say


def edited(number, **values):
    def edit(text):
        own = text.splitlines()
        own[number] = json.dumps({**json.loads(own[number]), **values})
        return "\n".join(own)

    return edit


WRONG = {
    "score": (
        edited(3, score=0.9),
        r"line 4: trial 3 has the score 0\.9, by its records it has the score 0\.7",
    ),
    "diverged": (
        edited(3, score=None, state="diverged"),
        "line 4: trial 3 diverged, by its records it has the",
    ),
    "values": (
        edited(2, values={"learning_rate": 0.01}),
        "line 3: journal names run [0-9a-f]{16} for trial 2",
    ),
    "run": (edited(2, runs=["0" * 16]), "line 3: journal names run 0{16} for trial 2"),
    "search": (edited(0, search={}), "line 1: journal is damaged: its first line is not that of this search"),
    "cut off": (lambda text: text[:-40], "line 8: journal is damaged: the line holds no trial"),
    "no JSON": (lambda text: "[" * 100_000, "line 1: journal is damaged"),
    "unknown key": (edited(4, more=1), "line 5: journal is damaged"),
    "empty": (lambda text: "", "line 1: journal is damaged"),
    "no text": (lambda text: b"\xff\xfe", "journal can't be read"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_contradicts_its_records_is_one_line(store, log, what):
    change, message = WRONG[what]
    item = demo()
    go(item, store)
    path, _ = lines(store)
    text = change(path.read_text())
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message) as caught:
        go(item, store)
    assert caught.value.file == path and len(str(caught.value).splitlines()) == 1
    assert str(caught.value).endswith("delete it, and `lfmp run demo --profile quick` makes it anew")
    assert len(fake_runs.computed()) == 8


def test_a_folder_in_its_place_is_one_line(store):
    item = demo()
    go(item, store)
    path, _ = lines(store)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="journal can't be read") as caught:
        go(item, store)
    assert len(str(caught.value).splitlines()) == 1


def test_its_name_is_what_decides_it(store):
    """Labels and the number of trials decide nothing, the rest does."""
    [grid] = demo().grids("quick")

    def name(**changes):
        [search] = replace(grid, **changes).searches(store)
        return search.journal.path.name

    own = name()
    assert own == name(item="other") == name(profile="paper") == name(seeds=(5, 6))
    assert own == name(tpe=SEARCH.model_copy(update={"trials": 20}))
    assert own == name(training={"epochs": 1, "learning_rate": 0.5})  # always proposed
    assert own == name(arms=(Arm("another label", "none"),))
    decisive = [
        {"dataset": grid.dataset.model_copy(update={"fingerprint": "e" * 16})},
        {"backbones": ({"name": "dnn", "hidden": (4,)},)},
        {"training": {"epochs": 2}},
        {"arms": (Arm("base", "none", Budget(0.5)),)},
        {"arms": (Arm("base", "none", Budget(), {"steps": 3}),)},
        {"search_seeds": (1,)},
        {"threads": 2},
        *(
            {"tpe": SEARCH.model_copy(update=u)}
            for u in ({"random": 2}, {"seed": 1}, {"median_pruning": True})
        ),
        {"tpe": SEARCH.model_copy(update={"space": {"learning_rate": Interval(low=1e-4, high=1e-2)}})},
    ]
    names = [name(**change) for change in decisive]
    assert len({own, *names}) == 1 + len(decisive)
    odd = name(dataset=grid.dataset.model_copy(update={"name": "../a b\n/ü"}))
    assert odd.startswith("a-b-dnn-none-")


def test_trials_by_their_ids_are_put_down_in_their_own_search_alone(store):
    """And the last one too, after which nothing is proposed."""
    item = demo(arms=(Arm("whole", "none"), Arm("half", "none", Budget(share=0.5))))

    def trials():
        return [s.id for s in item.plan("quick", store) if s.role == "search" and not s.budget.share]

    def states():
        _, [_, *found] = lines(store)  # of one journal
        return [JournalEntry.model_validate_json(line).state for line in found]

    go(item, store, ids=trials()[:1])
    assert states() == ["done", "open", "open"]
    go(item, store, ids=trials()[1:3])
    assert states() == ["done"] * 3 + ["open"]
    for k in range(3, SEARCH.trials):
        go(item, store, ids=[trials()[k]])
    assert states() == ["done"] * SEARCH.trials


def test_more_trials_go_on_in_the_same_journal(store):
    go(demo(), store)
    _, before = lines(store)
    go(demo(tpe=SEARCH.model_copy(update={"trials": 9})), store)
    _, after = lines(store)
    assert after[:8] == before and len(after) == 10
    go(demo(), store)
    assert lines(store)[1] == after  # who asks for fewer takes none away
    whole = Store(store.root.parent / "whole")
    go(demo(tpe=SEARCH.model_copy(update={"trials": 9})), whole)
    assert lines(whole)[1] == after


def test_a_trial_that_diverged_stays_so_where_its_failure_is_not(store, fates):
    """Failures aren't committed: in another checkout the journal alone says so."""
    item = demo()
    victim = item.plan("quick", store)[1]
    fates({victim.id: "diverges"})
    with pytest.raises(RunsFailed):
        go(item, store)
    plan = item.plan("quick", store)
    store.failed_path(victim).unlink()
    assert item.plan("quick", store) == plan and len(plan) == 8
    trials = item.grids("quick")[0].trials("dnn", "base", store)
    assert [t.score is None for t in trials] == [False, True] + [False] * 5


def test_the_journals_are_no_item(store):
    go(demo(), store)
    assert (
        sorted(p.name for p in store.root.iterdir()) == ["planted", "searches"] and list(store.verify()) == []
    )


# ---- the committed ones


OF_PAIRS = ("gowalla", "yelp2018", "kgat")


def committed(pairs=None):
    """Paths of the journals, of clicks or of pairs alone where asked."""
    paths = sorted((store_for("reference").root / SEARCHES).iterdir())
    return [path for path in paths if pairs is None or path.name.startswith(OF_PAIRS) == pairs]


@pytest.mark.skipif(sampler() != "optuna 5.0.0", reason="another release may propose other trials")
def test_the_committed_searches_are_reproduced():
    assert len(committed(pairs=False)) == 114  # of Table 4: 3 data sets, 2 backbones, 19 methods
    for path in committed():
        head, *trials = map(json.loads, path.read_text().splitlines())
        assert {line["sampler"] for line in trials} == {"optuna 5.0.0"}
        tpe = TPE.model_validate({**head["search"]["tpe"], "trials": len(trials)})
        assert tpe.proposals([Trial(t["score"]) for t in trials]) == [t["values"] for t in trials], path.name


def test_the_committed_runs_are_found_without_a_sampler(monkeypatch):
    no_sampler(monkeypatch)
    store = store_for("reference")
    searches = get_item("lers_table4").searches("reference", store)
    assert None not in [search.chosen for search in searches]
    runs = [spec.id for search in searches for cell in search.cells for spec in cell]
    named = [
        run
        for path in committed(pairs=False)
        for line in path.read_text().splitlines()[1:]
        for run in json.loads(line)["runs"]
    ]
    assert sorted(named) == sorted(runs) and len(runs) == 912
    avazu = next(g for g in get_item("lers_table5").grids("reference") if g.dataset.name == "avazu")
    assert avazu.ended(store) == (300, 300)


def test_what_is_committed_of_searches_on_pairs_is_whole():
    """Their hours come in search by search: each is there to its last trial, with all its runs."""
    store = store_for("reference")
    paths = {path.name for path in committed(pairs=True)}
    whole = [
        s
        for s in get_item("lers_table6").searches("reference", store)
        if s.journal is not None and s.chosen is not None
    ]
    assert {search.journal.path.name for search in whole} == paths
    assert all(len(search.trials) == search.planned for search in whole)
