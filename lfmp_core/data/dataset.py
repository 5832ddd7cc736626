"""A dataset: ids, labels and scalar values per split, from a prepared folder or from arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import DataError, LfmpError, check_name
from ..ownership import FolderKind, restore
from .checks import REMEDY, check_contents, open_array
from .plain import GivenArrays, schema_and_parts
from .raw_rows import NewRows, RowEncoder, encoded_whole, values_by_field
from .rows import Rows
from .schema import SPLITS, Schema

_ARRAYS = [f"{split}/{name}.npy" for split in SPLITS for name in ("ids", "labels", "values")]
PREPARED = FolderKind(
    "prepared data set",
    "schema.json",
    frozenset({"name", "fields", "rows", "positives", "settings", "fingerprint"}),
    ("schema.json", "vocabulary.parquet", *SPLITS, *_ARRAYS),
)
IN_MEMORY = Path("arrays in memory")  # in the place of a folder


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
    """A folder with schema.json, vocabulary.parquet and {train,val,test}/{ids,labels[,values]}.npy, or rows
    that lie in memory.

    Attributes:
        folder: where it lies; `IN_MEMORY` for arrays.
        schema: what it is.

    Example:
        >>> import numpy as np
        >>> from lfmp_core import Dataset
        >>> ids = np.random.default_rng(0).integers(0, [4, 6], (1000, 2))
        >>> data = Dataset.from_arrays(ids, ids[:, 0] > 1, field_sizes=[4, 6], local=True)
        >>> data.schema.rows
        {'train': 798, 'val': 101, 'test': 101}
        >>> data.split("val").ids.shape
        (101, 2)
    """

    folder: Path
    schema: Schema

    @classmethod
    def from_arrays(
        cls,
        ids: Any,
        labels: Any,
        field_sizes: Sequence[int],
        *,
        local: bool = False,
        values: Any = None,
        scalar_fields: Sequence[int] = (),
        names: Sequence[str] | None = None,
        splits: Mapping[str, Any] | None = None,
        shares: tuple[int, int, int] = (8, 1, 1),
        seed: int = 0,
        name: str = "arrays",
    ) -> "Dataset":
        """Rows that are there as arrays, for a trainer, a method or a selector. They are copied.

        Args:
            ids: whole numbers [N, m], in one numbering over all fields: field f has those from
                field_sizes[0] + … + field_sizes[f−1] on. A field's first id is for values never seen.
            labels: 0 or 1 [N].
            field_sizes: ids of each field.
            local: ids count from 0 in each field instead.
            values: numbers [N, s] of the scalar fields; a model multiplies the field's vector by them.
            scalar_fields: which fields those are.
            names: of the fields; "field 0" … by default.
            splits: rows of "train", "val" and "test" as index arrays or masks, none of them in two splits;
                a split that is not named has none. None draws them.
            shares: train : val : test of a stratified draw.
            seed: of the draw.
            name: of the data set.

        Raises:
            DataError: an id is not its field's, a label is not 0 or 1, a value is not finite, a row is in two
                splits, or the arrays don't fit together.

        Example:
            >>> import numpy as np
            >>> from lfmp_core import BackboneSettings, Budget, Clicks, Dataset, TrainingSettings, get_method
            >>> ids = np.random.default_rng(0).integers(0, [4, 6, 5], (1000, 3))
            >>> data = Dataset.from_arrays(ids, ids[:, 1] > 2, field_sizes=[4, 6, 5], local=True)
            >>> task = Clicks(data, BackboneSettings(name="deepfm", hidden=(8,)), TrainingSettings(epochs=1))
            >>> get_method("lasso").choose(task, Budget(0.7)).fields
            (1,)
        """
        given = GivenArrays(ids, labels, field_sizes, local, values, scalar_fields)
        schema, parts = schema_and_parts(given, name, names, splits, shares, seed)
        return InMemoryDataset(IN_MEMORY, schema, {split: Rows(*arrays) for split, arrays in parts.items()})

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
        return open_array(self.folder / split / f"{name}.npy", dtype)

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

    def encode(self, rows: Any) -> NewRows:
        """New raw rows as models of this data set read them, the way that the prepared ones were read.

        A value that training did not hold, or too rarely, is its field's unseen one, and is counted. Columns
        may stand in any order, and more of them than are read; numbers, truth values and times may have
        types or be texts.

        Args:
            rows: a DataFrame, an Arrow table, or the path of a CSV or Parquet file with a header.

        Raises:
            DataError: a column is not there, or a value is none of its field's kind; it is named.
            LfmpError: the data set was made from arrays, whose ids stand for themselves.

        Example:
            >>> import tempfile
            >>> from pathlib import Path
            >>> import pandas as pd
            >>> from lfmp_core.data import own_table, prepare
            >>> log = pd.DataFrame({"clicked": [0, 1] * 100, "colour": ["red", "blue"] * 100})
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     log.to_csv(Path(folder) / "log.csv", index=False)
            ...     source = own_table(Path(folder) / "log.csv", "clicked")
            ...     data = prepare(source, Path(folder) / "data", progress=False)
            ...     new = data.encode(pd.DataFrame({"colour": ["blue", "green", "blue"]}))
            >>> new.ids[:, 0].tolist(), new.unseen
            ([1, 0, 1], {'colour': 1})
        """
        vocabulary = values_by_field(self.vocabulary(), self.schema)
        return encoded_whole(RowEncoder(self.schema, vocabulary), rows)

    def verify(self) -> None:
        """Hold all files against the schema again, whatever is remembered of them (reads everything).

        Raises:
            DataError: the folder is not what was prepared.
        """
        check_contents(self.folder, self.schema, again=True)


@dataclass(frozen=True)
class InMemoryDataset(Dataset):
    """What `Dataset.from_arrays` gives: its rows were checked when they were taken."""

    parts: dict[str, Rows] = field(repr=False, compare=False)

    def split(self, name: str) -> Rows:
        """Rows of "train", "val" or "test", read-only."""
        return self.parts[check_name(name, SPLITS, "split")]

    def vocabulary(self) -> pa.Table:
        """Refused: what the ids stand for was not given.

        Raises:
            LfmpError: always.
        """
        raise LfmpError("rows that were given as arrays have no vocabulary: their ids stand for themselves")

    def verify(self) -> None:
        """Nothing: no file can have changed."""
