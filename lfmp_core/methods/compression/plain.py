"""Compression without a search: a table of another form, or a smaller plain one."""

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from ...embeddings.registry import table_factory
from ...embeddings.small_dense import dim_in_bytes, smaller_dim
from ...embeddings.tt_rec import TTRecTable
from ...models import build_model
from ...seeds import derive
from ...training import Objective
from ..base import Context, Outcome, Task
from ..train import fresh_model, steps_per_epoch, train_to_outcome
from .base import CompressionSettings, all_fields, compression


class TableSettings(CompressionSettings):
    """
    Attributes:
        table: name in the registry of tables.
        table_settings: the table's own, all that the budget does not decide.
        tolerance: largest relative distance of the number of parameters from the budget.
    """

    table: str = "qr"
    table_settings: dict[str, Any] = {}
    tolerance: float = Field(0.01, ge=0)


class SmallerDenseSettings(CompressionSettings):
    """
    Attributes:
        tolerance: as above. Whole dimensions are coarse: of 16, 3 comes nearest to a fifth and 1 to a
            twentieth, which is a quarter more than that.
        equal: what it shares with a compressed table: as many "numbers", or as many "bytes" as a pruned one
            takes in sparse rows, with their index.
    """

    later = frozenset({"equal"})

    tolerance: float = Field(0.3, ge=0)
    equal: Literal["numbers", "bytes"] = "numbers"


class CacheFilling(Objective):
    """Log-loss; after the first pass the most frequent ids' rows of a TT-Rec table are kept plainly.

    The counts are those of the pass. Source: Yin et al. 2021; LERS §4.1.2 ("build cache").
    """

    counts: Tensor
    steps: Tensor

    def __init__(self, table: TTRecTable, per_epoch: int):
        super().__init__()
        self.tables, self.left = [table], per_epoch  # in a list, since its weights are the model's
        # buffers, so that they are kept with the rest of a checkpoint
        self.register_buffer("counts", torch.zeros(table.n, dtype=torch.int64))
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, model, ids, values, labels, step):
        loss = super().forward(model, ids, values, labels, step)  # first: it refuses ids that have no count
        if step < self.left:
            self.counts += torch.bincount(ids.flatten(), minlength=len(self.counts))
        return loss

    def after_step(self) -> None:
        self.steps.add_(1)
        if self.steps == self.left:
            self.tables[0].populate(self.counts)


@compression("table", TableSettings)
def table(task: Task, settings: TableSettings, context: Context) -> Outcome:
    """Train a backbone whose table has another form, sized for the budget.

    Raises:
        BudgetError: the form can't have about so many parameters.
    """
    schema = task.dataset.schema
    factory = table_factory(
        settings.table, settings.sparsity, settings.table_settings, tolerance=settings.tolerance
    )
    seed = derive(context.seed, "weights")
    model = build_model(task.backbone, schema.field_sizes, schema.scalar_columns, seed=seed, table=factory)
    made, objective = model.table, None
    if isinstance(made, TTRecTable) and made.cache is not None:
        objective = CacheFilling(made, steps_per_epoch(task))
    return train_to_outcome(task, model, all_fields(task), context, objective=objective)


@compression("smaller_dense", SmallerDenseSettings)
def smaller_dense(task: Task, settings: SmallerDenseSettings, context: Context) -> Outcome:
    """Train an ordinary model of fewer dimensions: what every compression has to beat.

    Raises:
        BudgetError: no whole dimension is near the budget.
    """
    sizes, dim = task.dataset.schema.field_sizes, task.backbone.embedding_dim
    if settings.equal == "bytes":
        smaller = dim_in_bytes(sizes, dim, settings.sparsity)
    else:
        smaller = smaller_dim(sizes, dim, settings.sparsity, tolerance=settings.tolerance)
    backbone = task.backbone.model_copy(update={"embedding_dim": smaller})
    small = Task(task.dataset, backbone, task.training)
    model = fresh_model(small, context.seed)
    return train_to_outcome(small, model, all_fields(task), context, details={"embedding_dim": smaller})
