"""A prepared dataset on disk: memory-mapped ids, labels and scalar values per split."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import DataError, check_name
from ..ownership import FolderKind, restore
from .checks import REMEDY, check_contents
from .schema import SPLITS, Schema

_ARRAYS = [f"{split}/{name}.npy" for split in SPLITS for name in ("ids", "labels", "values")]
PREPARED = FolderKind(
    "prepared data set",
    "schema.json",
    frozenset({"name", "fields", "rows", "positives", "settings", "fingerprint"}),
    ("schema.json", "vocabulary.parquet", *SPLITS, *_ARRAYS),
)


@dataclass(frozen=True)
class Rows:
    """Rows of one split.

    Attributes:
        ids: int32 [N, m], global ids.
        labels: uint8 [N] of 0 and 1.
        values: float32 [N, s] of the s scalar fields, or None when there are none.
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


def stratified(labels: np.ndarray, size: int, seed: int, what: str) -> np.ndarray:
    """Which of N rows are drawn, bool [N]: round(size * share of clicks) clicks, the rest non-clicks.

    Args:
        labels: of the rows, 0 or 1 [N].
        size: rows to draw, without replacement.
        seed: of the draw.
        what: the rows are for, said when there are too few.

    Raises:
        DataError: `size` is not in 1..N.
    """
    total, clicks = len(labels), int(labels.sum(dtype=np.int64))
    if not 0 < size <= total:
        raise DataError(f"{size} {what} rows asked of {total}", remedy="Ask for fewer, or prepare more")
    wanted = min(max(round(size * clicks / total), size - (total - clicks)), clicks)
    generator = np.random.default_rng([seed, size])
    chosen = np.zeros(total, dtype=bool)
    for label, count in ((0, size - wanted), (1, wanted)):
        chosen[generator.choice(np.flatnonzero(labels == label), count, replace=False, shuffle=False)] = True
    return chosen


@dataclass(frozen=True)
class Dataset:
    """A folder with schema.json, vocabulary.parquet and {train,val,test}/{ids,labels[,values]}.npy."""

    folder: Path
    schema: Schema

    @classmethod
    def load(cls, folder: Path | str) -> "Dataset":
        """Open a prepared folder and check that it is what was prepared; see `checks.check_contents`.

        Raises:
            DataError: something is absent, truncated, of another shape, or other than it was prepared.
        """
        folder = Path(folder)
        restore(folder)
        dataset = cls(folder, Schema.read(folder / "schema.json"))
        for split in SPLITS:
            rows = dataset.split(split)
            n, m, s = (
                dataset.schema.rows[split],
                dataset.schema.num_fields,
                len(dataset.schema.scalar_columns),
            )
            expected = {"ids": (n, m), "labels": (n,), "values": (n, s) if s else None}
            for name, shape in expected.items():
                array = getattr(rows, name)
                if shape is not None and array.shape != shape:
                    path = folder / split / f"{name}.npy"
                    raise DataError(
                        f"shape {array.shape} where the schema says {shape}", file=path, remedy=REMEDY
                    )
        if not (folder / "vocabulary.parquet").exists():
            raise DataError("file is missing", file=folder / "vocabulary.parquet", remedy=REMEDY)
        check_contents(folder, dataset.schema)
        return dataset

    def _open(self, split: str, name: str, dtype: type) -> np.ndarray:
        path = self.folder / split / f"{name}.npy"
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

    def split(self, name: str) -> Rows:
        """Rows of "train", "val" or "test", memory-mapped read-only."""
        check_name(name, SPLITS, "split")
        values = self._open(name, "values", np.float32) if self.schema.scalar_columns else None
        return Rows(self._open(name, "ids", np.int32), self._open(name, "labels", np.uint8), values)

    def pretrain_rows(self, size: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Draw Light-FMP's pretraining subset D_S from the training rows, and what is left of them.

        A stratified draw without replacement: round(size * share of clicks) clicks, the rest non-clicks.

        Returns:
            (subset [size], rest [N - size]): sorted row indices into split("train").
        """
        chosen = stratified(np.asarray(self.split("train").labels), size, seed, "pretraining")
        return np.flatnonzero(chosen), np.flatnonzero(~chosen)

    def vocabulary(self) -> pa.Table:
        """Kept values: columns field, value, count, id (global). The unseen-value ids are not listed."""
        return pq.read_table(self.folder / "vocabulary.parquet")

    def verify(self) -> None:
        """Hold all files against the schema again, whatever is remembered of them (reads everything).

        Raises:
            DataError: the folder is not what was prepared.
        """
        check_contents(self.folder, self.schema, again=True)
