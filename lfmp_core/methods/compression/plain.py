"""Compression without a search: a table of another form, or a smaller plain one."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from pydantic import Field

from ...budget import Budget
from ...embeddings.registry import table_factory
from ...embeddings.small_dense import dim_in_bytes, smaller_dim
from ...embeddings.tt_rec import TTRecTable
from ...seeds import derive
from ...settings import Settings
from ...tasks import Task
from ...training import Objective
from ...training.objective import Extended
from ..base import Context, Outcome
from ..train import train_to_outcome
from .base import compression, plain_model


class TableSettings(Settings):
    """
    Attributes:
        table: name in the registry of tables.
        table_settings: the table's own, all that the budget does not decide.
        tolerance: largest relative distance of the number of parameters from the budget.
    """

    table: str = "qr"
    table_settings: dict[str, Any] = {}
    tolerance: float = Field(0.01, ge=0)


class SmallerDenseSettings(Settings):
    """
    Attributes:
        tolerance: as above. Whole dimensions are coarse: of 16, 3 comes nearest to a fifth and 1 to a
            twentieth, which is a quarter more than that.
    """

    tolerance: float = Field(0.3, ge=0)


class CacheFilling(Extended):
    """The task's loss; after the first pass the most frequent ids' rows of TT-Rec tables are kept plainly.

    Args:
        loss: the task's.
        tables: by name.
        counts: gives how often each of their ids is asked for in a pass, by name; asked when a pass is over.
        per_epoch: steps in a pass.

    Source: Yin et al. 2021; LERS §4.1.2 ("build cache").
    """

    def __init__(
        self,
        loss: Objective,
        tables: Mapping[str, TTRecTable],
        counts: Callable[[], Mapping[str, np.ndarray]],
        per_epoch: int,
    ):
        super().__init__(loss)
        self.tables, self.counts, self.per_epoch = dict(tables), counts, per_epoch

    def after_step(self, step: int) -> None:
        if step + 1 == self.per_epoch:
            counts = self.counts()
            for name, table in self.tables.items():
                table.populate(torch.from_numpy(counts[name]))


@compression("table", TableSettings)
def train_with_table(task: Task, budget: Budget, settings: TableSettings, context: Context) -> Outcome:
    """Train a model whose tables have another form, each sized for the budget.

    Raises:
        BudgetError: the form can't have about so many parameters.
    """
    factory = table_factory(
        settings.table, budget.share, settings.table_settings, tolerance=settings.tolerance
    )
    model = task.model(derive(context.seed, "weights"), table=factory)
    cached = {
        name: made
        for name, made in model.tables().items()
        if isinstance(made, TTRecTable) and made.cache is not None
    }
    objective = None
    if cached:
        objective = CacheFilling(task.objective(context.seed), cached, task.id_counts, task.steps_per_epoch)
    return train_to_outcome(task, model, task.all_fields, context, objective=objective)


@compression("smaller_dense", SmallerDenseSettings, removes=("numbers", "bytes"))
def smaller_dense(task: Task, budget: Budget, settings: SmallerDenseSettings, context: Context) -> Outcome:
    """Train an ordinary model of fewer dimensions: what every compression has to beat.

    A budget of bytes leaves as many as a table takes of which that share of numbers was pruned, with the
    index of its sparse rows; one of numbers leaves as many numbers.

    Raises:
        BudgetError: no whole dimension is near the budget.
    """
    sizes, dim = [size for own in task.table_sizes.values() for size in own], task.dim
    if budget.of == "bytes":
        smaller = dim_in_bytes(sizes, dim, budget.share)
    else:
        smaller = smaller_dim(sizes, dim, budget.share, tolerance=settings.tolerance)
    small = task.with_dim(smaller)
    model, _ = plain_model(small, context.seed)
    return train_to_outcome(small, model, task.all_fields, context, details={"embedding_dim": smaller})
