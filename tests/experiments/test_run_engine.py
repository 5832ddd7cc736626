"""The engine: nothing computed twice, nothing false after an interrupt, one worker or four the same."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fake_runs import computed, grid, item, runner, single

from lfmp_core.budget import Budget
from lfmp_core.errors import DataError, LfmpError, UnknownName
from lfmp_core.experiments.engine import RunsFailed, run_item
from lfmp_core.experiments.expected import seconds_of
from lfmp_core.experiments.items import Arm, Item
from lfmp_core.experiments.store import Store


def same(ours, theirs):
    assert [r.id for r in ours] == [r.id for r in theirs]
    assert all(a.same_result(b) for a, b in zip(ours, theirs, strict=True))


def leftovers(store):
    return [p for p in store.root.rglob(".*") if p.is_file()]


def go(demo, store, workers=1, **more):
    return run_item(demo, "quick", workers, store, progress=False, runner=runner, **more)


def test_one_worker_or_four_and_both_stages(tmp_path, log):
    stores = [Store(tmp_path / name) for name in "ab"]
    alone, many = go(item(), stores[0]), go(item(), stores[1], workers=4)
    assert len(alone) == 20 and len(computed()) == 40
    same(alone, many)
    assert sum(r.spec.role == "search" for r in alone) == 12
    chosen = {(r.spec.method, r.spec.training["learning_rate"]) for r in alone if r.spec.role == "final"}
    assert chosen == {("none", 0.003), ("light", 0.01)}
    for store, records in zip(stores, (alone, many), strict=True):
        assert leftovers(store) == [] and list(store.verify()) == []
        for record in records:
            c = record.certificate
            assert c.command.endswith(record.id) and c.threads == 1 and c.seconds >= 0 and c.peak_rss > 0
    same(go(item(), stores[0]), alone)
    assert len(computed()) == 40  # read, not computed again


def test_ids_and_limit(store, log):
    demo = single(4)
    plan = demo.plan("quick", store)
    assert [r.id for r in go(demo, store, ids=[plan[2].id])] == [plan[2].id]
    assert len(go(demo, store, limit=1)) == 2
    assert len(go(demo, store)) == 4 and len(computed()) == 4
    with pytest.raises(UnknownName, match="no run 'nope'"):
        go(demo, store, ids=["nope"])
    with pytest.raises(LfmpError, match="at least 1"):
        go(demo, store, workers=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_failing_runs_are_recorded_and_the_rest_goes_on(store, log, workers):
    bad = Arm("bad", "bad", Budget(0.5), {"fail": True})
    arms = (bad, Arm("base", "none"), Arm("dead", "dead", Budget(0.5), {"die": True}))[
        : 2 if workers == 1 else 3
    ]
    demo = single(2, arms)
    with pytest.raises(RunsFailed) as caught:
        go(demo, store, workers)
    failures = caught.value.failures
    assert len(failures) == 2 * (len(arms) - 1) and len(store.all()) == 2
    assert failures[0].id in str(caught.value)
    errors = {r.spec.method: r.error for r in store.failures()}
    assert errors["bad"].startswith("ValueError: planned to fail [") and "fake_runs.py" in errors["bad"]
    assert "/" not in errors["bad"]
    assert workers == 1 or "exit code 7" in errors["dead"]
    assert leftovers(store) == []
    count = len(computed())
    with pytest.raises(RunsFailed):
        go(demo, store, workers)  # failures are tried again, finished runs are not
    assert len(computed()) == count + len(failures)


def test_a_failed_search_chooses_nothing(store):
    with pytest.raises(RunsFailed):
        go(item(arms=(Arm("bad", "bad", Budget(0.5), {"fail": True}),)), store)
    assert store.all() == [] and len(store.failures()) == 2  # each search stops at its first


def test_diverged_run_fails(store):
    def diverged(spec):
        record, logits = runner(spec)
        return type(record)(**{**dict(record), "metrics": {"val_auc": float("nan")}}), logits

    with pytest.raises(RunsFailed, match=r"metrics\.val_auc is nan"):
        run_item(single(1), "quick", 1, store, progress=False, runner=diverged)


def test_damaged_record_stops_before_anything_runs(store, log):
    demo = single(3)
    go(demo, store, limit=1)
    path = store.path(demo.plan("quick", store)[0])
    path.write_text("{")
    with pytest.raises(DataError, match=path.name):
        go(demo, store)
    assert len(computed()) == 1 and leftovers(store) == []


def _dangling(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize("lay", [Path.mkdir, _dangling])
@pytest.mark.parametrize("place", ["path", "failed_path", "logits_path", "_lock"])
def test_what_lies_in_a_records_place_stops_the_command(store, log, lay, place):
    """A folder or a link that leads nowhere: one line, and no run is computed again and again."""
    demo = single(3)
    first = demo.plan("quick", store)[0]
    path = getattr(store, place)(first)
    path.parent.mkdir(parents=True)
    lay(path)
    if lay is _dangling and place in ("logits_path", "_lock"):  # what is never read is replaced
        assert len(go(demo, store)) == 3 and len(computed()) == 3 and leftovers(store) == []
        return
    with pytest.raises(DataError, match=path.name) as caught:
        go(demo, store)
    assert computed() == [] and "\n" not in str(caught.value)


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_computed_twice_in_one_command(store, log, workers):
    """Whatever takes its record away meanwhile."""
    demo = single(2)
    store.put = lambda record, logits=None: None
    with pytest.raises(DataError, match="computed a moment ago"):
        go(demo, store, workers)
    assert sorted(computed()) == sorted(spec.id for spec in demo.plan("quick", store))


def test_in_process_interrupt(store, log):
    def impatient(spec):
        if len(computed()) == 2:
            raise KeyboardInterrupt
        return runner(spec)

    demo = single(4)
    with pytest.raises(KeyboardInterrupt):
        run_item(demo, "quick", 1, store, progress=False, runner=impatient)
    assert len(store.all()) == 2 and leftovers(store) == []
    assert len(go(demo, store)) == 4 and len(computed()) == 4


SCRIPT = """
import sys
from fake_runs import runner, single
from lfmp_core.experiments.engine import run_item
from lfmp_core.experiments.store import Store
if __name__ == "__main__":
    run_item(single(12), "quick", int(sys.argv[2]), Store(sys.argv[1]), progress=False, runner=runner)
"""


def start(tmp_path, store, workers, sleep):
    """Another process that runs `single(12)`; alone in its process group, as under a terminal."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "FAKE_SLEEP": str(sleep),
    }
    return subprocess.Popen(
        [sys.executable, str(script), str(store.root), str(workers)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_half_way(tmp_path, store, log, number):
    """Ctrl-C goes to the whole group; a kill to the parent alone, whose workers must follow it."""
    process = start(tmp_path, store, 2, 0.2)
    until(lambda: len(list(store.root.glob("planted/*.json"))) >= 3)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, message = process.communicate(timeout=20)
    kept = {r.id for r in store.all()}
    assert 3 <= len(kept) < 12 and list(store.verify()) == []
    if number == signal.SIGINT:
        assert leftovers(store) == []
        assert f"{len(kept)} of 12 runs are finished and kept" in message
        assert "go on with: lfmp run demo --profile quick" in message
        assert message.count("Traceback") == 1  # the script's own; no worker's
    until(lambda: not _group_lives(process.pid), 10)
    before = len(computed())
    assert len(go(single(12), store)) == 12
    again = computed()[before:]
    assert set(again).isdisjoint(kept) and len(again) == 12 - len(kept)
    assert leftovers(store) == []


def _group_lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_runners_share_one_store(tmp_path, store, log):
    others = [start(tmp_path, store, 1, 0.1) for _ in range(2)]
    assert [p.wait(60) for p in others] == [0, 0]
    for process in others:
        process.stderr.close()
    assert len(computed()) == 12 == len(set(computed()))
    assert len(store.all()) == 12 and leftovers(store) == []


def test_equal_runs_of_two_items_are_one_record(store, log):
    """What one item computed another shows; nothing is computed twice, and the folder is looked after."""
    first = grid()
    second = replace(first, item="second", arms=first.arms[:1], candidates=({},), picks=first)
    both = Item("second", "second", "shares runs", {"quick": [first, second]})
    lock = store.path(first.plan(store)[0]).with_name(".x.lock")
    lock.parent.mkdir(parents=True)
    lock.write_text('{"pid": 999999999, "start": "1"}')
    go(item(), store)
    assert not lock.exists()
    assert len(computed()) == 20
    assert len(go(both, store)) == 20 and len(computed()) == 20
    assert [r.spec.item for r in go(Item("second", "", "", {"quick": second}), store)] == ["demo"] * 4
    assert len(store.all()) == 20 and leftovers(store) == []


COMMAND = """
import sys
import fake_runs
from lfmp_core import cli
from lfmp_core.experiments import engine, items
items.registry = lambda: fake_runs.ITEMS
engine.execute, engine.preload, engine.opened = fake_runs.runner, fake_runs.preload, lambda ref: None
if __name__ == "__main__":
    cli.main(["run", "demo", "--workers", "2", "--no-progress"])
"""


@pytest.mark.parametrize("numbers", [[signal.SIGTERM], [signal.SIGINT, signal.SIGTERM, signal.SIGINT]])
def test_a_schedulers_sigterm_ends_the_command_cleanly(tmp_path, log, numbers):
    """Signals that come while the first one is being obeyed change nothing."""
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    path = os.pathsep.join(p for p in sys.path if p)
    environment = {**os.environ, "PYTHONPATH": path, "FAKE_SLEEP": "0.2", "LFMP_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, str(script)], env=environment, stderr=subprocess.PIPE, text=True
    )
    store = Store(tmp_path / "records")
    until(lambda: len(list(store.root.glob("planted/*.json"))) >= 2)
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.01)
    _, message = process.communicate(timeout=20)
    assert process.returncode == 130 and "go on with: lfmp run demo --profile quick" in message
    assert "Traceback" not in message and "leaked" not in message
    assert leftovers(store) == [] and list(store.verify()) == []


def test_expected_seconds(store):
    demo = single(3)
    plan = demo.plan("quick", store)
    record = go(demo, store, limit=1)[0]
    record = record.model_copy(update={"certificate": record.certificate.model_copy(update={"seconds": 8.0})})
    assert seconds_of(plan, [record]) == {spec.id: 8.0 for spec in plan}
    assert seconds_of(plan, []) == {}
    cold = record.model_copy(update={"certificate": record.certificate.model_copy(update={"seconds": 90.0})})
    assert seconds_of(plan, [cold, record, record]) == {spec.id: 8.0 for spec in plan}
