"""Phases of compression that are cut off: taken up where they were, with the seconds of all their parts."""

import json
from types import SimpleNamespace

import pytest
from compressing import clicks_on, run
from outcomes import assert_same_outcome

from lfmp_core.methods import Context, get_method
from lfmp_core.methods.compression.phases import finding
from lfmp_core.training import Trainer


@pytest.fixture(scope="module")
def task(planted):
    return clicks_on(planted)


@pytest.fixture
def clock(monkeypatch):
    """Seconds on the wall and of the processor, which move when a test says so."""
    now = SimpleNamespace(wall=100.0, cpu=50.0)
    clocks = SimpleNamespace(perf_counter=lambda: now.wall, process_time=lambda: now.cpu)
    monkeypatch.setattr("lfmp_core.methods.base.time", clocks)
    return now


def spend(clock, folder, seconds, checkpoint=True, error=None):
    """Find for so long and save a checkpoint; returns what the phase is said to have taken."""
    context = Context(0, folder)
    try:
        with finding(context):
            clock.wall, clock.cpu = clock.wall + seconds, clock.cpu + seconds / 2
            if checkpoint:
                (folder / "finding").mkdir(exist_ok=True)
            if error:
                raise error
    except KeyboardInterrupt:
        pass
    assert context.cpu_seconds["PT"] == context.phases["PT"] / 2
    return context.phases["PT"]


def test_finding_that_was_cut_off_has_the_seconds_of_all_its_parts(clock, tmp_path):
    stop = KeyboardInterrupt()
    assert spend(clock, tmp_path, 5, error=stop) == 5
    assert spend(clock, tmp_path, 3, error=stop) == 8
    assert spend(clock, tmp_path, 2) == 10
    # what is done is quick the second time, cut off or not
    assert (
        spend(clock, tmp_path, 1) == spend(clock, tmp_path, 1, error=stop) == spend(clock, tmp_path, 1) == 10
    )


def test_finding_that_left_no_checkpoint_starts_its_seconds_again(clock, tmp_path):
    assert spend(clock, tmp_path, 5, checkpoint=False, error=KeyboardInterrupt()) == 5
    assert not any(tmp_path.iterdir())
    assert spend(clock, tmp_path, 7) == 7


@pytest.mark.parametrize("method", ["pep", "cerp", "deeplight", "sseds"])
def test_finding_goes_on_where_it_was_cut_off(method, task, tmp_path, monkeypatch):
    """Law 5: the same model; and its seconds include those before."""
    settings = {"rise_epochs": 1, "find_epochs": 2} if method in ("pep", "cerp") else {}
    whole, fit = run(task, method, **settings), Trainer.fit

    def cut_off(trainer, stop_at=None):
        fit(trainer, stop_at=5)
        raise KeyboardInterrupt

    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(Trainer, "fit", cut_off)
        run(task, method, tmp_path, **settings)
    noted = json.loads((tmp_path / "finding.json").read_text())
    assert noted["cut_off"] and noted["phases"] > 0
    resumed = run(task, method, tmp_path, **settings)
    assert_same_outcome(whole, resumed)
    assert resumed.phases["PT"] > noted["phases"]
    assert not json.loads((tmp_path / "finding.json").read_text())["cut_off"]


def test_training_that_was_cut_off_has_the_seconds_of_all_its_parts(task, tmp_path, monkeypatch):
    """Of CT as of PT; a phase that began before, such as a first part of CT, keeps its own."""
    get, fit = get_method("no_selection").run, Trainer.fit

    def cut_off(trainer, stop_at=None):
        fit(trainer, stop_at=5)
        raise KeyboardInterrupt

    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(Trainer, "fit", cut_off)
        get(task, seed=1, folder=tmp_path)
    noted = json.loads((tmp_path / "training.json").read_text())
    resumed = get(task, seed=1, folder=tmp_path)
    assert resumed.phases["CT"] > noted["phases"] > 0
    again = get(task, seed=1, folder=tmp_path)
    assert again.phases == resumed.phases and again.details["cpu_seconds"] == resumed.details["cpu_seconds"]


def test_parts_of_a_phase_add_up(clock, tmp_path):
    for share in (1, 0.1):  # the second time both are done: the first seconds count
        context = Context(0, tmp_path)
        for name, seconds in (("before", 4), ("training", 6)):
            with context.checkpointed("CT", name):
                clock.wall, clock.cpu = clock.wall + share * seconds, clock.cpu + share * seconds
                (tmp_path / name).mkdir(exist_ok=True)
        assert context.phases["CT"] == context.cpu_seconds["CT"] == 10
    (tmp_path / "training").rmdir()  # trained again: counted again
    with Context(0, tmp_path).checkpointed("CT", "training"):
        clock.wall, clock.cpu = clock.wall + 2, clock.cpu + 2
    assert json.loads((tmp_path / "training.json").read_text()) == {
        "cpu_seconds": 2, "phases": 2, "cut_off": False, "checkpoint": False
    }  # fmt: skip
