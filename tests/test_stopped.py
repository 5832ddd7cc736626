"""What is stopped by a signal or by a full disk goes on, or is made again, to the same bits."""

import os
import resource
import signal
import subprocess
import sys

import pytest
from loops import TRAIN, VALIDATION, assert_same_bits, make_model, weights

from lfmp_core.data import PlantedSettings, PrepareSettings, get_source, prepare, write_planted
from lfmp_core.training import LogLoss, Trainer, TrainingSettings, checkpoint

# 4 steps an epoch, 12 in all
SHORT = TrainingSettings(batch_size=20, epochs=3, patience=3, learning_rate=0.02)


class Stopped(LogLoss):
    """Something happens in the middle of a step."""

    def __init__(self, at, happens):
        super().__init__()
        self.at, self.happens = at, happens

    def forward(self, model, batch, step):
        loss = super().forward(model, batch, step)
        if step == self.at:
            self.happens()
        return loss


def make_trainer(folder=None, objective=None):
    model = make_model(dropout=0.4)
    return Trainer(
        model, TRAIN, SHORT, seed=10, validation=VALIDATION, objective=objective, checkpoint=folder
    )


def in_child(action):
    """How a forked process ended: −N by signal N, 7 by an error of the disk."""
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # whatever a command in this process has set
        try:
            action()
        except OSError:
            os._exit(7)
        except BaseException:
            os._exit(9)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def stop(number):
    os.kill(os.getpid(), number)


def fill_the_disk(size=512):
    """No file can grow beyond so many bytes from now on: writing fails in the middle of a file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def stop_while_saving(monkeypatch, times):
    """Be killed when a checkpoint is written for the time of that number, before it has its place."""
    write, seen = checkpoint.write_tensors, []

    def written(tensors, path):
        write(tensors, path)
        seen.append(path)
        if len(seen) == times:
            stop(signal.SIGKILL)

    monkeypatch.setattr(checkpoint, "write_tensors", written)


HOW = {
    "killed": (signal.SIGKILL, lambda patch: Stopped(6, lambda: stop(signal.SIGKILL))),
    "terminated": (signal.SIGTERM, lambda patch: Stopped(6, lambda: stop(signal.SIGTERM))),
    "killed while saving": (signal.SIGKILL, lambda patch: stop_while_saving(patch, 2)),
    "full disk": (-7, lambda patch: Stopped(6, fill_the_disk)),
}


@pytest.mark.parametrize("how", HOW)
def test_a_training_goes_on_from_its_last_checkpoint_to_the_same_bits(how, tmp_path, monkeypatch):
    """The second epoch is lost, wherever it was stopped; Ctrl-C, which loses nothing: see `test_resuming`."""
    number, objective = HOW[how]
    whole, folder = make_trainer(), tmp_path / "run"
    whole.fit()
    with monkeypatch.context() as patch:
        assert in_child(lambda: make_trainer(folder, objective(patch)).fit()) == -number
    if how == "full disk":  # while it can clean up, it does
        assert [path.name for path in tmp_path.iterdir()] == ["run"]
    resumed = make_trainer(folder)
    assert resumed.steps == 4
    resumed.fit()
    assert_same_bits(weights(resumed), weights(whole))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    for name, slots in whole.optimizer_state().items():
        assert_same_bits(resumed.optimizer_state()[name], slots)


PREPARE = """
import resource, sys
from pathlib import Path
from lfmp_core.data import PrepareSettings, get_source, prepare
from lfmp_core.errors import DataError
size = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    prepare(get_source("criteo").at(Path(sys.argv[1])), Path(sys.argv[2]), PrepareSettings(), progress=False)
except DataError as error:
    assert "\\n" not in str(error)
    print(error)
    raise SystemExit(7)
"""


def files(folder):
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lfmp.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_rows_that_a_full_disk_kept_from_being_prepared_are_prepared_to_the_same_bits(tmp_path, share):
    text = write_planted(tmp_path / "text", PlantedSettings(rows=3000), progress=False)
    rows = get_source("criteo").at(text)
    whole = prepare(rows, tmp_path / "whole", PrepareSettings(), progress=False).folder
    most = max(map(len, files(whole).values()))
    command = [sys.executable, "-c", PREPARE, str(text), str(tmp_path / "out"), str(int(share * most))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 7, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text", "whole"]
    again = prepare(rows, tmp_path / "out", PrepareSettings(), progress=False).folder
    assert files(again) == files(whole)
