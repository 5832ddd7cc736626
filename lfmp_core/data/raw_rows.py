"""New raw rows to the ids and values that a model reads, by a data set's schema and vocabulary."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from .columns import Block
from .encode import encode
from .own_file import unlabelled
from .raw_table import file_blocks, table_block
from .reading import ReadingRules
from .rows import Rows
from .schema import Field, Schema
from .spelling import Spelling

# below this share of a vocabulary its values are looked up one by one, in an index that stays
_FEW = 1 / 16


@dataclass(frozen=True)
class NewRows:
    """Raw rows as a model reads them.

    Attributes:
        ids: int32 [N, m], global ids; of a field that is not read, its unseen-value id.
        values: float32 [N, s] of the scalar fields, or None when there are none.
        unseen: by name of each field that is read and is no scalar, how many rows have a value that the
            vocabulary does not hold: never met in training, or too rare.
    """

    ids: np.ndarray
    values: np.ndarray | None
    unseen: dict[str, int]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def rows(self) -> Rows:
        """For what takes rows; their labels are unknown, and stand as 0."""
        return Rows(self.ids, np.zeros(len(self.ids), np.uint8), self.values)


class KeptValues:
    """The kept values of a field, by place.

    Args:
        kept: in the order of their ids.
    """

    def __init__(self, kept: pa.StringArray):
        self.kept = kept

    @cached_property
    def _places(self) -> dict[str, int]:
        return {value: place for place, value in enumerate(self.kept.to_pylist(), 1)}

    def local(self, values: pa.StringArray) -> np.ndarray:
        """Local ids, int32 [k]; 0 of a value that is not kept."""
        if len(values) < _FEW * len(self.kept):
            places = self._places
            return np.array([places.get(value, 0) for value in values.to_pylist()], np.int32)
        found = pc.fill_null(pc.index_in(values, value_set=self.kept), -1)
        return found.to_numpy(zero_copy_only=False).astype(np.int32) + 1


def values_by_field(vocabulary: pa.Table, schema: Schema) -> dict[str, pa.StringArray]:
    """The kept values of each field, in the order of their ids, from `Dataset.vocabulary`."""
    found, start = {}, 0
    for field in schema.fields:
        values = vocabulary["value"].slice(start, field.kept)
        found[field.name] = values.combine_chunks()
        start += field.kept
    return found


class RowEncoder:
    """Raw rows to ids.

    Args:
        schema: of the data set.
        vocabulary: by name of a field its kept values, in the order of their ids.
        read: positions of the fields that a model reads, ascending; of the others no column needs to be
            there. None for all.
    """

    def __init__(
        self, schema: Schema, vocabulary: Mapping[str, pa.StringArray], read: Sequence[int] | None = None
    ):
        self.schema, self.reading = schema, schema.reading or ReadingRules()
        self.read = tuple(range(schema.num_fields)) if read is None else tuple(read)
        self.fields: list[Field] = [schema.fields[f] for f in self.read]
        self.values = [KeptValues(vocabulary[field.name]) for field in self.fields]
        self.columns = list(dict.fromkeys(self.reading.column_of(field) for field in self.fields))
        own = self.reading.several
        self.several = {own[field.name].column for field in self.fields if field.name in own}
        self._spelling = Spelling(self.reading.canonical, unlabelled)

    def encode(self, table: Any) -> NewRows:
        """Rows of a table in memory; see `Dataset.encode`."""
        block, lists = table_block(table, self.columns, self.several)
        return self._encoded(block, lists)

    def stream(
        self, path: Path | str, *, keep: Sequence[str] = (), delimiter: str | None = None
    ) -> Iterator[tuple[NewRows, pa.Table, int]]:
        """Rows of a file: encoded, their columns to keep, and the bytes of it that they took; block by block.

        Raises:
            DataError: see `Dataset.encode`; a column to keep is not there.
        """
        blocks = file_blocks(Path(path), self.columns, self.several, keep=keep, delimiter=delimiter)
        for raw, lists in blocks:
            yield self._encoded(raw.block, lists), raw.kept, raw.block.size

    def _encoded(self, block: Block, lists: Collection[str]) -> NewRows:
        own = {name: block.columns[name] for name in self.columns}
        block = replace(block, columns=self._spelling.read(own))
        columns = tuple(self.reading.column(field, lists) for field in self.fields)
        encoded = encode(block, columns, self.schema.settings.numeric)
        tables = [
            values.local(keys) + np.int32(field.offset)
            for field, values, keys in zip(self.fields, self.values, encoded.keys, strict=True)
        ]
        found = np.concatenate(tables)[encoded.codes]
        unseen = {
            field.name: int(np.count_nonzero(found[:, j] == field.offset))
            for j, field in enumerate(self.fields)
            if field.kind != "scalar"
        }
        first = np.array([field.offset for field in self.schema.fields], np.int32)
        ids = np.tile(first, (len(found), 1))
        ids[:, list(self.read)] = found
        return NewRows(ids, self._standardised(encoded.values, len(found)), unseen)

    def _standardised(self, logs: np.ndarray | None, rows: int) -> np.ndarray | None:
        """As `passes` makes them: (sign(x) log(1+|x|) − mean) / std, 1 where missing, float32 [N, s]."""
        scalars = self.schema.scalar_columns
        if not scalars:
            return None
        out = np.ones((rows, len(scalars)), np.float32)
        if logs is not None:
            read = [f for f in self.read if f in scalars]
            own = [self.schema.fields[f] for f in read]
            mean, std = (np.array([getattr(field, key) for field in own]) for key in ("mean", "std"))
            x = (logs.astype(np.float32) - mean) / std  # logs lie on the disk in single precision
            out[:, [scalars.index(f) for f in read]] = np.where(np.isnan(x), 1.0, x)
        return out


def encoded_whole(encoder: RowEncoder, rows: Any) -> NewRows:
    """All rows of a table, or of the file at a path; see `Dataset.encode`."""
    if not isinstance(rows, str | Path):
        return encoder.encode(rows)
    blocks = [encoded for encoded, _, _ in encoder.stream(rows)]
    if not blocks:
        raise DataError("no rows", file=rows, remedy="The file holds no more than a header")
    values = (
        None
        if blocks[0].values is None
        else np.concatenate([b.values for b in blocks if b.values is not None])
    )
    unseen = {name: sum(block.unseen[name] for block in blocks) for name in blocks[0].unseen}
    return NewRows(np.concatenate([block.ids for block in blocks]), values, unseen)
