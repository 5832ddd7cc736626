"""Real files where they are there, stand-ins in the publishers' formats, the cache, the command line."""

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from lfmp_core.data import (
    AvazuSettings,
    Dataset,
    MovieLensSettings,
    PlantedSettings,
    PrepareSettings,
    Schema,
    get_source,
    own_table,
    prepare,
    prepare_cached,
    prepare_named,
)
from lfmp_core.data import fetch as fetch_module
from lfmp_core.data.cli import app
from lfmp_core.errors import DataError, LfmpError, UnknownName
from lfmp_core.experiments.tiny import planted

ROOT = os.environ.get("LFMP_DATA", "")
real = pytest.mark.data


def _needs(name):
    if not all(os.path.exists(os.path.join(ROOT, f)) for f in get_source(name).files):
        pytest.skip(f"no {name} below LFMP_DATA")


@real
def test_criteo_sample(tmp_path):
    _needs("criteo")
    dataset = prepare(get_source("criteo"), tmp_path / "c", PrepareSettings(threshold=4), progress=False)
    schema = dataset.schema
    if sum(schema.rows.values()) > 1_000_000:
        pytest.skip("the full set")
    assert sum(schema.rows.values()) == 137_139
    assert round(100 * sum(schema.positives.values()) / 137_139, 2) == 25.68
    assert schema.num_fields == 39
    for split in ("train", "val", "test"):
        assert schema.positives[split] / schema.rows[split] == pytest.approx(0.2568, abs=0.001)
    ids = np.asarray(dataset.split("train").ids)
    ends = np.cumsum(schema.field_sizes)
    assert (ids >= ends - schema.field_sizes).all() and (ids < ends).all()
    counts = np.bincount(ids[:, 13])[schema.fields[13].offset :][1 : schema.fields[13].size]
    assert (np.diff(counts) <= 0).all() and counts.min() >= 4


@real
@pytest.mark.parametrize(("hour", "fields"), [("raw", 22), ("parts", 24)])
def test_avazu_sample(tmp_path, hour, fields):
    _needs("avazu")
    settings = AvazuSettings(avazu_hour=hour, split="chronological")
    schema = prepare(get_source("avazu"), tmp_path / "a", settings, progress=False).schema
    assert schema.num_fields == fields
    assert sum(schema.rows.values()) == 33_977


@real
@pytest.mark.parametrize(("genres", "fields"), [("each", 25), ("combined", 7)])
def test_movielens_100k(tmp_path, genres, fields):
    _needs("ml-100k")
    settings = MovieLensSettings(genres=genres, split="chronological")
    schema = prepare(get_source("ml-100k"), tmp_path / "m", settings, progress=False).schema
    assert schema.num_fields == fields
    assert schema.rows == {"train": 80_000, "val": 10_000, "test": 10_000}
    assert sum(schema.positives.values()) == 55_375


def _twenty_million(folder):
    folder.mkdir(exist_ok=True)
    rows = [
        (1, 1, 4.0, 30),
        (1, 2, 3.5, 10),
        (2, 1, 5.0, 20),
        (2, 3, 0.5, 40),
        (2, 2, 3.0, 35),
        (1, 3, 4.5, 50),
    ]
    text = "".join(f"{u},{m},{r},{t}\n" for u, m, r, t in rows)
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + text)
    (folder / "movies.csv").write_text(
        'movieId,title,genres\n1,"A, the (1990)",Drama|War\n2,B,War\n3,C,(no genres listed)\n'
    )
    return get_source("ml-20m").at(folder)


def test_movielens_20m_format(tmp_path):
    settings = PrepareSettings(split="chronological", shares=(1, 1, 1))
    dataset = prepare(_twenty_million(tmp_path / "ml"), tmp_path / "o", settings, progress=False)
    names = ("user_id", "movie_id", "genre_(no genres listed)", "genre_Drama", "genre_War")
    assert dataset.schema.field_names == names
    # by time: rows 1 and 2 train (3.5 and 5.0), rows 0 and 4 val, rows 3 and 5 test
    assert dataset.split("train").labels.tolist() == [0, 1]
    assert dataset.split("val").labels.tolist() == [1, 0]
    assert dataset.split("test").labels.tolist() == [0, 1]
    words = {(w["field"], w["value"]): w["count"] for w in dataset.vocabulary().to_pylist()}
    assert words["genre_Drama", "0"] == 1 and words["genre_War", "1"] == 2


def test_publishers_movielens_1m_and_100k(tmp_path):
    one = tmp_path / "ml-1m"
    one.mkdir()
    (one / "ratings.dat").write_text("1::10::5::978300760\n2::20::3::978302109\n" * 60)
    (one / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n")
    (one / "movies.dat").write_bytes("10::Caf\xe9 (1995)::Comedy|Drama\n20::B::Drama\n".encode("latin-1"))
    schema = prepare(get_source("ml-1m").at(one), tmp_path / "o1", progress=False).schema
    assert schema.field_names == (
        "user_id", "movie_id", "gender", "age", "occupation", "zip", "genre_Comedy", "genre_Drama"
    )  # fmt: skip
    hundred = tmp_path / "ml-100k"
    hundred.mkdir()
    (hundred / "u.data").write_text("1\t10\t5\t881250949\n2\t20\t3\t891717742\n" * 60)
    (hundred / "u.user").write_text("1|24|M|technician|85711\n2|53|F|other|94043\n")
    flags = "|".join(["0"] * 18 + ["1"])
    (hundred / "u.item").write_text(f"10|A|01-Jan-1995||url|{flags}\n20|B|||url|{flags}\n")
    schema = prepare(get_source("ml-100k").at(hundred), tmp_path / "o2", progress=False).schema
    assert schema.num_fields == 6 + 1  # only the genres that occur


def test_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path))
    tiny = PlantedSettings(rows=1500, scale=0.001)
    first = prepare_named("planted", planted=tiny, progress=False)
    assert first.folder.parent == tmp_path / "data" and first.folder.name.startswith("planted-")
    stamp = (first.folder / "schema.json").stat().st_mtime_ns
    again = prepare_named("planted", planted=tiny, progress=False)
    assert again.folder == first.folder and (again.folder / "schema.json").stat().st_mtime_ns == stamp
    assert (
        prepare_named("planted", PrepareSettings(seed=1), planted=tiny, progress=False).folder != first.folder
    )
    (first.folder / "train/ids.npy").unlink()
    repaired = prepare_named("planted", planted=tiny, progress=False)
    assert repaired.schema.fingerprint == first.schema.fingerprint
    path = tmp_path / "own.csv"
    path.write_text("y,f\n" + "0,a\n1,b\n" * 200)
    before = prepare_cached(own_table(path, "y"), progress=False)
    path.write_text("y,f\n" + "0,a\n1,c\n" * 201)
    after = prepare_cached(own_table(path, "y"), progress=False)
    assert before.folder == after.folder and after.schema.rows != before.schema.rows
    assert not any(".partial-" in p.name or p.name.endswith(".text") for p in (tmp_path / "data").iterdir())


def test_unknown_source():
    with pytest.raises(UnknownName, match="did you mean 'criteo'"):
        get_source("critoe")


def _run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_command_line(tmp_path, monkeypatch):
    result = _run("prepare", "planted", "--rows", 1500, "--out", tmp_path / "p", "--quiet")
    assert result.exit_code == 0, result.output
    assert "1,500 rows" in result.output
    described = json.loads(_run("describe", tmp_path / "p", "--json").stdout)
    assert described["rows"]["train"] == 1201 or described["rows"]["train"] > 1100
    dataset = Dataset.load(tmp_path / "p")
    unseen = np.mean(dataset.split("test").ids[:, 15] == dataset.schema.fields[15].offset)
    assert described["fields"][15]["unseen"]["test"] == pytest.approx(unseen, abs=1e-6)
    assert "unseen" in _run("describe", tmp_path / "p").stdout
    path = tmp_path / "own.csv"
    path.write_text("y,price,word\n" + "0,1.5,a\n1,2.5,b\n" * 200)
    result = _run("prepare", "csv", "--file", path, "--label", "y", "--out", tmp_path / "o", "--quiet")
    assert result.exit_code == 0 and "price: read as scalar" in result.output
    monkeypatch.delenv("LFMP_DATA", raising=False)
    listed = _run("list")
    assert listed.exit_code == 0 and "LFMP_DATA names no folder" in listed.stdout


def test_command_line_errors_are_one_line(tmp_path):
    for arguments, words in (
        (("prepare", "critoe", "--out", tmp_path / "x"), "did you mean 'criteo'"),
        (("prepare", "csv", "--out", tmp_path / "x"), "--file FILE and --label"),
        (("prepare", "planted", "--out", tmp_path / "x", "--numeric", "cube"), "numeric"),
        (("prepare", "planted", "--out", tmp_path / "x", "--shares", "8;1"), "not like 8,1,1"),
        (("describe", tmp_path / "none"), "no prepared dataset"),
        (("fetch", "criteo", "--into", tmp_path), "without a login"),
    ):
        result = _run(*arguments)
        assert result.exit_code == 2, result.output
        assert words in result.output and "Traceback" not in result.output
        assert len(result.output.strip().splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_fetch_without_network_leaves_nothing(tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch")

    def offline(*arguments, **named):
        raise ConnectionError("no network")

    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(DataError, match=r"download failed.*network"):
        fetch_module.fetch("ml-20m", tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_sets_options_are_its_own(tmp_path):
    """Elsewhere they are refused, and stand in the JSON of all sets as they always did."""
    general = {key: value for key, value in PrepareSettings(threshold=3)}
    for settings, options in (
        (PrepareSettings(threshold=3), {"genres": "each", "avazu_hour": "raw"}),
        (MovieLensSettings(threshold=3, genres="combined"), {"genres": "combined", "avazu_hour": "raw"}),
        (AvazuSettings(threshold=3, avazu_hour="parts"), {"genres": "each", "avazu_hour": "parts"}),
    ):
        stored = json.loads(settings.model_dump_json())
        assert stored == {**general, "shares": [8, 1, 1], **options}
        assert PrepareSettings.read(stored) == settings
    with pytest.raises(UnknownName, match="unknown PrepareSettings parameter 'genres'"):
        PrepareSettings(genres="combined")
    with pytest.raises(LfmpError, match="avazu is prepared by AvazuSettings, not by MovieLensSettings"):
        prepare(get_source("avazu"), tmp_path / "a", MovieLensSettings())
    run = _run("prepare", "criteo", "--genres", "each", "--out", str(tmp_path / "c"))
    assert run.exit_code == 2 and "--genres is no option of criteo" in run.output
    whole = planted().schema.model_copy(update={"settings": MovieLensSettings(genres="combined")})
    whole.write(tmp_path / "schema.json")
    again = Schema.read(tmp_path / "schema.json")
    assert again == whole and again.settings.genres == "combined"
