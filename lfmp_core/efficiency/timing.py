"""Time of inference."""

import time
from collections.abc import Callable
from statistics import median

import torch

from ..data.dataset import Rows
from ..models import Backbone
from ..training.batches import to_batch


@torch.inference_mode()
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
        rounds: timed rounds.
        warm_up: rounds before the clock.
        clock: seconds; `time.process_time` leaves out what neighbours take (on a processor, with one thread).
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    count = min(len(rows), batches * batch_size)
    rows = rows[:count]
    held = [to_batch(rows, slice(a, a + batch_size), device) for a in range(0, count, batch_size)]
    seconds = []
    for _ in range(warm_up + rounds):
        started = clock()
        for ids, values, _ in held:
            model(ids, values)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(clock() - started)
    model.train(was_training)
    return count / median(seconds[warm_up:])
