"""Columns of several values: refused with a remedy, or read as their first value or as 0/1 fields."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from lfmp_core.data import PrepareSettings, own_table, prepare
from lfmp_core.data.cli import app
from lfmp_core.data.multi import LIST_SEPARATOR, joined
from lfmp_core.errors import DataError

TAGS = [["a", "b"], ["b"], [], None, ["c", "a", "a"], [None, "b"]] * 40
LABELS = [0, 1, 1, 0, 1, 0] * 20 + [1, 0, 0, 1, 0, 1] * 20
SETTINGS = PrepareSettings(split="in_order", threshold=1)


def _parquet(tmp_path, tags=TAGS):
    pq.write_table(pa.table({"tags": pa.array(tags), "y": LABELS}), tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def _text(tmp_path, separator):
    texts = ["" if tags is None else f" {separator} ".join(filter(None, tags)) for tags in TAGS]
    lines = [f'{y},"{text}"' for y, text in zip(LABELS, texts, strict=True)]
    (tmp_path / "t.csv").write_text("y,tags\n" + "\n".join(lines) + "\n")
    return tmp_path / "t.csv"


def _values(dataset) -> dict[str, list[str]]:
    """Each field's values of all rows, in file order."""
    words = {(w["field"], w["id"]): w["value"] for w in dataset.vocabulary().to_pylist()}
    ids = np.concatenate([dataset.split(s).ids for s in ("train", "val", "test")])
    names = dataset.schema.field_names
    return {name: [words[name, i] for i in ids[:, f].tolist()] for f, name in enumerate(names)}


def test_lists_are_refused_with_remedies_that_work(tmp_path):
    path = _parquet(tmp_path)
    arguments = ["prepare", "csv", "--file", path, "--label", "y", "--out", tmp_path / "o", "--quiet"]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 2 and len(result.output.strip().splitlines()) == 1
    assert "column tags: a column of list<" in result.output
    for option, value in (("--multi", "tags=flags"), ("--multi", "tags=first"), ("--drop", "tags")):
        assert f"{option} {value}" in result.output
    result = CliRunner().invoke(app, list(map(str, [*arguments, "--multi", "tags=flags"])))
    assert result.exit_code == 0 and "3 fields" in result.output, result.output


@pytest.mark.parametrize("kind", ["lists", "text", "tags in one column"])
def test_flags_and_first_by_hand(tmp_path, kind):
    path = _parquet(tmp_path) if kind == "lists" else _text(tmp_path, "|" if kind == "text" else ";")
    options = {"separator": ";"} if kind == "tags in one column" else {}
    source = own_table(path, "y", multi={"tags": "flags"}, **options)
    values = _values(prepare(source, tmp_path / "o", SETTINGS, progress=False, block_bytes=300))
    # b in three of six rows, a in two, c in one
    assert values == {
        "tags=b": ["1", "1", "0", "0", "0", "1"] * 40,
        "tags=a": ["1", "0", "0", "0", "1", "0"] * 40,
        "tags=c": ["0", "0", "0", "0", "1", "0"] * 40,
    }
    source = own_table(path, "y", multi={"tags": "flags:2"}, **options)
    assert list(_values(prepare(source, tmp_path / "o", SETTINGS, progress=False))) == ["tags=b", "tags=a"]
    source = own_table(path, "y", multi={"tags": "first"}, **options)
    first = ["a", "b", "", "", "c", "b"] * 40
    assert _values(prepare(source, tmp_path / "o", SETTINGS, progress=False)) == {"tags": first}


def test_lists_of_numbers_and_slices():
    lists = pa.array([[9], [1, None, 2], None, [], [3]]).slice(1)
    assert joined(lists).to_pylist() == [LIST_SEPARATOR.join("12"), None, "", "3"]
    assert joined(pa.array([["x", "y"]], pa.large_list(pa.string()))).to_pylist() == [f"x{LIST_SEPARATOR}y"]
    assert joined(pa.array([[1, 2]], pa.list_(pa.int64(), 2))).to_pylist() == [f"1{LIST_SEPARATOR}2"]


def test_values_are_whole_and_mean_nothing_else(tmp_path):
    """One value is not part of another, and characters of a pattern are only themselves."""
    texts = ["a.b|c", "axb|cc", "cc|a.b", "x"] * 60
    (tmp_path / "t.csv").write_text("y,tags\n" + "".join(f"{i // 4 % 2},{t}\n" for i, t in enumerate(texts)))
    source = own_table(tmp_path / "t.csv", "y", multi={"tags": "flags"})
    values = _values(prepare(source, tmp_path / "o", SETTINGS, progress=False))
    assert values["tags=a.b"] == ["1", "0", "1", "0"] * 60 and values["tags=c"] == ["1", "0", "0", "0"] * 60


def test_texts_of_several_values_are_noticed(tmp_path):
    genres = ["Action", "Comedy", "Drama", "War", "Crime"]
    rows = [f"{a}|{b}" for a in genres for b in genres if a != b] * 12
    (tmp_path / "t.csv").write_text("y,g\n" + "".join(f"{i % 2},{t}\n" for i, t in enumerate(rows)))
    notices = prepare(own_table(tmp_path / "t.csv", "y"), tmp_path / "o", progress=False).schema.notices
    assert any(n.field == "g" and "--multi" in n.remedy for n in notices)


@pytest.mark.parametrize("how", ["frist", "flags:0", "flags:x", ""])
def test_other_ways_are_refused(tmp_path, how):
    with pytest.raises(DataError, match="tags=first, tags=flags or tags=flags:50"):
        prepare(own_table(_parquet(tmp_path), "y", multi={"tags": how}), tmp_path / "o", progress=False)
    with pytest.raises(DataError, match="unknown column in multi 'tag'"):
        prepare(own_table(_parquet(tmp_path), "y", multi={"tag": "first"}), tmp_path / "o", progress=False)
