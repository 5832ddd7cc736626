"""Splits that are files of their own: vocabulary and rules from training rows, the same columns in each."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from lfmp_core.data import Dataset, PrepareSettings, own_table, prepare, prepare_cached
from lfmp_core.data.cli import app
from lfmp_core.errors import DataError


def _frame(rows, seed, first=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "city": [f"c{v}" for v in rng.integers(first, first + 9, rows)],
            "count": rng.integers(0, 300, rows),
            "price": rng.random(rows).round(4),
            "y": np.arange(rows) % 2,
        }
    )


@pytest.fixture
def files(tmp_path):
    """CSV, CSV with another order of columns, Parquet. Cities c9 and up of val are new."""
    train, val, test = _frame(400, 0), _frame(100, 1, first=5), _frame(90, 2)
    train.to_csv(tmp_path / "a.csv", index=False)
    val[["y", "price", "city", "count"]].to_csv(tmp_path / "b.csv", index=False)
    test.to_parquet(tmp_path / "c.parquet", index=False)
    return {"train": tmp_path / "a.csv", "val": tmp_path / "b.csv", "test": tmp_path / "c.parquet"}


def _source(files, **options):
    return own_table(files["train"], "y", val=files["val"], test=files["test"], **options)


def test_rows_stay_in_their_files_and_train_alone_makes_the_rules(files, tmp_path):
    dataset = prepare(_source(files), tmp_path / "o", progress=False, block_bytes=900)
    schema = dataset.schema
    assert schema.rows == {"train": 400, "val": 100, "test": 90} and schema.settings.split == "given"
    for split in schema.rows:
        assert dataset.split(split).labels.tolist() == [i % 2 for i in range(schema.rows[split])]
    words = {w["id"]: w["value"] for w in dataset.vocabulary().to_pylist() if w["field"] == "city"}
    assert sorted(words.values()) == [f"c{i}" for i in range(9)]
    column = schema.field_names.index("city")
    seen = [words.get(i, "new") for i in dataset.split("val").ids[:, column].tolist()]
    city = pd.read_csv(files["val"])["city"]
    assert seen == ["new" if int(c[1:]) > 8 else c for c in city] and "new" in seen
    # the same training rows by themselves give the same vocabulary and scaling
    alone = prepare(
        own_table(files["train"], "y"),
        tmp_path / "alone",
        PrepareSettings(split="in_order", shares=(1, 0, 0)),
        progress=False,
    )
    assert alone.schema.fields == schema.fields
    np.testing.assert_array_equal(alone.split("train").ids, dataset.split("train").ids)
    assert schema.source["file"] == "a.csv" and schema.source["test"]["file"] == "c.parquet"


def test_columns_that_differ_are_named(files, tmp_path):
    frame = pd.read_csv(files["val"])
    frame.drop(columns="city").assign(extra=1).to_csv(files["val"], index=False)
    with pytest.raises(
        DataError, match=r"b\.csv.*than in a\.csv: it lacks 'city' and has 'extra' besides"
    ) as caught:
        prepare(_source(files), tmp_path / "o", progress=False)
    assert caught.value.file == files["val"] and not (tmp_path / "o").exists()
    frame.drop(columns="city").to_csv(files["val"], index=False)
    dataset = prepare(_source(files, drop=["city"]), tmp_path / "o", progress=False)
    assert dataset.schema.field_names == ("count", "price")


def test_a_bad_line_is_named_with_its_file(files, tmp_path):
    files["val"].write_text(files["val"].read_text() + "7,0.5,c1,3\n")
    with pytest.raises(DataError, match="label '7'") as caught:
        prepare(_source(files), tmp_path / "o", progress=False)
    assert (caught.value.file, caught.value.line) == (files["val"], 102)
    _frame(90, 2).assign(y=0).to_parquet(files["test"])
    files["val"].write_text("y,price,city,count\n1,0.5,c1,3\n0,0.5,c1,3\n")
    with pytest.raises(DataError, match=r"split test has no click.*Give a longer file for test"):
        prepare(_source(files), tmp_path / "o", progress=False)


def test_the_cache_sees_every_file(files, tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    first = prepare_cached(_source(files), progress=False)
    _frame(80, 7).to_parquet(files["test"], index=False)
    again = prepare_cached(_source(files), progress=False)
    assert first.folder == again.folder and again.schema.rows["test"] == 80


def test_the_command_takes_three_files(files, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(
            app, [str(a) for a in ("prepare", "csv", "--label", "y", "--quiet", *arguments)]
        )

    out = tmp_path / "o"
    three = [part for split, path in files.items() for part in (f"--{split}", path)]
    result = run(*three, "--out", out)
    assert result.exit_code == 0, result.output
    assert "train 400, val 100, test 90" in result.output and Dataset.load(out).schema.rows["val"] == 100
    for arguments, words in (
        (three[:4], "--test is missing"),
        (three[2:], "--train is missing"),
        ([*three, "--file", files["train"]], "--file goes without"),
        ([*three, "--split", "chronological"], "split already"),
        ([*three[:4], "--test", files["train"]], "the same rows for train and test"),
        (["--file", files["train"], "--split", "given"], "need a file each"),
    ):
        result = run(*arguments, "--out", tmp_path / "p")
        assert result.exit_code == 2 and words in result.output, result.output
        assert len(result.output.strip().splitlines()) == 1 and not (tmp_path / "p").exists()
