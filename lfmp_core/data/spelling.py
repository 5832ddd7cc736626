"""How the texts of a file are read: which are one value, which labels they are, which times."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..errors import DataError
from .columns import REFUSED, Block, Coded, Labelling, clicks
from .discretise import first_bad
from .times import REMEDY, Times, whole_times

_TOGETHER = 256 << 20  # bytes of text; an array of it holds at most 2^31


def _zero_or_one(text: str, beside: pa.StringArray) -> str:
    return "Labels must be 0 or 1"


@dataclass(frozen=True)
class Spelling:
    """The one place where either reader turns texts into what they say. Default: as publishers write.

    Attributes:
        canonical: distinct texts of a block to those of the values, or None for the texts themselves.
        labelling: distinct texts of the label column to 0, 1 or REFUSED.
        label_remedy: what to do about a refused label, given the texts of its block besides.
        times: distinct texts of the time column to int64; pa.ArrowInvalid where one is none.
    """

    canonical: Callable[[pa.StringArray], pa.StringArray] | None = None
    labelling: Labelling = clicks
    label_remedy: Callable[[str, pa.StringArray], str] = _zero_or_one
    times: Times = whole_times

    def read(self, columns: dict[str, Coded]) -> dict[str, Coded]:
        """A block's columns with the texts of their values; equal ones share a code.

        All columns are looked at together, so that thousands of them cost what their texts do.
        """
        if self.canonical is None or not columns:
            return columns
        whole = sum(coded.unique.nbytes for coded in columns.values()) <= _TOGETHER
        groups = [list(columns)] if whole else [[name] for name in columns]
        read = {}
        for group in groups:
            texts = self.canonical(pa.concat_arrays([columns[name].unique for name in group]))
            start = 0
            for name in group:
                coded = columns[name]
                own = texts.slice(start, len(coded.unique))
                start += len(own)
                read[name] = coded if own.equals(coded.unique) else Coded(coded.codes, own).merged()
        return read

    def labels_of(self, block: Block, column: str) -> np.ndarray:
        """uint8 [k] of 0 and 1.

        Raises:
            DataError: naming the first row whose label is neither.
        """
        coded = block.columns[column]
        table = self.labelling(coded.unique)
        labels = table[coded.codes]
        if (table == REFUSED).any():
            row = int(np.flatnonzero(labels == REFUSED)[0])
            text = coded.unique[int(coded.codes[row])].as_py()
            remedy = self.label_remedy(text, coded.unique)
            raise DataError(
                f"label {text!r}", file=block.file, line=block.line_of(row), column=column, remedy=remedy
            )
        return labels

    def times_of(self, block: Block, column: str) -> np.ndarray:
        """int64 [k].

        Raises:
            DataError: naming the first row without a time that can be compared with the others.
        """
        coded = block.columns[column]
        try:
            return self.times(coded.unique)[coded.codes]
        except pa.ArrowInvalid:
            bad = first_bad(coded.unique, self.times)
            text = coded.unique[bad].as_py()
            form = "whole number" if self.times is whole_times else "ISO date"
            raise block.fail(
                f"time {text!r} is no {form}" if text else "no time", column, bad, REMEDY
            ) from None


PUBLISHED = Spelling()
