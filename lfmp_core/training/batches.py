"""Batches by slicing arrays."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..data.dataset import Rows
from ..models.batch import ClickBatch

# Rows held in memory at a time while shuffling: flat memory, whatever the size of the files.
BLOCK_ROWS = 1 << 20


def to_batch(rows: Rows, pick: slice | np.ndarray, device: torch.device | str = "cpu") -> ClickBatch:
    """(ids [B, m] int32, values [B, s] or None, labels [B] float32) of some rows.

    Towards a GPU the copy does not wait: the rows are put into pinned memory first.
    """
    to = torch.device(device)

    def move(array: np.ndarray) -> Tensor:
        part = np.asarray(array[pick])
        # an index array has copied already; a slice is a view, often of a file that is read-only
        tensor = torch.tensor(part) if isinstance(pick, slice) else torch.from_numpy(part)
        return tensor if to.type == "cpu" else tensor.pin_memory().to(to, non_blocking=True)

    values = None if rows.values is None else move(rows.values)
    return ClickBatch(move(rows.ids), values, move(rows.labels).to(torch.float32))


def least_rows(model: nn.Module) -> int:
    """Rows that a batch needs to be learnt from: two where rows are normalised by each other, else one.

    A table's own norms go over ids, of which one row has many.
    """
    norms = (name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm1d))
    return 2 if any(not name.startswith("table.") for name in norms) else 1


def num_batches(rows: int, batch_size: int, least: int = 1) -> int:
    """Batches of `rows` rows, where a last one of fewer than `least` is left out."""
    return rows // batch_size + (rows % batch_size >= least) if batch_size >= least else 0


def split(batch: ClickBatch, pieces: int, least: int = 1) -> list[tuple[ClickBatch, float]]:
    """At most `pieces` runs of a batch's rows, of nearly equal length and of `least` rows or more, each with
    its share of the rows."""
    ids, values, labels = batch
    if pieces == 1:
        return [(batch, 1.0)]
    size = max(least, -(-len(ids) // pieces))
    edges = [*range(0, len(ids), size), len(ids)]
    if len(edges) > 2 and edges[-1] - edges[-2] < least:
        del edges[-2]
    runs = [slice(a, b) for a, b in pairwise(edges)]
    parts = [ClickBatch(ids[r], None if values is None else values[r], labels[r]) for r in runs]
    return [(part, len(part.ids) / len(ids)) for part in parts]


class Epochs(Protocol):
    """Batches that a training goes through, epoch by epoch, the same again from the same numbers.

    Attributes:
        identity: what has to be the same for a training to be gone on with, JSON-able.
    """

    @property
    def identity(self) -> dict[str, int]: ...

    def __len__(self) -> int: ...

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """The batches of one epoch, the first `start` of them left out."""
        ...

    def split(self, batch: Any, pieces: int) -> list[tuple[Any, float]]:
        """At most so many parts of a batch, each with its share of it."""
        ...


@dataclass(frozen=True)
class Batches:
    """Shuffled batches of rows that may lie in memory-mapped files.

    Blocks of consecutive rows are visited in random order and shuffled inside, so that a file is read in
    long runs. Up to `block_rows` rows the shuffle is a plain permutation. The order depends on (seed, epoch)
    alone.

    Args:
        rows: what to visit.
        batch_size: B.
        seed: of the order.
        exclude: sorted indices of rows to leave out.
        block_rows: rows held in memory at a time.
        device: where the batches go.
        least: rows that a batch needs, see `least_rows`. A last one of fewer is left out; which rows it would
            have held is another draw in each epoch.
    """

    rows: Rows
    batch_size: int
    seed: int
    exclude: np.ndarray | None = None
    block_rows: int = BLOCK_ROWS
    device: str = "cpu"
    least: int = 1

    def _blocks(self) -> list[tuple[int, int, np.ndarray]]:
        step = max(1, self.block_rows // self.batch_size) * self.batch_size
        exclude = np.empty(0, np.int64) if self.exclude is None else self.exclude
        edges = range(0, len(self.rows), step)
        bounds = [(a, min(len(self.rows), a + step)) for a in edges]
        return [(a, b, exclude[slice(*np.searchsorted(exclude, (a, b)))] - a) for a, b in bounds]

    @property
    def identity(self) -> dict[str, int]:
        """What has to be the same for a training to be gone on with."""
        excluded = 0 if self.exclude is None else len(self.exclude)
        return {"seed": self.seed, "rows": len(self.rows), "excluded": excluded}

    def split(self, batch: ClickBatch, pieces: int) -> list[tuple[ClickBatch, float]]:
        """The batch in pieces, each with its share; see `split`."""
        return split(batch, pieces, self.least)

    def __len__(self) -> int:
        return sum(self._count(b - a - len(out)) for a, b, out in self._blocks())

    def _count(self, rows: int) -> int:
        return num_batches(rows, self.batch_size, self.least)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[ClickBatch]:
        """The batches of one epoch, the first `start` of them left out."""
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, epoch])))
        blocks = self._blocks()
        for k in rng.permutation(len(blocks)):
            a, b, out = blocks[k]
            order = np.delete(np.arange(b - a), out)
            rng.shuffle(order)
            count = self._count(len(order))
            if start >= count:
                start -= count
                continue
            # one sequential copy out of the file; the batches are gathered from memory
            block = self.rows[a:b].take(np.arange(b - a))
            self.rows.forget()
            for i in range(start, count):
                yield to_batch(block, order[i * self.batch_size : (i + 1) * self.batch_size], self.device)
            del block  # before the next is read
            start = 0

    def endless(self, start: int = 0) -> Iterator[ClickBatch]:
        """Batches epoch after epoch, the first `start` of all left out."""
        epoch, position = divmod(start, len(self))
        while True:
            yield from self.epoch(epoch, position)
            epoch, position = epoch + 1, 0


class Numbered:
    """Batches by their number, counted through all epochs: a function of the number alone.

    To draw one batch its whole block of rows is read and shuffled. Asked for in order, batches share that.
    """

    def __init__(self, batches: Batches):
        self._batches, self._following = batches, -1
        self._stream: Iterator[ClickBatch] = iter(())

    def __getitem__(self, number: int) -> ClickBatch:
        if number != self._following:
            self._stream = self._batches.endless(number)
        self._following = number + 1
        return next(self._stream)
