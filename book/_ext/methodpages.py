"""A page for each method, and drawings where a page names them.

The pages are written to `book/methods/` before Sphinx looks for its sources (`lfmp_book.methods`), and the
contents take what is there. On any page, a line `<!-- drawing NAME -->` becomes the drawing of that name.
"""

import json
import re
from pathlib import Path

from apipages import write_folder

from lfmp_book.methods import page

PAGES = "book/methods"
MARK = "<!-- methods -->"
_DRAWING = re.compile(r"<!-- drawing (\w+) -->")


def drawn(text: str, notebook: bool = False) -> str:
    """A source with its drawings; a notebook's is JSON, in which a drawing stands inside a text."""

    def put(match: re.Match) -> str:
        html = page.drawing(match[1])
        return json.dumps(html)[1:-1] if notebook else html

    return _DRAWING.sub(put, text)


def _fill(app, docname, source):
    notebook = str(app.env.doc2path(docname)).endswith(".ipynb")
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, page.listing())
    if "<!-- drawing " in source[0]:
        source[0] = drawn(source[0], notebook)


def _outdated(app, env, added, changed, removed):
    return [name for name in env.found_docs if name == PAGES]  # a method may have come


def _prepare(app, config):
    write_folder(Path(app.srcdir) / PAGES, {name: page.page(name) for name in page.ENTRIES})


def setup(app):
    app.connect("config-inited", _prepare)  # before the contents are read, whose priority is 900
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", _outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
