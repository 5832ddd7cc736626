import json

import fake_runs
import pytest

from lfmp_core import cli
from lfmp_core.experiments import engine
from lfmp_core.experiments.store import Store
from lfmp_core.registry import Registry


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "records")


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Counts what the fake runner computes, in whatever process."""
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))


@pytest.fixture
def fates(tmp_path, monkeypatch):
    """`fates({id: how})`: what becomes of some runs of the fake runner, in whatever process."""
    path = tmp_path / "fates"
    monkeypatch.setenv("FAKE_FATES", str(path))
    return lambda given: path.write_text(json.dumps(given))


@pytest.fixture
def lfmp(monkeypatch, tmp_path, capsys, log):
    """Call the command; returns (exit code, stdout, stderr)."""
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))

    def registry():
        found = Registry("item")
        found.update(fake_runs.ITEMS)
        return found

    monkeypatch.setattr("lfmp_core.experiments.items.registry", registry)
    monkeypatch.setattr(engine, "execute", fake_runs.runner)
    monkeypatch.setattr(engine, "preload", fake_runs.preload)
    monkeypatch.setattr(engine, "opened", lambda ref: None)

    def call(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        out = capsys.readouterr()
        return caught.value.code or 0, out.out, out.err

    return call
