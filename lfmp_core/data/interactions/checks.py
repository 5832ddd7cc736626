"""A prepared folder's pairs held against its schema, before anything follows what they say."""

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
    for split, part in parts.items():
        _check_rows(folder / split, part, schema)
    keys = {split: part.keys() for split, part in parts.items()}
    for late, split in enumerate(SPLITS):
        for early in SPLITS[:late]:
            both = _common(keys[early], keys[split])
            if len(both):
                user, item = divmod(int(both[0]), schema.num_items)
                problem = f"user {user} and item {item} are a pair of {early} too"
                raise DataError(problem, file=folder / split / "items.npy", remedy=REMEDY)
    digests = {
        f"{split}/{name}": read_contents(folder / split / f"{name}.npy").digest
        for split in SPLITS
        for name in _TYPES
    }
    sizes = (schema.num_users, schema.num_items)
    if fingerprint_of(schema.settings, sizes, digests) != schema.fingerprint:
        problem = "the arrays or the schema are not those that were prepared"
        raise DataError(problem, file=folder, remedy=REMEDY)


def _common(many: np.ndarray, few: np.ndarray) -> np.ndarray:
    """Which of the ascending `few` are among the ascending `many`."""
    place = np.minimum(np.searchsorted(many, few), max(len(many) - 1, 0))
    return few[many[place] == few] if len(many) else few[:0]


def _check_rows(folder: Path, part: Interactions, schema: InteractionSchema) -> None:
    starts, items = part.starts, part.items
    if starts[0] != 0 or starts[-1] != len(items) or (np.diff(starts) < 0).any():
        problem = f"the rows don't lead from 0 to the {len(items):,} items, one after the other"
        raise DataError(problem, file=folder / "starts.npy", remedy=REMEDY)
    path = folder / "items.npy"
    if len(items) and (items.min() < 0 or items.max() >= schema.num_items):
        wrong = int(np.flatnonzero((items < 0) | (items >= schema.num_items))[0])
        problem = f"{items[wrong]} in place {wrong} (from 0), where 0 to {schema.num_items - 1} may stand"
        raise DataError(problem, file=path, remedy=REMEDY)
    falls = np.diff(part.keys()) <= 0
    if falls.any():
        wrong = int(np.flatnonzero(falls)[0]) + 1
        user = int(np.searchsorted(starts, wrong, side="right")) - 1
        problem = f"the items of user {user} don't ascend ({items[wrong - 1]}, {items[wrong]})"
        raise DataError(problem, file=path, remedy=REMEDY)
