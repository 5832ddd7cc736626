"""Tables: the same bytes for the same input, escaped, right-aligned, best marked; the plain form too."""

import math

import pandas as pd
import pytest

from lfmp_book.show.html import Spread, table, verdict
from lfmp_core.errors import UnknownName


def frame():
    return pd.DataFrame(
        {
            "backbone": ["A&B", "A&B", "C"],
            "AUC": [0.75, 0.74996, math.nan],
            "fields": [39, 20, 1000],
            "claim": [verdict("holds"), verdict("does not hold"), None],
        }
    )


def test_same_input_same_bytes_and_no_ids():
    first, second = table(frame(), caption="c")._repr_html_(), table(frame(), caption="c")._repr_html_()
    assert first == second
    assert " id=" not in first and "style" not in first


def test_cells():
    html = table(frame(), highlight={"AUC": "max"}, caption="<i>", note="n > 2")._repr_html_()
    assert "<td>A&amp;B</td>" in html and "&lt;i&gt;" in html and "n &gt; 2" in html
    # 0.74996 shows as 0.7500: what looks the same is bold together
    assert html.count('<td class="num best">0.7500</td>') == 2
    assert '<td class="num">–</td>' in html and '<td class="num">1,000</td>' in html
    assert '<span class="verdict verdict-fails">does not hold</span>' in html
    assert '<th scope="col" class="num">AUC</th>' in html and '<th scope="col">backbone</th>' in html


def test_best_within_groups():
    rows = pd.DataFrame({"b": ["x", "x", "y", "y"], "s": [2.0, 1.0, 9.0, 8.0]})
    html = table(rows, highlight={"s": "min"}, group="b", formats={"s": ".0f"})._repr_html_()
    assert '<td class="num best">1</td>' in html and '<td class="num best">8</td>' in html
    assert html.count("best") == 2 and html.count("group-start") == 1


def test_two_levels_of_heading():
    columns = pd.MultiIndex.from_tuples([("", "backbone"), ("paper", "AUC"), ("paper", "TT"), ("run", "AUC")])
    shown = table(pd.DataFrame([["dnn", 0.7, 2.0, 0.6]], columns=columns))
    html = shown._repr_html_()
    assert '<th scope="colgroup" class="over" colspan="2">paper</th>' in html
    assert '<th scope="col" class="over">run</th>' in html
    assert repr(shown).splitlines()[0].split() == ["backbone", "paper", "AUC", "paper", "TT", "run", "AUC"]


def test_without_rows_only_the_caption_is_shown():
    """A header over nothing would be as narrow as its one word, and offer an empty CSV."""
    caption, note = '<p class="lfmp-caption">nothing yet</p>', '<p class="lfmp-note">N</p>'
    html = table(frame()[:0], caption="nothing yet", note="N")._repr_html_()
    assert html == f'<div class="lfmp-table">\n{caption}\n{note}\n</div>'
    assert "<th" in table(frame()[:0])._repr_html_()


def test_plain_text():
    rows = pd.DataFrame({"m": ["a", "bb"], "v": [1.5, 10.25]})
    assert repr(table(rows, formats={"v": ".2f"}, caption="T", note="N")) == (
        "T\nm       v\n--  -----\na    1.50\nbb  10.25\nN"
    )


def test_spread_by_hand():
    three = Spread.of([1.0, 2.0, 3.0], digits=2)
    assert repr(three) == "2.00 ± 1.00" and three.count == 3
    assert repr(Spread.of([0.5])) == "0.5000" and repr(Spread.of([])) == "–"
    rows = pd.DataFrame({"v": [Spread(0.2, 0.1), Spread(0.3, 0.1)]})
    html = table(rows, highlight={"v": "max"})._repr_html_()
    assert '<td class="num best">0.3000<span class="spread"> ± 0.1000</span></td>' in html


def test_refusals_name_the_nearest():
    with pytest.raises(UnknownName, match="unknown column 'AUCC'; did you mean 'AUC'"):
        table(frame(), highlight={"AUCC": "max"})
    with pytest.raises(UnknownName, match="unknown verdict"):
        verdict("perhaps")


def test_only_sentences_may_break():
    rows = pd.DataFrame(
        {"arm": ["one pass"], "claim": ["a sentence of more than forty characters in all"], "x": [1.0]}
    )
    html = table(rows)._repr_html_()
    assert "<td>one pass</td>" in html
    assert '<td class="text">a sentence' in html
    assert '<td class="num">1.0000</td>' in html and "lfmp-dense" not in html
    assert "lfmp-dense" in table(pd.DataFrame({str(i): [i] for i in range(8)}))._repr_html_()
