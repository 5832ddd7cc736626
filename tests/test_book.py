"""Notebooks are executed whole or not at all and never twice; unknown parameters are refused."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from lfmp_core import book, notebooks, parameters
from lfmp_core.errors import LfmpError, UnknownName

HEAD = "from lfmp_core.parameters import check, declare\n"
PARAMETERS = (
    HEAD
    + 'profile: str = "quick"  # which data\nprune_ratio: float = 0.5  # share of fields removed\n'
    + "seeds: list = [0, 1]\nfold: bool = True\ndeclare(globals())"
)
BODY = 'check(globals())\nprint(f"ratio={prune_ratio} seeds={seeds} profile={profile}")'


def write_notebook(path, body=BODY, parameters_cell=PARAMETERS):
    cells = [nbformat.v4.new_markdown_cell("# A tiny page")]
    if parameters_cell:
        cells.append(nbformat.v4.new_code_cell(parameters_cell, metadata={"tags": ["parameters"]}))
    cells.append(nbformat.v4.new_code_cell(body))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def text_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return "".join(o.get("text", "") for c in cells if c.cell_type == "code" for o in c.outputs)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of its own, in a folder whose name has a space."""
    root = tmp_path / "a book"
    root.mkdir()
    monkeypatch.setattr(book, "project_root", lambda: root)
    monkeypatch.setattr(notebooks, "project_root", lambda: root)
    return root


def papermill(*arguments, cwd):
    command = [sys.executable, "-m", "papermill", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_papermill_itself_changes_a_parameter(tmp_path):
    page = write_notebook(tmp_path / "page.ipynb")
    run = papermill(page, tmp_path / "out.ipynb", "-p", "prune_ratio", "0.75", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "ratio=0.75 seeds=[0, 1] profile=quick" in text_of(tmp_path / "out.ipynb")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("-p", "prune_ration", "0.75"), "did you mean 'prune_ratio'"),
        (("-p", "prune_ratio", "half"), "its default 0.5 is float"),
        (("-p", "profile", "3"), "-r profile 3"),
    ],
)
def test_papermill_itself_fails_on_a_wrong_parameter(tmp_path, given, expected):
    page = write_notebook(tmp_path / "page.ipynb")
    run = papermill(page, tmp_path / "out.ipynb", *given, cwd=tmp_path)
    assert run.returncode != 0
    assert expected in run.stderr


def test_check_compares_what_came_between():
    space = {"np": pytest, "a": 1, "b": 0.5, "_hidden": 3, "In": []}
    parameters.declare(space)
    parameters.check(dict(space))
    for name, value in (("a", 2), ("b", 1), ("_private", 1)):
        parameters.check(space | {name: value})
    with pytest.raises(UnknownName, match="unknown parameter 'aa'; did you mean 'a'"):
        parameters.check(space | {"aa": 1})
    for name, value in (("a", True), ("a", 0.5), ("b", "0.5")):
        with pytest.raises(parameters.WrongType, match=f"parameter '{name}'"):
            parameters.check(space | {name: value})


def test_check_needs_declare_and_rerunning_it_is_harmless():
    with pytest.raises(LfmpError, match=r"End the parameters cell with declare\(globals\(\)\)"):
        parameters.check({})
    space = {"a": 1}
    parameters.declare(space)
    parameters.check(space)
    parameters.check(space | {"result_of_a_later_cell": 1})


@pytest.mark.parametrize(
    ("default", "value", "fits"),
    [
        (None, "x", True),
        (1, 2, True),
        (1, 2.0, False),
        (1.0, 2, True),
        (True, 1, False),
        (1, True, False),
        ("a", 1, False),
        ([1], (2, 3), True),
        ([1], ["a"], False),
        ([], ["a"], True),
        ((0.5,), [1], True),
        ([1], 1, False),
    ],
)
def test_same_type(default, value, fits):
    assert parameters.same_type(default, value) is fits


def test_parse_follows_the_default():
    assert parameters.parse("5", "text") == "5"
    assert parameters.parse("5", 1) == 5
    assert parameters.parse("[1, 2]", [0]) == [1, 2]
    assert parameters.parse("words", 1) == "words"


def test_run_notebook_takes_parameters_and_refuses_before_running(project, tmp_path):
    write_notebook(project / "notebooks" / "page.ipynb")
    out = book.run_notebook("page", tmp_path / "out.ipynb", {"prune_ratio": 0.25, "seeds": "[7]"})
    assert "ratio=0.25 seeds=[7]" in text_of(out)
    before = out.read_bytes()
    with pytest.raises(UnknownName, match="unknown parameter of page 'seed'; did you mean 'seeds'"):
        book.run_notebook("page", out, {"seed": 1})
    with pytest.raises(parameters.WrongType, match="default True is bool"):
        book.run_notebook("page", out, {"fold": "3"})
    with pytest.raises(UnknownName, match="did you mean 'page'"):
        book.run_notebook("pages", out)
    with pytest.raises(LfmpError, match="there is no such notebook"):
        book.run_notebook("absent.ipynb", out)
    assert out.read_bytes() == before


def test_a_failing_cell_leaves_the_old_copy_and_names_the_error(project, tmp_path):
    write_notebook(project / "notebooks" / "page.ipynb")
    out = book.run_notebook("page", tmp_path / "out.ipynb")
    before = out.read_bytes()
    write_notebook(project / "notebooks" / "page.ipynb", body="check(globals())\nraise ValueError('no rows')")
    with pytest.raises(notebooks.NotebookFailed, match=r"page: cell \[2\] raised ValueError: no rows"):
        book.run_notebook("page", out)
    assert out.read_bytes() == before
    assert [p.name for p in tmp_path.glob(".*.ipynb")] == [".out.failed.ipynb"]


def test_no_page_is_begun_after_an_interrupt(project):
    for name in ("a", "b", "c"):
        write_notebook(project / "notebooks" / f"{name}.ipynb")
    said = []

    def interrupt(line):
        said.append(line)
        if "done" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        book.execute(jobs=1, say=interrupt)
    assert list(book.executed_pages()) == ["a"]
    assert [line for line in said if "started" in line] == ["a: started"]
    assert book.execute(say=said.append) == {"a": "unchanged", "b": "done", "c": "done"}


def test_execute_keeps_what_is_unchanged_and_runs_status_last(project, monkeypatch):
    write_notebook(project / "notebooks" / "page.ipynb")
    write_notebook(project / "notebooks" / "status.ipynb", body="check(globals())\nprint('status')")
    said = []
    assert book.execute(say=said.append) == {"page": "done", "status": "done"}
    assert said.index("status: started") > max(i for i, s in enumerate(said) if s.startswith("page: done"))
    assert book.execute(say=said.append) == {"page": "unchanged", "status": "unchanged"}
    page = book.executed_pages()["page"]
    assert page["parameters"] == {} and page["seconds"] > 0
    assert not list(book.executed_folder().glob(".*"))

    (project / "book" / "records").mkdir()
    (project / "book" / "records" / "r.json").write_text("{}")
    assert book.execute(["page"], say=said.append) == {"page": "done"}
    write_notebook(project / "notebooks" / "page.ipynb", body="check(globals())\nraise ValueError('broken')")
    assert "broken" in book.execute(["page"], say=said.append)["page"]
    assert [p.name for p in book.executed_folder().glob(".*")] == [".page.failed.ipynb"]
    assert book.executed_pages()["page"]["seconds"] > 0  # the last whole copy is still there


def test_key_moves_with_every_input(project):
    page = write_notebook(project / "notebooks" / "page.ipynb")
    key = book.page_key(page, {}, "shared")
    assert key == book.page_key(page, {}, "shared")
    assert key != book.page_key(page, {"seed": 1}, "shared")
    assert key != book.page_key(page, {}, "other package")
    notebook = nbformat.read(page, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="stored")]
    nbformat.write(notebook, page)
    assert key == book.page_key(page, {}, "shared")  # stored outputs are not inputs
    write_notebook(page, body=BODY + "\n1 + 1")
    assert key != book.page_key(page, {}, "shared")
    for place in (
        "requirements.lock",
        "book/records/x/1.json",
        "book/comparisons/x.json",
        "book/performance/x.json",
    ):
        shared = book.shared_key()
        (project / place).parent.mkdir(parents=True, exist_ok=True)
        (project / place).write_text("1")
        assert shared != book.shared_key(), place


def test_commands(project, tmp_path):
    write_notebook(project / "notebooks" / "page.ipynb")
    runner = CliRunner()
    bad = runner.invoke(book.app, ["execute", "page", "-p", "prune_ration", "0.75"])
    assert bad.exit_code == 2 and "did you mean 'prune_ratio'" in bad.output
    good = runner.invoke(book.app, ["execute", "page", "-p", "prune_ratio", "0.75", "-p", "profile=5"])
    assert good.exit_code == 0, good.output
    assert "ratio=0.75 seeds=[0, 1] profile=5" in text_of(book.executed_folder() / "page.ipynb")
    write_notebook(project / "notebooks" / "page.ipynb", body="1 / 0")
    broken = runner.invoke(book.app, ["execute"])
    assert broken.exit_code == 1 and "ZeroDivisionError" in broken.output
    assert "1 of 1 notebooks failed: page" in broken.output


def test_notebook_command(project, tmp_path):
    write_notebook(project / "notebooks" / "page.ipynb")
    runner, out = CliRunner(), tmp_path / "mine.ipynb"
    run = runner.invoke(book.notebook_app, ["page", "-p", "prune_ratio", "0.1", "-o", str(out)])
    assert run.exit_code == 0, run.output
    assert "ratio=0.1" in text_of(out)
    assert "prune_ratio = 0.5" in runner.invoke(book.notebook_app, ["page", "--list"]).output
    bad = runner.invoke(book.notebook_app, ["page", "-p", "prune"])
    assert bad.exit_code == 2 and "has no value" in bad.output


def extension(name):
    path = Path(__file__).parents[1] / "book" / "_ext" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_outside_requests_are_found_and_links_left_alone():
    find = extension("offline").outside_requests
    assert find('<script async src="https://cdn.example/x.js"></script>') == ["https://cdn.example/x.js"]
    assert find("<img alt='a' src=//cdn.example/x.png>") == ["//cdn.example/x.png"]
    assert find('<link rel="stylesheet" href="http://cdn.example/x.css">') == ["http://cdn.example/x.css"]
    assert find('<link href="http://cdn.example/x" rel="canonical">') == []
    assert find('<a href="https://example.org">x</a><script src="../_static/x.js"></script>') == []
    assert find("a{background:url(https://cdn.example/x.woff)}", "css") == ["https://cdn.example/x.woff"]
    assert find("a{background:url(x.woff)}", "css") == []


def test_docstrings_become_valid_text():
    restructure = extension("apipages").restructure
    assert restructure(["Takes `x_` of |x| * 2."]) == ["Takes ``x_`` of \\|x\\| \\* 2."]
    assert restructure(["Sum:", "    s = a*b", "end"]) == ["Sum:", "", "::", "", "    s = a*b", "", "end"]
    assert restructure(["Idea.", "Args:", "    x: [B, m] |v|"]) == [
        "Idea.",
        "",
        "Args:",
        "    x: [B, m] \\|v\\|",
    ]
