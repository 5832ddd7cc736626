"""Runs until a time, processes that stay, and grids that are decided on by others' records."""

import multiprocessing
import time
from types import SimpleNamespace

import fake_runs
import pytest

from lfmp_core.budget import Budget
from lfmp_core.experiments import engine
from lfmp_core.experiments.engines import Pool
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.stages import FollowingGrid, LaterGrid

ARMS = (Arm("slow", "slow"), Arm("light", "light", Budget(0.5)), Arm("last", "last"))


def run(item, store, **how):
    return engine.run_item(item, "quick", how.pop("workers", 1), store, False, fake_runs.runner, **how)


@pytest.fixture
def clock(monkeypatch):
    """The engine's time, which passes with runs alone: each takes `clock.run` seconds."""
    clock = SimpleNamespace(now=100.0, run=0.0)
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=time.sleep))
    runner = fake_runs.runner

    def slow(spec):
        clock.now += clock.run
        return runner(spec)

    monkeypatch.setattr(fake_runs, "runner", slow)
    return clock


def test_no_run_begins_after_the_time_and_the_first_of_the_plan_come_first(store, log, clock):
    item = fake_runs.single(2, ARMS)
    plan = [spec.id for spec in item.plan("quick", store)]
    assert run(item, store, until=clock.now - 1) == [] and fake_runs.computed() == []
    clock.run = 0.3
    done = run(item, store, until=clock.now + 0.75)  # the third begins in time, and is finished
    assert [r.id for r in done] == fake_runs.computed() == plan[:3]
    assert len(run(item, store)) == len(plan)  # and it goes on where it was
    assert sorted(fake_runs.computed()) == sorted(plan)


def test_what_is_expected_to_end_too_late_does_not_begin(store, log, clock, monkeypatch):
    """By the seconds of the runs of its kind that have ended; what is quicker still begins."""
    slow, quick = fake_runs.single(1, ARMS[:1]), fake_runs.single(1, ARMS[1:2])
    monkeypatch.setenv("FAKE_SLEEP", "1")
    run(slow, store)
    monkeypatch.setenv("FAKE_SLEEP", "0")
    run(quick, store)
    item = fake_runs.single(2, ARMS[:2])
    done = run(item, store, until=clock.now + 0.8)
    assert [r.spec.method for r in done] == ["slow", "light", "light"]


def test_processes_stay_for_the_next_call(store, log):
    children = lambda: {child.pid for child in multiprocessing.active_children()}
    others, pool = children(), Pool(2)
    try:
        run(fake_runs.single(2, ARMS[:1]), store, engine=pool)
        before = children() - others
        assert len(before) == 2
        run(fake_runs.single(2, ARMS[1:]), store, engine=pool)
        assert children() - others == before
    finally:
        pool.close()
    assert not children() - others


def later(chosen, most=1, **changes):
    base = fake_runs.grid()
    given = {name: getattr(base, name) for name in ("item", "profile", "dataset", "training", "seeds")}
    given |= {
        "candidates": ({"learning_rate": 0.003},),
        "backbones": ({"name": "dnn", "embedding_dim": 4},) * 2,
    }
    given |= {"arms": (Arm("light", "light", Budget(0.5)), Arm("light", "light", Budget(0.25)))}
    return LaterGrid(**{**given, **changes}, chosen=chosen, most=most)


def test_a_later_grid_runs_what_earlier_records_speak_for(store, log):
    first = fake_runs.grid(backbones=({"name": "dnn"},), candidates=({"learning_rate": 0.003},))

    def chosen(store):
        done = [spec for spec in first.plan(store) if store.get(spec)]
        return [("light", Budget(0.25))] if len(done) == 4 else []

    second = later(chosen)
    item = Item("demo", "demo", "", {"quick": (first, second)})
    assert second.plan(store) == [] and second.ended(store) == (0, 2)
    assert "2 more are planned" in item.waiting("quick", store)
    records = run(item, store)
    assert [(r.spec.budget.share, r.spec.seed) for r in records[4:]] == [(0.25, 1), (0.25, 2)]
    assert second.ended(store) == (2, 2) and item.waiting("quick", store) == ""


def test_a_later_grid_tells_arms_apart_by_their_backbones():
    small, large = {"name": "dnn", "embedding_dim": 4}, {"name": "dnn", "embedding_dim": 8}
    arms = (Arm("narrow", "light", Budget(0.5)), Arm("wide", "light", Budget(0.5)))
    grid = later(
        lambda store: [(arm.label, arm.budget) for arm in arms], 2, backbones=(small, large), arms=arms
    )
    assert [grid.arm_of(spec) for spec in grid.plan(None)] == ["narrow", "wide", "narrow", "wide"]
    other = Grid.plan(later(lambda store: [("light", Budget(0.25))]), None)
    assert {grid.arm_of(spec) for spec in other} == {""}
    with pytest.raises(ValueError, match="each arm needs a backbone, and a label and budget of its own"):
        later(lambda store: [], arms=(ARMS[0], ARMS[0]))


def test_an_arm_takes_over_what_another_search_chose_and_searches_the_rest(store, log):
    first = fake_runs.grid(arms=fake_runs.grid().arms[1:])
    arm = Arm(
        "afresh", "light", Budget(0.5), {"steps": 3, "keep": False, "rate": 0.0}, searched_as="light .5"
    )
    given = {name: getattr(first, name) for name in ("profile", "dataset", "backbones", "training", "seeds")}
    second = FollowingGrid(
        item="second",
        arms=(arm,),
        candidates=first.candidates,
        follows=first,
        taken={"learning_rate": "rate"},
        **given,
    )
    assert second.plan(store) == [] and second.lacking(store) == 2 * len(first.seeds)
    run(Item("demo", "demo", "", {"quick": first}), store)
    tried = second.plan(store)
    assert {spec.method_settings["rate"] for spec in tried} == {0.01}  # what the first search chose
    assert sorted({spec.training["learning_rate"] for spec in tried}) == [0.001, 0.003, 0.01]
    run(Item("second", "second", "", {"quick": (first, second)}), store)
    final = [spec for spec in second.plan(store) if spec.role == "final"]
    assert len(final) == 4 and {second.arm_of(spec) for spec in final} == {"afresh"}
