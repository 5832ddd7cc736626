"""The package's front door: all that it names has an example, and every example says what happens."""

import ast
import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import lfmp_core
from lfmp_core.embeddings import TABLES
from lfmp_core.face import PLACES
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.models.deepfm import DeepFM

FINDER = doctest.DocTestFinder()


def examples(name):
    return FINDER.find(getattr(lfmp_core, name), name, module=False, globs={})


@pytest.mark.parametrize("name", lfmp_core.__all__)
def test_examples(name):
    found = examples(name)
    assert any(test.examples for test in found if test.name == name), "its docstring has no example"
    said = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    for test in found:
        runner.run(test, out=said.append)
    assert not said, "".join(said)


def test_registries_stand_in_the_door(monkeypatch):
    """A backbone or a table that is entered has its name at once, and so does what was there."""

    class Mine(DeepFM):
        """A backbone of one's own."""

    assert {kind.__name__ for kind in REGISTRY.values()} < set(lfmp_core.__all__)
    assert len(lfmp_core.__all__) == len(PLACES) + len(REGISTRY) + len(TABLES)
    assert not hasattr(lfmp_core, "Mine")
    monkeypatch.setitem(REGISTRY, "mine", Mine)
    assert "Mine" in lfmp_core.__all__ and "Mine" in dir(lfmp_core)
    assert type(lfmp_core.Mine([3, 4], embedding_dim=2)) is Mine


def test_types_are_those_of_the_door():
    """What a type checker reads is what is found."""
    tree = ast.parse(Path(lfmp_core.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {alias.asname: node.module for node in block.body for alias in node.names}
    assert {name: module.split(".")[0] for name, module in told.items()} == {
        name: place.split(".")[0] for name, place in PLACES.items()
    }


@pytest.mark.parametrize("names", ["seeds, settings", "Dataset", "LfmpError, Rows"])
def test_a_name_costs_its_own_module(names):
    code = f"import sys; from lfmp_core import {names}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numba"} & set(done.stdout.split())


def test_star_and_unknown():
    names = {}
    exec("from lfmp_core import *", names)
    assert {"DeepFM", "TTRec", "cut", "compress_"} < set(names)
    with pytest.raises(AttributeError, match="has no attribute 'DeepFMM'"):
        _ = lfmp_core.DeepFMM
    with pytest.raises(ImportError, match="cannot import name 'compres_'"):
        from lfmp_core import compres_  # noqa: F401
