"""Growing .npy files, and the fingerprint of a set of them."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..settings import canonical_json


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


def file_digest(path: Path) -> str:
    """SHA-256 of the data of a .npy file, its header left out."""
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        digest = hashlib.sha256()
        while data := file.read(1 << 22):
            digest.update(data)
    return digest.hexdigest()


def fingerprint_of(settings: Any, fields: Iterable[Any], digests: dict[str, str]) -> str:
    """SHA-256 over how the data was prepared and what came out; no path, time or thread count enters."""
    parts = {"settings": settings, "fields": list(fields), "arrays": digests}
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
