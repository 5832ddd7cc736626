"""Rows of ids, labels and values."""

import mmap
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Rows of one split.

    Attributes:
        ids: int32 [N, m], global ids.
        labels: uint8 [N] of 0 and 1.
        values: float32 [N, s] of the s scalar fields, or None when there are none.

    Example:
        >>> import numpy as np
        >>> from lfmp_core import Rows
        >>> rows = Rows(np.array([[0, 4], [1, 5], [2, 6]], np.int32), np.array([0, 1, 1], np.uint8))
        >>> len(rows), rows[1:].labels.tolist(), rows.take([2]).ids.tolist()
        (3, [1, 1], [[2, 6]])
    """

    ids: np.ndarray
    labels: np.ndarray
    values: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> "Rows":
        """A view of a run of rows, without copying."""
        if not isinstance(rows, slice):
            raise TypeError("Rows takes a slice; for single rows or index arrays use take()")
        return Rows(self.ids[rows], self.labels[rows], None if self.values is None else self.values[rows])

    def take(self, index: np.ndarray) -> "Rows":
        """Copies of the rows at `index` [k], in that order."""
        index = np.asarray(index)
        values = None if self.values is None else np.take(self.values, index, axis=0)
        return Rows(np.take(self.ids, index, axis=0), np.take(self.labels, index), values)

    def forget(self) -> None:
        """Give back the memory of rows that were read from mapped files; they are read again when needed.

        Else it counts as this process's until the system is short of it, and grows with the rows.
        """
        for array in (self.ids, self.labels, self.values):
            mapped = getattr(array, "_mmap", None)  # of a memory map and of its slices
            if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
                mapped.madvise(mmap.MADV_DONTNEED)
