"""A prepared dataset's files held against its schema, before anything follows what they say."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..errors import DataError, LfmpError
from ..files import atomic_write
from ..settings import canonical_json, digest, home
from .arrays import Contents, contents_of, fingerprint_of
from .schema import SPLITS, Schema

REMEDY = "The folder is damaged: prepare the dataset again"
# files that are read within about a second are read whenever they are opened
REMEMBERED_BYTES = 1 << 30


def array_names(schema: Schema) -> tuple[str, ...]:
    """Arrays of each split."""
    return ("ids", "labels", "values") if schema.scalar_columns else ("ids", "labels")


def check_contents(folder: Path, schema: Schema, *, again: bool = False) -> None:
    """Refuse a folder whose ids, labels or values its schema does not know, or that is not as prepared.

    Everything is read, at about a gigabyte a second. What a large dataset's files hold is then remembered
    below home() by their sizes and times of change, so that they are read once for all processes.

    Args:
        again: read everything, whatever is remembered.

    Raises:
        DataError: an id is not its field's, a label is not 0 or 1, a value is not finite, or the arrays and
            the schema don't have the fingerprint that it states.
    """
    paths = {f"{s}/{name}": folder / s / f"{name}.npy" for s in SPLITS for name in array_names(schema)}
    stamps = {key: _stamp(path) for key, path in paths.items()}
    memory = home() / "contents" / f"{digest(str(folder.resolve()))}.json"
    large = sum(size for size, *_ in stamps.values()) >= REMEMBERED_BYTES
    known = {} if again or not large else _recall(memory, stamps)
    found = {key: known.get(key) or read_contents(path) for key, path in paths.items()}
    for key, contents in found.items():
        _check_ranges(paths[key], contents, schema)
    for split in SPLITS:
        if (found[f"{split}/labels"].total or 0) != schema.positives[split]:
            problem = "another number of clicks than the schema says"
            raise DataError(problem, file=paths[f"{split}/labels"], remedy=REMEDY)
    digests = {key: contents.digest for key, contents in found.items()}
    if fingerprint_of(schema.settings, schema.fields, digests) != schema.fingerprint:
        problem = "the arrays or the schema are not those that were prepared"
        raise DataError(problem, file=folder, remedy=REMEDY)
    if large and known != found:
        kept = {key: {"stamp": stamps[key], "contents": contents} for key, contents in found.items()}
        with suppress(OSError):  # where nothing can be written the files are read again
            atomic_write(memory, canonical_json(kept))


def _stamp(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns]


def _recall(memory: Path, stamps: dict[str, list[int]]) -> dict[str, Contents]:
    """What is remembered of the files that have not changed."""
    try:
        kept = json.loads(memory.read_text())
        return {
            key: Contents(**kept[key]["contents"])
            for key, stamp in stamps.items()
            if key in kept and kept[key]["stamp"] == stamp
        }
    except (OSError, ValueError, TypeError, KeyError, LfmpError):
        return {}


def read_contents(path: Path) -> Contents:
    """What an array's file holds.

    Raises:
        DataError: it is no whole array.
    """
    try:
        return contents_of(path)
    except (OSError, ValueError) as error:
        raise DataError(f"not a whole array ({error})", file=path, remedy=REMEDY) from error


def open_array(path: Path, dtype: type) -> np.ndarray:
    """A .npy file of that type, memory-mapped read-only.

    Raises:
        DataError: it is absent, no whole array, or of another type.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError("file is missing", file=path, remedy=REMEDY) from None
    except ValueError as error:
        # numpy can't map a file of zero rows; it is still a valid array
        try:
            array = np.load(path, allow_pickle=False)
        except (ValueError, OSError, EOFError):
            raise DataError(f"not a whole array ({error})", file=path, remedy=REMEDY) from None
    except (OSError, EOFError) as error:
        raise DataError(f"not a whole array ({error})", file=path, remedy=REMEDY) from None
    if array.dtype != dtype:
        raise DataError(f"{array.dtype} numbers where {np.dtype(dtype)} belong", file=path, remedy=REMEDY)
    return array


def _check_ranges(path: Path, contents: Contents, schema: Schema) -> None:
    if path.stem == "values":
        if not np.isfinite([*contents.low, *contents.high]).all():
            raise DataError("a scalar value is not a finite number", file=path, remedy=REMEDY)
        return
    allowed = [("label", 0, 1)]
    if path.stem == "ids":
        allowed = [(field.name, field.offset, field.offset + field.size - 1) for field in schema.fields]
    seen = zip(contents.low, contents.high, strict=True)  # none in a file without rows
    for column, ((name, first, last), (low, high)) in enumerate(zip(allowed, seen, strict=False)):
        if low < first or high > last:
            row, value = _first_outside(path, column, first, last)
            problem = f"{value} in row {row} (from 0), where {first} to {last} may stand"
            raise DataError(problem, file=path, column=name, remedy=REMEDY)


def _first_outside(path: Path, column: int, first: int, last: int) -> tuple[int, int]:
    """Row and value of the first number of a column that is out of range."""
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    for start in range(0, len(array), 1 << 16):
        part = array[start : start + (1 << 16)].reshape(-1, array[:1].size)[:, column]
        if len(rows := np.flatnonzero((part < first) | (part > last))):
            return start + int(rows[0]), int(part[rows[0]])
    raise DataError("changed while it was read", file=path, remedy=REMEDY)
