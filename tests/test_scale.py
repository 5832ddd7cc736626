"""Scale: what is measured, how the measuring goes on, and what the page says of it. No timings."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from loops import SIZES, TRAIN, VALIDATION

from benchmarks import scale as measuring
from benchmarks import scale_steps
from lfmp_book.speed import scale
from lfmp_book.speed.large_tables import StepTime, training_bytes
from lfmp_core.data import PlantedSettings, write_planted
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.training import Trainer, TrainingSettings
from lfmp_core.training.row_adam import RowAdam


def size(rows, prepare_seconds, fit_seconds, parameters=1_000_000, batch=1_000):
    """Figures of one size, as the command writes them."""
    made = {"commit": "c" * 40, "dirty": False, "packages": {"torch": "2"}, "started": "now", "load": 0.5}
    made |= {"hardware": {"cpu": "A", "cores": 2, "memory": 25 * 10**9, "accelerator": ""}, "threads": 2}
    prepare = {"seconds": prepare_seconds, "ids": rows // 10, "bytes": 160 * rows, "peak_bytes": 2**28}
    train = {"fit_seconds": fit_seconds, "train_rows": rows * 8 // 10, "val_rows": rows // 10}
    train |= {"val_auc": 0.75, "parameters": parameters, "peak_bytes": 2**29 + 12 * parameters}
    return {
        "rows": rows, "batch": batch, "made": made, "text_bytes": 250 * rows, "write_seconds": 1.0,
        "prepare": prepare | {"mapped_bytes": 2**28}, "train": train | {"seconds": 1.0, "mapped_bytes": 1},
    }  # fmt: skip


def results(*sizes):
    return {"sizes": {str(one["rows"]): one for one in sizes}}


def test_growth_by_hand():
    """Ten times the rows: ten times the seconds is rows^1, the same memory is × 1."""
    found = results(size(10**6, 6.0, 20.0), size(10**7, 60.0, 20.0 * 10**1.5))
    assert scale.growth(found, "prepare") == (pytest.approx(1.0), 1.0)
    assert scale.growth(found, "train") == (pytest.approx(1.5), pytest.approx(1.0))
    told = scale.said(found)
    assert "preparing takes rows^1.00 seconds and × 1.00 the memory" in told
    assert "training takes rows^1.50 seconds and × 1.00 the memory beside the model" in told
    assert told.endswith("Not measured yet: 40,000,000 rows. The command: `python -m benchmarks.scale "
                         "--millions 40 --out book/performance/scale.json`.")  # fmt: skip


def test_a_page_without_figures_says_so_and_claims_none():
    shown = scale.page({"sizes": {}})
    assert repr(shown).startswith("Not measured yet: 1,000,000, 10,000,000 and 40,000,000 rows.")
    assert "takes rows^" not in repr(shown) and "told once two sizes are measured" in repr(shown)
    one = repr(scale.page(results(size(10**6, 6.0, 20.0))))
    assert "250" not in one.split("Not measured yet: ")[0].split("\n")[0] and "takes rows^" not in one
    assert "Not measured yet: 10,000,000 and 40,000,000 rows." in one
    whole = results(*(size(rows, rows / 1e5, rows / 1e4) for rows in scale.SIZES))
    assert "Not measured" not in repr(scale.page(whole)) and scale.missing(whole) == ""


def test_a_step_by_hand():
    """2e-5 s a row and 1e-9 s a number are found again from two sizes; two processes are twice as fast."""
    law, sizes = StepTime(2e-5, 1e-9), []
    for rows, parameters in ((10**6, 10**6), (10**7, 4 * 10**6)):
        steps = rows * 8 // 10 // 1000
        sizes.append(size(rows, 1.0, steps * (2e-5 * 1000 + 1e-9 * parameters), parameters))
    found = StepTime.of(results(*sizes))
    assert found is not None
    assert (found.fixed, found.number) == (pytest.approx(law.fixed), pytest.approx(law.number))
    assert StepTime.of(results(sizes[0])) is None
    assert law.rate(10**6, 9, 1, 1000) == pytest.approx(1000 / (0.02 + 0.01))
    assert law.rate(10**6, 9, 2, 1000) == 2 * law.rate(10**6, 9, 1, 1000)


def test_bytes_of_training_are_those_that_a_training_holds():
    """Of a table of vectors and one of weights: every array as long as the ids, and the best epoch's copy."""
    model = build_model(BackboneSettings(name="deepfm", embedding_dim=3, hidden=(6,)), SIZES, seed=0)
    trainer = Trainer(model, TRAIN, TrainingSettings(batch_size=32, epochs=1), seed=0, validation=VALIDATION)
    trainer.fit()
    arrays = {}
    for name, rows in trainer.row_adams.items():
        assert isinstance(rows, RowAdam)
        for one in (rows.weight, rows.exp_avg, rows.exp_avg_sq, rows._last, rows._slots, rows.index._mark):
            arrays[id(one)] = one.nbytes
        best = trainer.best[f"{name}.weight"]
        arrays[id(best)] = best.nbytes
    assert sum(arrays.values()) == training_bytes(sum(SIZES), 3)


def test_the_command_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys):
    """A size that is there is left out, each is written when it is done, and nothing of it stays on disk."""
    asked, out = [], tmp_path / "scale.json"

    def step(name, folder, options):
        asked.append((name, (folder / "text").exists()))
        if len(asked) == 4:
            raise KeyboardInterrupt
        return size(2000, 1.0, 1.0)[name]

    monkeypatch.setattr(measuring, "step", step)
    arguments = ["--millions", "0.002", "0.003", "--out", str(out), "--folder", str(tmp_path)]
    with pytest.raises(KeyboardInterrupt):
        measuring.main(arguments)
    assert list(json.loads(out.read_text())["sizes"]) == ["2000"]
    assert measuring.main(arguments) == 0
    assert list(json.loads(out.read_text())["sizes"]) == ["2000", "3000"] and len(asked) == 6
    assert asked[:2] == [("prepare", True), ("train", False)]
    assert [path.name for path in tmp_path.iterdir()] == ["scale.json"]
    monkeypatch.setattr(measuring.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**6))
    with pytest.raises(SystemExit):
        measuring.main([*arguments, "--again"])
    assert "2,000 rows need 0 GB of disk" in capsys.readouterr().err


def test_the_steps_measure_themselves(tmp_path):
    write_planted(tmp_path / "text", PlantedSettings(rows=3000, scale=1.0), progress=False)
    given = {"folder": str(tmp_path), "threads": 1, "batch": 512}
    prepared, trained = (scale_steps.main(name, given) for name in ("prepare", "train"))
    assert prepared["ids"] > 39 and trained["train_rows"] + trained["val_rows"] < 3000
    for found in (prepared, trained):
        assert 2**20 < found["peak_bytes"] <= found["mapped_bytes"] and found["seconds"] > 0
    assert np.isfinite(trained["val_auc"]) and trained["fit_seconds"] <= trained["seconds"]
