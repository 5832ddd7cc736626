"""Sampled negatives: whose, of which items, and what changes with them."""

import shlex

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lfmp_core import cli
from lfmp_core.data import load_prepared
from lfmp_core.data.negatives import with_negatives
from lfmp_core.errors import LfmpError


def log(rows=4000, users=40, items=20, seed=0):
    """Visits in order of time; item k costs k, and is on the shelf in its own twentieth of the time."""
    rng = np.random.default_rng(seed)
    item = rng.choice(items, rows, p=np.arange(1, items + 1) / (items * (items + 1) / 2))
    return pd.DataFrame(
        {"who": rng.integers(0, users, rows), "what": item, "price": item, "at": np.arange(rows)}
    )


def test_each_row_is_followed_by_its_negatives():
    taken = log()
    found = with_negatives(pa.table(taken), "what", per=3, of_item=("price",)).to_pandas()
    assert len(found) == 4 * len(taken) and found.clicked.tolist() == [1, 0, 0, 0] * len(taken)
    own = found.iloc[::4].drop(columns="clicked").reset_index(drop=True)
    pd.testing.assert_frame_equal(own, taken)
    assert (found.who.to_numpy().reshape(-1, 4) == taken.who.to_numpy()[:, None]).all()
    assert (found.price == found.what).all()  # what belongs to the item came with it
    again = with_negatives(pa.table(taken), "what", per=3, of_item=("price",)).to_pandas()
    pd.testing.assert_frame_equal(again, found)


def test_nobody_gets_what_the_same_one_takes():
    taken = log(rows=400)
    found = with_negatives(pa.table(taken), "what", user="who").to_pandas()
    theirs = set(zip(taken.who, taken.what, strict=True))
    drawn = found[found.clicked == 0]
    assert len(drawn) > 1000 and not theirs & set(zip(drawn.who, drawn.what, strict=True))
    full = pa.table({"who": ["a"] * 20, "what": [f"i{k}" for k in range(20)]})
    assert len(with_negatives(full, "what", user="who")) == 20  # whoever took all gets none


def test_an_item_is_drawn_as_often_as_it_is_taken():
    """Shares of 20 items among 16,000 draws: within four standard errors of those in the log."""
    taken = log()
    found = with_negatives(pa.table(taken.drop(columns="who")), "what").to_pandas()
    shares = taken.what.value_counts(normalize=True).sort_index()
    # a draw of the row's own item is repeated, which thins items by their own share
    expected = shares * (1 - shares)
    drawn = found[found.clicked == 0].what.value_counts(normalize=True).sort_index()
    error = np.sqrt(expected / 16_000)
    assert (np.abs(drawn - expected / expected.sum()) < 4 * error).all()


def test_items_are_drawn_from_rows_near_in_time():
    taken = pd.DataFrame({"what": np.arange(1000) // 10, "at": np.arange(1000)}).sample(
        frac=1, random_state=0
    )
    order = np.argsort(taken["at"].to_numpy())
    found = with_negatives(pa.table(taken.reset_index(drop=True)), "what", order=order, near=100).to_pandas()
    far = (found.what - found["at"] // 10).abs()[found.clicked == 0]
    assert far.max() <= 10 and found["clicked"].mean() == pytest.approx(0.2)


def test_a_file_becomes_a_click_log_that_prepares(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    log().to_csv("visits.csv", index=False)
    told = []
    for arguments in (
        [
            *[
                "data",
                "negatives",
                "visits.csv",
                "--item",
                "what",
                "--user",
                "who",
                "--time",
                "at",
                "--of-item",
                "price",
            ],
            "--out",
            "clicks.csv",
        ],
        ["data", "prepare", "clicks.csv", "--label", "clicked", "--time", "at", "--out", "out", "--quiet"],
        ["data", "negatives", "visits.csv", "--item", "wath", "--out", "c.csv"],
        ["data", "negatives", "visits.csv", "--item", "what", "--out", "clicks.csv"],
        ["data", "negatives", "clicks.csv", "--item", "what", "--out", "c.csv"],
    ):
        with pytest.raises(SystemExit) as end:
            cli.main(arguments)
        told.append((end.value.code or 0, "".join(capsys.readouterr())))
    assert [code for code, _ in told] == [0, 0, 2, 2, 2]
    order = "--split chronological --time at"
    assert told[0][1].splitlines()[-1] == (
        "next: lfmp data prepare clicks.csv --label clicked --kind who=categorical --kind what=categorical "
        f"{order} --out FOLDER"
    )
    assert "4,000 rows with clicked 1" in told[0][1] and "3 fields" in told[1][1]
    said = ("Did you mean 'what'", "this is no file of rows", "has a column 'clicked' already")
    assert all(words in text for words, (_, text) in zip(said, told[2:], strict=True))


def test_what_it_says_comes_next_keeps_the_ids(tmp_path, monkeypatch, capsys):
    """Ids that are whole numbers would be read as amounts, unless it is said what they are."""
    monkeypatch.chdir(tmp_path)
    taken = log(users=300, items=200).rename(columns={"who": "by whom"})
    taken.to_csv("visits.csv", index=False)
    words = ["data", "negatives", "visits.csv", "--item", "what", "--user", "by whom", "--out", "neg.csv"]
    with pytest.raises(SystemExit):
        cli.main(words)
    told = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert told[:2] == ["next:", "lfmp"]
    with pytest.raises(SystemExit) as end:
        cli.main([*told[2:-1], "out", "--quiet"])
    assert not end.value.code
    fields = {field.name: field for field in load_prepared("out").schema.fields}
    assert {fields[name].kind for name in ("by whom", "what")} == {"categorical"}
    assert all(fields[name].distinct == taken[name].nunique() > 190 for name in ("by whom", "what"))


def test_one_item_alone_is_refused():
    with pytest.raises(LfmpError, match="all rows have the same what"):
        with_negatives(pa.table({"what": ["a", "a"]}), "what")
