"""Two processes of torchrun train what one trains, with whole tables or with their rows shared out by id."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from processes_script import CASES, trained

from lfmp_core.data import PlantedSettings, PrepareSettings, load_prepared, prepare_named
from lfmp_core.errors import LfmpError
from lfmp_core.models import load_model
from lfmp_core.serving.recipe import Recipe
from lfmp_core.serving.train import train_served
from lfmp_core.training.processes import Processes

SCRIPT = Path(__file__).with_name("processes_script.py")
PATIENCE = 300  # seconds, on a busy machine


def torchrun(folder, *arguments):
    """Standard output and error of two processes."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    process = subprocess.Popen(
        [*command, *map(str, arguments)],
        env={**environment, "OMP_NUM_THREADS": "1"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        told, _ = process.communicate(timeout=PATIENCE)
    finally:
        with suppress(psutil.NoSuchProcess):  # each that it starts has a session of its own
            for one in psutil.Process(process.pid).children(recursive=True):
                one.kill()
        process.kill()
        process.wait()
    assert process.returncode == 0, told
    return told


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes found: the folder of the script's results, and what it said."""
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LFMP_HOME", str(folder / "home"))
        planted = PlantedSettings(rows=3000)
        prepare_named(
            "planted", PrepareSettings(threshold=4), folder / "rows", planted=planted, progress=False
        )
        small = ["--epochs", "1", "--batch-size", "500", "--set", "backbone.hidden=[8]", "--quiet"]
        train = ["train", "rows", "--out", "model", "--shard-from", "1", *small]
        return folder, torchrun(folder, SCRIPT, folder, *train)


@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_what_one_trains(two, case):
    """Within the rounding of sums taken in another order: 1e-5 of weights and logits up to 1 in size, after
    twelve steps (75 of four rows)."""
    folder, _ = two
    alone, both = trained(case, None), dict(np.load(folder / f"{list(CASES).index(case)}.npz"))
    assert alone.keys() == both.keys()
    for name, value in alone.items():
        np.testing.assert_allclose(both[name], value, rtol=0, atol=1e-5, err_msg=name)
    assert np.ptp(alone["logits"]) > 0.1 and alone["train_loss"][0] > alone["train_loss"][-1]


def test_what_they_would_compute_otherwise_is_refused(two):
    norm, dropout = (two[0] / "told").read_text().splitlines()
    assert norm.endswith("batch norm looks at all rows of a batch: leave batch_norm out")
    assert dropout.endswith("each would drop others: leave dropout out")


def test_the_command_trains_by_torchrun(two):
    """Whole tables come out, from one process, which alone speaks."""
    folder, told = two
    assert told.count("training deepfm: D = 10, batches of 500, at most 1 epochs, seed 0, 2 processes") == 1
    model = load_model(folder / "model")
    assert type(model.table).__name__ == "FullTable" and len(model.table.weight) == sum(model.field_sizes)
    assert model.table.weight.std() > 0.009  # as it started, but for one epoch


def test_a_method_that_removes_takes_one_process(two, tmp_path):
    data = load_prepared(two[0] / "rows")
    recipe = Recipe(method={"name": "shark"}, budget={"share": 0.5})
    with pytest.raises(LfmpError, match="2 processes train the whole model; shark takes one"):
        train_served(data, tmp_path / "model", recipe, processes=Processes(0, 2))
