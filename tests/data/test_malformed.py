"""Refusals name file, line, column and remedy, and leave nothing half-written."""

import errno
import gzip
import zipfile

import numpy as np
import pytest

from lfmp_core.data import PlantedSettings, PrepareSettings, get_source, own_table, prepare, write_planted
from lfmp_core.data.arrays import GrowingArray
from lfmp_core.errors import DataError, UnknownName

ROW = "\t".join(["0", *["1"] * 13, *["aa"] * 26])
CLICK = "1" + ROW[1:]
AVAZU = get_source("avazu")


def _criteo(tmp_path, lines, end="\n"):
    path = tmp_path / "train.txt"
    path.write_bytes(("\n".join(lines) + end).encode("latin-1"))
    return get_source("criteo").at(path)


def _cells(**changes):
    cells = ROW.split("\t")
    for place, text in changes.items():
        cells[int(place[1:])] = text
    return "\t".join(cells)


@pytest.mark.parametrize("block", [200, 1 << 20])
@pytest.mark.parametrize(
    ("bad", "words", "column"),
    [
        (_cells(_3="x"), "'x' is no integer", "I3"),
        (_cells(_3="1.5"), "'1.5' is no integer", "I3"),
        (_cells(_0="2"), "label '2'", "label"),
        (_cells(_0=""), "label ''", "label"),
        (ROW + "\tbb", "41 columns where 40", None),
        (ROW.rsplit("\t", 1)[0], "39 columns where 40", None),
        ("", "an empty line", None),
        (_cells(_20="caf\xe9"), "invalid UTF-8 (byte 0xe9)", "C7"),
    ],
)
def test_bad_line_is_named(tmp_path, bad, words, column, block):
    source = _criteo(tmp_path, [ROW, CLICK] * 3 + [bad] + [ROW, CLICK] * 3)
    with pytest.raises(DataError) as caught:
        prepare(source, tmp_path / "out", progress=False, block_bytes=block)
    error = caught.value
    assert words in str(error)
    assert (error.line, error.column) == (7, column)
    assert error.file == source.path and error.remedy
    assert sorted(p.name for p in tmp_path.iterdir()) == ["train.txt"]


@pytest.mark.parametrize(
    ("last", "words"), [(ROW[:20], "truncated"), (ROW, "ends in the middle of its last line")]
)
def test_cut_off_file(tmp_path, last, words):
    source = _criteo(tmp_path, [ROW, CLICK] * 3 + [last], end="")
    with pytest.raises(DataError, match=words) as caught:
        prepare(source, tmp_path / "out", progress=False)
    assert caught.value.line == 7


def test_wrong_kinds_of_file(tmp_path):
    def refused(data, words):
        path = tmp_path / "train.txt"
        path.write_bytes(data)
        with pytest.raises(DataError, match=words):
            prepare(get_source("criteo").at(path), tmp_path / "out", progress=False)

    refused(b"", "the file is empty")
    refused(gzip.compress(ROW.encode()), "gzip archive where text is expected.*gunzip")
    refused(b"PAR1....", "Parquet file")
    refused(b"\0\1\2\3binary", "binary data")
    refused(b"<!DOCTYPE html>", "web page")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr("train.txt", ROW)
    refused((tmp_path / "a.zip").read_bytes(), "zip archive")
    with pytest.raises(DataError, match=r"no such file.*Did you mean train\.txt"):
        prepare(get_source("criteo").at(tmp_path / "trian.txt"), tmp_path / "out", progress=False)
    (tmp_path / "x.parquet").write_text("y,f\n")
    with pytest.raises(DataError, match="not a Parquet file"):
        prepare(own_table(tmp_path / "x.parquet", "y"), tmp_path / "out", progress=False)
    (tmp_path / "x.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(DataError, match="damaged or cut off"):
        prepare(own_table(tmp_path / "x.parquet", "y"), tmp_path / "out", progress=False)


def test_headers(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("id,click,hour,C1,baner_pos\n")
    with pytest.raises(DataError, match=r"lacks column 'banner_pos'.*has 'baner_pos'"):
        prepare(AVAZU.at(path), tmp_path / "out", progress=False)
    path.write_text("y,f\n0,a\n1,b\n")
    with pytest.raises(DataError, match=r"unknown label column 'wyy'.*Valid: f, y"):
        prepare(own_table(path, "wyy"), tmp_path / "out", progress=False)
    with pytest.raises(UnknownName, match="did you mean 'scalar'"):
        prepare(own_table(path, "y", kinds={"f": "scaler"}), tmp_path / "out", progress=False)
    path.write_text("y,f,f\n0,a,a\n")
    with pytest.raises(DataError, match="two columns are named 'f'"):
        prepare(own_table(path, "y"), tmp_path / "out", progress=False)
    path.write_text("y,f\n")
    with pytest.raises(DataError, match="no rows"):
        prepare(own_table(path, "y"), tmp_path / "out", progress=False)


def test_own_table_refusals(tmp_path):
    path = tmp_path / "t.csv"

    def refused(text, words, **settings):
        path.write_text(text)
        with pytest.raises(DataError, match=words) as caught:
            prepare(own_table(path, "y"), tmp_path / "out", PrepareSettings(**settings), progress=False)
        return caught.value

    refused("y,f\n" + "0,a\n" * 300, "every label is 0")
    refused("y,f\n0,a\n1,b\n", "split train gets none|split val gets none|split test gets none")
    error = refused('y,f\n0,"a\nb"\n2,c\n', "label '2'")
    assert error.line == 4
    refused('y,f\n0,"a\n1,b\n', "never closed")
    many = "".join(f"{i % 2},{i % 900}\n" for i in range(600_000))
    error = refused("y,n\n" + many + "1,word\n", "'word' is no integer.*kinds=")
    assert (error.line, error.column) == (600_002, "n")


def test_ratings_outside_the_scale(tmp_path):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,9\n1,2,6,9\n")
    (tmp_path / "movies.csv").write_text('movieId,title,genres\n1,"A, b",Drama|War\n2,B,War\n')
    with pytest.raises(DataError, match=r"label '6'.*0\.5 to 5") as caught:
        prepare(get_source("ml-20m").at(tmp_path), tmp_path / "out", progress=False)
    assert (caught.value.line, caught.value.column) == (3, "rating")


@pytest.mark.parametrize("failure", [None, errno.ENOSPC])
@pytest.mark.parametrize("where", ["append", "put"])
def test_interrupt_and_full_disk_leave_the_old_dataset(tmp_path, monkeypatch, failure, where):
    text = write_planted(tmp_path / "text", PlantedSettings(rows=1500, scale=0.001), progress=False)
    source, out = get_source("planted").at(text), tmp_path / "sets" / "out"
    before = prepare(source, out, PrepareSettings(seed=1), progress=False)
    real, calls = getattr(GrowingArray, where), iter(range(100))

    def failing(self, array):
        if next(calls) == 4:
            raise OSError(failure, "No space left on device") if failure else KeyboardInterrupt
        real(self, array)

    monkeypatch.setattr(GrowingArray, where, failing)
    kind = DataError if failure else KeyboardInterrupt
    with pytest.raises(kind) as caught:
        prepare(source, out, PrepareSettings(seed=2), progress=False)
    if kind is DataError:
        assert "No space left" in str(caught.value) and caught.value.remedy
    monkeypatch.undo()
    assert [p.name for p in out.parent.iterdir()] == ["out"]
    before.verify()


def test_unwritten_planted_text_vanishes(tmp_path, monkeypatch):
    monkeypatch.setattr(np, "searchsorted", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_planted(tmp_path / "t", PlantedSettings(rows=10), progress=False)
    assert not any((tmp_path / "t").glob("*")) if (tmp_path / "t").exists() else True
