"""What the book's build adds to Sphinx: pages whole without a network, light, with a head of their own."""

import importlib.util
import re
from pathlib import Path

from docutils.core import publish_doctree
from fontTools.ttLib import TTFont
from matplotlib import get_data_path
from pybtex.database import parse_file

ROOT = Path(__file__).parents[1]


def extension(name):
    path = ROOT / "book" / "_ext" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_outside_requests_are_found_and_links_left_alone():
    find = extension("offline").outside_requests
    assert find('<script async src="https://cdn.example/x.js"></script>') == ["https://cdn.example/x.js"]
    assert find("<img alt='a' src=//cdn.example/x.png>") == ["//cdn.example/x.png"]
    assert find('<link rel="stylesheet" href="http://cdn.example/x.css">') == ["http://cdn.example/x.css"]
    assert find('<link href="http://cdn.example/x" rel="canonical">') == []
    assert find('<a href="https://example.org">x</a><script src="../_static/x.js"></script>') == []
    assert find("a{background:url(https://cdn.example/x.woff)}", "css") == ["https://cdn.example/x.woff"]
    assert find("a{background:url(x.woff)}", "css") == []


def test_docstrings_become_valid_text():
    restructure = extension("apipages").restructure
    assert restructure(["Takes `x_` of |x| * 2."]) == ["Takes ``x_`` of \\|x\\| \\* 2."]
    assert restructure(["Sum:", "    s = a*b", "end"]) == ["Sum:", "", "::", "", "    s = a*b", "", "end"]
    assert restructure(["Idea.", "Args:", "    x: [B, m] |v|"]) == [
        "Idea.",
        "",
        "Args:",
        "    x: [B, m] \\|v\\|",
    ]
    shown = ["Idea.", "", "Example:", "    >>> f(*x) | `y`", "    [a_, *b]", "", "Raises:", "    E: |v|"]
    assert restructure(shown) == [*shown[:-1], "    E: \\|v\\|"]


def test_every_module_has_a_page_of_its_own(tmp_path):
    """And the front door lists what it names; a page is written when it changes, and goes with its module."""
    api, folder = extension("apipages"), tmp_path / "api"
    api.write_pages(folder)
    text = {path.stem: path.read_text() for path in folder.iterdir()}
    assert {"lfmp_core", "models.deepfm", "surgery", "face.compress"} < set(text)
    assert ".. automodule:: lfmp_core.models.deepfm\n   :members:" in text["models.deepfm"]
    assert ".. autofunction:: lfmp_core.DeepFM\n" in text["lfmp_core"]
    assert "{py:obj}`cut <lfmp_core.surgery.cut>`" in text["lfmp_core"]
    listed = re.findall(r"\(api/(.+)\.md\)", api.listing())
    assert sorted(listed) == sorted(text)
    assert 'startsWith("book/api/")' in (Path(api.__file__).parent / "scorer.js").read_text()
    (folder / "gone.md").write_text("# gone")
    (folder / "surgery.md").write_text("# other")
    before = (folder / "models.deepfm.md").stat().st_mtime_ns
    api.write_pages(folder)
    assert {path.stem: path.read_text() for path in folder.iterdir()} == text
    assert (folder / "models.deepfm.md").stat().st_mtime_ns == before


def test_a_description_ends_with_a_whole_sentence_or_word():
    shortened = extension("heads").shortened
    assert shortened("a\n  b") == "a b"
    assert shortened("One two. Three four five.", 20) == "One two. Three…"
    assert shortened("One two. Three.", 15) == "One two. Three."
    assert shortened("One two three. Four five", 20) == "One two three."
    assert len(shortened("word " * 100)) <= 200


def test_a_page_is_described_by_its_first_prose():
    heads = extension("heads")
    page = publish_doctree("Title\n=====\n\n.. note::\n\n   Not this.\n\nBut *this* one.\n\nNor this.\n")
    assert heads.description(page) == "But this one."
    assert heads.description(None) == ""


class File:
    def __init__(self, filename, body=None):
        self.filename, self.attributes = filename, {"body": body} if body else {}


def test_scripts_come_once_and_unwanted_ones_never():
    files = [File("a.js"), File(None, "let x"), File("sphinx-thebe.js"), File("", "let x"), File("a.js")]
    kept = list(extension("heads").wanted(files, re.compile("thebe")))
    assert [f.filename or f.attributes["body"] for f in kept] == ["a.js", "let x"]


SHEET = (
    '.fa-sun:before,.fa-star:before{content:"\\f185"}.fa-moon:before{content:"\\f186"}'
    '@font-face{font-weight:900;src:url(../w/fa-solid-900.woff2) format("woff2"),'
    'url(../w/fa-solid-900.ttf) format("truetype")}.note{content:"\uf071"}'
)


def test_icons_that_no_page_shows_are_cut():
    icons = extension("icons")
    assert icons.named('<i class="fas fa-sun fa-lg"></i>') == {"fa-sun", "fa-lg"}
    cut = icons.cut_sheet(SHEET, {"fa-star"})
    assert "fa-sun" in cut and "moon" not in cut
    assert 'src:url(../w/fa-solid-900.woff) format("woff")}' in cut and "ttf" not in cut
    assert icons.letters(cut) == {0xF185, 0xF071}


def test_a_cut_font_has_the_asked_letters_only(tmp_path):
    font = (Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf").read_bytes()
    cut = extension("icons").cut_font(font, {ord("a"), ord("β"), 0xE999})
    (tmp_path / "cut.woff").write_bytes(cut)
    assert set(TTFont(tmp_path / "cut.woff").getBestCmap()) == {ord("a"), ord("β")}
    assert cut[:4] == b"wOFF" and len(cut) < len(font) / 100


def test_every_entry_of_the_bibliography_can_be_followed():
    entries = parse_file(ROOT / "book" / "references.bib").entries
    without = [k for k, e in entries.items() if not {"doi", "eprint", "url"} & set(e.fields)]
    assert without == []
    cited = (ROOT / "book" / "bibliography.md").read_text()
    assert [k for k in entries if f"`{k}`" not in cited] == []
