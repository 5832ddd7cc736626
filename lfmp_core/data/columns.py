"""What a reader hands over: blocks of rows, each column as codes into its block's unique values."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from .notices import Notice

Labelling = Callable[[pa.StringArray], np.ndarray]
REFUSED = 255


class Column(NamedTuple):
    """One field before preparation.

    Attributes:
        column: name of the file's column that it is read from (several fields may share one);
        derive: unique values of that column -> values of this field, or None for the values themselves;
        remedy: what to do about a value that is not of this kind.
    """

    name: str
    kind: Literal["categorical", "integer", "scalar"]
    column: str
    derive: Callable[[pa.StringArray], pa.StringArray] | None = None
    remedy: str = "Correct the value; only an empty one counts as missing"


@dataclass
class Coded:
    """codes: int32 [k] into unique, the distinct texts of this block; "" is a missing value."""

    codes: np.ndarray
    unique: pa.StringArray

    def merged(self) -> "Coded":
        """The same rows, where texts that became one share one code."""
        merged = pc.dictionary_encode(self.unique)
        return Coded(merged.indices.to_numpy()[self.codes], merged.dictionary)


@dataclass
class Block:
    """Consecutive rows of a file. labels uint8 [k]; columns by file column; line_of(row) for messages."""

    labels: np.ndarray
    columns: dict[str, Coded]
    time: np.ndarray | None
    size: int
    file: Path
    line_of: Callable[[int], int]

    def fail(self, problem: str, column: str, code: int, remedy: str) -> DataError:
        """The error for the first row whose `column` has this code, naming its line."""
        row = int(np.flatnonzero(self.columns[column].codes == code)[0])
        return DataError(problem, file=self.file, line=self.line_of(row), column=column, remedy=remedy)


class Reader(Protocol):
    """A file that can be read in pieces: pieces() in order on one thread, parse() on any thread."""

    path: Path
    columns: tuple[Column, ...]
    size: int
    has_time: bool
    notices: tuple[Notice, ...]

    def pieces(self, block_bytes: int) -> Any: ...

    def parse(self, piece: Any, time_only: bool = False) -> Block: ...

    def provenance(self) -> dict[str, Any]: ...


def clicks(unique: pa.StringArray) -> np.ndarray:
    """Labels 0 and 1 from texts; REFUSED for anything else."""
    out = np.full(len(unique), REFUSED, np.uint8)
    for label, texts in enumerate((["0", "0.0", "false"], ["1", "1.0", "true"])):
        out[pc.is_in(unique, pa.array(texts)).to_numpy(zero_copy_only=False)] = label
    return out


def liked(unique: pa.StringArray) -> np.ndarray:
    """1 for a rating of 4 or more, 0 below; REFUSED outside 0.5 to 5."""
    try:
        ratings = pc.cast(unique, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        parts = [liked(unique.slice(i, 1)) if len(unique) > 1 else [REFUSED] for i in range(len(unique))]
        return np.array(parts, np.uint8).ravel()
    good = (ratings >= 0.5) & (ratings <= 5)
    return np.where(good, ratings >= 4, REFUSED).astype(np.uint8)
