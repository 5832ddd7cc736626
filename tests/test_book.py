"""Notebooks are executed whole or not at all and never twice; unknown parameters are refused."""

import io
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from typer.testing import CliRunner
from written_notebooks import BODY, papermill, text_of, write_notebook

from lfmp_book import executor as book
from lfmp_book import notebooks, parameters, sessions
from lfmp_core.errors import LfmpError, UnknownName


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of its own, in a folder whose name has a space."""
    root = tmp_path / "a book"
    root.mkdir()
    monkeypatch.setattr(book, "project_root", lambda: root)
    monkeypatch.setattr(notebooks, "project_root", lambda: root)
    return root


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
        book.execute_notebooks(jobs=1, say=interrupt)
    assert list(book.executed_pages()) == ["a"]
    assert [line for line in said if "started" in line] == ["a: started"]
    assert book.execute_notebooks(say=said.append) == {"a": "unchanged", "b": "done", "c": "done"}


EXECUTE = """
import sys
from pathlib import Path
from lfmp_book import executor as book, notebooks
book.project_root = notebooks.project_root = lambda: Path(sys.argv[1])
if __name__ == "__main__":
    book.execute_notebooks(jobs=2)
"""
# a page at work: its kernel has a child of its own, as pages that compute runs have
WORKS = """check(globals())
import subprocess, sys, time
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path("{name}.at-work").write_text(str(child.pid))
time.sleep({seconds})
child.kill()"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_executor_leaves_no_process_and_no_page(project, tmp_path, number):
    for name in ("a", "b"):
        write_notebook(project / "notebooks" / f"{name}.ipynb", body=WORKS.format(name=name, seconds=8))
    script = tmp_path / "script.py"
    script.write_text(EXECUTE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen(
        [sys.executable, str(script), str(project)], cwd=project, env=environment, stdout=subprocess.DEVNULL
    )
    started = time.monotonic()
    while len(list(project.glob("*.at-work"))) < 2:
        assert time.monotonic() < started + 60 and process.poll() is None
        time.sleep(0.05)
    theirs = psutil.Process(process.pid).children(recursive=True)
    grandchildren = {int(p.read_text()) for p in project.glob("*.at-work")}
    own = [p for p in theirs if p.pid not in grandchildren]  # the pages' own are theirs to end
    assert len(own) >= 4  # a worker and a kernel for each page
    process.send_signal(number)
    process.wait()
    try:
        assert psutil.wait_procs(own, timeout=5)[1] == []
        assert not list((project / "book" / "executed").glob("[!.]*"))
    finally:
        for left in theirs:
            with suppress(psutil.NoSuchProcess):
                left.kill()


def test_a_page_that_ends_says_no_interrupt_and_keeps_one_line_of_a_bar(project, tmp_path, capfd):
    body = """check(globals())
import sys
for n in range(200):
    print(f"\\rruns: {n}/200 [00:00]", end="", file=sys.stderr, flush=True)
print("\\n", end="", file=sys.stderr)"""
    write_notebook(project / "notebooks" / "page.ipynb", body=body)
    out = book.run_notebook("page", tmp_path / "out.ipynb")
    assert text_of(out).splitlines() == ["runs: 199/200 [00:00]"]
    book.store_outputs("page")
    assert text_of(project / "notebooks" / "page.ipynb").splitlines() == ["runs: 199/200 [00:00]"]
    assert "KeyboardInterrupt" not in capfd.readouterr().err


def test_ctrl_c_leaves_one_line_and_no_copy(tmp_path):
    """Nothing of the kernel's sockets, which are closed under the cell that was stopped."""
    body = 'check(globals())\nimport time\nopen("began", "w").close()\ntime.sleep(60)'
    write_notebook(tmp_path / "page.ipynb", body=body)
    command = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command += "from lfmp_core.cli import main; main(['notebook', 'page.ipynb', '-o', 'out.ipynb'])"
    page = subprocess.Popen([sys.executable, "-c", command], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "began").exists():
            assert page.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        page.send_signal(signal.SIGINT)
        said = page.communicate(timeout=60)[1]
    finally:
        page.kill()
    assert page.returncode == 130 and said == "lfmp: interrupted; nothing half-written was kept\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["began", "page.ipynb"]


def test_progress_is_one_line_that_names_its_page():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    shown, log, silent = Terminal(), io.StringIO(), io.StringIO()
    for to, every in ((shown, 30.0), (log, 0.0), (silent, 1e9)):
        progress = sessions.Progress("page", to, every)
        for text in ("\r", "\rruns: 1/9", "\rruns: 2/9\n"):
            progress.write(text)
    assert shown.getvalue().split(sessions.CLEAR) == ["", "page: runs: 1/9", "page: runs: 2/9"]
    assert log.getvalue() == "page: runs: 1/9\npage: runs: 2/9\n" and not silent.getvalue()


def test_settled_outputs_are_what_a_terminal_shows():
    pieces = ("one\n\rbar 1/2", "\rbar 2/2", "\n\r         \rfailed: x\nlast\r")
    outputs = [nbformat.v4.new_output("stream", name="stderr", text=text) for text in pieces]
    outputs.insert(0, nbformat.v4.new_output("stream", name="stdout", text="said \n"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)])
    sessions.settle(notebook)
    said, told = notebook.cells[0].outputs
    assert said.text == "said \n" and told.text == "one\nbar 2/2\nfailed: x\nlast"


def test_a_relative_path_is_the_callers(project, tmp_path, monkeypatch):
    """As with papermill; the page may lie anywhere."""
    body = 'check(globals())\nprint(open("mine.txt").read())'
    page = write_notebook(project / "notebooks" / "page.ipynb", body=body)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").write_text("my data")
    monkeypatch.chdir(tmp_path / "mine")
    assert "my data" in text_of(book.run_notebook("page", Path("out.ipynb")))
    done = papermill(page, "other.ipynb", cwd=tmp_path / "mine")
    assert done.returncode == 0 and "my data" in text_of(tmp_path / "mine" / "other.ipynb")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"prune_ratio": "1.5"}, "prune_ratio is 1.5: it must be at least 0 and below 1"),
        ({"prune_ratio": float("nan")}, "prune_ratio is nan"),
        ({"seeds": "[0, -1]"}, "seeds is -1"),
    ],
)
def test_a_number_out_of_bounds_is_refused_before_and_in_the_notebook(project, tmp_path, given, words):
    write_notebook(project / "notebooks" / "page.ipynb")
    with pytest.raises(LfmpError, match=words):
        book.run_notebook("page", tmp_path / "out.ipynb", given)
    assert not list(tmp_path.glob("*.ipynb"))
    space = {"prune_ratio": 0.5, "seeds": [0]}
    parameters.declare(space)
    (name, value), *_ = given.items()
    with pytest.raises(LfmpError, match=words):
        parameters.check(space | {name: parameters.parse(value, 0.5) if isinstance(value, str) else value})


def test_what_is_no_notebook_is_one_line(project, tmp_path):
    runner = CliRunner()
    for text in ("", "{}", "[]", "<html>", '{"nbformat": 4, "cells": 3}'):
        (tmp_path / "x.ipynb").write_text(text)
        done = runner.invoke(book.notebook_app, [str(tmp_path / "x.ipynb"), "-p", "a", "1"])
        assert done.exit_code == 2 and "Traceback" not in done.output, text
        assert len(done.output.strip().splitlines()) == 1 and "x.ipynb" in done.output
    page = write_notebook(tmp_path / "{braces}.ipynb", parameters_cell="a = (")
    done = runner.invoke(book.notebook_app, [str(page), "-p", "a", "1"])
    assert done.exit_code == 2 and "no Python" in done.output


def test_a_failing_page_is_one_line(project, tmp_path):
    body = "check(globals())\nraise ValueError('two\\nlines')"
    page = write_notebook(tmp_path / "{braces}.ipynb", body=body)
    done = CliRunner().invoke(book.notebook_app, [str(page), "-o", str(tmp_path / "{out}.ipynb")])
    assert done.exit_code == 1 and "raised ValueError: two; lines" in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_execute_keeps_what_is_unchanged_and_runs_status_last(project, monkeypatch):
    write_notebook(project / "notebooks" / "page.ipynb")
    write_notebook(project / "notebooks" / "status.ipynb", body="check(globals())\nprint('status')")
    said = []
    assert book.execute_notebooks(say=said.append) == {"page": "done", "status": "done"}
    assert said.index("status: started") > max(i for i, s in enumerate(said) if s.startswith("page: done"))
    assert book.execute_notebooks(say=said.append) == {"page": "unchanged", "status": "unchanged"}
    page = book.executed_pages()["page"]
    assert page["parameters"] == {} and page["seconds"] > 0
    assert not list(book.executed_folder().glob(".*"))

    (project / "book" / "records").mkdir()
    (project / "book" / "records" / "r.json").write_text("{}")
    assert book.execute_notebooks(["page"], say=said.append) == {"page": "done"}
    write_notebook(project / "notebooks" / "page.ipynb", body="check(globals())\nraise ValueError('broken')")
    assert "broken" in book.execute_notebooks(["page"], say=said.append)["page"]
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
