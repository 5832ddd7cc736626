"""Splits in LightGCN's format: the published sets, small ones by hand, and files that are wrong."""

import os

import pytest

from lfmp_core.data import InteractionSettings, get_source, open_interactions, prepare_interactions
from lfmp_core.data.interactions.lightgcn import pairs_digest
from lfmp_core.errors import DataError


def folder(path, train="0 0 2\n1 1\n", test="0 1\n1 0 2\n"):
    path.mkdir(exist_ok=True)
    (path / "train.txt").write_bytes(train.encode())
    (path / "test.txt").write_bytes(test.encode())
    return get_source("lightgcn").at(path)


def pairs(part):
    return list(zip(part.users().tolist(), part.items.tolist(), strict=True))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "users", "items", "train", "val", "test"),
    [
        ("gowalla", 29_858, 40_981, 810_128, 73_037, 217_242),  # LERS' Table 3 and its code's validation
        ("yelp2018", 31_668, 38_048, 1_237_259, 108_884, 324_147),
        ("kgat-amazon-book", 70_679, 24_915, 652_514, 88_015, 193_920),
    ],
)
def test_published_sets(tmp_path, name, users, items, train, val, test):
    source = get_source(name)
    if not all(os.path.exists(os.path.join(os.environ.get("LFMP_DATA", ""), file)) for file in source.files):
        pytest.skip(f"no {name} below LFMP_DATA")
    data = prepare_interactions(source, tmp_path / "d")
    assert (data.num_users, data.num_items) == (users, items)
    assert data.schema.pairs == {"train": train - val, "val": val, "test": test}
    assert train + test == source.rows
    assert not [n for n in data.schema.notices if "published" in n.text]
    parts = data.splits
    assert pairs_digest(parts["train"].together(parts["val"])) == source.pairs["train"]


def test_lines_by_hand(tmp_path):
    """User 2 has no items in train, user 3 none anywhere; order, blanks and line ends say nothing."""
    train, test = "0 4 0 2\n1 1\n2\n3\n", "0 1\n2 3\n1 \n3\n"
    settings = InteractionSettings(shares=(1, 0, 0))
    data = prepare_interactions(folder(tmp_path / "a", train, test), tmp_path / "o", settings)
    assert (data.num_users, data.num_items) == (4, 5)
    assert pairs(data.splits["train"]) == [(0, 0), (0, 2), (0, 4), (1, 1)]
    assert pairs(data.splits["test"]) == [(0, 1), (2, 3)] and len(data.splits["val"]) == 0
    other = folder(tmp_path / "b", "3\r\n\r\n1  1\r\n0 0 2 4\r\n2\t\r\n", "2 3\r0 1\r1\r3\r")
    assert prepare_interactions(other, tmp_path / "p", settings).fingerprint == data.fingerprint


@pytest.mark.parametrize(
    ("train", "place", "said"),
    [
        ("0 1 2\n1 x7 3\n", "line 2", "'x7' is no number"),
        ("0 1 2\r\n1 2\r\n2 -1\r\n", "line 3", "'-1' is no number"),
        ("0 1.0\n", "line 1", "'1.0' is no number"),
        ("0 1\n1 2147483648\n", "line 2", "2147483648 is too large"),
        ("0 1\n1 2", "line 2", "ends in the middle of its last line"),
        ("", "", "the file is empty"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(tmp_path, train, place, said):
    with pytest.raises(DataError, match=said) as caught:
        prepare_interactions(folder(tmp_path / "a", train), tmp_path / "o")
    assert place in str(caught.value) and "train.txt" in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]


def test_a_folder_without_test_is_refused(tmp_path):
    source = folder(tmp_path / "a")
    (tmp_path / "a" / "test.txt").unlink()
    with pytest.raises(DataError, match=r"test\.txt: there is no such file"):
        prepare_interactions(source, tmp_path / "o")


def test_pairs_other_than_the_published_ones_are_said(tmp_path):
    folder(tmp_path / "a", "0 1 2\n", "0 0\n")
    data = prepare_interactions(get_source("gowalla").at(tmp_path / "a"), tmp_path / "o")
    said = [n.text for n in data.schema.notices if n.level == "warning"]
    assert [text for text in said if "not those of gowalla" in text] == [
        "the pairs of train.txt are not those of gowalla as published",
        "the pairs of test.txt are not those of gowalla as published",
    ]


def test_what_is_wrong_with_lines_is_said(tmp_path):
    """Repeats, overlaps, a user on two lines, gaps, users without items, what training never saw."""
    train = "0 0 1 2 2 3\n1 1 2\n4 0\n1 3\n"
    test = "0 1 7\n1\n4 5 5\n5 0\n"
    data = prepare_interactions(
        folder(tmp_path / "a", train, test), tmp_path / "o", InteractionSettings(shares=(1, 0, 0))
    )
    assert pairs(data.splits["test"]) == [(0, 7), (4, 5), (5, 0)]
    table, drawn = "each has a row of the table all the same", "their vectors stay as they were drawn"
    assert [str(n).partition(". ")[0] for n in data.schema.notices] == [
        "note: 1 more line of a user who has one already in train.txt: their items are taken together",
        "note: 2 rows repeat a pair: each pair counts once",
        "warning: 1 pair of test is in train too: left out of test",
        f"warning: user: 2 of the numbers 0 to 5 stand in no pair (2, 3): {table}",
        f"warning: item: 2 of the numbers 0 to 7 stand in no pair (4, 6): {table}",
        "note: user: 1 of 6 have no item in test (1): they count in no figure of it",
        f"warning: user: 1 of test never occur in training (5), 33.3 % of its pairs: {drawn}",
        f"warning: item: 2 of test never occur in training (5, 7), 66.7 % of its pairs: {drawn}",
    ]


def test_it_is_prepared_once_until_its_files_change(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    source, settings = folder(tmp_path / "a"), InteractionSettings(shares=(1, 0, 0))
    first = open_interactions(source, settings)
    stamp = (first.folder / "schema.json").stat().st_mtime_ns
    assert open_interactions(source, settings).folder == first.folder
    assert (first.folder / "schema.json").stat().st_mtime_ns == stamp
    folder(tmp_path / "a", train="0 0\n1 1\n")
    again = open_interactions(source, settings)
    assert again.folder == first.folder and again.schema.pairs["train"] == 2
    other = open_interactions(source, InteractionSettings(shares=(1, 0, 0), seed=1))
    assert other.folder != first.folder


def test_clicks_and_interactions_are_told_apart(tmp_path):
    from lfmp_core.data import Dataset, prepare

    with pytest.raises(DataError, match="gowalla holds interactions"):
        prepare(get_source("gowalla"), tmp_path / "o")
    with pytest.raises(DataError, match="criteo holds clicks"):
        prepare_interactions(get_source("criteo"), tmp_path / "o")
    prepare_interactions(folder(tmp_path / "a"), tmp_path / "o", InteractionSettings(shares=(1, 0, 0)))
    with pytest.raises(DataError, match=r"another kind\. Open interactions with InteractionData\.load"):
        Dataset.load(tmp_path / "o")
