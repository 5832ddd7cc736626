"""Time of inference."""

import time
from collections.abc import Callable
from statistics import median

from ..data.dataset import Rows
from ..models import Backbone
from ..training.evaluate import scorer


def lapses(
    act: Callable[[], object],
    *,
    rounds: int = 5,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Seconds of each counted round.

    Args:
        act: does the work of a round, and waits for the device.
        rounds, warm_up, clock: see `rate`.
    """
    seconds = []
    for _ in range(warm_up + rounds):
        started = clock()
        act()
        seconds.append(clock() - started)
    return seconds[warm_up:]


def rate(
    score: Callable[[], None],
    units: int,
    *,
    rounds: int = 5,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Units scored a second: the median over rounds.

    Args:
        score: scores `units` rows, or users, and waits for the device.
        rounds: timed rounds.
        warm_up: rounds before the clock.
        clock: seconds; `time.process_time` leaves out what neighbours take (on a processor, with one thread).
    """
    return units / median(lapses(score, rounds=rounds, warm_up=warm_up, clock=clock))


def inference_rate(
    model: Backbone,
    rows: Rows,
    batch_size: int = 4096,
    *,
    batches: int = 64,
    rounds: int = 5,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Rows scored a second, from raw id arrays in memory to logits: the median over rounds.

    Args:
        rows: scored in every round, the first `batches` batches of them.
        batch_size: B.
        batches: most batches of a round.
        rounds, warm_up, clock: see `rate`.
    """
    score, count = scorer(model, rows, batch_size, batches=batches)
    return rate(score, count, rounds=rounds, warm_up=warm_up, clock=clock)
