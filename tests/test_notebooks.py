"""Every notebook keeps the book's form, and papermill refuses what it does not know."""

import re
import subprocess
import sys

import nbformat
import pytest

from lfmp_book.notebooks import notebook_names, notebooks_folder
from lfmp_core.settings import project_root

NAMES = notebook_names()


def read(name):
    return nbformat.read(notebooks_folder() / f"{name}.ipynb", as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_form(name):
    """At most 30 cells; parameters declared, commented and checked; outputs stored; in the contents."""
    cells = read(name).cells
    code = [c for c in cells if c.cell_type == "code"]
    assert len(cells) <= 30
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    assert code[0].metadata.tags == ["parameters"]
    assert code[0].source.rstrip().endswith("declare(globals())")
    assert code[1].source.startswith("check(globals())")
    defaults = [x for x in code[0].source.splitlines() if " = " in x]
    assert defaults and all("  # " in x for x in defaults)
    # nbval compares nothing in a cell without stored output
    silent = [c.source for c in code[2:] if not c.outputs]
    assert not silent
    assert not any(o.output_type == "error" for c in code for o in c.outputs)
    assert f"book/executed/{name}" in (project_root() / "_toc.yml").read_text()
    assert "provenance(" in code[-1].source


@pytest.mark.parametrize("name", NAMES)
def test_something_is_really_compared(name):
    compared = [
        c
        for c in read(name).cells
        if c.get("outputs") and "nbval-ignore-output" not in c.metadata.get("tags", [])
    ]
    assert compared


@pytest.mark.parametrize("name", NAMES)
def test_no_path_of_one_machine_is_stored(name):
    text = (notebooks_folder() / f"{name}.ipynb").read_text()
    assert not re.findall(r"site-packages|/home/|/root/|/tmp/", text)
    assert str(notebooks_folder().parent) not in text


def papermill(name, out, *arguments):
    command = [sys.executable, "-m", "papermill", str(notebooks_folder() / f"{name}.ipynb"), str(out)]
    command += ["--no-progress-bar", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=out.parent, timeout=300)


def test_papermill_takes_other_parameters(tmp_path):
    done = papermill("data", tmp_path / "out.ipynb", "-p", "rows", "3000", "-p", "seed", "1")
    assert done.returncode == 0, done.stderr[-2000:]
    printed = re.findall(
        r"ids; rows \{'train': (\d+), 'val': (\d+), 'test': (\d+)\}", (tmp_path / "out.ipynb").read_text()
    )
    assert sum(map(int, printed[-1])) == 3000


def test_papermill_refuses_a_misspelt_parameter(tmp_path):
    done = papermill("lightfmp_table3_backbones", tmp_path / "out.ipynb", "-p", "prune_ration", "0.75")
    assert done.returncode != 0
    assert "did you mean 'prune_ratio'" in done.stderr
