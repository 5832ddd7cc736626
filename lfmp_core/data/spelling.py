"""How the texts of a file are read: which are one value, which labels they are, which times."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..errors import DataError
from .columns import REFUSED, Block, Coded, Labelling, clicks
from .discretise import first_bad
from .times import REMEDY, Times, whole_times


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

    def coded(self, codes: np.ndarray, texts: pa.StringArray) -> Coded:
        """A column of a block. codes: int32 [k] into texts."""
        if self.canonical is None:
            return Coded(codes, texts)
        return Coded(codes, self.canonical(texts)).merged()

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
