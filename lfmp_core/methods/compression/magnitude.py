"""MagPrune: train, then zero the smallest numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ...embeddings.sparse import SparseTable
from ...tasks import Task
from ..base import Context, Outcome
from ..train import train_to_outcome
from .base import CompressionSettings, budget, compression, plain_model, stacked, unstacked


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
        ValueError: there are not so many entries, or the protected ones alone are more than `count`.
    """
    if not 0 <= count <= scores.numel():
        raise ValueError(f"{count:,} entries can't be kept of {scores.numel():,}")
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


def by_frequency(magnitudes: Tensor, mask: Tensor, counts: np.ndarray) -> dict[str, list[float]]:
    """How large rows are, and what stays of them, by how often their ids occur.

    Ids that occur k times stand together for 2^b ≤ k < 2^(b+1), those that never occur by themselves.

    Args:
        magnitudes: |E| before anything is removed [n, D].
        mask: what stays [n, D].
        counts: occurrences of each id in the training rows [n].

    Returns:
        by bucket, from rare to frequent: `least`, its smallest k; `rows`, its ids; `magnitude`, the mean over
        them of a row's mean |E|; `kept`, the share of their numbers that stays. Four digits each.
    """
    sizes, kept = (x.float().mean(1).cpu().numpy().astype(np.float64) for x in (magnitudes, mask))
    # frexp gives the whole exponent exactly: 0 for 0, b + 1 for 2^b … 2^(b+1) − 1
    buckets = np.frexp(counts.astype(np.float64))[1]
    found: dict[str, list[float]] = {"least": [], "rows": [], "magnitude": [], "kept": []}
    for bucket in np.unique(buckets).tolist():
        own = buckets == bucket
        found["least"].append(1 << (bucket - 1) if bucket else 0)
        found["rows"].append(int(own.sum()))
        found["magnitude"].append(float(f"{sizes[own].mean():.4g}"))
        found["kept"].append(float(f"{kept[own].mean():.4g}"))
    return found


def _frequencies(task: Task, magnitudes: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Any]:
    """`by_frequency` of all ids, and of the kinds of ids that pages show."""
    counts = task.id_counts()
    kinds = {
        name: by_frequency(magnitudes[table][own], masks[table][own], counts[table][own])
        for name, (table, own) in task.id_groups().items()
    }
    whole = by_frequency(
        torch.cat(list(magnitudes.values())),
        torch.cat(list(masks.values())),
        np.concatenate(list(counts.values())),
    )
    return {"all": whole, "fields": kinds}


@compression("magprune", MagPruneSettings)
def magprune(task: Task, settings: MagPruneSettings, context: Context) -> Outcome:
    """Train with L2, then zero the ⌊t·nD⌋ smallest |E| of all tables together; nothing is trained afterwards.

    Its details say how |E| and what stays of it follow an id's frequency (`frequency`, see `by_frequency`).

    Raises:
        ValueError: the rows' minimum alone exceeds the budget.

    Source: LERS §4.2, Algorithm 1.
    """
    count = budget(task, settings)
    _check_minimum(settings.row_minimum, task.num_ids, count)
    model, plain = plain_model(task, context.seed)
    outcome = train_to_outcome(task, model, task.all_fields, context)
    with context.phase("PT"):
        magnitudes = stacked(plain.values()).abs()
        masks = unstacked(largest(magnitudes, count, settings.row_minimum), plain)
        model.put(
            {
                name: SparseTable.of(table.weight.detach(), masks[name], table.field_sizes)
                for name, table in plain.items()
            }
        )
    outcome.details["frequency"] = _frequencies(task, unstacked(magnitudes, plain), masks)
    return outcome


def _check_minimum(row_minimum: int, rows: int, count: int) -> None:
    if row_minimum * rows > count:
        raise ValueError(f"{row_minimum} numbers in each of {rows:,} rows exceed the {count:,} that may stay")
