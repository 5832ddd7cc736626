"""MagPrune: train, then zero the smallest numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ...budget import Budget
from ...embeddings import FullTable
from ...embeddings.entry_mask import EntryMask
from ...embeddings.masked import MaskedRows
from ...embeddings.sparse import SparseTable
from ...errors import WrongValue
from ...models.model import Model
from ...settings import Settings
from ...tasks import Task
from ..base import Context, Outcome
from ..train import train_to_outcome
from .base import compression, numbers_left, numbers_within, plain_model


class MagPruneSettings(Settings):
    """
    Attributes:
        row_minimum: n_min, numbers that every row keeps whatever their size. LERS: 0 for click prediction;
            None searches it on validation, as LERS does for collaborative filtering.
        per_table: remove the same share of each table, as LERS' code does; else the smallest numbers of all
            tables together, as its §5.2.1 says.
        fitness_users: validation users, or rows, that the search measures on; at most so many.
    """

    later = frozenset({"per_table", "fitness_users"})

    row_minimum: int | None = Field(0, ge=0)
    per_table: bool = False
    fitness_users: int = Field(2048, ge=1)


def largest_entries(scores: Tensor, count: int, row_minimum: int = 0) -> Tensor:
    """Mask [n, D] of exactly `count` entries: the `row_minimum` largest of each row, then the largest of all.

    A partition finds the threshold; the table is not sorted. Of equals the first in memory stays.

    Args:
        scores: [n, D], at least 0.
        count: entries to keep, at most n·D.
        row_minimum: entries of each row that stay in any case, at most D.

    Raises:
        ValueError: there are not so many entries. WrongValue: the protected ones alone are more than `count`.
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


def kept_entries(
    magnitudes: Mapping[str, Tensor], sparsity: float, row_minimum: int, *, per_table: bool = False
) -> dict[str, Tensor]:
    """Masks of the numbers that stay at sparsity t, by table.

    Args:
        magnitudes: |E| of each table. row_minimum, per_table: see `MagPruneSettings`.
    """
    if per_table:
        return {
            name: largest_entries(own, numbers_left(own.numel(), sparsity), row_minimum)
            for name, own in magnitudes.items()
        }
    rows = torch.cat(list(magnitudes.values()))
    mask = largest_entries(rows, numbers_left(rows.numel(), sparsity), row_minimum)
    return dict(zip(magnitudes, mask.split([len(own) for own in magnitudes.values()]), strict=True))


def best_minimum(
    task: Task, model: Model, plain: Mapping[str, FullTable], budget: Budget, settings: MagPruneSettings
) -> tuple[int, list[float]]:
    """The n_min of 0..⌊D(1−t)⌋ of best validation score, the least of equals, and the score of each.

    LERS halves the interval, which assumes a single peak; trying all finds the best of any curve.
    """
    magnitudes = {name: table.weight.detach().abs() for name, table in plain.items()}
    gates = {name: EntryMask(torch.ones_like(own, dtype=torch.bool)) for name, own in magnitudes.items()}
    model.put({name: MaskedRows(table, gates[name]) for name, table in plain.items()})
    measure, scores = task.fitness(model, settings.fitness_users), []
    for minimum in range(int(task.dim * (1 - budget.share) + 1e-9) + 1):
        masks = kept_entries(magnitudes, budget.share, minimum, per_table=settings.per_table)
        for name, mask in masks.items():
            gates[name].mask.copy_(mask)
        scores.append(measure())
    model.put(plain)
    decides = task.metrics[0]
    best = max(range(len(scores)), key=lambda k: (decides.sign * scores[k], -k))
    return best, scores


@compression("magprune", MagPruneSettings)
def magprune(task: Task, budget: Budget, settings: MagPruneSettings, context: Context) -> Outcome:
    """Train with L2, then zero the ⌊t·nD⌋ smallest |E| of all tables together; nothing is trained afterwards.

    Its details say how |E| and what stays of it follow an id's frequency (`frequency`, see `by_frequency`),
    and what each n_min scores on validation, where it is searched (`minimums`, from 0 on).

    Raises:
        WrongValue: the rows' minimum alone exceeds the budget.

    Source: LERS §4.2, Algorithm 1.
    """
    if settings.row_minimum is not None:
        _check_minimum(settings.row_minimum, task.num_ids, numbers_within(task, budget))
    model, plain = plain_model(task, context.seed)
    outcome = train_to_outcome(task, model, task.all_fields, context)
    minimum = settings.row_minimum
    scores: list[float] = []
    with context.phase("PT"):
        if minimum is None:
            minimum, scores = best_minimum(task, model, plain, budget, settings)
        magnitudes = {name: table.weight.detach().abs() for name, table in plain.items()}
        masks = kept_entries(magnitudes, budget.share, minimum, per_table=settings.per_table)
        model.put(
            {
                name: SparseTable.of(table.weight.detach(), masks[name], table.field_sizes)
                for name, table in plain.items()
            }
        )
    outcome.details["frequency"] = _frequencies(task, magnitudes, masks)
    if scores:
        outcome.details |= {"row_minimum": minimum, "minimums": [round(score, 6) for score in scores]}
    return outcome


def _check_minimum(row_minimum: int, rows: int, count: int) -> None:
    if row_minimum * rows > count:
        raise WrongValue(f"{row_minimum} numbers in each of {rows:,} rows exceed the {count:,} that may stay")
