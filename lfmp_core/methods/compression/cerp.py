"""CERP: two small tables under one rising threshold, whose zeros should not meet."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from ...budget import Budget
from ...embeddings import FullTable, Table
from ...embeddings.entry_mask import EntryMask
from ...embeddings.masked import MaskedRows
from ...embeddings.pair import PairTable
from ...embeddings.soft_threshold import SoftThresholdTable
from ...embeddings.sparse import SparseTable
from ...errors import LfmpError
from ...models.model import Model
from ...seeds import derive
from ...tasks import Task
from ...training import Objective
from ..base import Context, Outcome
from ..train import train_to_outcome
from .base import compression, numbers_left, numbers_within, unstacked
from .phases import finding
from .threshold import RisingThreshold, ThresholdSettings, find_mask


class CERPSettings(ThresholdSettings):
    """
    Attributes:
        buckets: b, the rows of each table. None takes the share of n that LERS takes on Criteo: .59(1−t), and
            at least .129 (320,000 of 1,086,810 at 50 %, 140,000 at 80 and 95 %).
        regulariser: γ₀; the weight of the regulariser halves with every epoch (1 in CERP, 1e-4 in LERS).
        steepness: η of tanh(ηx).
    """

    buckets: int | None = Field(None, ge=1)
    regulariser: float = Field(1e-4, ge=0)
    steepness: float = Field(100.0, gt=0)


def complementary(e: Tensor, steepness: float) -> Tensor:
    """L_p = −‖tanh(ηX)‖²_F: lowest where no number of the composed vectors X [k, D] is near zero.

    Source: CERP eq. 10.
    """
    return -torch.tanh(steepness * e).square().sum()


class Complementary(RisingThreshold):
    """The task's loss + γ L_p over the batch's distinct ids, under a rising threshold."""

    def __init__(
        self,
        loss: Objective,
        tables: Sequence[SoftThresholdTable],
        settings: CERPSettings,
        per_epoch: int,
    ):
        super().__init__(loss, tables, settings, per_epoch)
        self.settings = settings

    def forward(self, model: Model, batch: Any, step: int) -> Tensor:
        loss = super().forward(model, batch, step)
        weight = self.settings.regulariser * 0.5 ** (step // self.per_epoch)
        tables = model.tables()
        for name, ids in model.read(batch).items():
            loss = loss + weight * complementary(tables[name](ids.unique()), self.settings.steepness)
        return loss


def pair_model(task: Task, buckets: Mapping[str, int], seed: int) -> tuple[Model, dict[str, PairTable]]:
    """An untrained model each of whose tables is a pair of plain ones of so many rows, and the pairs."""
    rows = iter(buckets.values())

    def make(sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
        own = next(rows)
        std = task.start_std(own)
        return PairTable(sizes, *(FullTable((own,), dim, std=std, generator=generator) for _ in range(2)))

    model = task.model(derive(seed, "weights"), table=make)
    pairs: dict[str, PairTable] = {}
    for name, table in model.tables().items():
        assert isinstance(table, PairTable)
        pairs[name] = table
    return model, pairs


def buckets_for(task: Task, budget: Budget, settings: CERPSettings) -> dict[str, int]:
    """b of each table, by name.

    Raises:
        LfmpError: `buckets` are too few for the budget, or to tell all ids apart.
    """
    found = {}
    for name, sizes in task.table_sizes.items():
        rows = sum(sizes)
        count = numbers_left(rows * task.dim, budget.share)
        fewest = max(-(-count // (2 * task.dim)), math.isqrt(rows - 1) + 1)
        if settings.buckets is not None and settings.buckets < fewest:
            raise LfmpError(
                f"{settings.buckets:,} `buckets` are too few for cerp here: give {fewest:,} or more, so that "
                f"two tables of so many rows of {task.dim} hold {count:,} numbers and tell {rows:,} ids "
                "apart, or none"
            )
        share = max(0.129, 0.59 * (1 - budget.share))
        found[name] = settings.buckets or max(math.ceil(share * rows), fewest)
    return found


@compression("cerp", CERPSettings)
def cerp(task: Task, budget: Budget, settings: CERPSettings, context: Context) -> Outcome:
    """Each row the sum of two rows of small tables; prune both as PEP does, apart from each other; retrain.

    Phase PT finds the masks of P and Q under log-loss + γ L_p; phase CT trains again from the same initial
    values, where the masks hold, without L_p. The budget is the share of n·D, as in LERS, and all P and Q
    share it: the larger numbers stay, in whichever table.

    Departures: one threshold for all numbers (see `Threshold`); L_p is taken over the vectors composed for
    the batch's distinct ids, as CERP prints it, where the LERS code adds P and Q row by row; the mask leaves
    exactly the budget.

    Raises:
        LfmpError: `buckets` are too few for the budget, or to tell all ids apart.

    Source: CERP (Liang et al. 2023), eq. 3–10; LERS §4.1.6.
    """
    buckets = buckets_for(task, budget, settings)
    with finding(context):
        model, pairs = pair_model(task, buckets, context.seed)
        thresholded = []
        for pair in pairs.values():
            pair.first, pair.second = SoftThresholdTable(pair.first), SoftThresholdTable(pair.second)
            thresholded += [pair.first, pair.second]
        objective = Complementary(task.objective(context.seed), thresholded, settings, task.steps_per_epoch)
        mask, details = find_mask(task, model, objective, numbers_within(task, budget), settings, context)
    model, pairs = pair_model(task, buckets, context.seed)
    plain = {
        f"{name}.{place}": getattr(pair, place)
        for name, pair in pairs.items()
        for place in ("first", "second")
    }
    gates = {key: EntryMask(kept) for key, kept in unstacked(mask, plain).items()}
    for key, own in plain.items():
        name, _, place = key.partition(".")
        setattr(pairs[name], place, MaskedRows(own, gates[key]))
    each = list(buckets.values())
    details |= {"buckets": each[0] if len(each) == 1 else buckets}
    outcome = train_to_outcome(task, model, task.all_fields, context, details=details)
    for key, own in plain.items():
        name, _, place = key.partition(".")
        packed = SparseTable.of(own.weight.detach(), gates[key].mask, own.field_sizes)
        setattr(pairs[name], place, packed)
    return outcome
