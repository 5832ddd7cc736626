"""The executor: notebooks in, executed copies for the book out.

    python -m lfmp_core.book execute [NAME ...] [--jobs 2] [-p KEY VALUE] [--force]

Each notebook of `notebooks/` runs in its own kernel and lands in `book/executed/`, whole or not at all. A
copy whose inputs have not changed is kept. Jupyter Book's own cache looks at code cells only; here the key
also holds the package, the records, the published values and the pinned versions.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import nbformat
import typer
from typer.core import TyperCommand

from .errors import LfmpError
from .notebooks import (
    LAST,
    NotebookFailed,
    check_parameters,
    declared_parameters,
    executed_folder,
    find_notebook,
    notebook_names,
    run_notebook,
    store_outputs,
)
from .settings import digest, project_root

MEASURED = ("records", "comparisons", "performance")  # folders of book/ that pages show


def _hash_files(paths: Iterable[Path], root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(root).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def shared_key() -> str:
    """Hash of what every page depends on: the package, all that was measured, the pinned versions."""
    root = project_root()
    package = Path(__file__).parent
    code = [p for p in package.rglob("*") if p.suffix in {".py", ".csv"}]
    measured = [p for name in MEASURED for p in (root / "book" / name).rglob("*") if p.is_file()]
    lock = [p for p in [root / "requirements.lock"] if p.exists()]
    return digest([_hash_files(code, package), _hash_files(measured, root), _hash_files(lock, root)])


def page_key(source: Path, parameters: Mapping[str, Any], shared: str) -> str:
    """Key of one executed page: its cells (not their stored outputs), its parameters, all that is shared."""
    cells = nbformat.read(source, as_version=4).cells
    text = [[c.cell_type, c.source, sorted(c.metadata.get("tags", []))] for c in cells]
    return digest([text, dict(parameters), shared, os.environ.get("LFMP_DATA", "")])


def executed_pages() -> dict[str, dict[str, Any]]:
    """Name → {key, seconds, finished, parameters} of every executed copy; the status page's source."""
    pages = {}
    for path in sorted(executed_folder().glob("*.ipynb")):
        try:
            note = json.loads(path.read_text()).get("metadata", {}).get("lfmp_page")
        except json.JSONDecodeError:
            note = None
        if note:
            pages[path.stem] = note
    return pages


def _execute_page(source: Path, target: Path, root: Path, parameters: dict[str, Any], key: str) -> float:
    """One page, in a process of its own; returns its seconds."""
    start = time.perf_counter()
    run_notebook(source, target, parameters, root, key)
    return time.perf_counter() - start


def execute(
    names: list[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    jobs: int = 2,
    force: bool = False,
    say=print,
) -> dict[str, str]:
    """Execute notebooks into the book; returns name → "done", "unchanged" or the error's text.

    Args:
        names: which; all when empty.
        parameters: given to each of them, and refused before anything runs if one does not declare them.
        jobs: kernels at a time.
        force: run also what is unchanged.
    """
    chosen = [find_notebook(n).stem for n in names] if names else notebook_names()
    given = {n: check_parameters(find_notebook(n), parameters or {}) for n in chosen}
    shared, pages = shared_key(), executed_pages()
    results: dict[str, str] = {}
    for stage in ([n for n in chosen if n != LAST], [n for n in chosen if n == LAST]):
        due = {}
        for name in stage:
            base = shared
            if name == LAST:  # it shows the others' times, so it depends on them
                base = digest([shared, {k: v for k, v in executed_pages().items() if k != LAST}])
            key = page_key(find_notebook(name), given[name], base)
            if not force and pages.get(name, {}).get("key") == key:
                results[name] = "unchanged"
                say(f"{name}: unchanged")
            else:
                due[name] = key
        results |= _run_stage(due, given, jobs, say)
    return results


def _run_stage(due: Mapping[str, str], given: Mapping[str, dict], jobs: int, say) -> dict[str, str]:
    if not due:
        return {}
    results: dict[str, str] = {}
    rest, jobs = list(due.items()), min(jobs, len(due))
    # Two kernels with two threads each would fight for two cores.
    threads = max(1, (os.cpu_count() or 1) // jobs)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # spawn: a forked copy of a process that holds zmq sockets is unsafe.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting: dict[Future[float], str] = {}
        while rest or waiting:
            # No more at once than there are processes: after Ctrl-C a pool still works off what it holds.
            while rest and len(waiting) < jobs:
                name, key = rest.pop(0)
                target = executed_folder() / f"{name}.ipynb"
                page = (find_notebook(name), target, project_root(), given[name], key)
                waiting[pool.submit(_execute_page, *page)] = name
                say(f"{name}: started")
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                name = waiting.pop(future)
                try:
                    say(f"{name}: done in {future.result():.1f} s")
                    results[name] = "done"
                except LfmpError as error:
                    say(f"{name}: FAILED\n{error}")
                    results[name] = str(error)
    return results


class _PairsCommand(TyperCommand):
    """Takes `-p KEY VALUE` as papermill does, besides `-p KEY=VALUE`; typer's options have one value."""

    def parse_args(self, ctx, args):
        folded, rest = [], list(args)
        while rest:
            word = rest.pop(0)
            folded.append(word)
            if word in ("-p", "--parameter") and rest:
                pair = rest.pop(0)
                folded.append(f"{pair}={rest.pop(0)}" if "=" not in pair and rest else pair)
        return super().parse_args(ctx, folded)


def _pairs(given: list[str]) -> dict[str, str]:
    for pair in given:
        if "=" not in pair:
            raise LfmpError(f"parameter {pair!r} has no value. Write -p {pair} VALUE")
    return dict(pair.split("=", 1) for pair in given)


Parameters = Annotated[
    list[str], typer.Option("-p", "--parameter", metavar="KEY VALUE", help="A parameter; repeat for more.")
]

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Execute the book's notebooks.")


@app.callback()
def _main() -> None:
    """Execute the book's notebooks."""


@app.command("execute", cls=_PairsCommand)
def _execute_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; default all.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Kernels at a time.")] = 2,
    parameter: Parameters = [],  # noqa: B006 typer copies it
    force: Annotated[bool, typer.Option("--force", help="Run also what is unchanged.")] = False,
) -> None:
    """Execute notebooks into book/executed/, each whole or not at all; what is unchanged is kept."""
    try:
        results = execute(names, _pairs(parameter), jobs, force)
    except LfmpError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    failed = [n for n, r in results.items() if r not in ("done", "unchanged")]
    if failed:
        typer.echo(f"{len(failed)} of {len(results)} notebooks failed: {', '.join(failed)}", err=True)
        raise typer.Exit(1)


@app.command("store")
def _store_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; default all.")
    ] = None,
) -> None:
    """Execute notebooks with their defaults and keep the outputs in notebooks/, for the tests to compare."""
    try:
        for name in names or notebook_names():
            typer.echo(f"{store_outputs(name)}: stored")
    except LfmpError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def notebook(
    name: Annotated[str, typer.Argument(help="A notebook's name, or the path of an .ipynb file.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Default: NAME.out.ipynb here.")] = None,
    parameter: Parameters = [],  # noqa: B006 typer copies it
    show: Annotated[bool, typer.Option("--list", help="List its parameters and stop.")] = False,
) -> None:
    """Run one notebook with your own parameters; an unknown one is refused before anything runs."""
    try:
        if show:
            for key, default in declared_parameters(find_notebook(name)).items():
                typer.echo(f"{key} = {default!r}")
            return
        target = run_notebook(name, out or Path(f"{Path(name).stem}.out.ipynb"), _pairs(parameter))
    except LfmpError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1 if isinstance(error, NotebookFailed) else 2) from None
    typer.echo(str(target))


# For a command of its own, or behind `lfmp notebook`.
notebook_app = typer.Typer(add_completion=False)
notebook_app.command("notebook", cls=_PairsCommand)(notebook)

if __name__ == "__main__":
    app()
