import pytest

from lfmp_core.experiments.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "records")


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Counts what the fake runner computes, in whatever process."""
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
