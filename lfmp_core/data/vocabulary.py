"""Counting values without holding them: spill files of (field, value, count), aggregated by DuckDB."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_ENTRIES_PER_RUN = 1_500_000


@dataclass
class Run:
    """Blocks whose values lie in one spill file. sizes: per block, the number of values of each field [m]."""

    path: Path
    sizes: list[np.ndarray]


class Spill:
    """Writes the values and counts of blocks to Parquet, one row group a field, a file per run of blocks."""

    def __init__(self, folder: Path, num_fields: int):
        self.folder, self.num_fields = folder, num_fields
        self.runs: list[Run] = []
        self._keys: list[list[pa.StringArray]] = []
        self._counts: list[np.ndarray] = []
        self._bases: list[np.ndarray] = []
        self._entries = 0

    def add(self, keys: list[pa.StringArray], counts: np.ndarray, bases: np.ndarray) -> None:
        """keys: per field the values of a block; counts: int64 of all of them, field after field."""
        self._keys.append(keys)
        self._counts.append(counts)
        self._bases.append(bases)
        self._entries += int(bases[-1])
        if self._entries >= _ENTRIES_PER_RUN:
            self.flush()

    def flush(self) -> None:
        """Close the current run."""
        if not self._keys:
            return
        path = self.folder / f"values-{len(self.runs):06d}.parquet"
        layout = pa.schema([("field", pa.int16()), ("value", pa.string()), ("n", pa.int64())])
        # no dictionaries, no compression: the values are unique and the files short-lived
        with pq.ParquetWriter(path, layout, compression="none", use_dictionary=False) as writer:
            for field in range(self.num_fields):
                values = pa.concat_arrays([keys[field] for keys in self._keys])
                counts = np.concatenate(
                    [c[b[field] : b[field + 1]] for c, b in zip(self._counts, self._bases, strict=True)]
                )
                numbers = pa.array(np.full(len(values), field, np.int16))
                table = pa.table([numbers, values, pa.array(counts)], schema=layout)
                writer.write_table(table, row_group_size=max(len(values), 1))
        self.runs.append(Run(path, [np.diff(bases) for bases in self._bases]))
        self._keys, self._counts, self._bases, self._entries = [], [], [], 0


def connect(folder: Path, threads: int, memory: str = "1GB") -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that spills into `folder` beyond `memory`."""
    (folder / "duckdb").mkdir(exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "temp_directory": str(folder / "duckdb"),
        "threads": threads,
    }
    return duckdb.connect(config=config)


def count_values(
    connection: duckdb.DuckDBPyConnection, folder: Path, field: int, threshold: int, numeric: bool
) -> tuple[int, pa.StringArray, np.ndarray]:
    """Distinct values of a field, and those kept by falling count, ties by value (by number if numeric).

    Returns:
        (distinct, values [k], counts int64 [k])
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE counted AS SELECT value, sum(n)::BIGINT AS n "
        f"FROM read_parquet('{folder}/values-*.parquet') WHERE field = {field} AND n > 0 GROUP BY value"
    )
    [(distinct,)] = connection.execute("SELECT count(*) FROM counted").fetchall()
    ties = "try_cast(value AS BIGINT) NULLS FIRST, value" if numeric else "value"
    table = connection.sql(
        f"SELECT value, n FROM counted WHERE n >= {threshold} ORDER BY n DESC, {ties}"
    ).to_arrow_table()
    values = pc.cast(table["value"], pa.string()).combine_chunks()
    values = values.chunk(0) if isinstance(values, pa.ChunkedArray) and values.num_chunks else values
    if isinstance(values, pa.ChunkedArray):
        values = pa.array([], pa.string())
    return distinct, values, table["n"].to_numpy()


def count_fields(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    asked: Mapping[int, tuple[int, bool]],
    pool: Executor,
) -> dict[int, tuple[int, pa.StringArray, np.ndarray]]:
    """`count_values` of several fields, side by side.

    Args:
        asked: by field, its threshold and whether it is numeric.
    """

    def count(field: int) -> tuple[int, pa.StringArray, np.ndarray]:
        with connection.cursor() as own:  # which has temporary tables of its own
            return count_values(own, folder, field, *asked[field])

    return dict(zip(asked, pool.map(count, asked), strict=True))


def lookups(run: Run, vocabularies: list[pa.StringArray], offsets: list[int], pool) -> list[np.ndarray]:
    """For each block of a run the global id of each of its codes: int32 [number of codes]."""
    with pq.ParquetFile(run.path) as file:
        keys = [file.read_row_group(f, columns=["value"])["value"] for f in range(len(vocabularies))]

    def ids(field: int) -> np.ndarray:
        local = pc.fill_null(pc.index_in(keys[field], value_set=vocabularies[field]), -1)
        return local.to_numpy() + np.int32(1 + offsets[field])

    per_field = list(pool.map(ids, range(len(vocabularies))))
    ends = np.cumsum(np.array(run.sizes), axis=0)
    return [
        np.concatenate([i[e - s : e] for i, e, s in zip(per_field, ends[b], run.sizes[b], strict=True)])
        for b in range(len(run.sizes))
    ]
