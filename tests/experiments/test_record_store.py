"""The store: append-only, whole or absent, claims that die with their process."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_runs import item, runner, single

from lfmp_core.errors import DataError, LfmpError
from lfmp_core.experiments.record import logits_digest
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.store import Store, store_for
from lfmp_core.settings import digest


def signed(text, **changes):
    """A record's text with parts changed by somebody who knows about the digest."""
    parts = {**json.loads(text), **changes}
    del parts["digest"]
    return json.dumps({**parts, "digest": digest(parts)})


def finished(spec):
    record, logits = runner(spec)
    return record.model_copy(update={"logits": logits_digest(logits)}), logits


@pytest.fixture
def specs(store):
    return single().plan("quick", store)


def files(store):
    return sorted(str(p.relative_to(store.root)) for p in store.root.rglob("*") if p.is_file())


def test_put_get_logits(store, specs):
    assert store.get(specs[0]) is None and store.all() == []
    for spec in specs:
        store.put(*finished(spec))
    record, logits = finished(specs[0])
    assert store.get(specs[0]).same_result(record)
    np.testing.assert_array_equal(store.logits(record), logits.astype(np.float16))
    assert len(files(store)) == 6 and list(store.verify()) == []
    assert {r.id for r in store.all()} == {s.id for s in specs} and store.count() == 3


def test_figures_of_users_are_kept_as_logits_are(store):
    """[users, 2], in the order of memory or not: stored row by row, told from any other."""
    plan = item(backbones=({"name": "lightgcn"},), candidates=({"learning_rate": 0.003},))
    spec = plan.plan("quick", store)[0]
    record, figures = finished(spec)
    assert figures.shape == (50, 2) and set(record.metrics) >= {"val_ndcg20", "test_recall20"}
    store.put(record, np.asfortranarray(figures))
    kept = store.logits(store.get(spec))
    assert kept.dtype == np.float16 and list(store.verify()) == []
    np.testing.assert_array_equal(kept, figures.astype(np.float16))
    np.save(store.logits_path(spec), kept[:, ::-1])
    with pytest.raises(DataError, match="not those of the record"):
        store.logits(record)


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
    assert store.path(specs[0]).read_bytes() == before and list(store.verify()) == []
    with pytest.raises(LfmpError, match="don't belong together"):
        store.put(record, logits + 1)


def test_failure_is_not_finished_and_gives_way(store, specs):
    record, logits = finished(specs[0])
    store.put(record.model_copy(update={"status": "failed", "logits": "", "error": "x"}))
    assert store.get(specs[0]) is None and store.all() == []
    assert store.failure(specs[0]).error == "x" and len(store.failures()) == 1
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
        lambda text: text.replace('"val_logloss":0.4', '"val_logloss":0.3'),
        lambda text: text.replace('"details"', '"details": {},\n"details"'),
        lambda text: text.replace('"details": {', '"details": {"x":' + "[" * 10**5 + "]" * 10**5 + ","),
        lambda text: text.replace('"details": {', '"details": {"x":' + "9" * 5000 + ","),
        lambda text: re.sub('"digest": .*\n', "", text),
        lambda text: signed(text, id="0" * 16),
        lambda text: signed(text, metrics={"val_auc": "high"}),
        lambda text: signed(text, metrics={"val_auc": 0.5}, status="failed"),
        lambda text: signed(text, spec={}),
    ],
)
def test_damaged_record_is_named(store, specs, damage):
    """Whatever is wrong is one line of ours, that names the file and the remedy."""
    store.put(*finished(specs[0]))
    path = store.path(specs[0])
    text = path.read_text()
    assert damage(text) != text
    path.write_text(damage(text))
    for read in (lambda: store.get(specs[0]), store.all):
        with pytest.raises(DataError, match=r"Delete it and run again") as caught:
            read()
        assert caught.value.file == path
        message = str(caught.value)
        assert "\n" not in message and "pydantic" not in message and len(message) < 500
    assert len(list(store.verify())) == 1


@pytest.mark.parametrize("lay", [Path.mkdir, lambda path: path.symlink_to("nowhere"), Path.touch])
def test_what_is_no_record_is_named(store, specs, lay):
    """Reading, verifying and listing tell it in a line, each."""
    path = store.path(specs[0])
    path.parent.mkdir(parents=True)
    lay(path)
    for read in (lambda: store.get(specs[0]), store.all):
        with pytest.raises(DataError, match=path.name) as caught:
            read()
        assert "\n" not in str(caught.value)
    assert [error.file for error in store.verify()] == [path]


def test_a_record_read_before_is_read_again_once_its_file_changed(store, specs, monkeypatch):
    """Remembered by time and size; a file younger than the clock can tell is not remembered."""
    store.put(*finished(specs[0]))
    path, reads = store.path(specs[0]), []
    read_text = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self, **given: reads.append(self) or read_text(self, **given)
    )
    store.get(specs[0])
    store.get(specs[0])
    assert len(reads) == 2
    os.utime(path, (0, 0))
    first = store.get(specs[0])
    assert store.get(specs[0]) is first and len(reads) == 3
    path.write_text(path.read_text().replace("0.4", "0.5"))
    with pytest.raises(DataError, match="digest"):
        store.get(specs[0])


def test_the_place_follows_from_the_spec_alone(tmp_path, specs):
    """One place for two items; one's own data under a root of their own, whatever they are called."""
    store, spec = Store(tmp_path / "public", tmp_path / "private"), specs[0]
    other = spec.model_copy(update={"item": "another", "profile": "paper"})
    assert store.path(spec) == store.path(other) == tmp_path / "public" / "planted" / f"{spec.id}.json"
    for name in ("mine", "../../mine", ".mine", "m" * 300, "Δ/x"):
        own = DatasetRef(name=name, settings={"prepared": "f" * 64}, fingerprint="f" * 64)
        path = store.path(spec.model_copy(update={"dataset": own}))
        assert path.parent.parent == tmp_path / "private" and not path.parent.name.startswith(".")
        path.parent.mkdir(parents=True, exist_ok=True)


def test_damaged_logits_are_named(store, specs):
    store.put(*finished(specs[0]))
    record, path = store.get(specs[0]), store.logits_path(specs[0])
    for spoil in (path.read_bytes()[:-4], path.read_bytes()[:-2] + b"\0\0", b"", None):
        path.unlink() if spoil is None else path.write_bytes(spoil)
        with pytest.raises(DataError, match=path.name):
            store.logits(record)
        assert len(list(store.verify())) == 1


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
    store.sweep(store.folder(specs[0]))
    assert store.claimed(specs[1])  # of a living process
    store.sweep(store.folder(specs[0]), own=True)
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
    for nonsense in (
        {"pid": 10**30, "start": "1"},
        {"pid": -1, "start": "alive"},
        {"pid": 0, "start": "alive"},
    ):
        lock.write_text(json.dumps(nonsense))
        assert not store.claimed(specs[0])
        store.claim(specs[0]).release()
    lock.mkdir()
    with pytest.raises(DataError, match="a folder lies in a record's place"):
        store.claim(specs[0])
    store.sweep(store.folder(specs[0]), own=True)
    assert lock.is_dir()  # nobody's folder is removed
    lock.rmdir()
    lock.write_text("[" * 10**5)
    assert store.claim(specs[0]) is None
    lock.write_text("")  # younger than a minute: perhaps being written
    assert store.claim(specs[0]) is None
    os.utime(lock, (0, 0))
    store.sweep(store.folder(specs[0]))
    (lock.with_name(".x.json.partial-999999999")).write_text("half")
    store.sweep(store.folder(specs[0]))
    assert files(store) == []


def test_stores_of_the_profiles(monkeypatch, tmp_path):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path))
    assert store_for("quick").root == tmp_path / "records"
    assert store_for("paper").root == store_for("reference").root
    assert store_for("paper").root.parts[-2:] == ("book", "records")
    with pytest.raises(LfmpError, match="did you mean 'reference'"):
        store_for("referense")
    assert store_for("paper").private == tmp_path / "records"
    assert Store(tmp_path / "absent").all() == []
