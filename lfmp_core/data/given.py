"""Splits that are files of their own: read one after the other, each by a reader with the same columns."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .columns import Block, Reader
from .schema import SPLITS


class GivenReader:
    """A reader of three files (see columns.Reader); a row's time is the number of its file in SPLITS.

    Args:
        readers: of train, val and test. Columns, kinds and notices are those of train.
    """

    def __init__(self, readers: Mapping[str, Reader]):
        self.readers = [readers[split] for split in SPLITS]
        first = self.readers[0]
        self.path, self.columns, self.notices, self.has_time = first.path, first.columns, first.notices, True
        self.size = sum(reader.size for reader in self.readers)

    def pieces(self, block_bytes: int) -> Iterator[tuple[int, Any]]:
        """Each file's pieces with the file's number."""
        for number, reader in enumerate(self.readers):
            for piece in reader.pieces(block_bytes):
                yield number, piece

    def parse(self, piece: tuple[int, Any], time_only: bool = False) -> Block:
        number, own = piece
        block = self.readers[number].parse(own, time_only)
        block.time = np.full(len(block.labels), number)
        return block

    def provenance(self) -> dict[str, Any]:
        """That of train, with those of val and test."""
        train, *others = (reader.provenance() for reader in self.readers)
        return train | dict(zip(SPLITS[1:], others, strict=True))


def check_given(paths: Mapping[str, Path | str | None], needed: Collection[str] = SPLITS) -> dict[str, Path]:
    """The files of one's own splits.

    Args:
        needed: the splits that must have one.

    Raises:
        DataError: one is not named, or two are the same file.
    """
    named = {split: Path(path) for split, path in paths.items() if path is not None}
    lacking = [f"--{split}" for split in needed if split not in named]
    if lacking:
        remedy = f"Splits of one's own are a file each of {', '.join(needed)}"
        raise DataError(f"{' and '.join(lacking)} is missing", remedy=remedy)
    given = [split for split in SPLITS if split in named]
    for split in given:
        for other in given[: given.index(split)]:
            if named[split].resolve() == named[other].resolve():
                what = f"the same rows for {other} and {split}"
                raise DataError(what, file=named[split], remedy="Give a file of other rows for each")
    return named


def check_same_columns(
    path: Path, names: Iterable[str], first: Path, expected: Iterable[str], ignored: Collection[str | None]
) -> None:
    """Refuse a split whose columns are not those of train, in whatever order, naming them.

    Args:
        names, expected: columns of the file and of train's, `first`.
        ignored: columns that may be there or not.

    Raises:
        DataError
    """
    there, wanted = (dict.fromkeys(n for n in those if n not in ignored) for those in (names, expected))
    lacks = [name for name in wanted if name not in there]
    more = [name for name in there if name not in wanted]
    if lacks or more:
        parts = [f"lacks {some(lacks)}"] if lacks else []
        parts += [f"has {some(more)} besides"] if more else []
        remedy = "Give all splits the same columns, or leave these out (--drop)"
        what = f"other columns than in {first.name}: it {' and '.join(parts)}"
        raise DataError(what, file=path, column=(lacks or more)[0], remedy=remedy)


def some(names: Sequence[object], shown: int = 5) -> str:
    """The first few of them, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(map(repr, names[:shown])) + more
