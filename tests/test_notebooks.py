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
    assert code[0].metadata.tags in (["parameters"], ["parameters", "hide-input"])
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
def test_commands_of_a_page_give_text_where_its_parameters_are_text(name):
    """`-p sparsities 0.8` is a number for papermill, which `check` refuses; `-r` leaves it text."""
    cells = read(name).cells
    said = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    [own] = [c.source for c in cells if c.metadata.get("tags", [])[:1] == ["parameters"]]
    texts = set(re.findall(r'^(\w+) = "', own, re.MULTILINE))
    lines = re.findall(rf"papermill notebooks/{name}\.ipynb .*", said.replace("\\\n", " "))
    given = [pair for line in lines for pair in re.findall(r"-p (\w+) (\S+)", line)]
    assert [f"-p {key} {value}" for key, value in given if key in texts and _is_number(value)] == []


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", text) is not None


# pages that teach or show a way; all others answer a question
TEACHING = {
    "data",
    "in_your_own_code",
    "lers_code_and_text",
    "lers_walkthrough",
    "lightfmp_walkthrough",
}
ANSWERING = [name for name in NAMES if name not in TEACHING]
PARTS = ("answer", "figure", "paper", "verdicts", "differs", "this run", "provenance")


def html_of(cell) -> str:
    return "".join(o.data.get("text/html", "") for o in cell.get("outputs", []) if "data" in o)


def parts_of(cells) -> list[tuple[str, int]]:
    """Where the parts of a page stand that it has: each once, at its first cell."""
    found: dict[str, int] = {}
    own = next((n for n, c in enumerate(cells) if c.source.startswith("## What this run")), len(cells))
    for n, cell in enumerate(cells):
        marks = {
            "answer": 'class="lfmp-answer"' in html_of(cell),
            "figure": n < own and "lfmp-figure" in html_of(cell),  # there may be none of records yet
            "paper": ">paper<" in html_of(cell),
            "verdicts": cell.cell_type == "markdown" and "\n## Verdict" in f"\n{cell.source}",
            "differs": cell.source.startswith(("## What differs", "## What to keep in mind")),
            "this run": cell.source.startswith("## What this run computed"),
            "provenance": cell.cell_type == "code" and cell.source.startswith("provenance("),
        }
        for part, there in marks.items():
            if there:
                found.setdefault(part, n)
    return list(found.items())


@pytest.mark.parametrize("name", ANSWERING)
def test_the_answer_comes_first(name):
    """Title and question, folded parameters, the answer from records; all else after it and in one order."""
    cells = read(name).cells
    assert [c.cell_type for c in cells[:3]] == ["markdown", "code", "code"]
    where = dict(parts_of(cells))
    assert where["answer"] == 2
    assert {"parameters", "hide-input"} == set(cells[1].metadata.tags)
    order = [part for part in PARTS if part in where]
    assert sorted(order, key=where.__getitem__) == order
    assert where.get("figure", 3) == 3
    assert where["provenance"] == len(cells) - 1


@pytest.mark.parametrize("name", ANSWERING)
def test_code_is_folded_and_no_number_of_an_answer_is_typed_in(name):
    """An answer is a call on what records, descriptions or printed tables say, and holds no figure itself."""
    cells = read(name).cells
    folded = {"hide-input", "hide-cell", "remove-cell"}
    assert all(folded & set(c.metadata.get("tags", [])) for c in cells if c.cell_type == "code")
    asked = cells[2].source.rstrip().splitlines()[-1]
    assert re.fullmatch(r"\w+\(.*\)", asked) and not re.search(r"\d\.?\d", asked)
    assert "run" not in re.findall(r"\w+", asked)  # it speaks of the reference, whatever this run computed


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
