"""Drawings by code: words for those who can't see them, colours of the page, small; a page a method."""

import importlib
import json
import re
from xml.etree import ElementTree

import pytest

from lfmp_book.evidence.outcomes import OUTCOMES
from lfmp_book.guide import matrix
from lfmp_book.guide.effects import cases_of
from lfmp_book.guide.known import SOURCES, known
from lfmp_book.methods import page
from lfmp_book.methods.entries import ENTRIES, KINDS
from lfmp_book.notebooks import notebook_names
from lfmp_book.show.drawing import KINDS as FILLINGS
from lfmp_book.show.drawing import Drawing
from lfmp_core.embeddings.registry import TABLES
from lfmp_core.errors import UnknownName
from lfmp_core.methods import METHODS
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


def test_the_matrix_has_a_mark_for_each_case():
    found = known()
    for drawn, own in (
        (matrix.of_tables(found), [a for a in found if a.removes == "table"]),
        (matrix.of_fields(found), [a for a in found if a.removes == "fields"]),
    ):
        assert len(drawn.svg()) < MOST
        for word in OUTCOMES:
            marks = [m for m in drawn.marks if f'class="{word}"' in m]
            count = sum(m.count("M") for m in marks)
            assert count == 1 + sum(c.outcome == word for c in cases_of(own))  # one more in the legend
            assert f"{count - 1} {word}" in drawn.words or len(marks) > 0


# ---- a page a method


def test_every_method_table_and_arm_has_its_page():
    assert {m for e in ENTRIES.values() for m in e.methods} == set(METHODS)
    assert {t for e in ENTRIES.values() for t in e.tables} == set(TABLES)
    arms = [arm for e in ENTRIES.values() for arm in e.arms]
    assert sorted(arms) == sorted({a.arm for a in known()}) and set(KINDS) == {
        e.kind for e in ENTRIES.values()
    }


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_has_idea_drawing_formula_numbers_and_code(name):
    text, entry = page.page(name), ENTRIES[name]
    assert text.startswith(f"# {entry.title}\n\n{page.escaped(page.idea(entry))}\n\n<!-- drawing {name} -->")
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert heads == [
        "Formula",
        "Where it suits",
        "Our numbers",
        "In code",
        *(["Source"] if entry.cites else []),
    ]
    bibliography = (project_root() / "book/references.bib").read_text()
    assert all(f"{{{key}," in bibliography for key in entry.cites)
    assert set(entry.pages) <= set(notebook_names())
    for file in re.findall(r"\{literalinclude\} /(\S+)\n:pyobject: (\w+)", text):
        assert re.search(rf"^(def|class) {file[1]}\b", (project_root() / file[0]).read_text(), re.MULTILINE)
    for method in entry.methods:
        assert f'get_method("{method}")' in text
    for arm in entry.arms:
        assert f"<td>{arm}</td>" in text.replace(" °", "")


def test_numbers_of_a_page_are_those_of_the_guide():
    own = [a for a in known() if a.arm == "QR"]
    text, cases = page.numbers_of(ENTRIES["qr"]), cases_of(own)
    best, worst = (f"({c.difference:+.4f} [" for c in (max(cases, key=_gain), min(cases, key=_gain)))
    assert best in text and worst in text and f"of {len(cases)} cases" in text
    assert '<a href="../executed/lers_table5_ctr.html">' in text
    assert {s.page for s in SOURCES} <= set(notebook_names())


def _gain(case):
    return case.difference


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
