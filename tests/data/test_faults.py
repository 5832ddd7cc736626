"""Whatever a file holds or a disk does, one line names the file and the remedy; a path is only a path."""

import errno
import os
import random
import traceback
from functools import partial

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lfmp_core.data import Dataset, PrepareSettings, get_source, own_table, prepare, prepare_cached
from lfmp_core.data.arrays import GrowingArray
from lfmp_core.data.delimited import DelimitedReader
from lfmp_core.data.encode import encode
from lfmp_core.data.passes import prepare_reader
from lfmp_core.data.prepared import resolve
from lfmp_core.data.sources import open_reader
from lfmp_core.errors import DataError

ROWS = 120
PLAIN = {"y": [0, 1] * (ROWS // 2), "f": ["a", "b", "c"] * (ROWS // 3)}


def refusal(source, out, **options) -> DataError:
    """The one-line refusal of a source; nothing but it is raised, and nothing is left at `out`."""
    with pytest.raises(DataError) as caught:
        prepare(source, out, progress=False, threads=1, **options)
    assert len(str(caught.value).splitlines()) == 1 and caught.value.remedy
    assert caught.value.file is not None and not out.exists()
    return caught.value


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([["a", "b"]] * ROWS), "list"),
        (pa.array([[{"a": 1}]] * ROWS), "list<element: struct|list<item: struct"),
        (pa.array([{"a": 1}] * ROWS), "struct"),
        (pa.array([[("k", 1)]] * ROWS, pa.map_(pa.string(), pa.int64())), "map"),
        (pa.array([b"caf\xe9"] * ROWS, pa.binary()), "UTF-8"),
        (pa.array([b"caf\xe9"] * ROWS, pa.binary()).cast(pa.string(), safe=False), "UTF-8"),
    ],
    ids=["list", "list of structs", "struct", "map", "binary", "text"],
)
@pytest.mark.parametrize("place", ["field", "label"])
def test_columns_that_are_no_values(tmp_path, column, words, place):
    if words == "UTF-8" and column.type == pa.string():  # a string column whose bytes are not what it says
        column = pa.StringArray.from_buffers(ROWS, *pa.array([b"caf\xe9"] * ROWS, pa.binary()).buffers()[1:])
    table = {"y": PLAIN["y"], "odd": column} if place == "field" else {"odd": column, "y": PLAIN["y"]}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    error = refusal(own_table(tmp_path / "t.parquet", "y" if place == "field" else "odd"), tmp_path / "o")
    assert error.column == "odd" and any(word in error.problem for word in words.split("|"))
    assert ("--multi" in error.remedy) == (words == "list" and place == "field")


@pytest.mark.parametrize("names", [["y", "f", "f"], ["y", "y", "f"], ["y", "", "f"]])
def test_columns_without_a_name_of_their_own(tmp_path, names):
    columns = [PLAIN["y"], PLAIN["f"], PLAIN["f"]]
    pq.write_table(pa.Table.from_arrays([pa.array(c) for c in columns], names=names), tmp_path / "t.parquet")
    error = refusal(own_table(tmp_path / "t.parquet", "y"), tmp_path / "o")
    assert "name" in error.problem


def test_no_flipped_bit_and_no_cut_ends_in_a_traceback(tmp_path):
    rng = np.random.default_rng(0)
    table = {**PLAIN, "price": rng.random(ROWS), "user": rng.integers(0, 90, ROWS)}
    pq.write_table(pa.table(table), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    draw, refused, path = random.Random(4), 0, tmp_path / "t.parquet"
    bits = [bytearray(whole) for _ in range(250)]
    for data in bits:
        place = draw.randrange(8 * len(data))
        data[place // 8] ^= 1 << place % 8
    cuts = [whole[: draw.randrange(1, len(whole))] for _ in range(40)]
    for data in [*bits, *cuts]:
        path.write_bytes(data)
        try:
            reader = open_reader(own_table(path, "y"), PrepareSettings())
            for piece in reader.pieces(1 << 20):
                encode(reader.parse(piece), reader.columns, "ln_squared")
        except DataError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1 and error.remedy and error.file == path, error
    assert refused > 80  # the others change a value, which no format without checksums can notice


def test_a_value_that_is_no_category(tmp_path):
    values = ["a"] * (ROWS - 1) + ["x" * (3 << 20)]
    pq.write_table(pa.table({"y": PLAIN["y"], "f": values}), tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text(
        "y,f\n" + "".join(f"{y},{f}\n" for y, f in zip(PLAIN["y"], values, strict=True))
    )
    for name, line in (("t.parquet", ROWS), ("t.csv", ROWS + 1)):
        error = refusal(own_table(tmp_path / name, "y"), tmp_path / "o")
        assert "3,145,728 bytes" in error.problem and (error.line, error.column) == (line, "f")
        assert "--drop" in error.remedy


def test_files_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "memory.csv").symlink_to("/proc/self/mem")
    for name, words in (
        ("pipe.csv", "not a regular file"),
        ("loop.csv", "a link that leads back to itself"),
        ("folder.csv", "a folder, not a file"),
        ("x" * 300 + ".csv", "can't be read"),
        ("\0.csv", "null"),
        ("memory.csv", "can't be read"),
    ):
        if name == "memory.csv" and not os.path.exists("/proc/self/mem"):
            continue
        assert words in refusal(own_table(tmp_path / name, "y"), tmp_path / "o").problem
        with pytest.raises(DataError):
            prepare_cached(own_table(tmp_path / name, "y"), out=tmp_path / "o", progress=False)


def test_a_read_error_halfway_is_the_files(tmp_path, monkeypatch):
    """An error of the source's disk is not one of the folder that is written."""
    path = tmp_path / "t.csv"
    path.write_text("y,f\n" + "0,a\n1,b\n" * 200)
    source = own_table(path, "y")

    def broken(self, block_bytes):
        yield from ()
        raise OSError(errno.EIO, "Input/output error")

    reader = open_reader(source, PrepareSettings())
    monkeypatch.setattr(DelimitedReader, "pieces", broken)
    settings = resolve(source, PrepareSettings())
    with pytest.raises(DataError) as caught:
        prepare_reader("t", reader, tmp_path / "o", settings, progress=False)
    error = caught.value
    assert error.file == path and "Free space" not in str(error)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (partial(OSError, errno.ENOSPC, "No space left on device"), "Free space"),
        (partial(duckdb.IOException, "Could not write file: No space left on device"), "Free space"),
        (partial(duckdb.OutOfMemoryException, "failed to allocate 300 MiB\n\nSolutions:"), "Memory is short"),
        (MemoryError, "Memory is short"),
        (partial(duckdb.ParserException, "unterminated string\nLINE 1: SELECT"), "fault of this program"),
        (partial(OSError, errno.EROFS, "Read-only file system"), "may be written"),
    ],
)
def test_only_a_full_disk_is_a_full_disk(tmp_path, monkeypatch, raised, words):
    path = tmp_path / "t.csv"
    path.write_text("y,f\n" + "0,a\n1,b\n" * 200)

    def failing(self, array):
        raise raised()

    monkeypatch.setattr(GrowingArray, "put", failing)
    error = refusal(own_table(path, "y"), tmp_path / "o")
    assert words in error.remedy and "nothing was left behind" in error.remedy
    assert ("Free space" in error.remedy) == (words == "Free space")


NAMES = ["it's", "a[b]c", "100 %", "two\nlines", "日本 ü", '*?"; DROP', "a\\b", "x=1", "{}"]


@pytest.mark.parametrize("name", NAMES)
def test_paths_mean_nothing_but_themselves(tmp_path, monkeypatch, name):
    """A folder's name is no SQL and no pattern: of the file, of the set, and of the home."""
    plain, odd = tmp_path / "plain", tmp_path / name
    plain.mkdir()
    odd.mkdir()
    (tmp_path / "abc").mkdir()  # what a[b]c would match as a pattern
    text = "y,t,f\n" + "".join(f"{i % 2},{i // 3},{name[0]}{i % 5}\n" for i in range(400)).replace('"', "q")
    settings = PrepareSettings(split="chronological")
    prints = set()
    for folder in (plain, odd):
        (folder / "t.csv").write_text(text)
        source = own_table(folder / "t.csv", "y", time="t")
        prints.add(prepare(source, folder / "out", settings, progress=False).schema.fingerprint)
        monkeypatch.setenv("LFMP_HOME", str(folder / "home"))
        prints.add(prepare_cached(source, settings, progress=False).schema.fingerprint)
    assert len(prints) == 1
    Dataset.load(odd / "out").verify()


def test_columns_mean_nothing_but_themselves(tmp_path):
    names = [name.replace('"', "q") for name in NAMES if "\n" not in name]
    rows = "".join(f"{i % 2}" + f",v{i % 5}" * len(names) + "\n" for i in range(400))
    (tmp_path / "t.csv").write_text("y," + ",".join(names) + "\n" + rows)
    dataset = prepare(own_table(tmp_path / "t.csv", "y"), tmp_path / "o", progress=False)
    assert list(dataset.schema.field_names) == names
    assert {field.kept for field in dataset.schema.fields} == {5}


def test_a_damaged_truth_is_named(tmp_path):
    (tmp_path / "train.txt").write_text("\t".join(["0", *["1"] * 13, *["a"] * 26]) + "\n")
    (tmp_path / "truth.json").write_text("{")
    error = refusal(get_source("planted").at(tmp_path / "train.txt"), tmp_path / "o")
    assert error.file == tmp_path / "truth.json"


def test_what_a_library_raised_is_kept_as_the_cause(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 cut off")
    error = refusal(own_table(tmp_path / "t.parquet", "y"), tmp_path / "o")
    assert "ArrowInvalid" in "".join(traceback.format_exception(error))
