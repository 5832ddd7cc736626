"""Time of single calls: what one waits for an answer."""

import time
from collections.abc import Callable, Sequence
from itertools import cycle

import numpy as np

from .timing import lapses

SHARES = (50, 95, 99)


def latencies(
    calls: Sequence[Callable[[], object]],
    count: int,
    *,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Seconds of each of `count` calls, which go through `calls` round and round.

    Args:
        calls: what is timed, such as scorers of one batch each: one alone would find its rows in the cache.
        count: timed calls.
        warm_up: calls before the clock; the timed ones go on where they ended.
        clock: see `timing.rate`.

    Raises:
        ValueError: there is nothing to call, or nothing to time.
    """
    if not calls or count < 1:
        raise ValueError(f"needs calls to time, and to time at least one: {len(calls)} calls, {count} times")
    turns = cycle(calls)
    return lapses(lambda: next(turns)(), rounds=count, warm_up=warm_up, clock=clock)


def percentiles(seconds: Sequence[float], shares: Sequence[int] = SHARES) -> dict[str, float]:
    """p50, p95 and p99: so many of a hundred calls take at most this long; between two calls a straight line.

    Args:
        seconds: of each call; of 100 calls p99 stands on the two slowest alone.
        shares: of a hundred.
    """
    return {f"p{share}": float(np.percentile(seconds, share)) for share in shares}
