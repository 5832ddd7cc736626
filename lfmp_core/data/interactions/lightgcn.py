"""Reader of the splits that LightGCN published: train.txt and test.txt, a line `user item item …` a user."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import DataError
from ..faults import reading
from ..malformed import check_beginning
from ..notices import Notice
from ..schema import SPLITS
from ..sources import Source
from .gathered import Gathered
from .pairs import Interactions

FILES = {"train": "train.txt", "test": "test.txt"}
_MOST_DIGITS = 9  # below 2^31, so that ids fit 32 bits
_DIGIT, _SPACE = np.zeros(256, bool), np.zeros(256, bool)
_DIGIT[list(b"0123456789")] = _SPACE[list(b" \t\r\n")] = True


class PairLines(NamedTuple):
    """A file's lines: the user of each, and its pairs.

    Attributes:
        heads: int64 [lines]. users, items: int64 [pairs].
    """

    heads: np.ndarray
    users: np.ndarray
    items: np.ndarray


def read_lines(path: Path) -> tuple[PairLines, dict]:
    """A file's lines and its name, bytes and SHA-256; a user may stand there without items.

    Raises:
        DataError: it is absent, no such text, or cut off; names the line.
    """
    check_beginning(path)
    with reading(path):
        data = path.read_bytes()
    if not data.endswith((b"\n", b"\r")):
        remedy = "Copy or download the file again; if it is whole, end it with a newline"
        problem = "the file ends in the middle of its last line"
        raise DataError(problem, file=path, line=_line(data, len(data)), remedy=remedy)
    text = np.frombuffer(data, np.uint8)
    digit = _DIGIT[text]
    odd = np.flatnonzero(~(digit | _SPACE[text]))
    if len(odd):
        at = int(odd[0])
        raise DataError(
            f"{_word(data, at)!r} is no number",
            file=path,
            line=_line(data, at),
            remedy="A line is: user item item …",
        )
    edges = np.diff(np.concatenate([[0], digit.view(np.int8), [0]]))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long = np.flatnonzero(ends - begins > _MOST_DIGITS)
    if len(long):
        at = int(begins[long[0]])
        remedy = f"Users and items are numbered from 0, in at most {_MOST_DIGITS} digits"
        raise DataError(f"{_word(data, at)} is too large", file=path, line=_line(data, at), remedy=remedy)
    numbers = np.fromstring(data, np.int64, sep=" ")
    breaks = np.cumsum((text == 10) | (text == 13))[begins]
    head = np.ones(len(numbers), bool)
    head[1:] = np.diff(breaks) > 0
    heads = numbers[head]
    counts = np.diff(np.flatnonzero(head), append=len(numbers)) - 1
    source = {"file": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return PairLines(heads, np.repeat(heads, counts), numbers[~head]), source


def gather_lightgcn(source: Source) -> Gathered:
    """The pairs of a folder with train.txt and test.txt.

    Raises:
        DataError: see `read_lines`.
    """
    read = {split: read_lines(path) for split, path in paths_of(source).items()}
    lines = {split: found for split, (found, _) in read.items()}
    users, items = (
        np.concatenate([getattr(found, ids) for found in lines.values()]) for ids in ("users", "items")
    )
    heads = np.concatenate([found.heads for found in lines.values()])
    num_users, num_items = int(heads.max(initial=-1)) + 1, int(items.max(initial=-1)) + 1
    given = np.repeat(
        np.array([SPLITS.index(split) for split in lines], np.int8),
        [len(found.users) for found in lines.values()],
    )
    notices = [*_twice(lines), *_other(source, lines, num_users, num_items)]
    (_, train), (_, test) = read["train"], read["test"]
    return Gathered(
        users,
        items,
        num_users,
        num_items,
        given=given,
        source=train | {"test": test},
        notices=tuple(notices),
        file=paths_of(source)["train"],
    )


def paths_of(source: Source) -> dict[str, Path]:
    """train.txt and test.txt of the source's folder."""
    first = source.file()
    folder = first.parent if first.name in FILES.values() else first
    return {split: folder / name for split, name in FILES.items()}


def pairs_digest(pairs: Interactions) -> str:
    """SHA-256 of pairs, in whatever order and with whatever line ends a file has them."""
    digest = hashlib.sha256(np.ascontiguousarray(pairs.starts).data)
    digest.update(np.ascontiguousarray(pairs.items).data)
    return digest.hexdigest()


def _twice(lines: dict[str, PairLines]) -> list[Notice]:
    found = []
    for split, own in lines.items():
        extra = len(own.heads) - len(np.unique(own.heads))
        if extra:
            text = f"{extra:,} more line{'s' * (extra > 1)} of a user who has one already in {FILES[split]}"
            found.append(Notice("note", None, f"{text}: their items are taken together"))
    return found


def _other(source: Source, lines: dict[str, PairLines], num_users: int, num_items: int) -> list[Notice]:
    """What of a known set is not as it was published."""
    found = []
    for split, known in source.pairs.items():
        own = Interactions.of_pairs(lines[split].users, lines[split].items, num_users, num_items)
        if pairs_digest(own) != known:
            text = f"the pairs of {FILES[split]} are not those of {source.name} as published"
            found.append(
                Notice("warning", None, text, "Figures of the papers hold for those: fetch them again")
            )
    return found


def _line(data: bytes, at: int) -> int:
    before = data[:at].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return before.count(b"\n") + 1


def _word(data: bytes, at: int) -> str:
    """The word that byte `at` is in."""
    start = max(data.rfind(space, 0, at) for space in (b" ", b"\t", b"\n", b"\r")) + 1
    return data[start : at + 40].split()[0].decode("utf-8", "replace")
