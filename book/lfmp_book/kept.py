"""What nbval has run and found equal is the book's executed copy: a pytest plugin; no page runs twice.

    python -m pytest --nbval notebooks -p lfmp_book.kept

A notebook whose cells have all passed lies in `book/executed/` afterwards, under the key that `execute` would
give it; `execute` then has nothing left to do. One that failed, or of which not every cell ran, leaves what
was there.
"""

import copy
from functools import cache
from typing import Any

import pytest

from .executor import page_key, shared_key
from .notebooks import executed_folder, find_notebook, keep, notebooks_folder

_PASSED = pytest.StashKey[bool]()
_SECONDS = pytest.StashKey[float]()

shared = cache(shared_key)


def _is_cell(item: pytest.Item) -> bool:
    """Whether it is a cell of a notebook of the book."""
    return hasattr(item, "cell") and item.path.parent == notebooks_folder()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Note whether a cell passed, and how long it took."""
    report = yield
    if call.when == "call" and _is_cell(item):
        item.stash[_PASSED] = report.passed
        item.stash[_SECONDS] = call.duration
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After a notebook's last cell: keep the whole of it, if every cell of it ran and passed."""
    if not _is_cell(item) or (nextitem is not None and nextitem.parent is item.parent):
        return
    parent: Any = item.parent
    cells = [one for one in item.session.items if one.parent is parent]
    code = [cell for cell in parent.nb.cells if cell.cell_type == "code"]
    if len(cells) < len(code) or not all(one.stash.get(_PASSED, False) for one in cells):
        return
    whole = copy.deepcopy(parent.nb)
    fresh = (cell for cell in whole.cells if cell.cell_type == "code")
    for count, (cell, ran) in enumerate(zip(fresh, cells, strict=True), 1):
        cell.outputs, cell.execution_count = copy.deepcopy(ran.test_outputs), count  # type: ignore[attr-defined]
    key = page_key(find_notebook(item.path), {}, shared())
    keep(whole, executed_folder() / item.path.name, key, sum(one.stash[_SECONDS] for one in cells), {})
