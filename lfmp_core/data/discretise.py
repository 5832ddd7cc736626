"""Integer values to categories, and scalar values to numbers; always on unique values, never row by row."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def ln_squared(v: np.ndarray) -> np.ndarray:
    """floor(ln(v)^2) for v > 2, else v as is; v int64 [k]. The transform of the Criteo contest's winner."""
    large = v > 2
    out = v.copy()
    out[large] = np.floor(np.log(v[large]) ** 2).astype(np.int64)
    return out


def log2(v: np.ndarray) -> np.ndarray:
    """ceil(log2 v) for v > 2, else v as is; v int64 [k]. As the LERS paper prints it."""
    large = v > 2
    out = v.copy()
    out[large] = np.ceil(np.log2(v[large])).astype(np.int64)
    return out


def signed_log(x: np.ndarray) -> np.ndarray:
    """sign(x) ln(1 + |x|); x float64."""
    return np.sign(x) * np.log1p(np.abs(x))


TRANSFORMS = {"ln_squared": ln_squared, "log2": log2}


def to_integers(unique: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Parse unique texts as int64.

    Returns:
        (values [k] with 0 where missing, missing [k]).

    Raises:
        pa.ArrowInvalid: some value is no integer; find which with `first_bad`.
    """
    empty = pc.equal(unique, "")
    numbers = pc.cast(pc.if_else(empty, pa.scalar(None, pa.string()), unique), pa.int64())
    return pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False), empty.to_numpy(zero_copy_only=False)


def to_floats(unique: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Parse unique texts as float64; "" and nan are missing. Returns and raises as `to_integers`."""
    empty = pc.equal(unique, "")
    numbers = pc.cast(pc.if_else(empty, pa.scalar(None, pa.string()), unique), pa.float64())
    values = pc.fill_null(numbers, float("nan")).to_numpy(zero_copy_only=False)
    if np.isinf(values).any():
        raise pa.ArrowInvalid("infinite value")
    missing = np.isnan(values)
    return np.where(missing, 0.0, values), missing


def first_bad(unique: pa.StringArray, convert: Callable[[pa.StringArray], Any]) -> int:
    """Index of the first unique value that `convert` refuses, by halving (for the error message)."""
    low, high = 0, len(unique)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(unique.slice(low, middle - low))
            low = middle
        except pa.ArrowInvalid:
            high = middle
    return low


def integer_keys(unique: pa.StringArray, numeric: str) -> pa.StringArray:
    """The category of each unique integer text; a missing value stays "" and is its own category."""
    values, missing = to_integers(unique)
    keys = pc.cast(pa.array(TRANSFORMS[numeric](values)), pa.string())
    return pc.if_else(pa.array(missing), "", keys)
