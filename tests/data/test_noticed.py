"""What preparing says of columns and splits that nothing can be learnt from, and what it refuses."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from lfmp_core.data import PlantedSettings, PrepareSettings, get_source, own_table, prepare, write_planted
from lfmp_core.data.cli import app
from lfmp_core.errors import DataError

ROWS = 2000


def _prepared(tmp_path, columns, settings=None, **options):
    names = [*columns, "y"]
    labels = [f"{i % 2}" for i in range(len(next(iter(columns.values()))))]
    lines = [",".join(names), *(",".join(row) for row in zip(*columns.values(), labels, strict=True))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    source = own_table(tmp_path / "t.csv", "y", **options)
    return prepare(source, tmp_path / "o", settings, progress=False, threads=2, block_bytes=5000)


def _warned(dataset) -> dict[str | None, str]:
    """Text of the warnings by field; no field is warned of twice."""
    warnings = [n for n in dataset.schema.notices if n.level == "warning"]
    fields = [n.field for n in warnings if n.field]
    assert len(fields) == len(set(fields)) and all(n.remedy for n in warnings)
    return {n.field: n.text for n in warnings}


def test_columns_that_tell_nothing_are_named(tmp_path):
    rng = np.random.default_rng(0)
    draw = rng.permutation(ROWS)
    columns = {
        "good": [f"v{v}" for v in rng.integers(0, 9, ROWS)],
        "count": [str(v) for v in rng.integers(0, 300, ROWS)],
        "same": ["x"] * ROWS,
        "empty": [""] * ROWS,
        "same_number": ["0.1"] * ROWS,
        "from_0": [str(i) for i in range(ROWS)],
        "from_1_shuffled": [str(v + 1) for v in draw],
        "almost_rows": [str(v + 1) for v in [*draw[:-1], ROWS + 5]],
        "session": [f"s{v}" for v in draw],
        "day": [f"2024-0{1 + i % 9}-{10 + i % 19} 10:{10 + i % 50}:00" for i in range(ROWS)],
        "seen_at": [str(v) for v in rng.integers(0, 900, ROWS)],
        "epoch": [str(1_700_000_000 + v) for v in rng.integers(0, 900, ROWS)],
        "price": [f"{v:.3f}" for v in rng.random(ROWS)],
    }
    kinds = {"almost_rows": "categorical", "from_0": "integer", "from_1_shuffled": "categorical"}
    kinds |= {"same_number": "scalar", "empty": "categorical", "price": "scalar", "count": "integer"}
    warned = _warned(_prepared(tmp_path, columns, kinds=kinds))
    expected = {
        "same": "same value in every row",
        "empty": "same value in every row",
        "same_number": "same value in every row",
        "from_0": "numbers the rows",
        "from_1_shuffled": "numbers the rows",
        "almost_rows": "no value is seen 2 times",
        "session": "no value is seen 2 times",
        "day": "looks like a time",
        "seen_at": "looks like a time",
        "epoch": "looks like a time",
    }
    assert warned.keys() == expected.keys()
    assert [name for name, words in expected.items() if words not in warned[name]] == []


def test_unseen_values_are_counted(tmp_path):
    """Values of training that the last rows don't have; and values that occur once, where all rows count."""
    old, new = [f"a{i % 20}" for i in range(1600)], [f"b{i % 20}" for i in range(400)]
    columns = {
        "version": [*old, *new],
        "once": [f"s{i}" for i in range(ROWS)],
        "fine": ["p", "q", "q", "r"] * 500,
    }
    settings = PrepareSettings(split="in_order", threshold=1)
    warned = _warned(_prepared(tmp_path, columns, settings))
    assert warned["version"].startswith("100 % of the val and test rows")
    assert "100 %" in warned["once"] and "fine" not in warned
    settings = PrepareSettings(threshold=1, vocabulary_rows="all")
    assert (
        "nearly every value occurs once (2,000 in 2,000 rows)"
        in _warned(_prepared(tmp_path, {"once": columns["once"], "fine": columns["fine"]}, settings))["once"]
    )


def test_constant_in_training_alone(tmp_path):
    columns = {"new": ["a"] * 1600 + ["b", "c"] * 200, "fine": ["p", "q", "q", "r"] * 500}
    warned = _warned(_prepared(tmp_path, columns, PrepareSettings(split="in_order")))
    assert warned == {"new": "it has the same value in every training row"}


def test_notices_change_no_fingerprint_and_spare_published_sets(tmp_path):
    text = write_planted(tmp_path / "text", PlantedSettings(rows=1500, scale=0.001), progress=False)
    source = get_source("planted").at(text)
    schema = prepare(source, tmp_path / "o", progress=False).schema
    assert [notice.field for notice in schema.notices] in ([], [None], [None, None])


def _clicks(tmp_path, clicks, rows, **settings):
    """A table whose rows numbered in `clicks` are clicks."""
    lines = [f"{int(i in clicks)},v{i % 7}" for i in range(rows)]
    (tmp_path / "t.csv").write_text("y,f\n" + "\n".join(lines) + "\n")
    chosen = PrepareSettings(**settings)
    return prepare(own_table(tmp_path / "t.csv", "y"), tmp_path / "o", chosen, progress=False)


def test_a_split_of_one_class_is_refused_with_what_helps(tmp_path):
    with pytest.raises(
        DataError, match=r"split (val|test) has no click among its 120 rows \(3 in all\)"
    ) as caught:
        _clicks(tmp_path, {5, 400, 900}, 1201)
    assert "--shares" in caught.value.remedy and not (tmp_path / "o").exists()
    late = range(1000, 1200)
    with pytest.raises(DataError, match="split train has no click among its 960 rows") as caught:
        _clicks(tmp_path, late, 1200, split="in_order")
    assert "--split random" in caught.value.remedy
    with pytest.raises(DataError, match="split test has no non-click among its 120 rows"):
        _clicks(tmp_path, {*range(0, 1000, 2), *range(1000, 1200)}, 1200, split="in_order")
    # a split that is not asked for needs none
    assert _clicks(tmp_path, {5, 700}, 1000, split="in_order", shares=(1, 1, 0)).schema.rows["test"] == 0


@pytest.mark.parametrize(("each", "warned"), [(29, True), (30, False)])
def test_few_clicks_are_said(tmp_path, each, warned):
    clicks = {*range(0, 480, 2), *range(800, 800 + each), *range(900, 930)}
    notices = _clicks(tmp_path, clicks, 1000, split="in_order").schema.notices
    texts = [notice.text for notice in notices if notice.level == "warning" and notice.field is None]
    assert len(texts) == warned and all("val has 29 clicks among 100 rows" in text for text in texts)


def test_chronological_needs_times(tmp_path):
    with pytest.raises(DataError, match=r"needs times.*--time COLUMN.*--split in_order"):
        _clicks(tmp_path, {1, 3}, 1000, split="chronological")
    folder = tmp_path / "ml-1m"
    folder.mkdir()
    users = pa.table({"user_id": ["1"], "gender": ["F"], "age": ["1"], "occupation": ["1"], "zip": ["1"]})
    pq.write_table(
        pa.table({"user_id": ["1"] * 90, "movie_id": ["7"] * 90, "rating": [1, 5] * 45}),
        folder / "ratings.parquet",
    )
    pq.write_table(users, folder / "users.parquet")
    pq.write_table(
        pa.table({"movie_id": ["7"], "title": ["A"], "genres": ["War"]}), folder / "movies.parquet"
    )
    source = get_source("ml-1m").at(folder)
    assert prepare(source, tmp_path / "o", progress=False).schema.num_fields == 7
    with pytest.raises(DataError, match="This set has no times here"):
        prepare(source, tmp_path / "p", PrepareSettings(split="chronological"), progress=False)


def test_the_command_says_what_was_noticed(tmp_path):
    rows = "".join(f"{i % 2},same,{i},{i % 4}\n" for i in range(1000))
    (tmp_path / "t.csv").write_text("y,constant,row,good\n" + rows)
    arguments = [
        "prepare",
        "csv",
        "--file",
        tmp_path / "t.csv",
        "--label",
        "y",
        "--out",
        tmp_path / "o",
        "--quiet",
    ]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert "warning: constant: it has the same value in every row. Leave it out (--drop)" in result.output
    assert "warning: row: it numbers the rows" in result.output
