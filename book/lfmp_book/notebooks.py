"""One notebook: found by name, its parameters checked, executed whole or not at all."""

import ast
import contextlib
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.exceptions import PapermillException, PapermillExecutionError

from lfmp_core.bounds import check_number
from lfmp_core.errors import DataError, LfmpError, check_name
from lfmp_core.files import atomic_write
from lfmp_core.folders import scratch_folder
from lfmp_core.ownership import check_file, read_object
from lfmp_core.settings import digest, project_root

from .beforehand import check_beforehand
from .parameters import check_type, parse
from .sessions import Progress, Session, settle

_OF_OWN_DATA = (
    "On your own data. Of the parameters below only what was given counts. Else their defaults are the "
    "book's, and what is trained here has sizes that suit your rows: the end of the page names them."
)
LAST = "status"  # shows how long the others took, so it runs after them


class NotebookFailed(LfmpError):
    """A cell raised; the message holds the notebook's name, the cell and the error."""


def notebooks_folder() -> Path:
    """Where the sources are."""
    return project_root() / "notebooks"


def executed_folder() -> Path:
    """Where the executed copies go; git ignores it."""
    return project_root() / "book" / "executed"


def notebook_names() -> list[str]:
    """Names of all notebooks, the status page last."""
    names = sorted(p.stem for p in notebooks_folder().glob("*.ipynb"))
    return [n for n in names if n != LAST] + [n for n in names if n == LAST]


def find_notebook(name: str | Path) -> Path:
    """The file of a notebook given by its name or its path.

    Raises:
        DataError: a path that is no file. UnknownName: no notebook of that name; the nearest is named.
    """
    path = Path(name)
    if path.suffix == ".ipynb":
        if not path.is_file():
            raise DataError("there is no such notebook", file=path)
        return path
    return notebooks_folder() / f"{check_name(str(name), notebook_names(), 'notebook')}.ipynb"


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook's file.

    Raises:
        DataError: it is none.
    """
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"this is no notebook ({reason[:80]})", file=path) from None


def declared_parameters(path: Path) -> dict[str, Any]:
    """Name → default of the cell tagged `parameters`; a default that is no literal counts as None.

    Read from the cell's syntax tree: papermill's own inspection glues a line that is no assignment, such as
    `declare(globals())`, to the default before it.
    """
    found = {}
    for cell in read_notebook(path).cells:
        if cell.cell_type != "code" or "parameters" not in cell.metadata.get("tags", []):
            continue
        try:
            lines = ast.parse(cell.source).body
        except SyntaxError as error:
            raise DataError(f"the cell of parameters is no Python ({error.msg})", file=path) from None
        for line in lines:
            targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
            for target in targets:
                if isinstance(target, ast.Name) and not target.id.startswith("_"):
                    try:
                        found[target.id] = ast.literal_eval(line.value)
                    except ValueError:
                        found[target.id] = None
    return found


def check_parameters(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given parameters, text of a command line turned into values.

    Raises:
        UnknownName: a name the notebook does not declare. WrongType: another type than the default's.
        WrongValue: a number outside its bounds. DataError, and the others again: see `check_beforehand`.
    """
    declared = declared_parameters(path)
    checked: dict[str, Any] = {}
    for name, value in given.items():
        check_name(name, declared, f"parameter of {path.stem}")
        checked[name] = parse(value, declared[name]) if isinstance(value, str) else value
        check_type(name, declared[name], checked[name])
        check_number(name, checked[name])
    if checked:
        cells = [cell.source for cell in read_notebook(path).cells if cell.cell_type == "code"]
        check_beforehand(path.stem, cells, declared, checked)
    return checked


def run_notebook(
    name_or_path: str | Path,
    out: Path,
    parameters: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> Path:
    """Execute a notebook into `out`, which is whole or untouched.

    Its kernel starts in the current folder, as papermill's does: a relative path is the caller's own.

    Args:
        name_or_path: a name in `notebooks/`, or the path of an .ipynb file.
        out: where the executed copy goes: a new file, or an older copy that nobody has changed.
        parameters: values, or text as typed at a command line.
        key: of the inputs; stored in the copy's metadata with the time it took.

    Raises:
        NotebookFailed: a cell raised. The half-run copy is kept beside `out` as `.NAME.failed.ipynb`.
        DataError: something else is at `out`.
    """
    source = find_notebook(name_or_path)
    given = check_parameters(source, parameters or {})
    out = _free(out, source)
    name = source.stem
    with scratch_folder(out.with_name(f"{out.stem}.run")) as folder:
        if given.get("dataset") and (alone := _on_own_data(source)) is not None:
            source = folder / f"{source.stem}.own.ipynb"
            source.write_text(nbformat.writes(alone), encoding="utf-8")
        return _run(name, source, out, folder / f"{out.stem}.ipynb", given, key)


def _on_own_data(source: Path) -> nbformat.NotebookNode | None:
    """The page without what it says of the book's own sets; None of one that says the same of all data.

    Of its cells there stay the heading, the parameters, and the call of `own_page`.
    """
    notebook = read_notebook(source)
    called = (line for cell in notebook.cells for line in cell.source.splitlines())
    if not any(line.startswith("own_page(") for line in called):
        return None
    heading = notebook.cells[0].source.splitlines()[0]
    own = f"""check(globals())

from lfmp_book.own.page import show_own

show_own({source.stem!r}, globals())"""
    parameters = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    shown = nbformat.v4.new_code_cell(own, id="own", metadata={"tags": ["hide-input", "remove-stderr"]})
    title = nbformat.v4.new_markdown_cell(f"{heading}\n\n{_OF_OWN_DATA}", id="title")
    notebook.cells = [title, *parameters, shown]
    return notebook


def _run(name: str, source: Path, out: Path, temporary: Path, given: dict[str, Any], key: str | None) -> Path:
    failed = out.with_name(f".{out.stem}.failed.ipynb")
    start = time.perf_counter()
    try:
        papermill.execute_notebook(
            _literal(source),
            _literal(temporary),
            parameters=given,
            progress_bar=False,
            cwd=str(Path.cwd()),
            request_save_on_cell_execute=False,
            stderr_file=Progress(name),
            **Session().options(),
        )
        notebook = nbformat.read(temporary, as_version=4)
        _write_copy(notebook, out, key, time.perf_counter() - start, given)
        failed.unlink(missing_ok=True)
    except PapermillExecutionError as error:
        with contextlib.suppress(FileNotFoundError):
            os.replace(temporary, failed)
        said = f"cell [{error.exec_count}] raised {error.ename}: {_one_line(error.evalue)}"
        raise NotebookFailed(f"{name}: {said} (the run so far: {failed})") from None
    except (DeadKernelError, NoSuchKernel, PapermillException) as error:
        raise NotebookFailed(f"{name}: {_one_line(str(error))}") from None
    return out


def keep(
    notebook: nbformat.NotebookNode, out: Path, key: str | None, seconds: float, parameters: Mapping[str, Any]
) -> None:
    """Write what has been executed elsewhere as an executed copy, as `run_notebook` would.

    Args:
        notebook: with its outputs; they are settled in place.
        out, key: as of `run_notebook`. seconds: that it took. parameters: that it ran with.

    Raises:
        DataError: something else than an unchanged copy is at `out`.
    """
    out = _free(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    _write_copy(notebook, out, key, seconds, parameters)


def _free(out: Path, source: Path | None = None) -> Path:
    free = lambda there: not (source and there.samefile(source)) and _unchanged_copy(there)
    return check_file(out, "executed copy", free).absolute()


def _write_copy(
    notebook: nbformat.NotebookNode, out: Path, key: str | None, seconds: float, parameters: Mapping[str, Any]
) -> None:
    settle(notebook)
    notebook.metadata["lfmp_page"] = {
        "key": key,
        "seconds": round(seconds, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "parameters": dict(parameters),
        "cells": _cells(notebook),
    }
    atomic_write(out, nbformat.writes(notebook) + "\n")


def _cells(notebook: Mapping[str, Any]) -> str:
    """Digest of what the cells say, whatever came out of them."""
    texts = [cell.get("source", "") for cell in notebook.get("cells", [])]
    return digest(["".join(text) for text in texts])


def _unchanged_copy(path: Path) -> bool:
    """Whether a file is an executed copy of ours in which no cell was changed since."""
    notebook = read_object(path)
    try:
        note = notebook["metadata"]["lfmp_page"]
        return note.get("cells", _cells(notebook)) == _cells(notebook)
    except (KeyError, TypeError, AttributeError):
        return False


def answer_of(page: Path) -> str:
    """What the cell with the id `answer` of an executed page says, as plain text; empty without one."""
    for cell in read_notebook(page).cells:
        if cell.get("id") == "answer":
            return "\n".join(o.get("data", {}).get("text/plain", "") for o in cell.get("outputs", ()))
    return ""


def store_outputs(name_or_path: str | Path) -> Path:
    """Execute a notebook with its defaults and keep the outputs in the source, for the tests to compare.

    Raises:
        NotebookFailed: a cell raised; the source stays as it was.
    """
    source = find_notebook(name_or_path)
    notebook = read_notebook(source)
    try:
        client = NotebookClient(notebook, record_timing=False, timeout=None, **Session().options())
        client.execute(cwd=str(source.parent))
    except CellExecutionError as error:
        raise NotebookFailed(f"{source.stem}: {error.ename}: {_one_line(error.evalue)}") from None
    settle(notebook)
    for output in (o for cell in notebook.cells for o in cell.get("outputs", ())):
        output.get("metadata", {}).pop("text/html", None)  # records of cells: the book's own copy has them
    atomic_write(source, nbformat.writes(notebook) + "\n")
    return source


def _literal(path: Path) -> str:
    """A path as papermill takes it: braces in it would be parameters to fill in."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.strip().splitlines() if line.strip())
