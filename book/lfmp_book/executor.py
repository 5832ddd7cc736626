"""The executor: notebooks in, executed copies for the book out.

    python -m lfmp_book.executor execute [NAME ...] [--jobs 2] [-p KEY VALUE] [--force]

Each notebook of `notebooks/` runs in its own kernel and lands in `book/executed/`, whole or not at all. A
copy whose inputs have not changed is kept. Jupyter Book's own cache looks at code cells only; here the key
also holds the package, the records, the published values and the pinned versions.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

import lfmp_core
from lfmp_core.bounds import cores, within
from lfmp_core.entry import Command, Commands, say
from lfmp_core.errors import LfmpError
from lfmp_core.settings import digest, project_root
from lfmp_core.workers import Gone, Worker

from .notebooks import (
    LAST,
    NotebookFailed,
    check_parameters,
    declared_parameters,
    executed_folder,
    find_notebook,
    notebook_names,
    read_notebook,
    run_notebook,
    store_outputs,
)
from .sessions import CLEAR

MEASURED = ("records", "comparisons", "performance")  # folders of book/ that pages show


def _hash_files(paths: Iterable[Path], root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(root).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def shared_key() -> str:
    """Hash of what every page depends on: both packages, all that was measured, the pinned versions."""
    root = project_root()
    packages = (Path(lfmp_core.__file__).parent, Path(__file__).parent)
    code = [[p for p in package.rglob("*") if p.suffix in {".py", ".csv"}] for package in packages]
    measured = [p for name in MEASURED for p in (root / "book" / name).rglob("*") if p.is_file()]
    lock = [p for p in [root / "requirements.lock"] if p.exists()]
    return digest([*map(_hash_files, code, packages), _hash_files(measured, root), _hash_files(lock, root)])


def page_key(source: Path, parameters: Mapping[str, Any], shared: str) -> str:
    """Key of one executed page: its cells (not their stored outputs), its parameters, all that is shared."""
    cells = read_notebook(source).cells
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


class Page(NamedTuple):
    """One page to execute; its key is that of its inputs."""

    source: Path
    target: Path
    parameters: dict[str, Any]
    key: str


def _execute_page(page: Page) -> float | str:
    """The seconds of one page, in a process of its own, or the error's text."""
    start = time.perf_counter()
    try:
        run_notebook(page.source, page.target, page.parameters, page.key)
    except (LfmpError, OSError) as error:
        return str(error)
    return time.perf_counter() - start


def _say(line: str) -> None:
    """A line of its own, also where a page's progress stands."""
    print(f"{CLEAR}{line}" if sys.stdout.isatty() else line, flush=True)


def execute_notebooks(
    names: list[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    jobs: int = 2,
    force: bool = False,
    say=_say,
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
    rest = [Page(find_notebook(n), executed_folder() / f"{n}.ipynb", given[n], key) for n, key in due.items()]
    jobs = min(jobs, len(rest))
    # Two kernels with two threads each would fight for two cores.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // jobs)))
    results: dict[str, str] = {}
    idle: list[Worker] = []
    busy: list[Worker] = []
    try:
        while rest or busy:
            while rest and len(busy) < jobs:
                busy.append(idle.pop() if idle else Worker(_execute_page))
                busy[-1].start(rest[0])
                say(f"{rest.pop(0).target.stem}: started")
            for worker in Worker.ready(busy):
                name = worker.given.target.stem
                busy.remove(worker)
                try:
                    found = worker.take()
                    idle.append(worker)
                except Gone as gone:
                    found = str(gone)
                results[name] = found if isinstance(found, str) else "done"
                say(
                    f"{name}: FAILED: {found}" if isinstance(found, str) else f"{name}: done in {found:.1f} s"
                )
    finally:
        for worker in [*idle, *busy]:
            worker.stop()
    return results


class _PairsCommand(Command):
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

app = typer.Typer(
    cls=Commands, add_completion=False, no_args_is_help=True, help="Execute the book's notebooks."
)


@app.callback()
def _main() -> None:
    """Execute the book's notebooks."""


@app.command("execute", cls=_PairsCommand)
def _execute_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; default all.")
    ] = None,
    jobs: Annotated[int, typer.Option(callback=within("jobs"), help="Kernels at a time.")] = 2,
    parameter: Parameters = [],  # noqa: B006 typer copies it
    force: Annotated[bool, typer.Option("--force", help="Run also what is unchanged.")] = False,
) -> None:
    """Execute notebooks into book/executed/, each whole or not at all; what is unchanged is kept."""
    results = execute_notebooks(names, _pairs(parameter), jobs, force)
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
    for name in names or notebook_names():
        typer.echo(f"{store_outputs(name)}: stored")


def notebook(
    name: Annotated[str, typer.Argument(help="A notebook's name, or the path of an .ipynb file.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Default: NAME.out.ipynb here.")] = None,
    parameter: Parameters = [],  # noqa: B006 typer copies it
    show: Annotated[bool, typer.Option("--list", help="List its parameters and stop.")] = False,
) -> None:
    """Run one notebook with your own parameters; an unknown one is refused before anything runs."""
    if show:
        for key, default in declared_parameters(find_notebook(name)).items():
            typer.echo(f"{key} = {default!r}")
        return
    try:
        target = run_notebook(name, out or Path(f"{Path(name).stem}.out.ipynb"), _pairs(parameter))
    except NotebookFailed as error:
        raise typer.Exit(say(str(error), 1)) from None
    typer.echo(str(target))


# For a command of its own, or behind `lfmp notebook`.
notebook_app = typer.Typer(add_completion=False)
notebook_app.command("notebook", cls=_PairsCommand)(notebook)

if __name__ == "__main__":
    app()
