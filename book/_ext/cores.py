"""The book's pages are read and written by all cores; jupyter-book has no option for it.

Two of its own extensions don't say whether that is safe: the numbering of the contents works on the merged
environment, and LaTeX's transforms look at one page each.
"""

from lfmp_core.bounds import cores

SILENT = ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex")


def _share(app):
    for name in SILENT:
        app.extensions[name].parallel_read_safe = True
    app.parallel = max(app.parallel, cores())


def setup(app):
    app.connect("builder-inited", _share)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
