"""A prepared folder is held against its schema when it is opened, before anything follows what it says."""

import json

import numpy as np
import pytest

from lfmp_core.data import InteractionData, PrepareSettings, checks, load_prepared, own_table, prepare
from lfmp_core.data.arrays import contents_of, fingerprint_of
from lfmp_core.data.dataset import Dataset
from lfmp_core.data.schema import SPLITS, Schema
from lfmp_core.errors import DataError
from lfmp_core.settings import digest


@pytest.fixture
def folder(tmp_path):
    """200 rows, a category of few values, one of more, and a scalar."""
    rng = np.random.default_rng(0)
    lines = [f"{y},a{x % 4},b{x},{x / 7}" for y, x in rng.integers(0, (2, 9), (200, 2))]
    (tmp_path / "rows.csv").write_text("\n".join(["y,few,more,x", *lines]) + "\n")
    kinds = {"few": "categorical", "more": "categorical", "x": "scalar"}
    source = own_table(tmp_path / "rows.csv", "y", kinds=kinds)
    prepare(source, tmp_path / "set", PrepareSettings(threshold=1), progress=False)
    return tmp_path / "set"


def change(folder, name, place, value):
    """Write one number into an array, in place."""
    array = np.load(folder / f"{name}.npy", mmap_mode="r+")
    array[place] = value
    array.flush()


def edit(folder, **entries):
    path = folder / "schema.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def forge(folder):
    """Give a changed folder a fingerprint and a seal that fit, as one who edits it on purpose would."""
    schema = Schema.model_validate({k: v for k, v in stored(folder).items() if k != "seal"})
    names = [f"{s}/{name}" for s in SPLITS for name in ("ids", "labels", "values")]
    digests = {name: contents_of(folder / f"{name}.npy").digest for name in names}
    fingerprint = fingerprint_of(schema.settings, schema.fields, digests)
    schema.model_copy(update={"fingerprint": fingerprint}).write(folder / "schema.json")


def stored(folder):
    return json.loads((folder / "schema.json").read_text())


@pytest.mark.parametrize("forged", [False, True], ids=["", "forged"])
@pytest.mark.parametrize("wrong", ["-1", "field above", "field below", str(2**31 - 1)])
def test_an_id_of_no_value_is_named(folder, wrong, forged):
    """Split, field, row, id and range; whether or not the fingerprint was made to fit."""
    few, more, x = Schema.read(folder / "schema.json").fields
    value = {"field above": x.offset, "field below": few.size - 1}.get(wrong) or int(wrong)
    change(folder, "val/ids", (11, 1), value)
    if forged:
        forge(folder)
    with pytest.raises(DataError) as caught:
        Dataset.load(folder)
    assert (caught.value.file, caught.value.column) == (folder / "val/ids.npy", "more")
    assert f"{value} in row 11 (from 0), where {more.offset} to {x.offset - 1} may stand" in str(caught.value)


def test_labels_and_values_are_looked_at_too(folder):
    for name, place, value, text in (
        ("test/labels", 3, 2, "2 in row 3"),
        ("train/values", (7, 0), np.nan, "not a finite number"),
        ("train/values", (7, 0), -np.inf, "not a finite number"),
        ("train/labels", 5, None, "number of clicks"),
    ):
        before = (folder / f"{name}.npy").read_bytes()
        flipped = 1 - int(np.load(folder / f"{name}.npy")[place]) if value is None else value
        change(folder, name, place, flipped)
        forge(folder)
        with pytest.raises(DataError, match=text):
            Dataset.load(folder)
        (folder / f"{name}.npy").write_bytes(before)
        forge(folder)
        Dataset.load(folder)


def test_one_bit_of_an_allowed_number_is_noticed(folder):
    ids = np.load(folder / "train/ids.npy")
    change(folder, "train/ids", (0, 0), 1 if ids[0, 0] != 1 else 2)
    with pytest.raises(DataError, match="not those that were prepared"):
        Dataset.load(folder)


@pytest.mark.parametrize(
    "entries",
    [
        {"name": "criteo"},
        {"truth": {"informative": ["few"]}},
        {"source": {}},
        {"fingerprint": "0" * 64},
        {"settings": {"threshold": 2}},
    ],
    ids=lambda entries: next(iter(entries)),
)
def test_an_edited_schema_is_noticed(folder, entries):
    edit(folder, **entries)
    with pytest.raises(DataError, match="edited after the data was prepared"):
        Dataset.load(folder)


def test_what_the_fingerprint_covers_needs_no_seal(folder):
    """Folders from before there was one open as they are, and not with other fields, settings or counts."""
    old = {k: v for k, v in stored(folder).items() if k != "seal"}
    (folder / "schema.json").write_text(json.dumps(old, indent=3))
    Dataset.load(folder)
    renamed = [old["fields"][0] | {"name": "other"}, *old["fields"][1:]]
    wider = [old["fields"][0], old["fields"][1] | {"kept": 3}, old["fields"][2]]
    for entries in ({"fields": renamed}, {"fields": wider}, {"settings": {"threshold": 2, "seed": 4}}):
        (folder / "schema.json").write_text(json.dumps(old | entries))
        with pytest.raises(DataError, match="not those that were prepared"):
            Dataset.load(folder)
    for entries in ({"rows": {"train": 160}}, {"positives": {}}, {"fields": 3}):
        (folder / "schema.json").write_text(json.dumps(old | entries))
        with pytest.raises(DataError, match="not a dataset's schema"):
            Dataset.load(folder)
    for text in ("[]", "3", '"seal"', "[" * 100_000):
        (folder / "schema.json").write_text(text)
        with pytest.raises(DataError, match="not a dataset's schema"):
            Dataset.load(folder)


def test_a_file_is_no_prepared_folder(folder):
    """It says how that file is prepared, whichever of the two kinds is asked for."""
    rows = folder.parent / "rows.csv"
    for opened in (load_prepared, Dataset.load, InteractionData.load):
        with pytest.raises(
            DataError, match=r"rows\.csv: this is a file.*lfmp data prepare .*rows\.csv --label"
        ):
            opened(rows)


def test_blanks_are_no_edit(folder):
    (folder / "schema.json").write_text(json.dumps(stored(folder), sort_keys=True))
    Dataset.load(folder)


@pytest.fixture
def read(monkeypatch, tmp_path):
    """The files that were read; every dataset counts as large."""
    files = []
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(checks, "REMEMBERED_BYTES", 0)
    monkeypatch.setattr(checks, "contents_of", lambda path: files.append(path.stem) or contents_of(path))
    return files


def test_large_files_are_read_once(folder, read):
    """Remembered below home() and never in the folder; a change, a damaged memory and `verify` read again."""
    before = sorted(folder.rglob("*"))
    dataset = Dataset.load(folder)
    assert len(read) == 9 and sorted(folder.rglob("*")) == before
    read.clear()
    Dataset.load(folder)
    assert read == []
    dataset.verify()
    assert len(read) == 9
    read.clear()
    change(folder, "val/ids", (0, 0), -1)
    with pytest.raises(DataError, match="-1 in row 0"):
        Dataset.load(folder)
    assert read == ["ids"]
    with pytest.raises(DataError, match="-1 in row 0"):  # what was refused is not remembered
        Dataset.load(folder)
    (memory,) = (folder.parent / "home" / "contents").iterdir()
    change(folder, "val/ids", (0, 0), 1)
    for text in ("", "[]", '{"val/ids": 3}', '{"val/ids": {"stamp": [], "contents": {}}}'):
        memory.write_text(text)
        read.clear()
        with pytest.raises(DataError, match="not those that were prepared"):
            Dataset.load(folder)
        assert len(read) == 9


def test_a_memory_that_lies_is_not_believed_over_the_schema(folder, read):
    """Ranges and digests are held against the schema each time, so an edited one needs no new reading."""
    Dataset.load(folder)
    read.clear()
    old = {k: v for k, v in stored(folder).items() if k != "seal"}
    fields = [old["fields"][0] | {"size": 2}, *old["fields"][1:]]
    edited = old | {"fields": fields}
    (folder / "schema.json").write_text(json.dumps(edited | {"seal": digest(edited, 64)}))
    with pytest.raises(DataError, match="column few"):
        Dataset.load(folder)
    assert read == []


def test_it_opens_where_nothing_can_be_written(folder, read, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LFMP_HOME", str(tmp_path / "file"))
    for _ in range(2):
        Dataset.load(folder)
    assert len(read) == 18


def test_contents_by_hand(tmp_path):
    """In blocks of some rows; a file by columns, or with something behind its rows, is refused."""
    array = np.array([[3, -1], [2, 7], [5, 0]], np.int32)
    np.save(tmp_path / "a.npy", array)
    found = contents_of(tmp_path / "a.npy")
    assert (found.low, found.high, found.total) == ((2, -1), (5, 7), None)
    np.save(tmp_path / "b.npy", np.array([0, 1, 1, 0, 1], np.uint8))
    assert contents_of(tmp_path / "b.npy").total == 3
    np.save(tmp_path / "empty.npy", array[:0])
    assert contents_of(tmp_path / "empty.npy").low == ()
    np.save(tmp_path / "c.npy", np.asfortranarray(array))
    (tmp_path / "d.npy").write_bytes((tmp_path / "a.npy").read_bytes() + b"\0" * 8)
    for name in ("c", "d"):
        with pytest.raises(ValueError, match="row by row"):
            contents_of(tmp_path / f"{name}.npy")
