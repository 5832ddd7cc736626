"""Texts of a time column as whole numbers that order rows."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Times = Callable[[pa.StringArray], np.ndarray]
REMEDY = "Times are all whole numbers (1700000000) or all ISO dates (2024-01-31 or 2024-01-31 12:00:00)"
_ISO = r"^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?(\+00:00)?)?$"


def whole_times(unique: pa.StringArray) -> np.ndarray:
    """Whole numbers as they are: int64 [k].

    Raises:
        pa.ArrowInvalid: some text is none.
    """
    return pc.cast(unique, pa.int64()).to_numpy()


def iso_times(unique: pa.StringArray) -> np.ndarray:
    """Canonical ISO texts to microseconds since 1970: int64 [k]. A time without a zone counts as UTC.

    Raises:
        pa.ArrowInvalid: some text is none.
    """
    if not pc.all(pc.match_substring_regex(unique, _ISO)).as_py():
        raise pa.ArrowInvalid("no ISO time")
    clock = pc.replace_substring_regex(unique, r"\+00:00$", "")
    clock = pc.replace_substring_regex(clock, r"(\.\d{6})\d+$", r"\1")
    return pc.cast(pc.cast(clock, pa.timestamp("us")), pa.int64()).to_numpy()


def form_of(unique: pa.StringArray) -> Times:
    """`iso_times` where most of the first texts look like ISO times, else `whole_times`: of a column in which
    few are wrong, these are what an error names."""
    alike = pc.sum(pc.match_substring_regex(unique, _ISO)).as_py() or 0
    return iso_times if 2 * alike > len(unique) else whole_times
