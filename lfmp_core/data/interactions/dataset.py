"""Interactions by split, from a prepared folder or from arrays."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import DataError, LfmpError
from ...ownership import FolderKind, restore
from ..arrays import fingerprint_of
from ..dataset import IN_MEMORY
from ..schema import SPLITS
from .checks import check_parts, open_parts
from .gathered import Gathered
from .noticed import notices_of
from .pairs import Interactions
from .schema import InteractionSchema, InteractionSettings, resolved
from .splitting import distinct, split_pairs

ARRAYS = ("starts", "items")
_MOST_IDS = np.iinfo(np.int32).max
VOCABULARY = "vocabulary.parquet"
PREPARED_INTERACTIONS = FolderKind(
    "prepared set of interactions",
    "schema.json",
    frozenset({"name", "num_users", "num_items", "pairs", "settings", "fingerprint"}),
    ("schema.json", VOCABULARY, *SPLITS, *(f"{split}/{name}.npy" for split in SPLITS for name in ARRAYS)),
)


@dataclass(frozen=True)
class InteractionData:
    """A folder with schema.json and {train,val,test}/{starts,items}.npy, or pairs that lie in memory.

    No pair is in two splits.

    Attributes:
        folder: where it lies; `IN_MEMORY` for arrays.
        schema: what it is.
        splits: "train", "val" and "test" -> their pairs.

    Example:
        >>> from lfmp_core.data import InteractionData
        >>> users, items = [0, 0, 0, 1, 1, 1, 1], [0, 1, 2, 0, 2, 3, 4]
        >>> data = InteractionData.from_pairs(users, items)
        >>> data.num_users, data.num_items, data.schema.pairs
        (2, 5, {'train': 3, 'val': 2, 'test': 2})
        >>> data.splits["train"].degrees().tolist()
        [1, 2]
    """

    folder: Path
    schema: InteractionSchema
    splits: Mapping[str, Interactions] = field(repr=False, compare=False)
    words: pa.Table | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_pairs(
        cls,
        users: Any,
        items: Any,
        *,
        times: Any = None,
        num_users: int | None = None,
        num_items: int | None = None,
        settings: InteractionSettings | None = None,
        name: str = "arrays",
    ) -> "InteractionData":
        """Pairs that are there as arrays, split in memory.

        Args:
            users, items: whole numbers from 0 [pairs]; a pair that stands there again counts once.
            times: numbers that order them [pairs], for the splits by time.
            num_users, num_items: of the whole set; default: the largest number and one.
            settings: how they are split.

        Raises:
            DataError: they are no such arrays, or can't be split so.
        """
        users, items = _whole(users, "users"), _whole(items, "items")
        times = None if times is None else np.asarray(times)
        for what, array in (("items", items), ("times", times)):
            if array is not None and array.shape != users.shape:
                raise DataError(f"{len(array):,} {what} and {len(users):,} users")
        if times is not None and times.dtype.kind == "f" and not np.isfinite(times).all():
            raise DataError(f"time {np.flatnonzero(~np.isfinite(times))[0]} is not finite")
        found = Gathered(
            users,
            items,
            _counted(users, num_users, "user"),
            _counted(items, num_items, "item"),
            times=times,
            source={"format": "arrays"},
        )
        return cls.of(name, found, settings or InteractionSettings())

    @classmethod
    def of(cls, name: str, found: Gathered, settings: InteractionSettings) -> "InteractionData":
        """What a source has, split under these settings; in memory.

        Raises:
            DataError: it can't be split so.
        """
        settings, shares = resolved(settings, given=found.given is not None)
        once = distinct(found)
        parts = split_pairs(once.pairs, settings, shares)
        digests = {
            f"{split}/{what}": hashlib.sha256(np.ascontiguousarray(getattr(part, what)).data).hexdigest()
            for split, part in parts.items()
            for what in ARRAYS
        }
        schema = InteractionSchema(
            name=name,
            num_users=found.num_users,
            num_items=found.num_items,
            pairs={split: len(parts[split]) for split in SPLITS},
            settings=settings,
            source=found.source,
            fingerprint=fingerprint_of(settings, (found.num_users, found.num_items), digests),
            user=found.names[0],
            item=found.names[1],
            truth=found.truth,
            notices=notices_of(once, parts, settings.split),
        )
        return cls(IN_MEMORY, schema, {split: parts[split] for split in SPLITS}, found.vocabulary)

    @classmethod
    def load(cls, folder: Path | str) -> "InteractionData":
        """Open a prepared folder and check that it is what was prepared.

        Raises:
            DataError: something is absent, truncated, out of order or range, in two splits, or other than it
                was prepared.
        """
        folder = Path(folder)
        restore(folder)
        schema = InteractionSchema.read(folder / "schema.json")
        parts = open_parts(folder, schema)
        check_parts(folder, schema, parts)
        return cls(folder, schema, parts)

    def save(self, folder: Path) -> None:
        """Write all files into an empty folder."""
        for split, part in self.splits.items():
            (folder / split).mkdir()
            for what in ARRAYS:
                np.save(folder / split / f"{what}.npy", getattr(part, what))
        if self.words is not None:
            pq.write_table(self.words, folder / VOCABULARY)
        self.schema.write(folder / "schema.json")

    @property
    def name(self) -> str:
        """Of the set."""
        return self.schema.name

    @property
    def num_users(self) -> int:
        """U, with pairs or without."""
        return self.schema.num_users

    @property
    def num_items(self) -> int:
        """I, taken or not."""
        return self.schema.num_items

    @property
    def fingerprint(self) -> str:
        """Of the pairs and of how they were split."""
        return self.schema.fingerprint

    def vocabulary(self) -> pa.Table:
        """What the numbers stand for: columns field, value, count (of pairs) and id.

        Raises:
            LfmpError: they stand for themselves.
        """
        if self.words is not None:
            return self.words
        path = self.folder / VOCABULARY
        if self.folder == IN_MEMORY or not path.exists():
            raise LfmpError(f"{self.name} has no vocabulary: its users and items are numbers in their source")
        return pq.read_table(path)


def _counted(ids: np.ndarray, count: int | None, what: str) -> int:
    """How many there are of users or items, whose ids have to be below that; without a number, as many as the
    largest id asks for."""
    count = int(ids.max(initial=-1)) + 1 if count is None else count
    outside = np.flatnonzero((ids < 0) | (ids >= count))
    if len(outside):
        problem = f"{what} {ids[outside[0]]} at place {outside[0]} lies outside 0..{count - 1}"
        raise DataError(problem, remedy=f"Number the {what}s from 0 without gaps")
    if count > _MOST_IDS:
        problem = f"{what}s are numbered up to {count - 1:,}; an id has 32 bits"
        raise DataError(problem, remedy=f"Number the {what}s from 0 without gaps")
    return count


def _whole(given: Any, what: str) -> np.ndarray:
    """int64 [pairs]."""
    array = np.asarray(given)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DataError(f"{what} of type {array.dtype} and shape {array.shape} where whole numbers belong")
    return array.astype(np.int64)
