"""CERP: two small tables under one rising threshold, whose zeros should not meet."""

import math
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from ...embeddings import FullTable, Table
from ...embeddings.entry_mask import EntryMask
from ...embeddings.masked import MaskedRows
from ...embeddings.pair import PairTable
from ...embeddings.soft_threshold import SoftThresholdTable
from ...embeddings.sparse import SparseTable
from ...errors import LfmpError
from ...models import Backbone, build_model
from ...seeds import derive
from ..base import Context, Outcome, Task
from ..train import steps_per_epoch, train_to_outcome
from .base import all_fields, budget, compression
from .phases import finding
from .threshold import RisingThreshold, ThresholdSettings, find


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
    """Log-loss + γ L_p over the batch's distinct ids, under a rising threshold."""

    def __init__(self, tables: Sequence[SoftThresholdTable], settings: CERPSettings, per_epoch: int):
        super().__init__(tables, settings, per_epoch)
        self.settings = settings

    def forward(
        self, model: Backbone, ids: Tensor, values: Tensor | None, labels: Tensor, step: int
    ) -> Tensor:
        loss = super().forward(model, ids, values, labels, step)
        weight = self.settings.regulariser * 0.5 ** (step // self.per_epoch)
        return loss + weight * complementary(model.table(ids.unique()), self.settings.steepness)


def pair_model(task: Task, buckets: int, seed: int) -> tuple[Backbone, PairTable, list[FullTable]]:
    """An untrained backbone over two plain tables of `buckets` rows, the pair, and the tables."""
    schema, std = task.dataset.schema, task.backbone.init_std
    tables: list[FullTable] = []

    def make(sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
        tables.extend(FullTable((buckets,), dim, std=std, generator=generator) for _ in range(2))
        return PairTable(sizes, *tables)

    model = build_model(
        task.backbone, schema.field_sizes, schema.scalar_columns, seed=derive(seed, "weights"), table=make
    )
    assert isinstance(model.table, PairTable)
    return model, model.table, tables


@compression("cerp", CERPSettings)
def cerp(task: Task, settings: CERPSettings, context: Context) -> Outcome:
    """Each row the sum of two rows of small tables; prune both as PEP does, apart from each other; retrain.

    Phase PT finds the masks of P and Q under log-loss + γ L_p; phase CT trains again from the same initial
    values, where the masks hold, without L_p. The budget is the share of n·D, as in LERS, and P and Q share
    it: the larger numbers stay, in whichever table.

    Departures: one threshold for all numbers (see `Threshold`); L_p is taken over the vectors composed for
    the batch's distinct ids, as CERP prints it, where the LERS code adds P and Q row by row; the mask leaves
    exactly the budget.

    Raises:
        LfmpError: `buckets` are too few for the budget, or to tell all ids apart.

    Source: CERP (Liang et al. 2023), eq. 3–10; LERS §4.1.6.
    """
    rows, dim = sum(task.dataset.schema.field_sizes), task.backbone.embedding_dim
    count = budget(task, settings)
    fewest = max(-(-count // (2 * dim)), math.isqrt(rows - 1) + 1)
    if settings.buckets is not None and settings.buckets < fewest:
        raise LfmpError(
            f"{settings.buckets:,} `buckets` are too few for cerp here: give {fewest:,} or more, so that two "
            f"tables of so many rows of {dim} hold {count:,} numbers and tell {rows:,} ids apart, or none"
        )
    share = max(0.129, 0.59 * (1 - settings.sparsity))
    buckets = settings.buckets or max(math.ceil(share * rows), fewest)
    with finding(context):
        model, pair, tables = pair_model(task, buckets, context.seed)
        thresholded = [SoftThresholdTable(table) for table in tables]
        pair.first, pair.second = thresholded
        objective = Complementary(thresholded, settings, steps_per_epoch(task))
        mask, details = find(task, model, objective, settings, context)
    model, pair, tables = pair_model(task, buckets, context.seed)
    gates = [EntryMask(kept) for kept in mask.split(buckets)]
    pair.first, pair.second = (MaskedRows(*parts) for parts in zip(tables, gates, strict=True))
    details |= {"buckets": buckets}
    outcome = train_to_outcome(task, model, all_fields(task), context, details=details)
    pair.first, pair.second = (
        SparseTable.of(table.weight.detach(), gate.mask, table.field_sizes)
        for table, gate in zip(tables, gates, strict=True)
    )
    return outcome
