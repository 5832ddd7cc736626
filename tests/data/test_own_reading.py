"""How one's own files are read: kinds and why, missing values, labels, times, line ends, delimiters."""

import csv
import json
import re

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from lfmp_core.data import PrepareSettings, own_table, prepare
from lfmp_core.data.canonical import MISSING, Canonical
from lfmp_core.data.cli import app
from lfmp_core.data.kinds import guess, names_an_id
from lfmp_core.data.notices import Notice, lines
from lfmp_core.data.sources import open_reader
from lfmp_core.errors import DataError

RNG = np.random.default_rng(0)


def canonical(*texts, **options):
    return Canonical(**options)(pa.array(texts, pa.string())).to_pylist()


def opened(path, text, **options):
    """Rows of the file: per column its texts, and the labels; read in blocks of a few bytes."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    reader = open_reader(own_table(path, "y", **options), PrepareSettings())
    columns, labels, times, lines_ = {}, [], [], []
    for piece in reader.pieces(7):
        block = reader.parse(piece)
        for name, coded in block.columns.items():
            columns.setdefault(name, []).extend(coded.unique.take(coded.codes).to_pylist())
        labels += block.labels.tolist()
        times += [] if block.time is None else block.time.tolist()
        lines_ += [block.line_of(row) for row in range(len(block.labels))]
    columns.pop("y")
    return columns, labels, times, lines_, reader


def test_one_value_has_one_text():
    assert canonical("1042.0", "1042", " 1042 ", "-3.", "-0.0") == ["1042", "1042", "1042", "-3", "0"]
    assert canonical("1e+05", "1.5e+01", "1e+17") == ["100000", "15", "100000000000000000"]
    assert canonical("True", "TRUE", "false") == ["true", "true", "false"]
    times = ("2024-01-02T00:00:00.000", "2024-01-02", "2024-01-02 03:04", "2024-01-02T03:04:05.120Z")
    assert canonical(*times)[:3] == ["2024-01-02", "2024-01-02", "2024-01-02 03:04:00"]
    assert canonical(times[3], "2024-01-02 05:04:05.12+02:00") == ["2024-01-02 03:04:05.12+00:00"] * 2
    assert canonical("a\r\nb", "a\rb") == ["a\nb", "a\nb"]
    as_they_are = ["007", "1.10", "1e5", "12e34", "0x1f", "+5", "1,5", "truest", "2024-1-2", "v1.0", "-"]
    assert canonical(*as_they_are) == as_they_are


def test_missing_markers_are_one_list(tmp_path):
    assert canonical("", " ", *MISSING) == [""] * (2 + len(MISSING))
    assert canonical("NA", "?", "", missing=("?",)) == ["NA", "", ""]
    # in categories, whole numbers and numbers alike: field, kind, its value and then all markers
    markers = ["", *MISSING, "?"]
    for value, kind in (("w", "categorical"), ("7", "integer"), ("0.5", "scalar")):
        table = "y,f\n" + "".join(f"{i % 2},{text}\n" for i, text in enumerate([value, value, *markers] * 4))
        (tmp_path / "t.csv").write_text(table)
        source = own_table(tmp_path / "t.csv", "y", kinds={"f": kind}, missing=(*MISSING, "?"))
        dataset = prepare(source, tmp_path / "o", PrepareSettings(threshold=1), progress=False)
        assert dataset.schema.fields[0].size == (2 if kind == "scalar" else 3)
        if kind != "categorical":
            with pytest.raises(DataError, match=r"'\?' is no .*--missing"):
                prepare(own_table(tmp_path / "t.csv", "y", kinds={"f": kind}), tmp_path / "p", progress=False)


@pytest.mark.parametrize(
    ("name", "values", "kind", "why"),
    [
        ("x", ["a", "1"], "categorical", "text"),
        ("x", [""], "categorical", "no value"),
        ("x", ["true", "false"], "categorical", "true and false"),
        ("x", range(50), "categorical", "at most 50"),
        ("x", ["", *range(50)], "categorical", "at most 50"),
        ("advertiserId", range(60), "categorical", "named like an id"),
        ("zip", range(60), "categorical", "named like an id"),
        ("Visitor", range(60), "categorical", "named like an id"),
        ("x", [f"{n:05d}" for n in range(60)], "categorical", "leading zeros"),
        ("x", RNG.integers(-(2**63), 2**63, 60), "categorical", "beyond 2^53"),
        ("x", RNG.integers(0, 2**64, 60, "u8"), "categorical", "beyond 2^53"),
        ("x", [f"{n / 7:.3f}" for n in range(60)], "scalar", "not all whole"),
        ("x", ["1e-05", "inf", "2", ".5"], "scalar", "not all whole"),
        ("x", ["0x10", "0x11"], "categorical", "text"),
    ],
)
def test_kinds_say_why(name, values, kind, why):
    found = guess(name, pa.array(list(map(str, values))), 1000)
    assert found.kind == kind and why in found.why and not found.remedy
    assert found.notice(name).level == "note"


@pytest.mark.parametrize(
    ("name", "values", "rows", "kind", "words"),
    [
        # ids in use again and again lie evenly; amounts lie thinner the larger they are
        ("thing", range(40, 2040), 100_000, "categorical", "spread evenly.*--kind thing=integer"),
        (
            "thing",
            np.unique(RNG.zipf(1.5, 40_000)),
            2_000,
            "categorical",
            "more than amounts.*--kind thing=integer",
        ),
        ("pence", np.arange(1500) ** 3, 100_000, "integer", "1,500 different.*--kind pence=categorical"),
        (
            "user_id",
            ["1.5", *range(99)],
            100,
            "scalar",
            r"named like an id.*1\.5.*--kind user_id=categorical",
        ),
        ("age", ["unknown", *range(99)], 100, "categorical", "but for 'unknown'.*--missing 'unknown'"),
        ("cost", [f"{n},5" for n in range(99)], 100, "categorical", "decimal commas"),
    ],
)
def test_doubtful_kinds_warn_with_what_overrides_them(name, values, rows, kind, words):
    found = guess(name, pa.array(list(map(str, values))), rows)
    assert found.kind == kind
    [line] = lines([found.notice(name)])
    assert line.startswith(f"warning: {name}: ") and re.search(words, line)


@pytest.mark.parametrize(
    ("name", "numeric", "told"),
    [  # floor(ln(59)^2) is 16: 0, 1, 2, then floor(ln(3)^2) = 1 to 16, of which all but 1 and 2 are new
        ("paid", "ln_squared", "60 different whole numbers, which fall into 17 bins"),
        ("paid", "log2", "60 different whole numbers, which fall into 7 bins"),  # 0, 1, 2, then 2 to 6
        ("paid", "scalar", "60 different whole numbers"),
        ("item_price", "ln_squared", "60 different whole numbers, which fall into 17 bins"),
    ],
)
def test_amounts_say_how_many_categories_they_become_and_how_to_keep_them_apart(name, numeric, told):
    found = guess(name, pa.array(list(map(str, range(60)))), 1000, numeric)
    assert str(found.notice(name)) == (
        f"note: {name}: read as integer: {told}. --kind {name}=categorical if they name things"
    )


def test_names_of_ids():
    ids = "id user_id userId UserID userid adIds zip_code ZIP postcode C1_hash barcode item User Product"
    assert all(map(names_an_id, ids.split()))
    others = "bid maxBid paid grid_size age idle hidden zipper decode video price_2 Width item_price "
    others += "per_user items pageViews"
    assert not any(map(names_an_id, others.split()))


def test_a_field_is_told_once_with_others_of_the_same(tmp_path):
    several = [Notice("note", f"f{i}", "text") for i in range(14)] + [Notice("warning", None, "few rows")]
    assert list(lines(several)) == [
        "warning: few rows",
        f"note: {', '.join(f'f{i}' for i in range(12))} and 2 more: text",
    ]
    assert list(lines([Notice("note", "a", letter) for letter in "xyz"], 2))[-1].startswith("note: 1 more")


@pytest.mark.parametrize(
    "pair",
    ["01", ("0.0", "1.0"), ("False", "True"), ("false", "true"), ("FALSE", "TRUE"), "ft", "FT", ("no", "yes"),
     ("No", "Yes"), "ny", "NY"],
)  # fmt: skip
def test_labels_in_every_usual_spelling(tmp_path, pair):
    assert opened(tmp_path / "t.csv", f"y,f\n{pair[0]},a\n{pair[1]},b\n{pair[0]},c\n")[1] == [0, 1, 0]


def test_labels_of_other_words_name_the_option_and_the_values(tmp_path):
    path, text = tmp_path / "t.csv", "y,f\n" + "-1,a\n1,b\n5.0,c\n"
    with pytest.raises(
        DataError, match=r"label '-1'.*--positive VALUE.*positive=.*Values here: '-1'"
    ) as caught:
        opened(path, text)
    assert (caught.value.line, caught.value.column) == (2, "y")
    assert opened(path, text, positive=["1"])[1] == [0, 1, 0]
    assert opened(path, text, positive=["1.0", "5"])[1] == [0, 1, 1]
    with pytest.raises(DataError, match=r"label ''\. Fill it in") as caught:
        opened(path, text + "NA,d\n", positive=["1"])
    assert caught.value.line == 5


TABLE = 'y,f,g\n0,a,"x\ny"\n1,b,z\n0,"c ""d""",\n'


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "mixed"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_marks_change_nothing(tmp_path, end, bom, last):
    parts = TABLE.removesuffix("\n").split("\n") + [""] * last
    ends = ["\r\n", "\r", "\n", "\r", "\r\n"] if end == "mixed" else [end] * 5
    text = "".join(part + e for part, e in zip(parts, ends, strict=False))
    text = text if last else text.rstrip("\r\n")
    columns, labels, _, numbers, reader = opened(tmp_path / "t.csv", bom + text.encode())
    assert columns == {"f": ["a", "b", 'c "d"'], "g": ["x\ny", "z", ""]}
    assert labels == [0, 1, 0] and numbers == [2, 4, 5]
    assert reader.provenance()["bytes"] == len(bom + text.encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_with_the_cure(tmp_path, encoding):
    with pytest.raises(DataError, match=r"UTF-16.*iconv -f UTF-16 -t UTF-8"):
        opened(tmp_path / "t.csv", TABLE.encode(encoding))


@pytest.mark.parametrize(("delimiter", "option"), [(";", ";"), ("\t", "tab"), ("|", "|"), ("\x01", "\x01")])
def test_delimiters(tmp_path, delimiter, option):
    path = tmp_path / "t.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(
            csv.reader(TABLE.splitlines(True))
        )
    text = path.read_text()
    columns, _, _, numbers, _ = opened(path, text, delimiter=option)
    assert columns == {"f": ["a", "b", 'c "d"'], "g": ["x\ny", "z", ""]} and numbers == [2, 4, 5]
    if delimiter != "\x01":
        with pytest.raises(DataError, match=r"holds no ',' but 2 of .*--delimiter"):
            opened(path, text)
    with pytest.raises(DataError, match="can't be a delimiter"):
        opened(path, text, delimiter="::")


def test_blanks_after_delimiters(tmp_path):
    text = 'y, f, g\n0, a, "x, ""y"""\n1,  b,z \n 0, "c, d", \n'
    columns, labels, *_ = opened(tmp_path / "t.csv", text)
    assert columns == {"f": ["a", "b", "c, d"], "g": ['x, "y"', "z", ""]} and labels == [0, 1, 0]


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_pandas_row_numbers_are_left_out_and_said(tmp_path, name):
    path = tmp_path / "t.csv"
    columns, *_, reader = opened(path, f"{name},y,f\n3,0,a\n0,1,b\n7,0,c\n")
    assert columns == {"f": ["a", "b", "c"]}
    assert any("row numbers" in str(notice) and "index=False" in str(notice) for notice in reader.notices)
    if name:  # no row numbers, or asked for: a field
        assert set(opened(path, f"{name},y,f\n3,0,a\n3,1,b\n")[0]) == {name, "f"}
        assert set(opened(path, f"{name},y,f\n3,0,a\n4,1,b\n", kinds={name: "integer"})[0]) == {name, "f"}
    else:
        with pytest.raises(DataError, match="a column has no name"):
            opened(path, f"{name},y,f\n3,0,a\n3,1,b\n")


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        (["1700000000", "1700000003.0", "1.700000001e+09"], [0, 3, 1]),
        (["2024-01-31", "2024-01-31T00:00:03", "2024-01-31 00:00:01.000"], [0, 3, 1]),
        (["2024-01-31 00:00:00Z", "2024-01-31 02:00:03+02:00", "2024-01-30 23:00:01-0100"], [0, 3, 1]),
    ],
)
def test_times(tmp_path, texts, seconds):
    table = "y,f,t\n" + "".join(f"{i % 2},a,{text}\n" for i, text in enumerate(texts))
    times = np.array(opened(tmp_path / "t.csv", table, time="t")[2])
    unit = 1 if texts[0].isdigit() else 10**6
    assert ((times - times[0]) // unit).tolist() == seconds


@pytest.mark.parametrize("bad", ["31.01.2024", "2024-13-01", "1.5", "1700000000", "", "NaT"])
def test_times_that_do_not_compare_are_refused(tmp_path, bad):
    table = "y,f,t\n0,a,2024-01-31\n1,b,2024-01-30\n" + "0,c,2024-01-31\n" * 3 + f"1,d,{bad}\n"
    with pytest.raises(DataError, match=r"no ISO date|no whole number|no time") as caught:
        opened(tmp_path / "t.csv", table, time="t")
    assert caught.value.column == "t" and caught.value.line in (2, 7)
    assert "2024-01-31 12:00:00" in caught.value.remedy


def test_command_line_of_own_tables(tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    words = [("buy" if i % 3 else "look", "?" if i % 5 else "NA") for i in range(900)]
    rows = "".join(f"{w};{i % 9}.0;{i % 7};{c};{i / 7:.3f}\n" for i, (w, c) in enumerate(words))
    (tmp_path / "t.csv").write_text("what;shop_id;shelf_id;code;price\n" + rows)
    own = [
        "prepare",
        "csv",
        "--file",
        tmp_path / "t.csv",
        "--label",
        "what",
        "--out",
        tmp_path / "o",
        "--quiet",
    ]
    result = run(*own, "--delimiter", ";", "--positive", "buy", "--missing", "?", "--not-missing", "NA")
    assert result.exit_code == 0, result.output
    assert "note: shop_id, shelf_id: read as categorical: named like an id" in result.output
    assert "note: price: read as scalar: numbers, not all whole" in result.output
    assert "named like an id" in run("describe", tmp_path / "o").output
    report = json.loads(run("describe", tmp_path / "o", "--json").stdout)
    assert {notice["field"] for notice in report["notices"]} == {"shop_id", "shelf_id", "code", "price"}
    assert report["fields"][2]["distinct"] == 2 and sum(report["positives"].values()) == 600
    for more, words in (
        ((), "--delimiter ';'"),
        (("--delimiter", ";"), "--positive VALUE"),
        (("--delimiter", ";", "--not-missing", "na"), "missing marker"),
    ):
        result = run(*own, "--replace", *more)
        assert result.exit_code == 2 and words in result.output and len(result.output.splitlines()) == 1
    result = run("prepare", "criteo", "--out", tmp_path / "x", "--positive", "1")
    assert "--positive goes with source csv" in result.output
