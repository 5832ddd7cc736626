"""The shape of the two packages: who may import whom, what an import costs, what a file may hold."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import lfmp_book
import lfmp_core

PACKAGES = {package.__name__: Path(package.__file__ or "").parent for package in (lfmp_core, lfmp_book)}
FILES = {
    path: f"{name}/{path.relative_to(root).as_posix()}"
    for name, root in PACKAGES.items()
    for path in sorted(root.rglob("*.py"))
}

# The rooms from the ground up. A file may import from its own room and from lower levels; rooms of one level
# stand beside each other and don't know of each other. The core knows nothing of the book that stands on it.
CORE = (
    ("errors", "seeds", "axes", "kernels", "files", "memory", "workers"),
    ("bounds", "budget", "entry", "metrics", "registry"),
    ("settings", "ownership"),
    ("folders",),
    ("data", "embeddings"),
    ("models",),
    ("masking", "surgery"),
    ("training",),
    ("tasks",),
    ("methods", "efficiency"),
    ("face",),
    ("experiments",),
    ("serving",),
    ("cli",),
)
BOOK = (
    ("show", "parameters", "sessions"),
    ("evidence", "provenance"),
    ("claims",),
    ("sets", "arguments"),
    ("lightfmp", "lers"),
    ("speed", "guide", "advice", "own"),
    ("ledger", "items", "methods", "pictures"),
    ("beforehand",),
    ("notebooks",),
    ("executor",),
    ("kept",),
    ("cli",),
)
LEVELS = [*(("lfmp_core", rooms) for rooms in CORE), *(("lfmp_book", rooms) for rooms in BOOK)]
LEVEL_OF = {f"{name}.{room}": level for level, (name, rooms) in enumerate(LEVELS) for room in rooms}
# What the pages of a paper stand on. All else in its room is a page: a file or a folder, with the files that
# are named after it (`fig3_claims`). Pages don't know of each other; what two need lies below both.
BELOW = {
    "lightfmp": {"arms", "values", "truth", "grids", "selection_grids", "choice_grids", "open_grids"}
    | {"chance_grids", "passes_grids", "control_grids", "rows_grids", "chosen", "selectors", "view"},
    "lers": {
        "grids",
        "cf_arms",
        "cf_grids",
        "cf_search",
        "counts",
        "preference",
        "quality",
        "scores",
        "sizes",
    }
    | {"studies"},
}
# What looks at all pages of a paper: its list of those that judge, and the audit of its own numbers.
ABOVE = {"judges", "audit"}
# Files that may print, beside the commands (cli.py and executor.py).
SPEAKERS = {"lfmp_core/experiments/engine.py": "how to go on after Ctrl-C, on stderr"}


def dotted(name: str) -> str:
    """Module name of a file."""
    return name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


MODULES = {dotted(name): path for path, name in FILES.items()}


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(node: ast.AST, package: list[str], *, types: bool) -> Iterator[str]:
    """Modules of the two packages that are imported below `node`, functions included.

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
            if base[:1] in (["lfmp_core"], ["lfmp_book"]):
                for alias in child.names:
                    full = ".".join([*base, alias.name])
                    yield full if full in MODULES else ".".join(base)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                if alias.name.split(".")[0] in PACKAGES:
                    yield alias.name
        else:
            yield from imports(child, package, types=types)


def graph(*, types: bool) -> dict[str, set[str]]:
    """Module → modules that it imports."""
    found = {}
    for module, path in MODULES.items():
        package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
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
from lfmp_book.show import html
from torch import nn
if TYPE_CHECKING:
    from ..training.loop import Trainer
def f():
    from ..data import Rows
"""
    always = ["seeds", "axes", "errors", "models.cin", "models.cin", "settings"]
    always = [*(f"lfmp_core.{name}" for name in always), "lfmp_book.show.html", "lfmp_core.data"]
    package = ["lfmp_core", "models"]
    assert list(imports(ast.parse(text), package, types=False)) == always
    assert set(imports(ast.parse(text), package, types=True)) == {*always, "lfmp_core.training.loop"}
    found = graph(types=False)
    assert found["lfmp_core.training.trainer"] > {"lfmp_core.data.dataset", "lfmp_core.training.loop"}
    assert found["lfmp_book.lers.table2"] > {"lfmp_book.evidence.datasets", "lfmp_core.experiments.spec"}


def test_every_room_has_its_level():
    """A new room is entered in LEVELS, as the step that it is."""
    assert {room(module) for module in MODULES if module not in PACKAGES} == set(LEVEL_OF)


def test_imports_go_downwards():
    upwards = [
        f"{module} → {target}"
        for module, targets in graph(types=True).items()
        for target in targets
        if not {module, target} & PACKAGES.keys() and room(module) != room(target)
        if LEVEL_OF[room(target)] >= LEVEL_OF[room(module)]
    ]
    assert upwards == []


@pytest.mark.parametrize("paper", BELOW)
def test_pages_of_a_paper_do_not_import_each_other(paper):
    here = f"lfmp_book.{paper}."
    found = graph(types=True)
    units = {module: module.removeprefix(here).split(".")[0] for module in found if module.startswith(here)}
    names = set(units.values())
    assert names > BELOW[paper]
    pages = names - BELOW[paper] - ABOVE

    def page(unit: str) -> str:
        """The page that a file is named after, else itself."""
        return next((name for name in pages if unit.startswith(f"{name}_")), unit)

    sideways = [
        f"{module} → {target}"
        for module, unit in units.items()
        for target in found[module] & units.keys()
        if unit not in ABOVE and units[target] not in BELOW[paper] and page(unit) != page(units[target])
    ]
    assert sideways == []


def test_no_cycle():
    """Module by module; importing a.b.c runs a.b too, unless one stands in it."""
    edges = graph(types=False)
    for module, targets in edges.items():
        for target in list(targets):
            parents = {target.rsplit(".", n)[0] for n in range(1, target.count(".") + 1)}
            targets |= {p for p in parents if p != module and not module.startswith(f"{p}.")}
        targets -= PACKAGES.keys()
    assert edges["lfmp_core"] == {"lfmp_core.face"}  # and that when a name is asked for
    try:
        order = list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        pytest.fail(f"import cycle: {' ← '.join(error.args[1])}")
    assert order.index("lfmp_core.errors") < order.index("lfmp_core.methods.light_fmp")
    assert order.index("lfmp_core.methods.light_fmp") < order.index("lfmp_book.lightfmp.table3")


@pytest.mark.parametrize("module", ["lfmp_core", "lfmp_core.cli", "lfmp_core.data", "lfmp_book.cli"])
def test_import_is_lean(module):
    """The command's help and the preparation of data don't wait for torch."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numba", "onnx", "matplotlib"} & set(done.stdout.split())


@pytest.mark.parametrize("path", FILES, ids=FILES.get)
def test_files_are_silent_and_at_home_anywhere(path):
    text, name = path.read_text(), FILES[path]
    own = re.compile(r"(?<![\w.~$}{])/(?:work|home|root|Users|mnt|tmp|opt|scratch)/|\b[A-Z]:\\")
    assert own.search(text) is None, "a path of one machine"
    prints = [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "pprint")
    ]
    if path.name not in ("cli.py", "executor.py") and name not in SPEAKERS:
        assert prints == [], "the library prints"


# What the pages of a table or figure, the grids of a paper or the two halves of LERS have each: one role, one
# name. A command (cli.py) is named after what it calls.
ROLES = {
    *(
        "main_table",
        "picture",
        "claims",
        "findings",
        "answer",
        "page",
        "tables",
        "reference",
        "state",
        "grids",
    ),
    *(
        "completed",
        "headed",
        "ordered",
        "seeds_of",
        "run_counts",
        "printed_row",
        "retain_table",
        "search_table",
    ),
    *("cost_table", "own_stack", "counts", "counts_table"),  # what a table leaves out, sizes worked out
    *("described_sets", "check_sources", "settings_table", "make_up_table"),  # pages of data sets
    *("backbone_for", "training_for", "tpe_for", "set_for", "compressions"),  # grids
    *("cells", "arm_of", "printed_of", "printed_numbers", "removed"),  # printed tables in our names, audited
    "choose",  # a method's first half
    "touched",  # a picture that can be touched
}


def defined(kind: type[ast.stmt], but: str = "") -> dict[str, list[str]]:
    """Public name → the modules that define it on their top level, those of files named `but` left out."""
    found: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text()).body if path.name != but else ():
            if isinstance(node, kind) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(module)
    return found


def test_a_class_name_has_one_meaning():
    assert {name: places for name, places in defined(ast.ClassDef).items() if len(places) > 1} == {}


def test_a_function_name_has_one_meaning():
    """But for the roles, each of which is there more than once."""
    several = {name for name, places in defined(ast.FunctionDef, "cli.py").items() if len(places) > 1}
    assert several == ROLES
