"""Whatever this program is told to write to, it replaces nothing but what it wrote."""

import argparse
import json
import os
import shutil
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from lfmp_book import notebooks, parameters
from lfmp_core import files, memory
from lfmp_core.budget import Budget
from lfmp_core.data import Dataset, PlantedSettings, Rows, prepare_named, write_planted
from lfmp_core.data import cli as data_cli
from lfmp_core.data import fetch as fetching
from lfmp_core.data import prepared as preparing
from lfmp_core.data.cli import app
from lfmp_core.efficiency import export_onnx
from lfmp_core.errors import DataError
from lfmp_core.experiments import doctor, executor
from lfmp_core.methods.base import Method
from lfmp_core.models import BackboneSettings, build_model, load_model, save_model
from lfmp_core.ownership import MARKER
from lfmp_core.settings import Settings
from lfmp_core.tasks import Clicks
from lfmp_core.training import Trainer, TrainingSettings, predict

TINY = PlantedSettings(rows=1500, scale=0.001)
ROWS = Rows(np.tile(np.int32([0, 3]), (8, 1)), np.array([0, 1] * 4, np.uint8))


def tree(folder):
    return {
        str(p.relative_to(folder)): os.readlink(p) if p.is_symlink() else p.is_file() and p.read_bytes()
        for p in sorted(folder.rglob("*"))
    }


def model():
    return build_model(BackboneSettings(name="dnn", embedding_dim=2, hidden=(2,)), (3, 4), seed=0)


def train(folder):
    trainer = Trainer(model(), ROWS, TrainingSettings(batch_size=4, epochs=1), seed=0, checkpoint=folder)
    trainer.fit(stop_at=1)
    return folder


WRITERS = {
    "model": lambda folder: save_model(model(), folder),
    "checkpoint": train,
    "planted text": lambda folder: write_planted(folder, TINY, progress=False),
    "prepared data set": lambda folder: prepare_named("planted", None, folder, planted=TINY, progress=False),
    "run": lambda folder: Method("m", Settings, lambda *_: None).run(task(), Budget(0.5), 0, folder=folder),
}


def task():
    schema = SimpleNamespace(fingerprint="f")
    return Clicks(SimpleNamespace(schema=schema), BackboneSettings(name="dnn"), TrainingSettings())


def clicks(path):
    path.write_text("y,f\n" + "0,a\n1,b\n" * 100)
    return path


def prepare(*arguments):
    return CliRunner().invoke(app, ["prepare", *map(str, arguments), "--quiet"])


@pytest.mark.parametrize("kind", WRITERS)
def test_no_writer_takes_a_folder_of_somebody(tmp_path, monkeypatch, kind):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("three years")
    (tmp_path / "file").write_text("three years")
    before = tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    for place in ("thesis", "file", *([] if kind == "run" else ["", "."])):
        with pytest.raises(DataError, match="Name a"):
            WRITERS[kind](place)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("kind", ["model", "checkpoint", "planted text"])
def test_folders_of_earlier_versions_are_known(tmp_path, kind):
    folder = tmp_path / "folder"
    WRITERS[kind](folder)
    (folder / MARKER).unlink()
    shutil.copytree(folder, tmp_path / "added")
    (tmp_path / "added" / "notes.txt").write_text("mine")
    WRITERS[kind](folder)
    assert (folder / MARKER).exists()
    with pytest.raises(DataError, match="it holds what was not written"):
        WRITERS[kind](tmp_path / "added")
    other = next(name for name in WRITERS if name != kind)
    with pytest.raises(DataError, match=f"this is a {kind}, no {other}"):
        WRITERS[other](folder)


def test_prepare_refuses_before_it_reads(tmp_path, monkeypatch):
    """The folder of the source, the current one, the unset variable, files, links, theses: one line each."""
    monkeypatch.chdir(tmp_path)
    source = clicks(tmp_path / "clicks.csv")
    for name in ("thesis", "own"):
        (tmp_path / name).mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("three years")
    clicks(tmp_path / "own" / "clicks.csv")
    (tmp_path / "link").symlink_to("thesis")
    before = tree(tmp_path)
    monkeypatch.setattr(preparing, "open_reader", None)
    monkeypatch.setattr(data_cli, "write_planted", None)
    places = ["thesis", "link", "clicks.csv", "own", ".", "", "..", str(tmp_path), "clicks.csv/below"]
    for place in places:
        for what in (("planted",), ("csv", "--label", "y", "--file", tmp_path / "own" / "clicks.csv")):
            result = prepare(*what, "--out", place)
            assert result.exit_code == 2, (place, result.output)
            assert len(result.output.strip().splitlines()) == 1
            assert "nothing there was touched. Name another --out" in result.output
    (tmp_path / "x-text").mkdir()
    (tmp_path / "x-text" / "train.txt").write_text("mine")  # what `planted` writes beside X
    assert "Name another --out" in prepare("planted", "--out", "x").output
    assert tree(tmp_path) == before | {"x-text": False, "x-text/train.txt": b"mine"}
    assert source.exists()


def test_an_older_data_set_goes_only_when_asked(tmp_path):
    source, out = clicks(tmp_path / "a.csv"), tmp_path / "out"
    own = ("csv", "--file", source, "--label", "y", "--out", out)
    assert prepare(*own).exit_code == 0
    (out / MARKER).unlink()  # as earlier versions left it
    before = tree(out)
    source.write_text("y,f\n" + "0,c\n1,d\n" * 150)
    refused = prepare(*own)
    assert refused.exit_code == 2 and "Name another --out, or say --replace" in refused.output
    assert tree(out) == before
    inside = ("csv", "--file", out / "vocabulary.parquet", "--label", "count", "--out", out, "--replace")
    assert "it holds vocabulary.parquet, which is to be read" in prepare(*inside).output
    assert tree(out) == before
    assert prepare(*own, "--replace").exit_code == 0
    assert sum(Dataset.load(out).schema.rows.values()) == 300
    (out / "train" / "notes.txt").write_text("mine")
    added = prepare(*own, "--replace")
    assert added.exit_code == 2 and "(train/notes.txt)" in added.output
    assert (out / "train" / "notes.txt").exists()


def test_a_named_set_never_takes_the_place_of_one_prepared_by_hand(tmp_path):
    out = tmp_path / "out"
    clicks(tmp_path / "a.csv")
    assert prepare("csv", "--file", tmp_path / "a.csv", "--label", "y", "--out", out).exit_code == 0
    with pytest.raises(DataError, match="there is an older prepared data set"):
        WRITERS["prepared data set"](out)
    assert Dataset.load(out).schema.name == "a"


def test_what_a_killed_swap_put_aside_is_found_again(tmp_path):
    """A kill between two renames leaves the old folder under another name; opening it is enough."""
    out = tmp_path / "out"
    WRITERS["prepared data set"](out)
    aside = tmp_path / ".out.old-999999999"
    out.rename(aside)
    Dataset.load(out)
    save_model(model(), tmp_path / "model").rename(tmp_path / ".model.old-999999999")
    load_model(tmp_path / "model")
    train(tmp_path / "run").rename(tmp_path / ".run.old-999999999")
    assert Trainer(
        model(), ROWS, TrainingSettings(batch_size=4, epochs=1), seed=0, checkpoint=tmp_path / "run"
    ).steps == 1  # fmt: skip


def test_doctor_lists_what_was_left_and_the_next_command_sweeps_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "home" / "data"
    half = data / ".planted.partial-999999999"
    half.mkdir(parents=True)
    (half / "ids.npy").write_bytes(b"\0" * 2**20)
    (data / ".lost.old-999999999").mkdir()
    mine = tmp_path / f".mine.partial-999999999-1-{files._host()}-0"
    mine.mkdir()
    (tmp_path / ".profile.old-20230101").write_text("mine")
    lock = tmp_path / "home" / "records" / "demo" / ".x.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text('{"pid": 999999999, "start": "1"}')
    assert doctor._leftovers in doctor.CHECKS
    found = {finding.text.split(":")[0]: str(finding) for finding in doctor._leftovers()}
    assert "1.0 MiB" in found[str(half)] and "removes it" in found[str(half)]
    assert "puts it back" in found[str(data / ".lost.old-999999999")]
    assert str(lock) in found and str(mine) in found and len(found) == 4
    prepare_named("planted", planted=TINY, progress=False)
    assert not half.exists() and (data / "lost").exists()
    half.mkdir()  # a set that is there needs no preparing, but who passes sweeps
    prepare_named("planted", planted=TINY, progress=False)
    assert not half.exists()


def test_fetch_takes_no_folder_of_somebody(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "_download", None)
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "ratings.dat").write_text("mine")
    with pytest.raises(DataError, match="Name another --into"):
        fetching.fetch("ml-1m", tmp_path)
    head = {"url": "u", "sha256": "s"}
    (tmp_path / "ml-1m" / "SOURCE.json").write_text(json.dumps(head))  # fetched by an earlier version
    with pytest.raises(TypeError, match="NoneType"):
        fetching.fetch("ml-1m", tmp_path)
    (tmp_path / "ml-1m" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"\(notes\.txt\)"):
        fetching.fetch("ml-1m", tmp_path)


def test_a_run_owns_its_folder_from_the_start(tmp_path):
    """A killed run's folder is not taken for another run's: its name is there before its phases."""
    seen = []

    def procedure(task, budget, settings, context):
        seen.append((context.folder / "run.json").exists())
        (context.folder / "choice.json").write_text("{}")

    Method("m", Settings, procedure).run(task(), Budget(0.5), 0, folder=tmp_path / "run")
    assert seen == [True]
    with pytest.raises(DataError, match="another run"):
        Method("m", Settings, procedure).run(task(), Budget(0.5), 1, folder=tmp_path / "run")


def page(path, text="1 + 1", **metadata):
    cells = [
        nbformat.v4.new_code_cell("", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(text),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = str(number)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


def test_a_notebook_is_run_over_nothing_but_its_own_copy(tmp_path, monkeypatch):
    def execute(source, out, **_):
        shutil.copy(source, out)

    monkeypatch.setattr(notebooks.papermill, "execute_notebook", execute)
    source, out = page(tmp_path / "page.ipynb"), tmp_path / "out.ipynb"
    assert notebooks.run_notebook(source, out).exists()
    assert notebooks.run_notebook(source, out).exists()  # again
    edited = nbformat.read(out, as_version=4)
    edited.cells[1].source += "\n# what I learnt from it"
    nbformat.write(edited, tmp_path / "edited.ipynb")
    page(tmp_path / "mine.ipynb")
    (tmp_path / "thesis.tex").write_text("three years")
    before = tree(tmp_path)
    monkeypatch.setattr(notebooks.papermill, "execute_notebook", None)
    for name in ("page.ipynb", "edited.ipynb", "mine.ipynb", "thesis.tex", "."):
        with pytest.raises(DataError, match="Name another file"):
            notebooks.run_notebook(source, tmp_path / name)
    with pytest.raises(DataError, match="Name another file"):
        notebooks.run_notebook(out, out)
    assert tree(tmp_path) == before


def test_export_and_benchmarks_write_over_nothing_but_their_own(tmp_path, monkeypatch):
    pytest.importorskip("onnxscript")
    from benchmarks.common import figures

    path = export_onnx(model(), tmp_path / "model.onnx")
    monkeypatch.setattr(torch.onnx, "export", None)
    with pytest.raises(TypeError, match="NoneType"):  # it would go on
        export_onnx(model(), path)
    for text in ("three years", '{"groups": {}}'):
        (tmp_path / "file").write_text(text)
        with pytest.raises(DataError, match="Name another file"):
            export_onnx(model(), tmp_path / "file")
    assert figures("groups")(str(tmp_path / "file")) == tmp_path / "file"
    with pytest.raises(argparse.ArgumentTypeError, match="Name another file"):
        figures("rates")(str(tmp_path / "file"))


def test_the_allocator_is_set_by_runs_and_pages_not_by_training(monkeypatch):
    """Who imports a trainer keeps a process whose large blocks go back to the system."""
    asked = []
    libc = SimpleNamespace(mallopt=lambda *setting: asked.append(setting) or 1)
    monkeypatch.setattr(memory, "ctypes", SimpleNamespace(CDLL=lambda *_: libc))
    monkeypatch.setattr(memory, "sys", SimpleNamespace(platform="linux"))
    memory.keep_memory.cache_clear()
    threads, environment = torch.get_num_threads(), dict(os.environ)
    trainer = Trainer(model(), ROWS, TrainingSettings(batch_size=4, epochs=1), seed=0, validation=ROWS)
    trainer.fit()
    predict(trainer.model, ROWS)
    assert (asked, torch.get_num_threads(), dict(os.environ)) == ([], threads, environment)
    monkeypatch.setattr(executor, "_execute", lambda *_: None)
    executor.execute(SimpleNamespace(threads=1), dataset=SimpleNamespace())
    assert len(asked) == 3
    memory.keep_memory.cache_clear()
    page = {}
    parameters.declare(page)
    parameters.check(page)
    assert len(asked) == 6
    memory.keep_memory.cache_clear()
