"""What the measurements share: generated rows, a clock for both kinds of device, order statistics."""

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from lfmp_core.data import Rows
from lfmp_core.errors import DataError
from lfmp_core.ownership import check_file, read_object

T = TypeVar("T")


def figures(*keys: str) -> Callable[[str], Path]:
    """Type of an option that names a file for figures: one that is there must hold such figures.

    Args:
        keys: that the figures have.
    """

    def path(text: str) -> Path:
        try:
            return check_file(text, "file of figures", lambda there: set(keys) <= read_object(there).keys())
        except DataError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return path


def in_turn(members: Sequence[T], number: int) -> list[T]:
    """All members, from another one in each round on: nobody always follows the same other one."""
    shift = number % len(members)
    return [*members[shift:], *members[:shift]]


def zipf_rows(sizes: Sequence[int], rows: int, exponent: float, seed: int, *, permuted: bool = False) -> Rows:
    """Random rows whose values follow P(rank r) ∝ r^−exponent in each field, a quarter of them clicks.

    Args:
        sizes: ids of each field; the fields' ids follow one another.
        rows: how many.
        exponent: of the law; it is bounded by the field's size.
        seed: of everything random.
        permuted: give the ranks of a field its ids in random order, so that frequent ids don't lie together.
    """
    rng = np.random.default_rng(seed)
    columns, offset = [], 0
    for size in sizes:
        weights = np.arange(1, size + 1, dtype=np.float64) ** -exponent
        shares = np.cumsum(weights) / weights.sum()
        shares[-1] = 1.0
        ranks = np.searchsorted(shares, rng.random(rows), side="right")
        values = rng.permutation(size)[ranks] if permuted else ranks
        columns.append((offset + values).astype(np.int32))
        offset += size
    return Rows(np.stack(columns, 1), (rng.random(rows) < 0.25).astype(np.uint8))


def seconds_of(action: Callable[[int], Any], repeats: int, device: torch.device) -> list[float]:
    """Seconds of each call of action(0), action(1), … .

    On a GPU the stream's own events take the time and nothing waits for the device until all calls are
    queued. On a CPU a returned tensor is read, as a training loop reads its loss.
    """
    if device.type == "cuda":
        events = [torch.cuda.Event(enable_timing=True) for _ in range(repeats + 1)]
        torch.cuda.synchronize(device)
        events[0].record()
        for k in range(repeats):
            action(k)
            events[k + 1].record()
        torch.cuda.synchronize(device)
        return [a.elapsed_time(b) / 1e3 for a, b in pairwise(events)]
    seconds = []
    for k in range(repeats):
        start = time.perf_counter()
        result = action(k)
        if isinstance(result, torch.Tensor):
            result.item()
        seconds.append(time.perf_counter() - start)
    return seconds
