"""The shape of the package: who may import whom, what an import costs, what a file may hold."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import lfmp_core

ROOT = Path(lfmp_core.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# The rooms from the ground up. A file may import from its own room and from lower levels; rooms of one level
# stand beside each other and don't know of each other.
LEVELS = (
    ("errors", "seeds", "axes", "kernels", "files", "memory", "sessions", "workers"),
    ("bounds", "entry"),
    ("settings", "parameters", "ownership"),
    ("folders",),
    ("data", "embeddings"),
    ("models",),
    ("masking", "surgery"),
    ("training",),
    ("methods", "efficiency"),
    ("experiments",),
    ("report",),
    ("notebooks",),
    ("book",),
    ("cli",),
)
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
# The one import against the current: a name is looked up among the items by the module of their classes, when
# it is asked for.
LATE = {"experiments.items": "experiments.grids"}
# Files that may print, beside the commands (cli.py and book.py).
SPEAKERS = {"experiments/engine.py": "how to go on after Ctrl-C, on stderr"}


def dotted(path: Path) -> str:
    """Module name below the package; "" is the package itself."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in FILES}


def room(module: str) -> str:
    return module.split(".")[0]


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(node: ast.AST, package: list[str], *, types: bool) -> Iterator[str]:
    """Modules of lfmp_core that are imported below `node`, functions included.

    Args:
        package: of the file, as a list of names.
        types: also those under `if TYPE_CHECKING`.
    """
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child) and not types:
            continue
        if isinstance(child, ast.ImportFrom):
            base = child.module.split(".") if child.module else []
            if child.level:
                base = [*package[: len(package) - child.level + 1], *base]
            elif base[:1] == ["lfmp_core"]:
                base = base[1:]
            else:
                continue
            for alias in child.names:
                full = ".".join([*base, alias.name])
                yield full if full in MODULES else ".".join(base)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                if alias.name.split(".")[0] == "lfmp_core":
                    yield alias.name.removeprefix("lfmp_core").lstrip(".")
        else:
            yield from imports(child, package, types=types)


def graph(*, types: bool) -> dict[str, set[str]]:
    """Module → modules that it imports."""
    found = {}
    for module, path in MODULES.items():
        package = list(path.relative_to(ROOT).parent.parts)
        found[module] = set(imports(ast.parse(path.read_text()), package, types=types)) - {module}
    return found


def test_graph_reads_what_is_written():
    """The reader of imports itself: relative, absolute, of names, of modules, in functions, for types."""
    text = """
import lfmp_core.seeds
from .. import axes
from ..errors import DataError
from . import cin
from .cin import CIN
from lfmp_core.settings import Settings
from torch import nn
if TYPE_CHECKING:
    from ..training.loop import Trainer
def f():
    from ..data import Rows
"""
    always = ["seeds", "axes", "errors", "models.cin", "models.cin", "settings", "data"]
    assert list(imports(ast.parse(text), ["models"], types=False)) == always
    assert set(imports(ast.parse(text), ["models"], types=True)) == {*always, "training.loop"}
    assert graph(types=False)["training.loop"] > {"data.dataset", "models", "training.checkpoint"}


def test_every_room_has_its_level():
    """A new room is entered in LEVELS, as the step that it is."""
    assert {room(module) for module in MODULES if module} == set(LEVEL_OF)


def test_imports_go_downwards():
    upwards = [
        f"{module} → {target}"
        for module, targets in graph(types=True).items()
        for target in targets
        if module and target and room(module) != room(target)
        if LEVEL_OF[room(target)] >= LEVEL_OF[room(module)]
    ]
    assert upwards == []


def test_no_cycle():
    """Module by module; importing a.b.c runs a.b too, unless one stands in it."""
    edges = graph(types=False)
    for module, targets in edges.items():
        for target in list(targets):
            parents = {target.rsplit(".", n)[0] for n in range(1, target.count(".") + 1)}
            targets |= {p for p in parents if p != module and not module.startswith(f"{p}.")}
        targets.discard("")
    assert edges[""] == set()  # the package's own file imports nothing
    for module, target in LATE.items():
        edges[module].remove(target)
    try:
        order = list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        pytest.fail(f"import cycle: {' ← '.join(error.args[1])}")
    assert order.index("errors") < order.index("settings") < order.index("methods.light_fmp")


@pytest.mark.parametrize("module", ["lfmp_core", "lfmp_core.cli", "lfmp_core.data"])
def test_import_is_lean(module):
    """The command's help and the preparation of data don't wait for torch."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numba", "onnx", "matplotlib"} & set(done.stdout.split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_are_short_silent_and_at_home_anywhere(path):
    text, name = path.read_text(), path.relative_to(ROOT).as_posix()
    assert len(text.splitlines()) <= 310
    own = re.compile(r"(?<![\w.~$}{])/(?:work|home|root|Users|mnt|tmp|opt|scratch)/|\b[A-Z]:\\")
    assert own.search(text) is None, "a path of one machine"
    prints = [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "pprint")
    ]
    if path.name not in ("cli.py", "book.py") and name not in SPEAKERS:
        assert prints == [], "the library prints"
