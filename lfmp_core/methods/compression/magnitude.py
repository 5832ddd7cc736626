"""MagPrune: train, then zero the smallest numbers."""

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ...embeddings.sparse import SparseTable
from ..base import Context, Outcome, Task
from ..train import fresh_model, train_to_outcome
from .base import CompressionSettings, all_fields, budget, compression, dense_size


class MagPruneSettings(CompressionSettings):
    """
    Attributes:
        row_minimum: n_min, numbers that every row keeps whatever their size. LERS: 0 for click prediction,
            searched for collaborative filtering.
    """

    row_minimum: int = Field(0, ge=0)


def largest(scores: Tensor, count: int, row_minimum: int = 0) -> Tensor:
    """Mask [n, D] of exactly `count` entries: the `row_minimum` largest of each row, then the largest of all.

    A partition finds the threshold; the table is not sorted. Of equals the first in memory stays.

    Args:
        scores: [n, D], at least 0.
        count: entries to keep, at most n·D.
        row_minimum: entries of each row that stay in any case, at most D.

    Raises:
        ValueError: the protected entries alone are more than `count`.
    """
    _check_minimum(row_minimum, len(scores), count)
    values = scores.detach().cpu().numpy().copy()
    if row_minimum:
        top = np.argsort(-values, axis=1, kind="stable")[:, :row_minimum]
        np.put_along_axis(values, top, np.inf, axis=1)
    flat = values.reshape(-1)
    if count == 0:
        return torch.zeros(scores.shape, dtype=torch.bool, device=scores.device)
    cut = len(flat) - count
    threshold = np.partition(flat, cut)[cut]
    mask = flat > threshold
    mask[np.flatnonzero(flat == threshold)[: count - int(mask.sum())]] = True
    return torch.from_numpy(mask.reshape(values.shape)).to(scores.device)


@compression("magprune", MagPruneSettings)
def magprune(task: Task, settings: MagPruneSettings, context: Context) -> Outcome:
    """Train with L2, then zero the ⌊t·nD⌋ smallest |E| of the whole table; nothing is trained afterwards.

    Raises:
        ValueError: the rows' minimum alone exceeds the budget.

    Source: LERS §4.2, Algorithm 1.
    """
    count = budget(task, settings)
    _check_minimum(settings.row_minimum, dense_size(task) // task.backbone.embedding_dim, count)
    outcome = train_to_outcome(task, fresh_model(task, context.seed), all_fields(task), context)
    with context.phase("PT"):
        table = outcome.model.table
        weight = table.weight_view().detach()
        mask = largest(weight.abs(), count, settings.row_minimum)
        outcome.model.table = SparseTable.of(weight, mask, table.field_sizes)
    return outcome


def _check_minimum(row_minimum: int, rows: int, count: int) -> None:
    if row_minimum * rows > count:
        raise ValueError(f"{row_minimum} numbers in each of {rows:,} rows exceed the {count:,} that may stay")
