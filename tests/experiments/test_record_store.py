"""The store: append-only, whole or absent, claims that die with their process."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from fake_runs import runner, single

from lfmp_core.errors import DataError, LfmpError
from lfmp_core.experiments.record import logits_digest
from lfmp_core.experiments.store import Store, store_for


def finished(spec):
    record, logits = runner(spec)
    return record.model_copy(update={"logits": logits_digest(logits)}), logits


@pytest.fixture
def specs(store):
    return single().plan("quick", store)


def files(store):
    return sorted(str(p.relative_to(store.root)) for p in store.root.rglob("*") if p.is_file())


def test_put_get_logits_frame(store, specs):
    assert store.get(specs[0]) is None and store.all("demo") == []
    assert list(store.frame("demo").columns)[:3] == ["id", "profile", "dataset"]
    for spec in specs:
        store.put(*finished(spec))
    record, logits = finished(specs[0])
    assert store.get(specs[0]).same_result(record)
    np.testing.assert_array_equal(store.logits(record), logits.astype(np.float16))
    assert len(files(store)) == 6 and list(store.verify("demo")) == []
    frame = store.frame("demo")
    assert list(frame.seed) == [0, 1, 2]
    assert {"backbone", "method", "prune_ratio", "role", "val_auc", "test_auc", "CT", "parameters"} <= {
        *frame
    }
    assert frame["training.learning_rate"].unique() == [0.003] and frame.rows_per_second[0] == 250_000
    assert store.frame("demo", "paper").empty


def test_append_only(store, specs):
    record, logits = finished(specs[0])
    store.put(record, logits)
    before = store.path(specs[0]).read_bytes()
    store.put(*finished(specs[0]))  # the same result again, other times
    assert store.path(specs[0]).read_bytes() == before
    with pytest.raises(DataError, match="never overwritten"):
        store.put(record.model_copy(update={"metrics": {**record.metrics, "test_auc": 0.99}}), logits)
    with pytest.raises(DataError, match="never overwritten"):
        store.put(record.model_copy(update={"logits": logits_digest(logits + 1)}), logits + 1)
    assert store.path(specs[0]).read_bytes() == before and list(store.verify("demo")) == []
    with pytest.raises(LfmpError, match="don't belong together"):
        store.put(record, logits + 1)


def test_failure_is_not_finished_and_gives_way(store, specs):
    record, logits = finished(specs[0])
    store.put(record.model_copy(update={"status": "failed", "logits": "", "error": "x"}))
    assert store.get(specs[0]) is None and store.all("demo") == []
    assert store.failure(specs[0]).error == "x" and len(store.failures("demo")) == 1
    store.put(record, logits)
    assert store.failure(specs[0]) is None and len(files(store)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: text.replace('"seed":0', '"seed":5'),
        lambda text: text.replace('"status": "done"', '"status": "failed"'),
        lambda text: text.replace('"metrics"', '"metric"'),
        lambda text: text.replace('"val_logloss":0.4', '"val_logloss":NaN'),
    ],
)
def test_damaged_record_is_named(store, specs, damage):
    store.put(*finished(specs[0]))
    path = store.path(specs[0])
    text = path.read_text()
    assert damage(text) != text
    path.write_text(damage(text))
    for read in (lambda: store.get(specs[0]), lambda: store.all("demo"), lambda: store.frame("demo")):
        with pytest.raises(DataError, match=r"Delete it and run again") as caught:
            read()
        assert caught.value.file == path
    assert len(list(store.verify("demo"))) == 1


def test_damaged_logits_are_named(store, specs):
    store.put(*finished(specs[0]))
    record, path = store.get(specs[0]), store.logits_path(specs[0])
    for spoil in (path.read_bytes()[:-4], path.read_bytes()[:-2] + b"\0\0", b"", None):
        path.unlink() if spoil is None else path.write_bytes(spoil)
        with pytest.raises(DataError, match=path.name):
            store.logits(record)
        assert len(list(store.verify("demo"))) == 1


def test_full_disk_leaves_nothing(store, specs, monkeypatch):
    record, logits = finished(specs[0])

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)  # where a file system that allots late says so
    with pytest.raises(OSError):
        store.put(record, logits)
    monkeypatch.undo()
    assert store.get(specs[0]) is None
    store.put(record, logits)
    assert len(files(store)) == 2


def test_claims(store, specs):
    claim = store.claim(specs[0])
    assert store.claim(specs[0]) is None and store.claimed(specs[0])
    assert store.claim(specs[1]) is not None
    claim.release()
    claim.release()
    with store.claim(specs[0]):
        assert store.claim(specs[0]) is None
    assert not store.claimed(specs[0])
    store.sweep("demo")
    assert store.claimed(specs[1])  # of a living process
    store.sweep("demo", own=True)
    assert files(store) == []


def test_locks_of_the_dead_are_taken_over(store, specs):
    lock = store._lock(specs[0])
    code = "import sys; from fake_runs import single; from lfmp_core.experiments.store import Store\n"
    code += "s = Store(sys.argv[1]); s.claim(single().plan('quick', s)[0])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(store.root)], check=True, env=environment)
    assert lock.exists() and not store.claimed(specs[0])
    with store.claim(specs[0]):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
    # a living process with the number of the dead one
    lock.write_text(json.dumps({"pid": os.getpid(), "start": "1"}))
    assert store.claim(specs[0]) is not None
    lock.write_text("")  # younger than a minute: perhaps being written
    assert store.claim(specs[0]) is None
    os.utime(lock, (0, 0))
    store.sweep("demo")
    (lock.with_name(".x.json.partial-999999999")).write_text("half")
    store.sweep("demo")
    assert files(store) == []


def test_stores_of_the_profiles(monkeypatch, tmp_path):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path))
    assert store_for("quick").root == tmp_path / "records"
    assert store_for("paper").root == store_for("reference").root
    assert store_for("paper").root.parts[-2:] == ("book", "records")
    with pytest.raises(LfmpError, match="did you mean 'reference'"):
        store_for("referense")
    assert Store(tmp_path / "absent").items() == []
