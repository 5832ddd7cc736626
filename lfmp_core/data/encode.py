"""A block of raw values to block-local codes and the categories they stand for."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .columns import Block, Coded, Column
from .discretise import first_bad, integer_keys, signed_log, to_floats, to_integers
from .schema import Kind

_PRESENCE = pa.array(["", "1"])


@dataclass
class Encoded:
    """One block, ready to be split and written.

    Attributes:
        codes: int32 [k, m], field f's codes shifted by bases[f].
        keys: per field the category of each code.
        values: float64 [k, s] of signed logs, nan where missing, or None.
    """

    block: Block
    codes: np.ndarray
    bases: np.ndarray
    keys: list[pa.StringArray]
    values: np.ndarray | None


def column_kind(column: Column, numeric: str) -> Kind:
    """A column's kind under a numeric setting: integers become scalars only when asked."""
    return "scalar" if column.kind == "integer" and numeric == "scalar" else column.kind


def encode(block: Block, columns: tuple[Column, ...], numeric: str) -> Encoded:
    """Turn a block's columns into one code matrix; all text work is on unique values."""
    rows, keys, scalars, shifted = len(block.labels), [], [], []
    bases = np.zeros(len(columns) + 1, np.int64)
    for number, column in enumerate(columns):
        coded = block.columns[column.column]
        if column.derive:
            coded = Coded(coded.codes, column.derive(coded.unique))
        kind = column_kind(column, numeric)
        if kind == "scalar":
            convert = to_integers if column.kind == "integer" else to_floats
            values, missing = _checked(block, column, coded.unique, convert)
            values = signed_log(values.astype(np.float64))
            values[missing] = np.nan
            scalars.append(values[coded.codes])
            coded = Coded((~missing).astype(np.int32)[coded.codes], _PRESENCE)
        elif kind == "integer":
            unique = _checked(block, column, coded.unique, lambda u: integer_keys(u, numeric))
            coded = Coded(coded.codes, unique).merged()
        elif column.derive:
            coded = coded.merged()
        keys.append(coded.unique)
        shifted.append(coded.codes)
        bases[number + 1] = bases[number] + len(coded.unique)
    codes = np.empty((rows, len(columns)), np.int32)
    for number, column_codes in enumerate(shifted):
        np.add(column_codes, np.int32(bases[number]), out=codes[:, number])
    return Encoded(block, codes, bases, keys, np.stack(scalars, axis=1) if scalars else None)


def _checked(block: Block, column: Column, unique: pa.StringArray, convert):
    try:
        return convert(unique)
    except pa.ArrowInvalid:
        bad = first_bad(unique, convert)
        what = "integer" if column.kind == "integer" else "finite number"
        problem = f"{unique[bad].as_py()!r} is no {what}"
        raise block.fail(problem, column.column, bad, column.remedy) from None
