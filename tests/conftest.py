"""Data shared by the tests: planted rows, prepared once a session."""

import signal

import pytest
import torch

from lfmp_core.data import PlantedSettings, PrepareSettings, prepare_named

torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def interrupts():
    """Ctrl-C arrives, also where a shell started the tests in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """8,000 planted rows in Criteo's shape, integers as discretised ids."""
    out = tmp_path_factory.mktemp("planted") / "rows"
    return prepare_named(
        "planted",
        PrepareSettings(threshold=4),
        out,
        planted=PlantedSettings(rows=8_000, signal=3.0, scale=0.005),
        progress=False,
    )


@pytest.fixture(scope="session")
def planted_scalar(tmp_path_factory):
    """The same kind of rows, integers as scalars."""
    out = tmp_path_factory.mktemp("planted_scalar") / "rows"
    settings = PrepareSettings(threshold=4, numeric="scalar")
    return prepare_named("planted", settings, out, planted=PlantedSettings(rows=2_000), progress=False)
