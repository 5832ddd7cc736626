"""What the book's build adds to Sphinx: pages whole without a network, light, with a head of their own."""

import csv
import importlib.util
import io
import json
import pickle
import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.core import publish_doctree
from docutils.utils import new_document
from fontTools.ttLib import TTFont
from matplotlib import get_data_path
from pybtex.database import parse_file
from sphinx import addnodes

from lfmp_book.show.html import Spread, Stack, table

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


def test_scripts_of_knobs_are_loaded_where_they_are_needed():
    heads = extension("heads")
    names = ("tables.js", "touch.js", "knob-gate.js", "knob-equation.js", "knob-bytes.js")
    files = [File(name) for name in names]

    def loaded(body):
        return [f.filename for f in heads.untouched(files, heads.knobs(body))]

    assert loaded("<p>none</p>") == ["tables.js"]
    assert loaded('<div class="lfmp-touch" data-knob="bytes">') == ["tables.js", "touch.js", "knob-bytes.js"]
    assert loaded('<div class="lfmp-touch" data-knob="equation">') == [*names[:4]]
    static = {p.stem.removeprefix("knob-") for p in (ROOT / "_static").glob("knob-*.js")}
    for kind in static:  # each is loaded by its name, with what it needs
        assert kind in heads.knobs(f'class="lfmp-touch" data-knob="{kind}"') <= static


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


TABLE = """<div class="lfmp-table">
<p class="lfmp-caption">What &amp; how much</p>
<div class="lfmp-scroll" tabindex="0"><table class="lfmp">
<thead>
<tr><th scope="colgroup" colspan="2"></th><th scope="colgroup" class="over" colspan="2">paper</th></tr>
<tr><th scope="col">t</th><th scope="col">method</th><th scope="col" class="num">AUC</th>
<th scope="col" class="num">ids</th></tr>
</thead><tbody>
<tr><td>50%</td><td>QR</td><td class="num best">0.75<span class="spread"> ± 0.01</span></td>
<td class="num">1,234</td></tr>
<tr><td>50%</td><td>own, "as is"<br>twice</td><td class="num">–</td><td class="num">−5</td></tr>
</tbody></table></div>
<p class="lfmp-note">A note.</p>
</div>"""


def test_a_column_is_taken_apart_only_when_all_of_it_is_measured():
    columns = extension("tables").columns
    assert columns("AUC", ["0.75 ± 0.01", "–", "1,234.5"]) == {
        "AUC": ["0.75", "", "1234.5"],
        "AUC ±": ["0.01", "", ""],
    }
    assert columns("d", ["-0.01 [-0.02, +0.01] tied", "−3e-05"]) == {
        "d": ["-0.01", "-3e-05"],
        "d low": ["-0.02", ""],
        "d high": ["+0.01", ""],
        "d remark": ["tied", ""],
    }
    for whole in (
        ["56%", "1"],
        ["0.75", "own"],
        ["2 to 3"],
        ["2026-11-22"],
        ["§4.4"],
        ["1 (best 2)"],
        ["–", ""],
    ):
        assert columns("x", whole) == {"x": ["" if c == "–" else c for c in whole]}, whole


def dressed():
    tables = extension("tables")
    soup = BeautifulSoup(TABLE, "html.parser")
    text = tables.dress(soup.div, soup, 3, "../../tables/page/page-03.csv", "page-03.csv")
    return soup.div, text


def test_a_table_is_written_as_csv():
    assert dressed()[1] == (
        't,method,paper AUC,paper AUC ±,paper ids\n50%,QR,0.75,0.01,1234\n50%,"own, ""as is""; twice",,,-5\n'
    )


def test_a_table_gets_its_caption_its_name_column_and_its_file():
    box, _ = dressed()
    assert box.table.find(recursive=False).name == "caption" and box.caption.get_text() == "What & how much"
    assert box.find("p", class_="lfmp-caption") is None
    assert box["id"] == "lfmp-table-3" and box.find(class_="lfmp-scroll")["aria-label"] == "What & how much"
    assert box.table["class"] == ["lfmp", "lfmp-name-2"]  # two methods, one t
    assert box.find("a", class_="lfmp-csv")["href"] == "../../tables/page/page-03.csv"
    empty = box.thead.find(["td", "th"])
    assert empty.name == "td" and empty["colspan"] == "2" and "scope" not in empty.attrs
    assert box.find("br") is not None and '0.75<span class="spread">' in str(box)


def test_sentences_are_no_names():
    tables = extension("tables")
    long = TABLE.replace("QR", "a sentence that goes on for more than forty letters")
    table = BeautifulSoup(long, "html.parser").table
    assert tables.name_column(table, tables.grid(table)[1]) == 0


def test_a_column_of_long_texts_is_wide():
    tables = extension("tables")
    soup = BeautifulSoup(TABLE.replace("QR", "a word " * 60), "html.parser")
    tables.dress(soup.div, soup, 1, "x.csv", "x.csv")
    assert [
        ["long" in td.get("class", []) for td in tr.find_all("td")] for tr in soup.select("tbody tr")
    ] == [[False, True, False, False]] * 2


def test_a_caption_without_rows_stays_as_it_is_and_has_no_file(tmp_path):
    tables = extension("tables")
    alone = '<div class="lfmp-table">\n<p class="lfmp-caption">none yet</p>\n</div>'
    raw, doctree = nodes.raw("", alone + TABLE, format="html"), new_document("page")
    doctree += raw
    (tmp_path / "page.md").write_text("")
    env = SimpleNamespace(doc2path=lambda _: tmp_path / "page.md")
    builder = SimpleNamespace(format="html")
    app = SimpleNamespace(builder=builder, outdir=tmp_path / "out", srcdir=tmp_path, env=env)
    tables._rewrite(app, doctree, "page")
    assert [path.name for path in (tmp_path / "out/tables/page").iterdir()] == ["page-01.csv"]
    assert '<p class="lfmp-caption">none yet</p>' in raw.astext()
    assert raw.astext().count("lfmp-table-1") == 1 and "lfmp-table-2" not in raw.astext()


def test_a_mean_leads_to_the_records_that_it_is_of():
    tables = extension("tables")
    soup = BeautifulSoup(TABLE, "html.parser")
    tables.mark_runs(soup.div, [[0, 2, "a", "b", "mine"], [1, 3, "mine"]], {"a": 0, "b": 4})
    cells = [[td.get("data-runs") for td in tr.find_all("td")] for tr in soup.select("tbody tr")]
    assert cells == [[None, None, "0 4", None], [None] * 4]


def test_a_notebook_keeps_the_records_of_its_cells_beside_its_outputs(tmp_path):
    """What a table says of its cells comes back by the HTML that it shows itself as."""
    runs = pd.DataFrame({"id": ["a", "b"], "x": [1.0, 2.0]})
    one = table(pd.DataFrame({"m": ["k"], "v": [Spread.over(runs, "x")]}))
    shown = Stack((table(pd.DataFrame({"q": [1]})), one))
    nothing, beside = shown._repr_mimebundle_()
    assert nothing == {} and table(pd.DataFrame({"q": [1]}))._repr_mimebundle_() == ({}, {})
    output = {"data": {"text/html": shown._repr_html_()}, "metadata": beside}
    path = tmp_path / "page.ipynb"
    path.write_text(json.dumps({"cells": [{"outputs": [output]}, {}]}))
    found = extension("tables").outputs_runs(path)
    assert found == {shown._repr_html_().strip(): [[], [[0, 1, "a", "b"]]]}


def test_records_are_written_as_a_table_without_their_histories():
    tables = extension("tables")
    paths = sorted((ROOT / "book" / "records" / "criteo").glob("*.json"))[:3]
    rows = list(csv.DictReader(io.StringIO(tables.records_csv(paths))))
    assert [row["id"] for row in rows] == [path.stem for path in paths]
    assert {"spec.seed", "certificate.commit", "metrics.val_auc"} <= set(rows[0])
    assert not any("history" in name for name in rows[0])
    told = tables.certificate(json.loads(paths[0].read_text()))
    assert told["id"] == paths[0].stem and told["command"] and len(told["commit"]) == 12


def test_the_first_use_of_a_word_leads_to_what_it_means():
    terms = extension("terms")
    link = "[{0}|{1}]".format
    html = (
        '<div class="lfmp-answer"><p>Over 6 blocks <strong>Light-FMP, as printed</strong> takes TT-Rec, not '
        '2 blocks, as printed.</p></div><td>PT</td><p class="lfmp-note">PT: of each arm; PT.</p>'
    )
    seen = {"IT"}
    assert terms.linked(html, seen, link) == html.replace("6 blocks", "6 [block|blocks]").replace(
        "FMP, as printed", "FMP, [as printed|as printed]"
    ).replace("PT: of each arm;", "[PT|PT]: of each [arm|arm];")
    assert seen == {"IT", "block", "as printed", "PT", "arm"}
    assert terms.first_use("IT of it", seen) is None
    words = (ROOT / "book" / "how-to-read.md").read_text().split("## Words of the tables")[1]
    assert set(terms.USES) <= set(words.splitlines())


def test_the_contents_are_parts_with_their_chapters():
    """A page below a chapter makes that chapter the current one; what stands below is not listed."""
    tree = addnodes.toctree(caption="Part", entries=[(None, "a"), (None, "b")])
    document = publish_doctree("")
    document += tree
    titles = {name: nodes.title("", f"Title {name}") for name in ("a", "b", "b/x")}
    env = SimpleNamespace(
        master_doctree=document, titles=titles, toctree_includes={"front": ["a", "b"], "b": ["b/x"]}
    )
    contents = extension("contents")
    [part] = contents.parts(env, "b/x")
    assert part["caption"] == "Part"
    assert [(c["page"], c["title"], c["current"]) for c in part["chapters"]] == [
        ("a", "Title a", False),
        ("b", "Title b", True),
    ]
    assert not any(c["current"] for c in contents.parts(env, "search")[0]["chapters"])


def test_a_page_is_kept_without_what_it_was_parsed_with():
    page, block = publish_doctree("Prose."), publish_doctree("Parsed *apart*.")
    block.settings.build = "the whole build " * 1000
    block[0][1].document = block  # as directives set it
    page += block.children
    assert len(pickle.dumps(page)) > 10_000
    extension("lean").own(page)
    assert len(pickle.dumps(page)) < 5_000 and "apart" in page.astext()
