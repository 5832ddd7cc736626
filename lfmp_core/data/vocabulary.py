"""Counting values without holding them: spill files of (field, value, count), aggregated by DuckDB."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .schema import Field

_ENTRIES_PER_RUN, _BYTES_PER_RUN = 1_500_000, 256 << 20
# Fields are spilled and counted in so many groups at most: what a query or a row group costs by itself is
# paid once a group, so that the time grows with rows times columns
_GROUPS = 64
_ROWS_AT_ONCE = 1 << 16
_LAYOUT = pa.schema([("field", pa.int32()), ("value", pa.string()), ("n", pa.int64())])
# of vocabulary.parquet
VOCABULARY = pa.schema(
    [("field", pa.string()), ("value", pa.string()), ("count", pa.int64()), ("id", pa.int32())]
)
Counted = tuple[int, pa.StringArray, np.ndarray]


def groups_of(num_fields: int) -> list[range]:
    """Consecutive fields, a group each while they are few."""
    bounds = np.linspace(0, num_fields, min(num_fields, _GROUPS) + 1).astype(int).tolist()
    return [range(start, stop) for start, stop in pairwise(bounds)]


@dataclass
class Run:
    """Blocks whose values lie in one spill file. sizes: per block, the number of values of each field [m]."""

    path: Path
    sizes: list[np.ndarray]


class Spill:
    """Writes the values and counts of blocks to Parquet, one row group a group of fields, a file per run."""

    def __init__(self, folder: Path, num_fields: int):
        self.folder, self.groups = folder, groups_of(num_fields)
        self.runs: list[Run] = []
        self._keys: list[list[pa.StringArray]] = []
        self._counts: list[np.ndarray] = []
        self._bases: list[np.ndarray] = []
        self._entries = self._bytes = 0

    def add(self, keys: list[pa.StringArray], counts: np.ndarray, bases: np.ndarray) -> None:
        """keys: per field the values of a block; counts: int64 of all of them, field after field."""
        self._keys.append(keys)
        self._counts.append(counts)
        self._bases.append(bases)
        self._entries += int(bases[-1])
        self._bytes += sum(values.nbytes for values in keys)
        if self._entries >= _ENTRIES_PER_RUN or self._bytes >= _BYTES_PER_RUN:
            self.flush()

    def flush(self) -> None:
        """Close the current run."""
        if not self._keys:
            return
        path = self.folder / f"values-{len(self.runs):06d}.parquet"
        # no compression and no dictionaries of values: they are unique and the files short-lived
        with pq.ParquetWriter(path, _LAYOUT, compression="none", use_dictionary=["field"]) as writer:
            for group in self.groups:
                parts = [self._of_field(field) for field in group]
                lengths = [len(values) for values, _ in parts]
                fields = pa.array(np.repeat(np.array(group, np.int32), lengths))
                values = pa.chunked_array([values for values, _ in parts], pa.string())
                counts = pa.array(np.concatenate([counts for _, counts in parts]))
                table = pa.table([fields, values, counts], schema=_LAYOUT)
                writer.write_table(table, row_group_size=max(len(table), 1))
        self.runs.append(Run(path, [np.diff(bases) for bases in self._bases]))
        self._keys, self._counts, self._bases, self._entries, self._bytes = [], [], [], 0, 0

    def _of_field(self, field: int) -> tuple[pa.StringArray, np.ndarray]:
        blocks = zip(self._counts, self._bases, strict=True)
        counts = [counts[bases[field] : bases[field + 1]] for counts, bases in blocks]
        return pa.concat_arrays([keys[field] for keys in self._keys]), np.concatenate(counts)


def connect(folder: Path, threads: int, memory: str = "1GB") -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that spills into `folder` beyond `memory`."""
    (folder / "duckdb").mkdir(exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "temp_directory": str(folder / "duckdb"),
        "threads": threads,
    }
    return duckdb.connect(config=config)


def stream(paths: Iterable[Path], layout: pa.Schema, row_group: int | None = None) -> pa.RecordBatchReader:
    """Rows of Parquet files one after the other, for DuckDB to scan.

    DuckDB would take a path for SQL and for a pattern, in which `'`, `[` and `*` mean something.

    Args:
        row_group: to read of each file; None for all.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        for path in paths:
            with pq.ParquetFile(path) as file:
                groups = None if row_group is None else [row_group]
                yield from file.iter_batches(row_groups=groups, use_threads=False)

    return pa.RecordBatchReader.from_batches(layout, batches())


def _count_group(
    connection: duckdb.DuckDBPyConnection, spill: Spill, number: int, asked: Mapping[int, tuple[int, bool]]
) -> dict[int, Counted]:
    """Of each asked field of a group: distinct values, and those kept by falling count, ties by value (by
    number if numeric)."""
    fields = [field for field in spill.groups[number] if field in asked]
    if not fields:
        return {}
    connection.register("spilled", stream([run.path for run in spill.runs], _LAYOUT, number))
    rules = [asked[field] for field in fields]
    numeric = pa.array([numeric for _, numeric in rules])
    wanted = {
        "field": pa.array(fields, pa.int32()),
        "least": [least for least, _ in rules],
        "numeric": numeric,
    }
    connection.register("asked", pa.table(wanted))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE counted AS "
        "SELECT field, value, sum(n)::BIGINT AS n FROM spilled WHERE n > 0 GROUP BY field, value"
    )
    distinct = dict(connection.execute("SELECT field, count(*) FROM counted GROUP BY field").fetchall())
    table = connection.sql(
        "SELECT field, value, n FROM counted JOIN asked USING (field) WHERE n >= least "
        "ORDER BY field, n DESC, CASE WHEN numeric THEN try_cast(value AS BIGINT) END NULLS FIRST, value"
    ).to_arrow_table()
    values = pc.cast(table["value"], pa.string())
    counts = table["n"].to_numpy()
    bounds = np.searchsorted(table["field"].to_numpy(), [*fields, fields[-1] + 1]).tolist()
    return {
        field: (distinct.get(field, 0), _one_array(values[start:stop]), counts[start:stop])
        for field, (start, stop) in zip(fields, pairwise(bounds), strict=True)
    }


def _one_array(values: pa.ChunkedArray) -> pa.StringArray:
    return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)


def count_fields(
    connection: duckdb.DuckDBPyConnection, spill: Spill, asked: Mapping[int, tuple[int, bool]], pool: Executor
) -> dict[int, Counted]:
    """Distinct values of fields, and those that are kept, groups of fields side by side.

    Args:
        asked: by field, its threshold and whether it is numeric.

    Returns:
        by field (distinct, values [k], counts int64 [k]): by falling count, ties by value (number if numeric)
    """

    def count(number: int) -> dict[int, Counted]:
        with connection.cursor() as own:  # which has temporary tables of its own
            return _count_group(own, spill, number, asked)

    found: dict[int, Counted] = {}
    for part in pool.map(count, range(len(spill.groups))):
        found |= part
    return found


def lookups(
    run: Run, groups: list[range], vocabularies: list[pa.StringArray], offsets: list[int], pool: Executor
) -> list[np.ndarray]:
    """For each block of a run the global id of each of its codes: int32 [number of codes]."""
    ends = np.cumsum(np.array(run.sizes), axis=0)

    def ids(number: int) -> list[np.ndarray]:
        with pq.ParquetFile(run.path) as file:
            keys = file.read_row_group(number, columns=["value"])["value"]
        found, start = [], 0
        for field in groups[number]:
            own = keys.slice(start, int(ends[-1, field]))
            local = pc.fill_null(pc.index_in(own, value_set=vocabularies[field]), -1)
            found.append(local.to_numpy() + np.int32(1 + offsets[field]))
            start += len(own)
        return found

    per_field = [found for part in pool.map(ids, range(len(groups))) for found in part]
    return [
        np.concatenate([i[e - s : e] for i, e, s in zip(per_field, ends[b], run.sizes[b], strict=True)])
        for b in range(len(run.sizes))
    ]


def write_vocabulary(
    path: Path, fields: Sequence[Field], kept: Sequence[tuple[pa.StringArray, np.ndarray]]
) -> None:
    """Write vocabulary.parquet: field, value, count and global id of every kept value.

    Args:
        kept: per field its values and their counts.
    """
    waiting: list[pa.Table] = []
    rows = 0
    with pq.ParquetWriter(path, VOCABULARY) as writer:
        for field, (values, counts) in zip(fields, kept, strict=True):
            names = pa.repeat(pa.scalar(field.name), len(values))
            ids = pa.array(np.arange(1, len(values) + 1, dtype=np.int32) + field.offset)
            waiting.append(pa.table([names, values, pa.array(counts), ids], schema=VOCABULARY))
            rows += len(values)
            if rows >= _ROWS_AT_ONCE:
                writer.write_table(pa.concat_tables(waiting))
                waiting, rows = [], 0
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
