import json

import pytest

from lfmp_core.experiments.store import Store


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
