"""`lfmp train`, `export` and `predict`, as somebody calls them: what they write, refuse, and leave behind."""

import errno
import json
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from raw_log import as_csv, log
from safetensors import SafetensorError
from typer.testing import CliRunner

from lfmp_core.cli import app
from lfmp_core.data import raw_rows, raw_table
from lfmp_core.experiments.executor import execute
from lfmp_core.experiments.own_data import prepared
from lfmp_core.experiments.spec import RunSpec
from lfmp_core.models import load_model, save_model, weights
from lfmp_core.serving import folder as folders
from lfmp_core.serving import scores
from lfmp_core.serving.folder import Served, load_served
from lfmp_core.training import Trainer, predict

QUICK = ("--set", "backbone.hidden=[8]", "--epochs", "2", "--quiet")


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_column_that_holds_the_label_is_said_by_the_command_and_on_the_card(home):
    rows = log(1000)
    rows["status"] = rows.clicked.map({True: "bought", False: "left"})
    rows[["clicked", "city", "status"]].to_csv(home / "log.csv", index=False)
    done = call("train", "log.csv", "--label", "clicked", "--out", "model", *QUICK[:-2], "20", "--quiet")
    assert done.exit_code == 0, done.output
    assert "warning: status: it alone tells the clicks" in done.output
    card, text = load_served("model").card, (home / "model" / "README.md").read_text()
    assert card.scores["val"].auc == 1 and "is too good" in card.leak and "--drop status" in card.leak
    assert f"**{card.leak}**" in text and f"warning: {card.leak}" in done.output
    assert "± 0.0000" not in done.output + text and "can't be stated from so few rows" in text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that the command trained, from a CSV file in an empty folder."""
    place = tmp_path_factory.mktemp("trained")
    as_csv(log()).to_csv(place / "log.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LFMP_HOME", str(place / "home"))
        done = call(
            "train", place / "log.csv", "--label", "clicked", "--multi", "tags=flags:2",
            "--kind", "views=integer", "--method", "random_fields", "--prune-ratio", "0.5", "--bits", "8",
            "--out", place / "model", *QUICK,
        )  # fmt: skip
    assert done.exit_code == 0, done.output
    return SimpleNamespace(folder=place / "model", output=done.output, served=load_served(place / "model"))


def test_what_train_says_is_what_it_wrote(trained):
    card = trained.served.card
    assert names(trained.folder) == sorted([*folders.FILES, "README.md", "card.json", ".lfmp.json"])
    assert "random_fields, 50% of the fields removed, 8 bits a number" in trained.output
    assert f"it reads 4 of 8 fields ({', '.join(card.kept_fields)})" in trained.output
    assert f"AUC on {card.scores['test'].rows} test rows: {card.scores['test'].auc:.4f} ±" in trained.output
    assert card.label == "clicked" and "price: read as scalar" in trained.output
    assert card.method["method"] == "random_fields" and card.training["epochs"] == 2
    assert card.bytes == trained.served.model.num_bytes()


def test_the_model_is_that_of_the_run(own, home):
    """The machinery of runs: the same specification gives the same scores of the same rows."""
    done = call("train", own.data.folder, "--out", "model", "--backbone", "dnn", "--seed", "3", *QUICK)
    assert done.exit_code == 0, done.output
    served = load_served("model")
    spec = RunSpec(
        item="x", profile="quick", role="final", dataset=prepared(own.data.folder),
        backbone=served.card.backbone, method="no_selection", training=served.card.training, seed=3,
    )  # fmt: skip
    record, logits = execute(spec)
    for metric in ("auc", "logloss"):
        assert getattr(served.card.scores["test"], metric) == record.metrics[f"test_{metric}"]
    assert np.array_equal(logits, predict(served.model, own.data.split("test")).astype(np.float16))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("out", ["s.parquet", "s.csv"])
def test_scores_stand_beside_what_is_kept(kind, out, trained, home, monkeypatch):
    """Rows are streamed in small blocks; kept columns are as they were; counts of unseen values add up."""
    rows = as_csv(log()).assign(key=[f"{k:03}" for k in range(400)], city="Oslo").drop(columns="clicked")
    rows.loc[:39, ["user_id", "city"]] = [10**6, "Atlantis"]
    path = home / f"rows.{kind}"
    rows.to_csv(path, index=False) if kind == "csv" else rows.to_parquet(path, index=False)
    whole = raw_table.file_blocks
    monkeypatch.setattr(raw_rows, "file_blocks", lambda *a, **k: whole(*a, **k, block_bytes=2000))
    done = call("predict", trained.folder, path, "--out", out, "--keep", "key", "--keep", "views")
    assert done.exit_code == 0 and "400 rows scored by deepfm, random_fields" in done.output
    found = pd.read_parquet(out) if out.endswith("parquet") else pd.read_csv(out, dtype={"key": str})
    assert list(found.columns) == ["key", "views", "score"] and found.key.tolist() == rows.key.tolist()
    assert found.views.astype(int).tolist() == rows.views.tolist()
    scored = trained.served.predict(rows)
    assert np.allclose(found.score, scored.scores, rtol=0, atol=1e-6)
    read = {"user_id", "city"} & set(trained.served.card.kept_fields)
    assert read and all(scored.unseen[name] >= 40 for name in read)
    assert all(f"{name} {scored.unseen[name]:,} (" in done.output for name in read)
    assert names(home) == sorted([path.name, out])


def test_scores_replace_only_scores(trained, home):
    rows = as_csv(log())
    rows.to_csv("rows.csv", index=False)
    assert call("predict", trained.folder, "rows.csv", "--out", "s.parquet", "--quiet").exit_code == 0
    assert call("predict", trained.folder, "rows.csv", "--out", "s.parquet", "--quiet").exit_code == 0
    assert pq.read_schema("s.parquet").names == ["score"]
    rows.to_parquet("mine.parquet")
    (home / "s.csv").write_text("score\n1\n")
    (home / "folder.csv").mkdir()
    before = {p.name: p.is_file() and p.read_bytes() for p in home.iterdir()}
    for out, more, said in (
        ("mine.parquet", (), "this is no file of scores"),
        ("s.csv", (), "this is no file of scores"),
        ("folder.csv", (), "this is a folder"),
        ("rows.csv", (), "the rows themselves are there"),
        ("new.txt", (), "written as .parquet or .csv"),
        ("new.csv", ("--keep", "score"), "'score' is how the scores are called"),
        ("new.csv", ("--keep", "views", "--keep", "views"), "'views' is asked for twice"),
        ("new.csv", ("--keep", "viws"), "no column 'viws'. Did you mean 'views'"),
        ("new.csv", ("--delimiter", ";"), "the header holds no ';' but"),
    ):
        done = call("predict", trained.folder, "rows.csv", "--out", out, *more, "--quiet")
        assert done.exit_code == 2 and said in done.output and len(done.output.splitlines()) == 1, done.output
    for model, given, said in (
        ("nowhere", "rows.csv", "no served model here"),
        (trained.folder, "nowhere.csv", "there is no such file"),
    ):
        done = call("predict", model, given, "--out", "new.csv")
        assert done.exit_code == 2 and said in done.output
    assert {p.name: p.is_file() and p.read_bytes() for p in home.iterdir()} == before


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def full_in_rust(*_, **__):
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


def stopped(*_, **__):
    raise KeyboardInterrupt


def test_scores_are_whole_or_absent(trained, home, monkeypatch):
    rows = as_csv(log())
    rows.to_csv("rows.csv", index=False)
    field = next(f.name for f in trained.served.encoder.fields if f.kind in ("scalar", "integer"))
    rows.assign(**{field: [*rows[field][:-1].astype(str), "many"]}).to_csv("wrong.csv", index=False)
    whole = raw_table.file_blocks
    monkeypatch.setattr(raw_rows, "file_blocks", lambda *a, **k: whole(*a, **k, block_bytes=2000))
    done = call("predict", trained.folder, "wrong.csv", "--out", "s.csv", "--quiet")
    assert done.exit_code == 2 and f"wrong.csv, line 401, column {field}: 'many' is no" in done.output
    with monkeypatch.context() as patch:
        patch.setattr(scores.pq.ParquetWriter, "write_table", full)
        done = call("predict", trained.folder, "rows.csv", "--out", "s.parquet", "--quiet")
        assert (
            done.exit_code == 2 and "s.parquet: the file of scores can't be written (No space" in done.output
        )
    with monkeypatch.context() as patch:
        patch.setattr(scores.os, "fsync", full)
        assert call("predict", trained.folder, "rows.csv", "--out", "s.csv", "--quiet").exit_code == 2
    with monkeypatch.context() as patch:
        patch.setattr(Served, "score", stopped)
        done = call("predict", trained.folder, "rows.csv", "--out", "s.csv", "--quiet")
        assert done.exit_code == 130 and "interrupted; nothing half-written was kept" in done.output
    assert names(home) == ["rows.csv", "wrong.csv"]


def test_train_refuses_before_it_prepares(own, home):
    as_csv(log()).to_csv("log.csv", index=False)
    (home / "thesis").mkdir()
    (home / "thesis" / "chapter.tex").write_text("three years")
    label = ("--label", "clicked")
    for arguments, said in (
        (("absent.csv", *label, "--out", "m"), "absent.csv: there is no such file"),
        (("log.csv", "--out", "m"), "Give --label COLUMN"),
        (("log.csv", "--label", "clickd", "--out", "m"), "did you mean 'clicked'"),
        (("log.csv", *label, "--out", "thesis"), "nothing there was touched. Name another --out"),
        (("log.csv", *label, "--out", "log.csv"), "this is a file"),
        (("log.csv", *label, "--out", "m", "--backbone", "deepmf"), "did you mean 'deepfm'"),
        (("log.csv", *label, "--out", "m", "--table", "qrr"), "did you mean 'qr'"),
        (("log.csv", *label, "--out", "m", "--method", "laso"), "did you mean 'lasso'"),
        (("log.csv", *label, "--out", "m", "--method", "lasso"), "say how much, by --prune-ratio"),
        (("log.csv", *label, "--out", "m", "--sparsity", "0.5", "--prune-ratio", "0.5"), "one of them"),
        (("log.csv", *label, "--out", "m", "--bits", "3"), "must be 2, 4 or 8"),
        (("log.csv", *label, "--out", "m", "--set", "hidden=3"), "is not like backbone.embedding_dim=16"),
        (("log.csv", *label, "--out", "m", "--settings", "no.toml"), "no.toml: the settings can't be read"),
        (("criteoo", "--out", "m"), "did you mean 'criteo'"),
        (("gowalla", "--out", "m"), "interactions"),
        (("thesis", "--out", "m"), "no prepared dataset here"),
        ((own.data.folder, *label, "--out", "m"), "--label goes with a CSV or Parquet file"),
    ):
        done = call("train", *arguments)
        assert done.exit_code == 2 and said in done.output, (arguments, done.output)
        assert len(done.output.strip().splitlines()) == 1
    assert names(home) == ["log.csv", "thesis"] and names(home / "thesis") == ["chapter.tex"]


def test_what_writes_graphs_is_asked_for_first(home, monkeypatch):
    monkeypatch.setattr(folders, "find_spec", lambda name: None if name == "onnxscript" else name)
    done = call("train", "planted", "--out", "model")
    assert done.exit_code == 2 and "needs onnxscript; install the extra" in done.output
    assert names(home) == []


def test_train_leaves_a_whole_folder_or_none(own, home, monkeypatch):
    arguments = ("train", own.data.folder, "--out", "model", *QUICK)
    for place, name, wrong, code, said in (
        (Trainer, "step", stopped, 130, "interrupted; nothing half-written"),
        (folders, "export_onnx", stopped, 130, "interrupted; nothing half-written"),
        (folders, "export_onnx", full, 2, "model: the served model can't be written (No space left"),
        (weights, "save_file", full_in_rust, 2, "model: the served model can't be written (No space left"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, wrong)
            done = call(*arguments)
        assert done.exit_code == code and said in done.output
        assert names(home) == []
    assert call(*arguments).exit_code == 0
    done = call(*arguments)
    assert done.exit_code == 2 and "there is an older served model" in done.output
    (home / "model" / "notes.txt").write_text("mine")
    assert "(notes.txt)" in call(*arguments, "--replace").output
    (home / "model" / "notes.txt").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(folders, "export_onnx", full)
        assert call(*arguments, "--replace").exit_code == 2
    load_served("model")  # the older one
    assert call(*arguments, "--replace", "--seed", "2").exit_code == 0
    assert load_served("model").card.seed == 2


def test_ctrl_c_of_a_real_process(own, trained, home):
    """A process, a signal, and an empty folder."""
    as_csv(log(100_000)).drop(columns="clicked").to_csv(home.parent / "rows.csv", index=False)
    long = (
        "train",
        own.data.folder,
        "--out",
        "model",
        "--epochs",
        "100000",
        "--set",
        "training.patience=100000",
    )
    for arguments in (long, ("predict", trained.folder, home.parent / "rows.csv", "--out", "s.csv")):
        command = [sys.executable, "-m", "lfmp_core.cli", *map(str, arguments)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as run:
            seen = ""
            while "training" not in seen and "scored" not in seen:
                seen += run.stderr.read(1)
            run.send_signal(signal.SIGINT)
            rest = run.stderr.read()
        assert run.returncode == 130 and "interrupted; nothing half-written was kept" in rest
        assert names(home) == []


def test_a_saved_model_is_exported(own, planted, trained, home):
    """By the command: from what `save_model` wrote, with its data; the same scores."""
    assert call("train", own.data.folder, "--out", "model", *QUICK).exit_code == 0
    save_model(load_model("model"), home / "saved")
    done = call("export", "saved", own.data.folder, "--out", "served")
    assert done.exit_code == 0, done.output
    again, first = load_served("served"), load_served("model")
    assert np.array_equal(again.predict(own.rows).scores, first.predict(own.rows).scores)
    assert again.card.method == {} and again.card.scores == first.card.scores
    shown = json.loads((home / "served" / "card.json").read_text())
    assert shown["certificate"]["command"].split()[0] == "lfmp"
    for model, data, said in (
        ("saved", planted.folder, "name the data set that it learnt from"),
        ("nowhere", own.data.folder, "no whole model"),
    ):
        done = call("export", model, data, "--out", "other")
        assert done.exit_code == 2 and said in done.output
    done = call("export", "saved", own.data.folder, "--out", "saved")
    assert done.exit_code == 2 and "this is a model, no served model" in done.output
    assert names(home) == ["model", "saved", "served"]
