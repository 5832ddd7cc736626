"""A prepared folder's pairs held against its schema, before anything follows what they say."""

from itertools import combinations
from pathlib import Path

import numpy as np

from ...errors import DataError
from ..arrays import fingerprint_of
from ..checks import REMEDY, open_array, read_contents
from ..schema import SPLITS
from .pairs import Interactions
from .schema import InteractionSchema

_TYPES = {"starts": np.int64, "items": np.int32}


def open_parts(folder: Path, schema: InteractionSchema) -> dict[str, Interactions]:
    """The splits, memory-mapped.

    Raises:
        DataError: an array is absent, no whole array, or of another type or length than the schema says.
    """
    parts = {}
    for split in SPLITS:
        arrays = {}
        for name, dtype in _TYPES.items():
            path = folder / split / f"{name}.npy"
            arrays[name] = array = open_array(path, dtype)
            size = schema.num_users + 1 if name == "starts" else schema.pairs[split]
            if array.shape != (size,):
                problem = f"shape {array.shape} where the schema says {(size,)}"
                raise DataError(problem, file=path, remedy=REMEDY)
        parts[split] = Interactions(arrays["starts"], arrays["items"], schema.num_items)
    return parts


def check_parts(folder: Path, schema: InteractionSchema, parts: dict[str, Interactions]) -> None:
    """Refuse pairs that are not rows of ascending items, disjoint by split, and those that were prepared.

    Raises:
        DataError: naming the file, and the first user or item that is wrong.
    """
    keys = {}
    for split, part in parts.items():
        _check_starts(folder / split / "starts.npy", part)
        _check_range(folder / split / "items.npy", part)
        keys[split] = part.keys()
        _check_order(folder / split / "items.npy", part, keys[split])
    if (np.diff(np.sort(np.concatenate(list(keys.values())))) == 0).any():
        raise _in_two_splits(folder, keys, schema.num_items)
    digests = {
        f"{split}/{name}": read_contents(folder / split / f"{name}.npy").digest
        for split in SPLITS
        for name in _TYPES
    }
    sizes = (schema.num_users, schema.num_items)
    if fingerprint_of(schema.settings, sizes, digests) != schema.fingerprint:
        problem = "the arrays or the schema are not those that were prepared"
        raise DataError(problem, file=folder, remedy=REMEDY)


def _check_starts(path: Path, part: Interactions) -> None:
    starts = part.starts
    if starts[0] != 0 or starts[-1] != len(part) or (np.diff(starts) < 0).any():
        problem = f"the rows don't lead from 0 to the {len(part):,} items, one after the other"
        raise DataError(problem, file=path, remedy=REMEDY)


def _check_range(path: Path, part: Interactions) -> None:
    items, last = part.items, part.num_items - 1
    if len(items) and (items.min() < 0 or items.max() > last):
        wrong = int(np.flatnonzero((items < 0) | (items > last))[0])
        problem = f"{items[wrong]} in place {wrong} (from 0), where 0 to {last} may stand"
        raise DataError(problem, file=path, remedy=REMEDY)


def _check_order(path: Path, part: Interactions, keys: np.ndarray) -> None:
    falls = np.diff(keys) <= 0
    if falls.any():
        wrong = int(np.flatnonzero(falls)[0]) + 1
        user = int(keys[wrong] // part.num_items)
        problem = f"the items of user {user} don't ascend ({part.items[wrong - 1]}, {part.items[wrong]})"
        raise DataError(problem, file=path, remedy=REMEDY)


def _in_two_splits(folder: Path, keys: dict[str, np.ndarray], num_items: int) -> DataError:
    for early, late in combinations(SPLITS, 2):
        both = np.intersect1d(keys[early], keys[late], assume_unique=True)
        if len(both):
            user, item = divmod(int(both[0]), num_items)
            problem = f"user {user} and item {item} are a pair of {early} too"
            return DataError(problem, file=folder / late / "items.npy", remedy=REMEDY)
    raise AssertionError
