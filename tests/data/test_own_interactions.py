"""One's own users and items: any type, numbered and named; CSV and Parquet alike; what is wrong is said."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lfmp_core.data import (
    InteractionData,
    InteractionSettings,
    PrepareSettings,
    load_prepared,
    own_interactions,
    own_table,
    prepare,
    prepare_interactions,
)
from lfmp_core.data.cli import app
from lfmp_core.data.interactions.pairs import Interactions
from lfmp_core.data.interactions.shown import describe_interactions
from lfmp_core.errors import DataError

TRAIN_ALONE = InteractionSettings(split="random", shares=(1, 0, 0))


def named_pairs(data, split):
    """Pairs by what their users and items are called in the file."""
    words = {side: {} for side in (data.schema.user, data.schema.item)}
    for word in data.vocabulary().to_pylist():
        words[word["field"]][word["id"]] = word["value"]
    part = data.splits[split]
    users, items = words.values()
    return {(users[u], items[i]) for u, i in zip(part.users().tolist(), part.items.tolist(), strict=True)}


def frame(rows=300, seed=0):
    """Users as texts, items as whole numbers with gaps, stamps that repeat."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "who": [f"ü{v:02d}" for v in rng.integers(0, 20, rows)],
            "price": rng.random(rows),
            "what": rng.integers(0, 40, rows) * 1000,
            "when": pd.Timestamp("2024-01-31") + pd.to_timedelta(rng.integers(0, 90, rows), unit="h"),
        }
    )


def test_by_hand(tmp_path):
    """Users b (3 rows), a and c; items by rows too, ties by value. 7 and 7.0 are one item, 07 is another."""
    (tmp_path / "t.csv").write_text("u,i\nb,7\nb,7.0\na,7\nb,07\nc,x\na,\n,x\n")
    data = prepare_interactions(own_interactions(tmp_path / "t.csv", "u", "i"), tmp_path / "o", TRAIN_ALONE)
    assert data.vocabulary().to_pylist() == [
        {"field": "u", "value": "b", "count": 3, "id": 0},
        {"field": "u", "value": "a", "count": 1, "id": 1},
        {"field": "u", "value": "c", "count": 1, "id": 2},
        {"field": "i", "value": "7", "count": 3, "id": 0},
        {"field": "i", "value": "07", "count": 1, "id": 1},
        {"field": "i", "value": "x", "count": 1, "id": 2},
    ]
    part = data.splits["train"]
    assert part.users().tolist() == [0, 0, 1, 2] and part.items.tolist() == [0, 1, 0, 2]
    assert [str(n) for n in data.schema.notices] == [
        "warning: u: 1 of 7 rows name none: left out",
        "warning: i: 1 of 7 rows name none: left out",
        "note: 1 row repeats a pair: each pair counts once",
    ]
    assert data.schema.source["file"] == "t.csv" and data.name == "t"


@pytest.mark.parametrize("split", ["random", "chronological", "last_out"])
def test_csv_and_parquet_are_the_same_data(tmp_path, split):
    table = frame()
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    table.astype({"what": "category", "who": "category"}).to_parquet(tmp_path / "t.parquet")
    made = [
        prepare_interactions(
            own_interactions(tmp_path / f"t.{end}", "who", "what", time="when"),
            tmp_path / end,
            InteractionSettings(split=split),
        )
        for end in ("csv", "tsv", "parquet")
    ]
    assert len({data.fingerprint for data in made}) == 1
    assert made[0].vocabulary().equals(made[2].vocabulary())
    parts = [named_pairs(made[0], s) for s in ("train", "val", "test")]
    assert set.union(*parts) == set(zip(table["who"], table["what"].astype(str), strict=True))
    assert sum(map(len, parts)) == len(set.union(*parts))
    if split == "last_out":
        first = table.groupby(["who", "what"])["when"].min()
        for who, what in parts[2]:
            assert first[who, int(what)] == first[who].max()


def test_times_that_decide_nothing_are_said(tmp_path):
    """A random split is what it is without them, and so are files of one's own splits."""
    frame().to_csv(tmp_path / "t.csv", index=False)
    frame(rows=50, seed=1).to_csv(tmp_path / "later.csv", index=False)

    def made(time, split="random", **files):
        source = own_interactions(tmp_path / "t.csv", "who", "what", time=time, **files)
        return prepare_interactions(source, tmp_path / "o", InteractionSettings(split=split))

    def said(data):
        words = re.compile("the split is random|not read")
        return [notice.field for notice in data.schema.notices if words.search(notice.text)]

    assert made("when").fingerprint == made(None).fingerprint
    assert said(made("when")) == [None] and said(made(None)) == said(made("when", "last_out")) == []
    assert said(made("when", test=tmp_path / "later.csv")) == ["when"]


@given(st.permutations(range(60)))
@settings(max_examples=10, deadline=None)
def test_the_order_of_rows_says_nothing(tmp_path_factory, order):
    place = tmp_path_factory.mktemp("order")
    table = frame(60)
    prints = set()
    for name, rows in (("a", table), ("b", table.iloc[order])):
        rows.to_csv(place / f"{name}.csv", index=False)
        source = own_interactions(place / f"{name}.csv", "who", "what", name="t")
        prints.add(prepare_interactions(source, place / name, InteractionSettings(seed=3)).fingerprint)
    assert len(prints) == 1


def test_dates_and_whole_numbers_order_alike(tmp_path):
    table = frame()
    table.to_csv(tmp_path / "a.csv", index=False)
    table["when"] = table["when"].astype("datetime64[s]").astype(np.int64)
    table.to_csv(tmp_path / "b.csv", index=False)
    prints = {
        prepare_interactions(
            own_interactions(tmp_path / f"{n}.csv", "who", "what", time="when"),
            tmp_path / n,
            InteractionSettings(split="last_out"),
        ).fingerprint
        for n in "ab"
    }
    assert len(prints) == 1


def test_files_of_ones_own_splits(tmp_path):
    """val and test are taken as they are; what is wrong with them is said."""
    texts = {
        "train": "u,i\na,x\na,y\nb,x\nb,z\n",
        "val": "i,u\nz,a\nx,b\n",  # (b, x) is trained on
        "test": "u,i\na,z\na,w\nc,x\na,w\n",  # (a, z) validates, w and c are new, (a, w) comes twice
    }
    for split, text in texts.items():
        (tmp_path / f"{split}.csv").write_text(text)
    source = own_interactions(
        tmp_path / "train.csv", "u", "i", val=tmp_path / "val.csv", test=tmp_path / "test.csv"
    )
    data = prepare_interactions(source, tmp_path / "o")
    assert named_pairs(data, "train") == {("a", "x"), ("a", "y"), ("b", "x"), ("b", "z")}
    assert named_pairs(data, "val") == {("a", "z")}
    assert named_pairs(data, "test") == {("a", "w"), ("c", "x")}
    drawn = "their vectors stay as they were drawn"
    assert [str(n).partition(". ")[0] for n in data.schema.notices] == [
        "note: 1 row repeats a pair: each pair counts once",
        "warning: 1 pair of val is in train too: left out of val",
        "warning: 1 pair of test is in val too: left out of test",
        "note: u: 1 of 3 have no i in val ('b'): they count in no figure of it",
        "note: u: 1 of 3 have no i in test ('b'): they count in no figure of it",
        f"warning: u: 1 of test never occur in training ('c'), 50 % of its pairs: {drawn}",
        f"warning: i: 1 of test never occur in training ('w'), 50 % of its pairs: {drawn}",
    ]


def test_without_a_validation_file_it_is_drawn_from_train(tmp_path):
    (tmp_path / "a.csv").write_text("u,i\n" + "".join(f"a,{i}\n" for i in range(20)))
    (tmp_path / "b.csv").write_text("u,i\na,99\n")
    source = own_interactions(tmp_path / "a.csv", "u", "i", test=tmp_path / "b.csv")
    assert prepare_interactions(source, tmp_path / "o").schema.pairs == {"train": 18, "val": 2, "test": 1}
    with pytest.raises(DataError, match="a share of test where test is a file of its own"):
        prepare_interactions(source, tmp_path / "p", InteractionSettings(shares=(8, 1, 1)))
    (tmp_path / "c.csv").write_text("u,i\nb,1\nb,2\n")
    source = own_interactions(tmp_path / "a.csv", "u", "i", test=tmp_path / "c.csv")
    with pytest.raises(DataError, match=r"test has no u .* among 1\. Give a file for test with"):
        prepare_interactions(source, tmp_path / "p")
    with pytest.raises(DataError, match="--test is missing"):
        own_interactions(tmp_path / "a.csv", "u", "i", val=tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("text", "options", "settings", "said"),
    [
        ("u,i\na,x\n", {"item": "ii"}, {}, "unknown column of items 'ii'; did you mean 'i'"),
        ("u,i\na,x\n", {"item": "u"}, {}, "'u' is named as the column of users and of items"),
        ("u,i\na,x\n", {"time": "t"}, {}, "unknown time column 't'"),
        (
            "u,i\na,x\na,y\n",
            {},
            {"split": "last_out"},
            "the split last_out needs times. Name the column of times: --time",
        ),
        (
            "u,i,t\na,x,1\na,y,soon\n",
            {"time": "t"},
            {"split": "last_out"},
            "line 3, column t: time 'soon' is no whole",
        ),
        ("u,i\n", {}, {}, "t.csv: no pairs"),
        ("u,i\na,x\na,y\n", {}, {}, "split val gets none of the 2 pairs. Of a user's pairs one trains"),
        ("u,i\na,x\nb,y\n", {}, {}, "t.csv: each u has one pair, so nothing can be learnt of one and tested"),
        ("u,i,t\na,x,1\nb,y,2\n", {"time": "t"}, {"split": "last_out"}, "each u has one pair"),
        ("u,i,t\na,x,1\nb,y,2\n", {"time": "t"}, {"split": "chronological"}, "each u has one pair"),
        (
            "u,i,t\na,x,1\na,y,2\na,z,3\na,w,4\nb,x,5\nc,y,6\n",
            {"time": "t"},
            {"split": "chronological", "shares": (4, 1, 1)},
            "split val has no u that is in training too, among 1. Draw it from each user's own pairs: --spl",
        ),
        ("u,i\na,x,3\n", {}, {}, "line 2: 3 columns where 2 are expected"),
        ("u;i\na;x\n", {}, {}, "the header holds no ',' but 1 of ';'"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(tmp_path, text, options, settings, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        source = own_interactions(tmp_path / "t.csv", **({"user": "u", "item": "i"} | options))
        prepare_interactions(source, tmp_path / "o", InteractionSettings(**settings))
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_line(tmp_path):
    frame().to_csv(tmp_path / "visits.csv", index=False)
    out = tmp_path / "o"
    done = run(
        *("prepare", tmp_path / "visits.csv", "--user", "who", "--item", "what", "--time", "when"),
        *("--split", "last_out", "--out", out),
    )
    assert done.exit_code == 0, done.output
    data = load_prepared(out)
    assert isinstance(data, InteractionData) and data.name == "visits"
    assert data.schema.pairs["test"] == 20 and "20 users, 40 items" in done.output
    by_name = run(
        *("prepare", "interactions", "--file", tmp_path / "visits.csv", "--user", "who", "--item", "what"),
        *("--time", "when", "--split", "last_out", "--out", out),
    )
    assert by_name.exit_code == 2 and "there is an older prepared set of interactions" in by_name.output
    told = run("describe", out)
    assert "visits: 20 users, 40 items" in told.output
    report = json.loads(run("describe", out, "--json").output)
    assert report["fingerprint"] == data.fingerprint
    assert report["users"]["test"] == {"with_pairs": 20, "least": 1, "median": 1.0, "most": 1}
    assert report["density"] == sum(data.schema.pairs.values()) / 800


def test_the_popularity_of_a_splits_items_is_counted_over_its_pairs():
    """Items 0, 1, 2 have 3, 2 and 1 training pairs; by hand."""
    parts = {
        "train": ([0, 0, 0, 1, 1, 2], [0, 1, 2, 0, 1, 0]),  # 3, 2, 1, 3, 2, 3
        "val": ([1, 2], [2, 2]),
        "test": ([2, 0, 1], [1, 3, 3]),  # item 3 has none
    }
    splits = {split: Interactions.of_pairs(*map(np.array, pairs), 3, 4) for split, pairs in parts.items()}
    report = describe_interactions(replace(InteractionData.from_pairs([0, 0, 0], [0, 1, 2]), splits=splits))
    assert report["popularity"] == {
        "train": {"mean": 14 / 6, "median": 2.5, "ninth_decile": 3.0},
        "val": {"mean": 1.0, "median": 1.0, "ninth_decile": 1.0},
        "test": {"mean": 2 / 3, "median": 0.0, "ninth_decile": 1.6},
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("interactions", "--user", "u", "--item", "i"), "source interactions needs --file FILE"),
        (("t.csv", "--user", "u"), "--user COLUMN and --item COLUMN"),
        (("t.csv", "--user", "u", "--item", "i", "--label", "y"), "--label goes with source csv"),
        (("t.csv", "--user", "u", "--item", "i", "--threshold", "2"), "--threshold goes with clicks"),
        (
            ("t.csv", "--user", "u", "--item", "i", "--shares", "8,1"),
            "three whole numbers, of train, val and test",
        ),
        (("t.csv", "--label", "y", "--shares", "8,1,x"), "--shares '8,1,x' is not like 8,1,1"),
        (("t.csv", "--label", "y", "--drop", "u,i"), "Give it once for each: --drop u --drop i"),
        (("t.csv", "--label", "y", "--drop", "u,k"), "unknown column in drop 'u,k'"),
        (("t.csv", "--user", "u", "--item", "i", "--split", "in_order"), "unknown split 'in_order'"),
        (("t.csv", "--file", "s.csv"), "t.csv and --file s.csv are two files"),
        (("gowalla", "--user", "u"), "--user goes with source interactions"),
        (("lightgcn",), "Give --file FOLDER"),
        (("gowala",), "did you mean 'gowalla'"),
        (("t.csv", "--label", "y", "--split", "last_out"), "unknown split 'last_out'"),
    ],
)
def test_the_command_line_refuses_in_a_line(tmp_path, words, said):
    (tmp_path / "t.csv").write_text("u,i,y\na,x,0\n")
    words = [str(tmp_path / word) if word == "t.csv" else word for word in words]
    done = run("prepare", *words, "--out", tmp_path / "o")
    assert done.exit_code == 2 and said in done.output.replace(f"{tmp_path}/", ""), done.output
    assert done.output.startswith("lfmp: ") and not (tmp_path / "o").exists()


def test_a_click_log_can_be_named_by_its_file(tmp_path):
    table = frame().assign(y=np.arange(300) % 2)
    table.to_csv(tmp_path / "clicks.csv", index=False)
    done = run(
        "prepare",
        tmp_path / "clicks.csv",
        "--label",
        "y",
        "--drop",
        "when",
        "--out",
        tmp_path / "o",
        "--quiet",
    )
    assert done.exit_code == 0, done.output
    by_name = prepare(
        own_table(tmp_path / "clicks.csv", "y", drop=["when"]), tmp_path / "p", PrepareSettings(), False
    )
    assert load_prepared(tmp_path / "o").schema.fingerprint == by_name.schema.fingerprint
