"""Drawings by code: words for those who can't see them, the page's own colours, small."""

import importlib
import json
import re
from xml.etree import ElementTree

import pytest

from lfmp_book.methods import page
from lfmp_book.show.drawing import KINDS as FILLINGS
from lfmp_book.show.drawing import Drawing
from lfmp_core.errors import UnknownName
from lfmp_core.settings import project_root

MOST = 10_000  # bytes of a drawing


@pytest.mark.parametrize("name", page.DRAWINGS)
def test_a_drawing_is_small_has_words_and_no_colour_of_its_own(name):
    html = page.drawing(name)
    assert len(html.encode()) < MOST and "\n" not in html
    svg = ElementTree.fromstring(re.search("<svg.*</svg>", html)[0].replace("&nbsp;", " "))
    named = svg.attrib["aria-labelledby"].split()
    assert svg.attrib["role"] == "img" and named == [
        e.attrib["id"] for e in svg if e.tag in ("title", "desc")
    ]
    assert all(len(e.text) > 3 for e in svg if e.tag in ("title", "desc"))
    assert not re.search(r'(fill|stroke|style)="', html)
    styles = (project_root() / "_static" / "drawings.css").read_text()
    kinds = {e.attrib["class"] for e in svg if "class" in e.attrib} - {"label"}
    assert all(re.search(rf"\.{kind}\b", styles) for kind in kinds)
    width, height = (float(x) for x in svg.attrib["viewBox"].split()[2:])
    for text in svg.iter("text"):
        assert 0 <= float(text.attrib["x"]) <= width and 0 <= float(text.attrib["y"]) <= height


def test_cells_of_a_kind_are_one_path():
    drawn = Drawing("two", "cells", 40, 20).cells(0, 0, 1, 3, lambda _r, c: FILLINGS[c % 2], size=10)
    assert drawn.marks == [
        '<path class="kept" d="M0 0h10v10h-10zM20 0h10v10h-10z"/>',
        '<path class="gone" d="M10 0h10v10h-10z"/>',
    ]
    assert Drawing("a < b", "so & so", 1, 1).svg().count("&lt;") == 1


def test_names_of_drawings_differ_within_a_page():
    ids = [re.search(r'<title id="(\w+)"', page.drawing(name))[1] for name in page.forms.FORMS]
    assert len(set(ids)) == len(ids)


def test_a_mark_becomes_its_drawing_in_prose_and_in_notebooks(monkeypatch):
    monkeypatch.syspath_prepend(str(project_root() / "book" / "_ext"))
    drawn = importlib.import_module("methodpages").drawn
    assert drawn("a\n<!-- drawing qr -->\nb") == f"a\n{page.drawing('qr')}\nb"
    cell = json.dumps({"source": ["<!-- drawing qr -->\n"]})
    assert json.loads(drawn(cell, notebook=True))["source"] == [page.drawing("qr") + "\n"]
    with pytest.raises(UnknownName, match="did you mean"):
        drawn("<!-- drawing qrr -->")


def test_marks_on_pages_are_drawings():
    asked = set()
    for path in [*project_root().glob("book/*.md"), *project_root().glob("notebooks/*.ipynb")]:
        asked |= set(re.findall(r"<!-- drawing (\w+) -->", path.read_text()))
    assert {"the_way", "light_fmp"} <= asked <= set(page.DRAWINGS)
