"""Sampled negatives: what somebody did not take, beside each thing that was taken.

A log of visits or purchases holds clicks alone, and nothing can be learnt from clicks alone. Each of its rows
is written with label 1, and after it some times with label 0 and another item, which is that of a random row,
or of one of those nearest in time: an item that is taken often is drawn as often, so how popular it is says
nothing of the label. AUC then is of taken against drawn items, not of what was seen and passed over.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ..errors import DataError, LfmpError, visible
from ..files import atomic_write
from ..ownership import check_file
from ..seeds import derive
from .own_file import open_own_file
from .raw_table import check_there, file_blocks

CLICKED = "clicked"
_TRIES = 8  # draws of an item that the user did not take, after which the negative is left out


def with_negatives(
    log: pa.Table,
    item: str,
    *,
    per: int = 4,
    user: str | None = None,
    of_item: Sequence[str] = (),
    order: np.ndarray | None = None,
    near: int = 10_000,
    seed: int = 0,
) -> pa.Table:
    """The rows of a log with `clicked` 1, each followed by at most `per` with another item and `clicked` 0.

    Args:
        log: a row for each thing that was taken.
        item: column of what was taken.
        per: negatives of each row.
        user: column of who took it: nobody gets as a negative what is taken by the same anywhere in the log.
        of_item: columns that belong to the item, such as its price, and change with it.
        order: rows by time [N]; an item comes from one of the `near` rows about it. Without: from any row.
        seed: of the draws.

    Raises:
        LfmpError: the log has a column `clicked`, or one item alone.
    """
    if CLICKED in log.column_names:
        raise LfmpError(f"the log has a column {CLICKED!r} already: rename it, or leave it out")
    rows, rng = len(log), np.random.default_rng(derive(seed, "negatives"))
    items, users = _codes(log, item), _codes(log, user) if user else np.arange(rows)
    if not rows or items.min() == items.max():
        raise LfmpError(f"nothing else can be drawn: all rows have the same {visible(item)}")
    width = rows if order is None else min(near, rows)
    order = np.arange(rows) if order is None else order
    place = np.empty(rows, np.int64)
    place[order] = np.arange(rows)
    taken = np.unique(users * (items.max() + 1) + items)
    of = np.repeat(np.arange(rows), per)
    drawn = np.full(len(of), -1)
    open_ones = np.arange(len(of))
    for _ in range(_TRIES):
        low = np.clip(place[of[open_ones]] - width // 2, 0, rows - width)
        other = order[low + rng.integers(0, width, len(open_ones))]
        pairs = users[of[open_ones]] * (items.max() + 1) + items[other]
        at = np.minimum(np.searchsorted(taken, pairs), len(taken) - 1)
        fine = taken[at] != pairs
        drawn[open_ones[fine]] = other[fine]
        open_ones = open_ones[~fine]
    return _put_together(log, (item, *of_item), per, drawn)


def write_negatives(
    path: Path,
    out: Path,
    item: str,
    *,
    user: str | None = None,
    time: str | None = None,
    of_item: Sequence[str] = (),
    delimiter: str | None = None,
    **how,
) -> tuple[int, int]:
    """The same of a CSV or Parquet file, into another; memory grows with the rows.

    Args:
        path, out: of the files. time: column that orders rows: whole numbers, or text that sorts by time, as
            ISO dates do. item, user, of_item, how: see `with_negatives`. delimiter: of a text.

    Returns:
        rows of clicks, and of others.

    Raises:
        DataError: the file can't be read, a column is absent, or something else is at `out`.
    """
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise LfmpError(f"{visible(str(out))}: rows are written as .parquet or .csv: name the file so")
    check_file(out, "file of rows", lambda there: False)
    names = open_own_file(path, delimiter).names
    check_there(path, names, [name for name in (item, user, time, *of_item) if name])
    log = pa.concat_tables(
        [block.kept for block, _ in file_blocks(path, [item], keep=names, delimiter=delimiter)],
        promote_options="default",
    )
    if not len(log):
        raise DataError("no rows", file=path, remedy="The file holds no more than a header")
    order = np.asarray(pc.sort_indices(_sortable(log.column(time)))) if time else None
    found = with_negatives(log, item, user=user, of_item=of_item, order=order, **how)
    buffer = io.BytesIO()
    if out.suffix.lower() == ".csv":
        pacsv.write_csv(found, buffer)
    else:
        pq.write_table(found, buffer)
    atomic_write(out, buffer.getvalue())
    return len(log), len(found) - len(log)


def _codes(log: pa.Table, name: str) -> np.ndarray:
    codes = np.asarray(pc.dictionary_encode(log.column(name)).combine_chunks().indices.fill_null(-1))
    return codes.astype(np.int64) + 1  # a product of two of them is a key


def _sortable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers as numbers, whatever the file wrote them as."""
    try:
        return column.cast(pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column


def _put_together(log: pa.Table, changed: Sequence[str], per: int, drawn: np.ndarray) -> pa.Table:
    rows = len(log)
    source = np.empty((rows, per + 1), np.int64)  # of the columns that change: the row itself, then others
    source[:, 0], source[:, 1:] = np.arange(rows), drawn.reshape(rows, per)
    there = source.ravel() >= 0
    own = np.repeat(np.arange(rows), per + 1)[there]
    label = np.zeros((rows, per + 1), np.int8)
    label[:, 0] = 1
    columns = {
        name: log.column(name).take(source.ravel()[there] if name in changed else own)
        for name in log.column_names
    }
    return pa.table({**columns, CLICKED: label.ravel()[there]})
