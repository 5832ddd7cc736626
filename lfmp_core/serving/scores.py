"""Scores of a file's raw rows in a file: streamed, and whole or absent."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from tqdm import tqdm

from ..data.faults import reading, writing
from ..errors import DataError, LfmpError, visible
from ..files import begin, sync_folder
from ..folders import sweep
from ..ownership import check_file
from .folder import Served

SCORE = "score"
_MARK = b"lfmp_scores_of"  # in the metadata of a Parquet file: the digest of the model
_KINDS = (".parquet", ".pq", ".csv")


def score_file(
    served: Served,
    rows: Path | str,
    out: Path | str,
    *,
    keep: Sequence[str] = (),
    delimiter: str | None = None,
    progress: bool = True,
) -> tuple[int, dict[str, int]]:
    """Score a CSV or Parquet file into another one: the columns to keep, then `score`, a probability.

    Memory does not grow with the rows. What was kept from a CSV file is text; from a Parquet file it has its
    own type. Scores of this program in Parquet may be replaced, anything else is not.

    Args:
        rows: a file with a header.
        out: ends in .parquet or .csv.
        keep: columns of `rows` to hand on.
        delimiter: between columns of a text; a tab in .tsv and a comma in others by default.

    Returns:
        (rows, unseen values by field)

    Raises:
        DataError: a column is not there, a value is none of its field's kind, the place is taken, or the disk
            is full. Nothing is left behind.
    """
    rows, out = Path(rows), Path(out)
    check_out(rows, out, keep)
    with reading(rows):
        size = rows.stat().st_size
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out.parent, path=out)
    count, unseen = 0, Counter[str]()
    bar = tqdm(total=size, unit="B", unit_scale=True, desc="scored", disable=not progress, leave=False)
    with bar, _whole(out, served.card.digest) as write:
        for encoded, kept, taken in served.encoder.stream(rows, keep=keep, delimiter=delimiter):
            columns = {name: kept.column(name) for name in keep}
            write(pa.table({**columns, SCORE: pa.array(served.score(encoded))}))
            count, unseen = count + len(encoded), unseen + Counter(encoded.unseen)
            bar.update(taken)
        if not count:
            raise DataError("no rows", file=rows, remedy="The file holds no more than a header")
    names = served.encoder.fields
    return count, {field.name: unseen[field.name] for field in names if field.kind != "scalar"}


def check_out(rows: Path, out: Path, keep: Sequence[str]) -> None:
    """Refuse a place for scores that can't be one.

    Raises:
        LfmpError: its ending says no kind of file, or a column to keep is named twice, or as the scores are.
        DataError: something else is there.
    """
    if out.suffix.lower() not in _KINDS:
        raise LfmpError(f"{visible(str(out))}: scores are written as .parquet or .csv: name the file so")
    for name in keep:
        if name == SCORE or list(keep).count(name) > 1:
            why = "is how the scores are called" if name == SCORE else "is asked for twice"
            raise LfmpError(f"the column to keep {name!r} {why}")
    if out.exists() and rows.exists() and out.samefile(rows):
        raise DataError("the rows themselves are there", file=out, remedy="Name another file")
    check_file(out, "file of scores in Parquet", _ours)


def _ours(path: Path) -> bool:
    try:
        return _MARK in (pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):
        return False


@contextmanager
def _whole(out: Path, digest: str) -> Iterator[Callable[[pa.Table], None]]:
    """Yield what writes tables, one after the other, into a file that takes its place when all is well."""
    with writing(out, "file of scores"):
        temporary = begin(out, lambda new: new.touch(exist_ok=False))
    writer: pq.ParquetWriter | pacsv.CSVWriter | None = None

    def write(table: pa.Table) -> None:
        nonlocal writer
        with writing(out, "file of scores"):
            if writer is None:
                writer = _writer(temporary, out, table.schema, digest)
            writer.write_table(table)

    try:
        yield write
        with writing(out, "file of scores"):
            if writer is not None:
                writer.close()
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())  # a full disk may only be noticed here
            os.replace(temporary, out)
            sync_folder(out.parent)
    finally:
        with suppress(OSError, pa.ArrowException):  # of a writer that has failed, or was closed above
            if writer is not None:
                writer.close()
        temporary.unlink(missing_ok=True)


def _writer(path: Path, out: Path, schema: pa.Schema, digest: str) -> "pq.ParquetWriter | pacsv.CSVWriter":
    if out.suffix.lower() == ".csv":
        return pacsv.CSVWriter(path, schema)
    return pq.ParquetWriter(path, schema.with_metadata({_MARK: json.dumps(digest).encode()}))
