"""Growing .npy files, what a finished one holds, and the fingerprint of a set of them."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..settings import canonical_json

_READ = 1 << 22  # bytes read at a time


class GrowingArray:
    """A .npy file that rows are appended to and later rewritten in place, in bounded memory.

    numpy pads the header for the first axis to grow (GROWTH_AXIS_MAX_DIGITS), so that the header can be
    rewritten with the final number of rows without moving the data. Plain reads and writes rather than a
    memory map: mapped pages would count as this process's memory and grow with the file.
    """

    def __init__(self, path: Path, dtype: type, width: tuple[int, ...] = ()):
        self.dtype, self.width, self.rows, self.place = np.dtype(dtype), width, 0, 0
        self._file = open(path, "w+b")  # noqa: SIM115 - open as long as the object lives
        self._header()
        self._start = self._file.tell()
        self._digest = hashlib.sha256()

    def _header(self) -> None:
        self._file.seek(0)
        shape = (self.rows, *self.width)
        np.lib.format.write_array_header_1_0(
            self._file, {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
        )

    def append(self, array: np.ndarray) -> None:
        """Write rows at the end. array: [k, *width]."""
        self._file.write(_bytes(np.ascontiguousarray(array, dtype=self.dtype)) if array.size else b"")
        self.rows += len(array)

    def rewind(self) -> None:
        """Start the in-place pass."""
        self.place = 0

    def next(self, count: int) -> np.ndarray:
        """Read the next `count` rows of the in-place pass."""
        array = np.empty((count, *self.width), self.dtype)
        self._file.seek(self._start + self.place * self._row_bytes())
        if array.size:
            self._file.readinto(_bytes(array))
        return array

    def put(self, array: np.ndarray) -> None:
        """Overwrite the rows that next() gave and step on; what is put is what the digest covers."""
        self._file.seek(self._start + self.place * self._row_bytes())
        if array.size:
            data = _bytes(np.ascontiguousarray(array, dtype=self.dtype))
            self._file.write(data)
            self._digest.update(data)
        self.place += len(array)

    def _row_bytes(self) -> int:
        return self.dtype.itemsize * int(np.prod(self.width, dtype=np.int64))

    def finish(self) -> str:
        """Write the final header, close, and return the SHA-256 of the data put."""
        self._header()
        self._file.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()


def _bytes(array: np.ndarray) -> memoryview:
    """The array's memory, not a copy."""
    return array.view(np.uint8).reshape(-1).data


class Contents(BaseModel):
    """What a .npy file holds, numbers that are not finite included, which settings never are.

    Attributes:
        digest: SHA-256 of its data, the header left out.
        low, high: smallest and largest number of each column; none of a file without rows.
        total: sum of all whole numbers, of a file of one column.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    total: int | None = None


def contents_of(path: Path) -> Contents:
    """What the file holds, read once from end to end, in blocks.

    Plain reads, as in `GrowingArray`. Per byte the digest takes four times what the ranges take.

    Raises:
        ValueError: the file is not as this program writes them, row by row.
    """
    digest, total = hashlib.sha256(), None
    low: list[np.ndarray] = []
    high: list[np.ndarray] = []
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
        width = int(np.prod(shape[1:], dtype=np.int64))
        row = width * dtype.itemsize
        if by_column or not row or path.stat().st_size != file.tell() + shape[0] * row:
            raise ValueError("not stored row by row")
        while data := file.read(max(1, _READ // row) * row):
            digest.update(data)
            block = np.frombuffer(data, dtype).reshape(-1, width)
            low.append(block.min(0))
            high.append(block.max(0))
            if shape[1:] == () and dtype.kind in "iu":
                total = (total or 0) + int(block.sum(dtype=np.int64))
    return Contents(
        digest=digest.hexdigest(),
        low=np.min(low, axis=0).tolist() if low else (),
        high=np.max(high, axis=0).tolist() if high else (),
        total=total,
    )


def fingerprint_of(settings: Any, fields: Iterable[Any], digests: dict[str, str]) -> str:
    """SHA-256 over how the data was prepared and what came out; no path, time or thread count enters."""
    parts = {"settings": settings, "fields": list(fields), "arrays": digests}
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
