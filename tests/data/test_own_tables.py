"""Law 11: one's own table gives the same rows of ids from a CSV as from a Parquet file."""

import datetime
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lfmp_core.data import PrepareSettings, own_table, prepare
from lfmp_core.data.sources import open_reader

SCRIPTS = "aZ09 ,;\"'|.-+/\\%$[]{}_eE\t\nßéœ ıİЖя漢字かな한글ا‏שहिन्दी𝔘😀ﬁ́"
NAMES = ["n", "user_id", "Größe", 'say "x"', "a, b", "two\nlines", "漢字", "paid"]

text = st.text(SCRIPTS, max_size=8) | st.sampled_from(
    [
        "NaN",
        "null",
        "None",
        "NA",
        "\\N",
        "1.0",
        "007",
        "1e5",
        "0x1f",
        "true",
        "Yes",
        "2024-01-02",
        "1\r\n2,",
        "nan ",
    ]
)
instant = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)) | st.dates(
    datetime.date(1900, 1, 1), datetime.date(2200, 1, 1)
).map(lambda day: datetime.datetime(day.year, day.month, day.day))
numbers = st.floats(allow_nan=False, allow_infinity=False)
KINDS = {
    "int": (st.integers(-(10**6), 10**6), "int64", False),
    "few": (st.integers(0, 3), "int8", False),
    "nullable": (st.integers(-(10**9), 10**9), "Int64", True),
    "hash": (st.integers(-(2**63), 2**63 - 1), "Int64", True),
    "unsigned": (st.integers(0, 2**64 - 1), "UInt64", True),
    "whole": (st.integers(-(2**60), 2**60).map(float) | st.integers(0, 9).map(float), "float64", True),
    "whole32": (st.integers(0, 2**31).map(float), "float32", True),
    "float": (numbers, "float64", True),
    "float32": (st.floats(width=32, allow_nan=False, allow_infinity=False), "float32", True),
    "float16": (st.floats(width=16, allow_nan=False, allow_infinity=False), "float16", True),
    "bool": (st.booleans(), "bool", False),
    "missing bool": (st.booleans(), "object", True),
    "boolean": (st.booleans(), "boolean", True),
    "date": (st.dates(datetime.date(1, 1, 1)), "object", True),
    "instant": (instant, "datetime64[us]", True),
    "zoned": (instant, "datetime64[us, UTC]", True),
    "span": (st.timedeltas(datetime.timedelta(-99), datetime.timedelta(99)), "timedelta64[us]", True),
    "text": (text, "object", True),
    "string": (text, "string", True),
}
# pandas has no categories of float16, and writes those of these kinds to one file as it doesn't to the other
UNCATEGORISED = ("float16", "float32", "timedelta64[us]")


@st.composite
def column(draw, rows):
    values, kind, missing = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    column = draw(st.lists(values | st.none() if missing else values, min_size=rows, max_size=rows))
    series = pd.Series(column, dtype=kind)
    if kind == "datetime64[us, UTC]":
        series = series.dt.tz_convert(draw(st.sampled_from(["UTC", "Europe/Paris", "Asia/Kolkata"])))
    if draw(st.booleans()) and kind not in UNCATEGORISED:
        return series.astype("category")
    return series


@st.composite
def frames(draw):
    rows = draw(st.integers(4, 12))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    labels = pd.Series([0, 1] * rows).iloc[:rows].reset_index(drop=True)
    frame = pd.DataFrame({"clicked": labels, **{name: draw(column(rows)) for name in names}})
    return frame.iloc[:, draw(st.permutations(range(len(names) + 1)))]


def written(folder, frame):
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet", index=False)
    return folder / "t.csv", folder / "t.parquet"


def read(path, **options):
    """All that a preparation takes from a file: kinds, the text of each row, labels, times, and notices."""
    reader = open_reader(own_table(path, "clicked", **options), PrepareSettings())
    blocks = [reader.parse(piece) for piece in reader.pieces(1 << 20)]
    rows = {
        name: pa.concat_arrays(
            [b.columns[name].unique.take(b.columns[name].codes) for b in blocks]
        ).to_pylist()
        for name in blocks[0].columns
    }
    labels = np.concatenate([block.labels for block in blocks]).tolist()
    times = np.concatenate([block.time for block in blocks]).tolist() if reader.has_time else None
    return {c.name: c.kind for c in reader.columns}, rows, labels, times, sorted(map(str, reader.notices))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(frames())
def test_csv_and_parquet_hold_the_same_values(frame):
    with tempfile.TemporaryDirectory() as folder:
        one, other = written(Path(folder), frame)
        assert read(one) == read(other)


def test_csv_and_parquet_prepare_to_the_same_dataset(tmp_path):
    """The whole way, over more rows than are looked at for kinds, blocks of other sizes and every kind."""
    rng, rows = np.random.default_rng(0), 24_000

    def gaps(values, kind):
        return pd.Series(values, dtype=kind).mask(rng.random(rows) < 0.1)

    day = pd.Timestamp("2024-03-30 22:00", tz="Europe/Paris")
    frame = pd.DataFrame(
        {
            "clicked": rng.random(rows) < 0.3,
            "when": day + pd.to_timedelta(rng.integers(0, 10**12, rows), "us"),
            "ad": gaps(rng.integers(10**4, 10**4 + 1200, rows), "float64"),
            "hash": rng.integers(-(2**63), 2**63 - 1, 500)[rng.integers(0, 500, rows)],
            "unsigned": gaps(
                (rng.integers(0, 2**63, 500).astype("u8") * 2)[rng.integers(0, 500, rows)], "UInt64"
            ),
            "count": gaps((rng.pareto(1, rows) * 3).astype(int), "Int64"),
            "price": gaps(rng.lognormal(1, 2, rows), "float64"),
            "ratio": rng.random(rows).astype("float32"),
            "mobile": gaps(rng.random(rows) < 0.5, "boolean"),
            "city": gaps(
                np.array(["Zürich", "東京", 'so "x"', "a,\nb", " "])[rng.integers(0, 5, rows)], "category"
            ),
            "day": gaps(
                pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 9, rows), "D"), "datetime64[s]"
            ),
        }
    )
    files = written(tmp_path, frame)
    one, other = (own_table(file, "clicked", time="when") for file in files)
    how = PrepareSettings(split="chronological")
    a = prepare(one, tmp_path / "a", how, progress=False)
    b = prepare(other, tmp_path / "b", how, progress=False, block_bytes=99_999)
    assert a.schema.model_dump(exclude={"source"}) == b.schema.model_dump(exclude={"source"})
    kinds = {field.name: field.kind for field in a.schema.fields}
    assert kinds == {
        "ad": "categorical", "hash": "categorical", "unsigned": "categorical", "count": "integer",
        "price": "scalar", "ratio": "scalar", "mobile": "categorical", "city": "categorical",
        "day": "categorical",
    }  # fmt: skip
    assert a.schema.fields[0].kept == 1201  # the ads, and none
    assert [field.kept for field in a.schema.fields if field.name in ("mobile", "city", "day")] == [3, 5, 10]
