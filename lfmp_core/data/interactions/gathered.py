"""Pairs as a source has them, before they are split."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..notices import Notice


@dataclass(frozen=True, eq=False)
class Gathered:
    """All pairs of a source, those that stand there again too.

    Attributes:
        users, items: int64 [pairs], numbered from 0.
        times: int64 [pairs] that order them, or None.
        given: int8 [pairs], the number in SPLITS of the file that each stands in, or None.
        vocabulary: columns field, value, count and id of what the numbers stand for, or None where they stand
            for themselves.
        names: of users and items.
        source: file names, bytes and hashes.
        notices: what reading showed.
        truth: what was planted.
        file: that they were read from, for messages.
    """

    users: np.ndarray
    items: np.ndarray
    num_users: int
    num_items: int
    times: np.ndarray | None = None
    given: np.ndarray | None = None
    vocabulary: pa.Table | None = None
    names: tuple[str, str] = ("user", "item")
    source: dict[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    truth: dict[str, Any] | None = None
    file: Path | None = None

    def keys(self) -> np.ndarray:
        """Each pair as one number, user · items + item: int64 [pairs]."""
        return self.users * self.num_items + self.items

    def take(self, rows: np.ndarray) -> "Gathered":
        """The pairs of these rows, in that order."""
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            times=None if self.times is None else self.times[rows],
            given=None if self.given is None else self.given[rows],
        )
