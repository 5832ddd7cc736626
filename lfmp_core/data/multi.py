"""Columns of several values a row (genres, tags): as their first value, or as 0/1 fields of frequent values.

A field has one value a row. A list of a Parquet file is read as one text, its values joined by
LIST_SEPARATOR; what becomes of it is then the same as for a text like Comedy|Drama.
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from .columns import Column, Reader
from .notices import Notice

# no blank, which would be trimmed; and in no text that a person writes
LIST_SEPARATOR = "\x01"
HOW = (
    "--multi {0}=flags makes a 0/1 field of each frequent value, --multi {0}=first keeps the first value, "
    "--drop {0} leaves the column out"
)
_MOST, _FEW = 20, 10
_BLOCK_BYTES = 4 << 20
Derive = Callable[[pa.StringArray], pa.StringArray]


class Multi(NamedTuple):
    """How a column of several values is read.

    Attributes:
        most: 0/1 fields for so many values, the most frequent ones; 0 keeps the first value of each row.
        separator: between the values.
    """

    most: int
    separator: str


def multi_of(name: str, how: str, separator: str) -> Multi:
    """Read `first`, `flags` or `flags:50`.

    Raises:
        DataError: it is none of them.
    """
    found = re.fullmatch(r"first|flags(?::([1-9]\d{0,3}))?", how)
    if not found or not separator:
        remedy = f"Give {name}=first, {name}=flags or {name}=flags:50, and a --separator that is not empty"
        raise DataError(f"--multi {name}={how} (separator {separator!r}) can't be read", remedy=remedy)
    return Multi(0 if how == "first" else int(found[1] or _MOST), separator)


def joined(lists: pa.Array) -> pa.StringArray:
    """Each list as one text, null where there is no list; values that are null are left out.

    Args:
        lists: of any kind of list whose values have a text [k].
    """
    flat = pc.cast(pc.list_flatten(lists), pa.string())
    row = pc.list_parent_indices(lists)
    kept = pc.is_valid(flat)
    counts = np.bincount(row.filter(kept).to_numpy(), minlength=len(lists))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    texts = pc.binary_join(pa.ListArray.from_arrays(offsets, flat.filter(kept)), LIST_SEPARATOR)
    return pc.if_else(pc.is_valid(lists), texts, pa.scalar(None, pa.string()))


def fields_of_column(name: str, how: Multi, reader: Reader, canonical: Callable) -> list[Column]:
    """The fields that a column of several values becomes.

    Args:
        reader: of the file, from which frequent values are counted over all rows; no label decides here.
        canonical: texts of values to those of one spelling.
    """
    if not how.most:
        return [Column(name, "categorical", name, first_of(how.separator, canonical))]
    values = _frequent(reader, name, how)
    return [Column(f"{name}={v}", "categorical", name, flag_of(how.separator, v)) for v in values]


def _frequent(reader: Reader, name: str, how: Multi) -> list[str]:
    """The values in most rows, by falling count, ties by value."""
    counts: Counter[str] = Counter()
    for piece in reader.pieces(_BLOCK_BYTES):
        coded = reader.parse(piece).columns[name]
        rows = np.bincount(coded.codes, minlength=len(coded.unique)).tolist()
        for text, count in zip(coded.unique.to_pylist(), rows, strict=True):
            for value in {part.strip() for part in text.split(how.separator)} - {""}:
                counts[value] += count
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [value for value, _ in ordered[: how.most]]


def _trimmed(separator: str, unique: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(unique, rf"\s*{re.escape(separator)}\s*", separator)


def first_of(separator: str, canonical: Callable) -> Derive:
    """Texts to the first of their values."""
    return partial(_first, separator, canonical)


def flag_of(separator: str, value: str) -> Derive:
    """Texts to 1 where a value is among theirs, else 0."""
    return partial(_flag, separator, value)


def _first(separator: str, canonical: Callable, unique: pa.StringArray) -> pa.StringArray:
    parts = pc.split_pattern(_trimmed(separator, unique), separator, max_splits=1)
    return canonical(pc.list_element(parts, 0))


def _flag(separator: str, value: str, unique: pa.StringArray) -> pa.StringArray:
    """1 where the value is among those of a text, else 0."""
    around = pc.binary_join_element_wise("", _trimmed(separator, unique), "", separator)
    return pc.if_else(pc.match_substring(around, f"{separator}{value}{separator}"), "1", "0")


def seems_multi(name: str, unique: pa.StringArray) -> list[Notice]:
    """A warning where texts are mostly of values that recur, joined by | as MovieLens has its genres."""
    several = pc.sum(pc.match_substring(unique, "|")).as_py() or 0
    if several < _FEW or several < len(unique) / 2:
        return []
    texts = unique.to_pylist()
    if len({part for text in texts for part in text.split("|")}) >= len(texts):
        return []
    text = "its texts look like several values each"
    return [Notice("warning", name, text, "Give --multi COLUMN=flags, a 0/1 field for each frequent value")]
