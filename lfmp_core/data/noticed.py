"""What rows show on their way through: splits too small to learn from, columns that tell nothing, or all.

A split without both classes is refused; the rest is said (`notices.py`) and changes nothing.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from .columns import Block, Column
from .notices import Notice
from .preparation import PrepareSettings
from .schema import SPLITS, Field
from .splits import shares_text

FEW_CLICKS = 30
_NEARLY_ALL = 0.95
_LEAST_ROWS = 20  # below, a column of few rows is a row number or unseen by chance
_TIME_NAME = re.compile(r"(^|_)(time|timestamp|datetime|date|ts)$|_at$", re.IGNORECASE)
_ISO = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$"
# seconds, milliseconds and so on since 1970 of the years 2000 to 2050
_EPOCHS = [(946_684_800 * unit, 2_524_608_000 * unit) for unit in (1, 10**3, 10**6, 10**9)]
_WRAP = 1 << 64
_LEAVE_OUT = "Leave it out (--drop)"


def check_splits(
    path: Path, rows: Mapping[str, int], clicks: Mapping[str, int], settings: PrepareSettings
) -> None:
    """Refuse rows that can't be trained and judged on: every split needs rows of both classes.

    Args:
        rows, clicks: of each split.

    Raises:
        DataError
    """
    total, all_clicks = sum(rows.values()), sum(clicks.values())
    if not total:
        raise DataError("no rows", file=path, remedy="The file holds no more than a header")
    if all_clicks in (0, total):
        remedy = "Name the column that holds 0 and 1 as label, or by --positive what counts as a click"
        raise DataError(f"every label is {int(all_clicks > 0)}", file=path, remedy=remedy)
    given = settings.split == "given"
    wanted = [split for split, share in zip(SPLITS, settings.shares, strict=True) if share or given]
    for split in wanted:
        if not rows[split]:
            how = "its file has no more than a header" if given else shares_text(settings.shares)
            what = f"split {split} gets none of the {total} rows ({how})"
            raise DataError(what, file=path, remedy=_more(split, settings))
    for split in wanted:
        if clicks[split] in (0, rows[split]):
            what, everywhere = ("non-click", total - all_clicks) if clicks[split] else ("click", all_clicks)
            problem = f"split {split} has no {what} among its {rows[split]:,} rows ({everywhere:,} in all)"
            raise DataError(problem, file=path, remedy=_more(split, settings))


def _more(split: str, settings: PrepareSettings) -> str:
    if settings.split == "given":
        return f"Give a longer file for {split}"
    if settings.split == "random":
        return f"Give more rows, or {split} a larger share (--shares)"
    return f"Give more rows, {split} a larger share (--shares), or draw the splits (--split random)"


def scarce(rows: Mapping[str, int], clicks: Mapping[str, int], settings: PrepareSettings) -> list[Notice]:
    """Splits in which one class is too rare to say much."""
    found = []
    for split in SPLITS:
        rarer = min(clicks[split], rows[split] - clicks[split])
        if 0 < rarer < FEW_CLICKS:
            what = "click" if rarer == clicks[split] else "non-click"
            text = f"split {split} has {rarer} {what}{'s' * (rarer > 1)} among {rows[split]:,} rows"
            text += ": figures on it are mostly chance"
            found.append(Notice("warning", None, text, _more(split, settings)))
    return found


class Watch:
    """Looks at blocks as they pass and says at the end which columns tell nothing.

    `rows` is told in file order and looks at unique values alone, `ids` in the second pass.
    """

    def __init__(self, columns: Sequence[Column]):
        self.columns = columns
        self.total = self.judged = 0
        names = dict.fromkeys(column.column for column in columns if column.derive is None)
        self.constants: dict[str, str | None] = dict.fromkeys(names)
        self.times: set[str] = set()
        # sum and sum of squares (mod 2^64), least and greatest of columns whose every value may be another
        self.numbers = {name: (0, 0, np.iinfo(np.int64).max, np.iinfo(np.int64).min) for name in names}
        self.unseen = np.zeros(len(columns), np.int64)

    def rows(self, block: Block) -> None:
        """Pass 1: a block's values."""
        size = len(block.labels)
        if not self.total:
            self.times = {
                name for name in self.constants if _looks_like_time(name, block.columns[name].unique)
            }
        for name in list(self.constants):
            unique = block.columns[name].unique
            value = unique[0].as_py() if len(unique) == 1 else None
            if value is None or self.constants[name] not in (None, value):
                del self.constants[name]
            else:
                self.constants[name] = value
        for name in list(self.numbers):
            numbers = _whole(block.columns[name].unique, size)
            if numbers is None:
                del self.numbers[name]
            else:
                self.numbers[name] = _added(self.numbers[name], numbers)
        self.total += size

    def ids(self, split: str, ids: np.ndarray, offsets: np.ndarray) -> None:
        """Pass 2: global ids [k, m] of a block's rows of a split; the fields' unseen-value ids [m]."""
        if split != "train":
            self.unseen += (ids == offsets).sum(axis=0)
            self.judged += len(ids)

    def notices(self, fields: Sequence[Field], trained: int, leaking: Mapping[str, float]) -> list[Notice]:
        """At most one notice a field.

        Args:
            trained: rows that values were counted in. leaking: see `leaks.leaking`.
        """
        if self.total < _LEAST_ROWS:
            return []
        found = []
        for number, (column, field) in enumerate(zip(self.columns, fields, strict=True)):
            name = column.column if column.derive is None else None
            text, remedy = self._values(name), _LEAVE_OUT
            if text is None and name in self.times:
                text = "it looks like a time, and no later one is known to the model"
                remedy = "Order the rows by it (--time), or leave it out (--drop)"
            text = text or self._training(field, number, trained)
            if field.name in leaking:
                text = f"it alone tells the clicks of the val rows at an AUC of {leaking[field.name]:.4f}"
                remedy = "If it is known only after the click, leave it out: "
                remedy += f"--drop {shlex.quote(column.column)}"
            if text:
                found.append(Notice("warning", field.name, text, remedy))
        return found

    def _values(self, name: str | None) -> str | None:
        if name in self.constants:
            return "it has the same value in every row"
        if name in self.numbers and self._counts_rows(name):
            return "it numbers the rows, which says nothing of a new one"
        return None

    def _training(self, field: Field, number: int, trained: int) -> str | None:
        if field.kind == "scalar":
            return None
        if field.distinct <= 1:
            return "it has the same value in every training row"
        if not field.kept:
            return f"no value is seen {field.threshold} times in training, so all rows look the same"
        if self.judged and self.unseen[number] >= _NEARLY_ALL * self.judged:
            share = 100 * self.unseen[number] / self.judged
            return f"{share:.4g} % of the val and test rows have a value that training saw too seldom"
        if field.distinct >= _NEARLY_ALL * trained:
            return f"nearly every value occurs once ({field.distinct:,} in {trained:,} rows)"
        return None

    def _counts_rows(self, name: str) -> bool:
        """0..n-1 or 1..n, each once, in any order: the sums of no other numbers between them are the same."""
        plain, squares, least, greatest = self.numbers[name]
        n = self.total
        if least not in (0, 1) or greatest != least + n - 1:
            return False
        first = n * (n - 1) // 2 + least * n
        second = (n - 1) * n * (2 * n - 1) // 6 + least * n * (n - 1) + least * n
        return plain == first % _WRAP and squares == second % _WRAP


def _whole(unique: pa.StringArray, size: int) -> np.ndarray | None:
    """A block's values as int64 if all its rows differ and are whole numbers."""
    if len(unique) != size:
        return None
    try:
        return pc.cast(unique, pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None


def _added(so_far: tuple[int, int, int, int], numbers: np.ndarray) -> tuple[int, int, int, int]:
    wrapped = numbers.astype(np.uint64)
    plain, squares, least, greatest = so_far
    return (
        (plain + int(wrapped.sum())) % _WRAP,
        (squares + int((wrapped * wrapped).sum())) % _WRAP,
        min(least, int(numbers.min())),
        max(greatest, int(numbers.max())),
    )


def _looks_like_time(name: str, unique: pa.StringArray) -> bool:
    """By its name and many values, as ISO dates, or as whole numbers in the range of times since 1970."""
    present = unique.filter(pc.not_equal(unique, ""))
    if len(present) < _LEAST_ROWS:
        return False
    if pc.all(pc.match_substring_regex(present, _ISO)).as_py():
        return True
    numbers = _whole(present, len(present))
    if numbers is None:
        return False
    low, high = int(numbers.min()), int(numbers.max())
    return bool(_TIME_NAME.search(name)) or any(start <= low and high < end for start, end in _EPOCHS)
