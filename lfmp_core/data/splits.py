"""Which row goes to train, val or test: decided from the stream of rows, whatever its blocks are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .schema import SPLITS
from .vocabulary import stream

_TIMES = pa.schema([("time", pa.int64()), ("n", pa.int64())])


class Splitter(Protocol):
    """Called block after block in file order."""

    def assign(self, labels: np.ndarray, time: np.ndarray | None) -> np.ndarray:
        """labels, time: [k]. Returns int8 [k]: 0 train, 1 val, 2 test."""
        ...


class StratifiedRuns:
    """Permuted blocks: within each class, every run of 10 * sum(shares) rows gets exactly its shares.

    Row k of a class draws the k-th number of a Philox stream keyed by (seed, class); the ranks of the numbers
    within a run decide. So a row's split depends on its place in its class alone, and the shares of the
    classes stay equal to a run's length.
    """

    def __init__(self, seed: int, shares: tuple[int, int, int]):
        self.seed, self.run = seed, 10 * sum(shares)
        self.bounds = np.cumsum(shares) * 10
        self.seen = [0, 0]

    def assign(self, labels: np.ndarray, time: np.ndarray | None = None) -> np.ndarray:
        out = np.empty(len(labels), np.int8)
        for label in (0, 1):
            rows = np.flatnonzero(labels == label)
            out[rows] = self._next(label, len(rows))
        return out

    def _next(self, label: int, count: int) -> np.ndarray:
        start = self.seen[label]
        self.seen[label] += count
        first = start - start % self.run
        runs = -(-(start + count - first) // self.run)
        stream = np.random.Philox(key=np.array([self.seed, label], np.uint64))
        stream.advance(first // 4)
        numbers = stream.random_raw(first % 4 + runs * self.run)[first % 4 :].reshape(runs, self.run)
        ranks = np.empty((runs, self.run), np.int64)
        np.put_along_axis(ranks, numbers.argsort(axis=1, kind="stable"), np.arange(self.run)[None], axis=1)
        parts = np.searchsorted(self.bounds, ranks.ravel(), side="right")
        return parts[start - first : start - first + count].astype(np.int8)


class Chronological:
    """Cut at the quantiles of rows that shares give, ordered by time and, within one time, by file order.

    Args:
        cuts: for each of the two cuts (time, rows of exactly that time that lie before the cut).
    """

    def __init__(self, cuts: list[tuple[int, int]]):
        self.cuts, self.seen = cuts, [0] * len(cuts)
        self.place = 0

    def assign(self, labels: np.ndarray, time: np.ndarray | None) -> np.ndarray:
        if time is None:  # file order: a row's time is its number
            time = np.arange(self.place, self.place + len(labels))
        self.place += len(labels)
        out = np.zeros(len(labels), np.int8)
        for number, (cut, before) in enumerate(self.cuts):
            at = time == cut
            order = self.seen[number] + np.cumsum(at)
            self.seen[number] += int(at.sum())
            out += ((time > cut) | (at & (order > before))).astype(np.int8)
        return out


class GivenSplits:
    """The splits are files; a row's time is the number of its file (`given.GivenReader`)."""

    def assign(self, labels: np.ndarray, time: np.ndarray | None) -> np.ndarray:
        assert time is not None
        return time.astype(np.int8)


def spill_times(scan: Iterable[tuple[int, np.ndarray | None]], folder: Path) -> tuple[int, bool]:
    """First pass: count rows and spill how often each time occurs.

    Args:
        scan: (rows, times [rows] or None) block by block.

    Returns:
        (rows in all, whether they have times)
    """
    total, files = 0, 0
    for count, time in scan:
        total += count
        if time is not None:
            values, counts = np.unique(time, return_counts=True)
            pq.write_table(pa.table([values, counts], schema=_TIMES), folder / f"time-{files:06d}.parquet")
            files += 1
    return total, files > 0


def chronological_cuts(
    total: int, shares: tuple[int, int, int], folder: Path | None, connection: duckdb.DuckDBPyConnection
) -> list[tuple[int, int]]:
    """Where the shares fall, for `Chronological`; folder holds the spilled times, None for file order."""
    bounds = [total * shares[0] // sum(shares), total * (shares[0] + shares[1]) // sum(shares)]
    if folder is None:
        return [(bound, 0) for bound in bounds]
    connection.register("spilled", stream(sorted(folder.glob("time-*.parquet")), _TIMES))
    connection.execute(
        "CREATE TEMP TABLE times AS SELECT time, sum(n)::BIGINT AS n FROM spilled GROUP BY time"
    )
    connection.unregister("spilled")
    cuts = []
    for bound in bounds:
        rows = connection.execute(
            "SELECT time, past - n FROM "
            "(SELECT time, n, sum(n) OVER (ORDER BY time)::BIGINT AS past FROM times) "
            "WHERE past > ? ORDER BY time LIMIT 1",
            [bound],
        ).fetchall()
        cuts.append((rows[0][0], bound - rows[0][1]) if rows else (np.iinfo(np.int64).max, 0))
    connection.execute("DROP TABLE times")
    return cuts


def shares_text(shares: tuple[int, int, int]) -> str:
    """'train 80 %, val 10 %, test 10 %'."""
    return ", ".join(
        f"{name} {100 * share / sum(shares):g} %" for name, share in zip(SPLITS, shares, strict=True)
    )
