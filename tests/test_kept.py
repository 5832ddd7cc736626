"""What nbval has run and found as stored is not run again for the book; anything less is not kept."""

import nbformat
import pytest
from written_notebooks import text_of, write_notebook

from lfmp_book import executor, kept, notebooks


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page with stored outputs in a project of its own."""
    monkeypatch.setattr(executor, "project_root", lambda: tmp_path)
    monkeypatch.setattr(notebooks, "project_root", lambda: tmp_path)
    kept.shared.cache_clear()
    yield notebooks.store_outputs(write_notebook(tmp_path / "notebooks" / "page.ipynb"))
    kept.shared.cache_clear()


def compared(page, cell="") -> int:
    options = ["--nbval", f"{page}{cell}", "--nbval-current-env", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return pytest.main([*options, "--rootdir", str(page.parent), "-q"], plugins=[kept])


def test_what_nbval_found_equal_is_the_books_copy(page):
    assert compared(page) == 0
    copy = notebooks.executed_folder() / "page.ipynb"
    before = copy.read_bytes()
    assert executor.execute_notebooks() == {"page": "unchanged"}
    assert copy.read_bytes() == before and text_of(copy) == text_of(page) != ""
    own = notebooks.read_notebook(copy)
    own.metadata.pop("lfmp_page"), own.metadata.pop("papermill", None)
    ran = notebooks.read_notebook(executor.run_notebook("page", page.parent / "ran.ipynb"))
    for one, other in zip(own.cells, ran.cells, strict=True):
        assert (one.source, one.get("outputs")) == (other.source, other.get("outputs"))
        assert one.get("execution_count") == other.get("execution_count")


def test_what_differs_or_was_run_in_part_is_not_kept(page):
    assert compared(page, "::Cell 0") == 0
    assert executor.executed_pages() == {}
    notebook = nbformat.read(page, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            output.text = "other\n"
    nbformat.write(notebook, page)
    assert compared(page) == 1
    assert executor.executed_pages() == {}
