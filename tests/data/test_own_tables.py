"""Law 11: one's own table gives the same rows of ids from a CSV as from a Parquet file."""

import datetime
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from lfmp_core.data import PrepareSettings, own_table
from lfmp_core.data.sources import open_reader

IN_ORDER = PrepareSettings(split="chronological", shares=(2, 1, 1), threshold=1)
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


def written(folder, frame, **how):
    frame.to_csv(folder / "t.csv", index=False, **how)
    frame.to_parquet(folder / "t.parquet", index=False)
    return folder / "t.csv", folder / "t.parquet"


def read(path, label="clicked", **options):
    """What a preparation is made of: kinds, and per column the text of each row."""
    reader = open_reader(own_table(path, label, **options), PrepareSettings())
    blocks = [reader.parse(piece) for piece in reader.pieces(1 << 20)]
    rows = {
        name: [
            text for b in blocks for text in b.columns[name].unique.take(b.columns[name].codes).to_pylist()
        ]
        for name in blocks[0].columns
    }
    labels = np.concatenate([block.labels for block in blocks]).tolist()
    times = np.concatenate([b.time for b in blocks]).tolist() if reader.has_time else None
    return {c.name: c.kind for c in reader.columns}, rows, labels, times, set(reader.notices)


@settings(max_examples=int(__import__("os").environ.get("N", "60")), deadline=None)
@given(frames())
def test_csv_and_parquet_hold_the_same_values(frame):
    with tempfile.TemporaryDirectory() as folder:
        one, other = written(Path(folder), frame)
        assert read(one) == read(other)
