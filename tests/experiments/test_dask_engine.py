"""Runs on a scheduler's workers are the records of one worker, also when a worker is killed in the middle."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace

import fake_runs
import numpy as np
import pytest

from lfmp_core.budget import Budget
from lfmp_core.data import PlantedSettings, PrepareSettings
from lfmp_core.errors import LfmpError, UnknownName
from lfmp_core.experiments.dask_engine import Dask
from lfmp_core.experiments.engine import RunsFailed, dataset_ref, execute, run_item
from lfmp_core.experiments.engines import make_engine
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.store import Store
from lfmp_core.models import BackboneSettings
from lfmp_core.training import TrainingSettings

PATIENCE = 120.0  # seconds for processes to start on a busy machine


def deadly(spec):
    """`execute`, but one run kills its process the first time, when it is under way."""
    deaths = Path(os.environ["DEATHS"])
    if spec.seed == 1 and not deaths.exists():
        deaths.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(spec)


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """(address, scheduler's process) of a scheduler and two workers, started as the documentation says."""
    pytest.importorskip("distributed", reason="without dask: make install")
    folder = tmp_path_factory.mktemp("dask")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "LFMP_HOME": str(folder / "home"),
        "DEATHS": str(folder / "deaths"),
        "FAKE_SLEEP": "1",
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    }
    started: list[subprocess.Popen] = []

    def dask(*arguments):
        command = [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1", "--no-dashboard"]
        with open(folder / f"{arguments[0]}.log", "w") as log:
            given = {"env": environment, "cwd": folder, "stdout": log, "stderr": log}
            started.append(subprocess.Popen(command, start_new_session=True, **given))

    def address():
        found = re.search(r"tcp://127\.0\.0\.1:\d+", (folder / "scheduler.log").read_text())
        return found and found[0]

    try:
        dask("scheduler", "--port", "0")
        until(address)
        dask("worker", address(), "--nworkers", "2", "--nthreads", "1")
        yield address(), started[0]
    finally:
        for process in reversed(started):
            with suppress(ProcessLookupError):  # the workers are of the group of the command
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def engine(cluster):
    with closing(make_engine("dask", scheduler=cluster[0])) as made:
        yield made


@pytest.fixture
def demo(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    grid = Grid(
        item="demo",
        profile="quick",
        dataset=dataset_ref("planted", PrepareSettings(threshold=4), PlantedSettings(rows=2000)),
        backbones=[BackboneSettings(name="dnn", embedding_dim=4, hidden=(8,))],
        arms=[Arm("all", "no_selection")],
        training=TrainingSettings(batch_size=256, epochs=2),
        candidates=[{"learning_rate": 1e-2}, {"learning_rate": 1e-3}],
        seeds=[1, 2],
    )
    return Item("demo", "demo", "real runs", {"quick": [grid]})


def leftovers(store):
    return [path for path in store.root.rglob(".*") if path.is_file()]


def test_the_records_are_those_of_one_worker_though_a_worker_is_killed(demo, engine, tmp_path):
    """The data are prepared by each, here and there."""
    stores = [Store(tmp_path / name) for name in "ab"]
    many = run_item(demo, "quick", store=stores[1], progress=False, runner=deadly, engine=engine)
    alone = run_item(demo, "quick", 1, stores[0], progress=False)
    assert len(alone) == len(many) == 4
    for a, b in zip(alone, many, strict=True):
        assert a.same_result(b), a.spec.label
        assert b.certificate.seconds > 0 and b.certificate.numerics == a.certificate.numerics
        if a.logits:
            assert np.array_equal(stores[0].logits(a), stores[1].logits(b))
    for store in stores:
        assert list(store.verify()) == [] and leftovers(store) == []


def test_a_run_that_kills_every_worker_is_a_failed_one(engine, store):
    demo = fake_runs.single(1, (Arm("dead", "dead", Budget(0.5), {"die": True}), Arm("base", "none")))
    with pytest.raises(RunsFailed, match="2 worker processes ended in the middle of it"):
        run_item(demo, "quick", store=store, progress=False, runner=fake_runs.runner, engine=engine)
    [failure], [record] = store.failures(), store.all()
    assert (failure.spec.method, failure.cause, record.spec.method) == ("dead", "other", "none")


def test_a_scheduler_that_goes_ends_the_command_and_what_is_finished_stays(cluster, engine, store):
    demo, runner = fake_runs.single(6), fake_runs.runner
    run_item(demo, "quick", store=store, progress=False, runner=runner, engine=engine, limit=2)
    put = store.put

    def last_words(record, logits=None):
        put(record, logits)
        os.killpg(cluster[1].pid, signal.SIGKILL)

    store.put = last_words
    with pytest.raises(LfmpError, match=r"the scheduler at .* is gone\. What is finished is kept") as caught:
        run_item(demo, "quick", store=store, progress=False, runner=runner, engine=engine)
    assert "\n" not in str(caught.value)
    kept = store.count()
    assert 3 <= kept < 6 and leftovers(store) == []
    store.put = put
    assert len(run_item(demo, "quick", 1, store, progress=False, runner=runner)) == 6


def test_refusals(monkeypatch):
    with pytest.raises(UnknownName, match="unknown engine 'dusk'; did you mean 'dask'"):
        make_engine("dusk")
    with pytest.raises(LfmpError, match="needs the address of its scheduler: --scheduler tcp://"):
        make_engine("dask")
    with pytest.raises(LfmpError, match="the pool has no scheduler"):
        make_engine("pool", scheduler="tcp://127.0.0.1:8786")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(LfmpError, match=r"dask needs distributed.*pip install 'lfmp-core\[dask\]'"):
        make_engine("dask", scheduler="tcp://127.0.0.1:8786")


def test_the_command_says_in_a_line_what_is_missing(lfmp):
    code, _, err = lfmp("run", "demo", "--engine", "dask", "--no-progress")
    assert code == 2 and "needs the address of its scheduler" in err and "Traceback" not in err
    code, out, _ = lfmp("run", "demo", "--engine", "pool", "--workers", "1", "--no-progress")
    assert code == 0 and "demo: 20 records" in out


class Futureless:
    """Stands for a client: workers by address, with their threads."""

    def __init__(self, threads):
        self.threads = threads

    def nthreads(self):
        return self.threads


@pytest.mark.parametrize(
    ("threads", "told"),
    [({"tcp://a:1": 1, "tcp://b:1": 8}, "tcp://b:1 computes several runs"), ({}, "has no worker")],
)
def test_workers_that_can_not_do_it(monkeypatch, threads, told):
    library = SimpleNamespace(Client=lambda *given, **named: Futureless(threads))
    monkeypatch.setitem(sys.modules, "distributed", library)
    engine = Dask("tcp://s:8786", patience=-1.0)
    engine.expect([], fake_runs.runner, None)
    with pytest.raises(LfmpError, match=f"{told}.*dask worker tcp://s:8786 --nworkers 2 --nthreads 1"):
        engine.room()


@pytest.mark.parametrize("most", [None, 1])
def test_room_is_for_as_many_as_there_are_workers(monkeypatch, most):
    threads = {}
    library = SimpleNamespace(Client=lambda *given, **named: Futureless(threads))
    monkeypatch.setitem(sys.modules, "distributed", library)
    engine = Dask("tcp://s:8786", most)
    engine.expect([], fake_runs.runner, None)
    assert not engine.room()
    threads |= {"tcp://a:1": 1, "tcp://b:1": 1}  # they may come later
    assert engine.room()


def test_nobody_answers():
    pytest.importorskip("distributed", reason="without dask: make install")
    with pytest.raises(LfmpError, match=r"no scheduler answers at tcp://127.0.0.1:9 .*dask scheduler"):
        Dask("tcp://127.0.0.1:9", patience=1.0)
