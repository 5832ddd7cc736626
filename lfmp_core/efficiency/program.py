"""An exported program, run by torch: the scorer that the clock takes."""

from collections.abc import Callable

import torch

from ..data.dataset import Rows
from ..training import to_batch
from .export import Program


def program_scorer(
    program: Program, rows: Rows, batch_size: int = 4096, *, batches: int = 64
) -> tuple[Callable[[], None], int]:
    """Scores the first `batches` batches of some rows, held in memory, and how many rows they are; see
    `training.evaluate.scorer`.

    Args:
        program: see `exported_program`.
    """
    count = min(len(rows), batches * batch_size)
    held = [to_batch(rows[:count], slice(a, a + batch_size)) for a in range(0, count, batch_size)]

    @torch.inference_mode()
    def score() -> None:
        for batch in held:
            if batch.values is None:
                program(batch.ids)
            else:
                program(batch.ids, batch.values)

    return score, count
