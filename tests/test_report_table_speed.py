"""Figures of compressed tables: ratios by hand, what is held against what, what is said without figures."""

import json

import pytest

from lfmp_book.evidence import rounds
from lfmp_book.speed import speed, table_speed
from lfmp_book.speed.table_speed import bits_table, entry_rows, shown, summary, tables, yardstick
from lfmp_core.errors import UnknownName

MADE = {
    "commit": "abc",
    "dirty": False,
    "hardware": {"cpu": "x", "cores": 2, "accelerator": ""},
    "packages": {},
    "started": "now",
    "threads": 1,
    "load": 0.5,
}


def one(name, measure, *rounds, **more):
    known = {"parameters": 10, "bytes": 2**20, "yardsticks": {}, "differences": {}, "reference": False}
    return {"name": name, measure: {"seconds": [list(r) for r in rounds]}, **known, **more}


def group(measure, *entries, batch=100):
    bench = {"sizes": 3, "ids": 7, "dim": 2, "sparsity": 0.8, "precision": "float32"}
    sizes = {"batch": batch, "lookups": 3 * batch, "distinct": 5.0, "checked_rows": 4}
    title = "Training" if measure == "train" else "Serving"
    return {"title": title, "measure": measure, **sizes, "bench": bench, "made": MADE, "entries": [*entries]}


@pytest.fixture
def results():
    """Each pair of rounds by hand: the second round is twice as slow for everybody."""
    train = group(
        "train",
        one("full", "train", [1.0], [2.0]),
        one("TT-Rec", "train", [2.0], [4.0], yardsticks={"before": ["slices"]}, differences={"slices": 2e-7}),
        one("slices", "train", [20.0], [48.0], reference=True),
    )
    serve = group(
        "serve",
        one("full", "serve", [1.0, 3.0, 9.0], [6.0]),
        one("CSR", "serve", [4.0], [6.0], yardsticks={"floor": ["bytes"], "peer": ["slow", "quick"]}),
        one("bytes", "serve", [2.0], [2.0], parameters=0, bytes=0),
        one("slow", "serve", [40.0], [60.0]),
        one("quick", "serve", [8.0], [18.0]),
    )
    return {"groups": {"train": train, "serve": serve}}


def test_ratios_are_taken_round_by_round(results):
    rows = entry_rows(results["groups"]["train"]).set_index("table")
    tt = rows.loc["TT-Rec"]
    assert (tt["× full"].value, tt["× full"].low, tt["× full"].high) == (0.5, 0.5, 0.5)
    assert (tt["× before"].value, tt["× before"].low, tt["× before"].high) == (11, 10, 12)
    assert rows.loc["full"]["× full"] is None and rows.loc["slices"]["× before"] is None
    csr = entry_rows(results["groups"]["serve"]).set_index("table").loc["CSR"]
    assert (csr["× full"].low, csr["× full"].high) == (0.75, 1)  # medians of rounds, 3/4 and 6/6
    assert (csr["× floor"].value, csr["× floor"].low) == (2.5, 2)
    assert (csr["× peer"].low, csr["× peer"].high) == (2, 3)  # the faster of two


def test_rates_and_sizes_by_hand(results):
    training, serving = str(tables(results)[1]), str(tables(results)[2])
    line = next(x for x in training.splitlines() if x.startswith("TT-Rec"))
    assert line.split()[1:4] == ["10", "3000.0", "33"]  # 100 rows in the median of 2 and 4 s
    line = next(x for x in serving.splitlines() if x.startswith("CSR"))
    assert line.split()[1] == "1.0" and f"{1e9 * 5 / 300:.1f}" in line
    assert "2e-07 of its largest entry" in training and "5 distinct ids" in training


def test_summary_tells_what_is_held_against_something(results):
    text = str(summary(results))
    assert "33 rows/s; before 3, × 11 [10, 12]; 0.5 [0.5, 0.5] of the plain table's" in text
    assert "2.5 [2, 3] times the floor's time; 2.5 [2, 3] times as fast as quick" in text
    assert "CSR" not in str(summary(results, ["TT-Rec"]))


def test_few_bits_stand_beside_the_plain_table(results):
    """Bytes over bytes; faster or slower only where every round says so."""
    assert "not measured yet; run: python -m benchmarks.tables" in str(bits_table(results))
    results["groups"]["bits"] = group(
        "serve",
        one("full", "serve", [4.0], [6.0], bytes=1000),
        one("int4, scale per field", "serve", [2.0], [4.0], bytes=130),
        one("int2, scale per row", "serve", [5.0], [3.0], bytes=200),
        one("int8, scale per row", "serve", [8.0], [8.0], bytes=400),
        one("gather of as many bytes, int4, scale per field", "serve", [1.0], [1.0], bytes=0),
    )
    lines = [line.split("  ") for line in str(bits_table(results)).splitlines()[3:-1]]
    found = {cells[0]: [cell.strip() for cell in cells[1:] if cell] for cells in lines}
    assert found == {
        "int4, scale per field": ["0.130", "1.75 [1.5, 2]", "faster"],
        "int2, scale per row": ["0.200", "1.4 [0.8, 2]", "can't be told"],
        "int8, scale per row": ["0.400", "0.625 [0.5, 0.75]", "slower"],
    }


def test_wrong_names_are_refused_with_the_nearest(results):
    with pytest.raises(UnknownName, match="did you mean 'TT-Rec'"):
        summary(results, ["TT-Rek"])
    with pytest.raises(UnknownName, match="did you mean 'floor'"):
        yardstick(results["groups"]["serve"], results["groups"]["serve"]["entries"][1], "flor")


def test_what_was_not_measured_is_left_out(results):
    serve = results["groups"]["serve"]
    serve["entries"] = [e for e in serve["entries"] if e["name"] not in ("quick", "slow", "full")]
    row = entry_rows(serve).set_index("table").loc["CSR"]
    assert row["× peer"] is None and row["× full"] is None and row["× floor"].value == 2.5
    assert "× peer" not in str(tables(results)[2]).splitlines()[1]
    serve["entries"] = [one("bytes", "serve", [2.0], parameters=0, bytes=0)]
    assert len(tables(results)) == 4


def test_ratios_keep_three_figures():
    assert shown(speed.Ratio(0.000812345, 0.0001, 1290.4)) == "0.000812 [0.0001, 1,290]"
    assert shown(speed.Ratio(99.97, 1.0, 2.344)) == "100 [1, 2.34]"


@pytest.mark.parametrize(("load", "told"), [(None, False), (1.4, False), (2.0, True)])
def test_a_busy_machine_is_told(results, load, told):
    results["groups"]["train"]["made"] = MADE | {"load": load}
    assert ("to be measured again" in str(tables(results)[1])) is told
    assert "to be measured again" not in str(tables(results)[2])


def test_without_figures_the_page_says_how_to_get_them(tmp_path, monkeypatch, results):
    monkeypatch.setattr(rounds, "folder", lambda: tmp_path)
    assert table_speed.COMMAND in str(table_speed.page(table_speed.figures()))
    (tmp_path / "tables.json").write_text(json.dumps(results))
    shown_page = table_speed.page(table_speed.figures())
    assert "TT-Rec" in str(shown_page) and "<table" in shown_page._repr_html_()


def test_committed_figures_make_the_page():
    found = table_speed.figures()
    text = str(table_speed.page(found))
    entries = [e["name"] for g in found["groups"].values() for e in g["entries"]]
    assert all(name in text for name in entries) and (entries or table_speed.COMMAND in text)
