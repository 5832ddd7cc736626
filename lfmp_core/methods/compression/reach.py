"""Which budgets a method can't meet on a task, known before anything is trained."""

from typing import Any

import torch

from ...budget import Budget
from ...embeddings.budget import BudgetError
from ...embeddings.registry import TABLES
from ...embeddings.small_dense import smaller_dim
from ...tasks import Task
from ..base import get_method
from ..quantise import QuantiseSettings
from .autodim import AutoDimSettings, candidates, dims_within
from .base import numbers_within
from .optembed_d import OptEmbedDSettings, check_widths
from .plain import SmallerDenseSettings, TableSettings


def out_of_reach(settings: Any, budget: Budget, task: Task) -> BudgetError | None:
    """What a method with these settings will say of its budget on a task; None where it meets it.

    Args:
        settings: of any method; those whose tables take any number of parameters meet every budget.
        budget: what is asked of it.
        task: whose tables are to shrink.
    """
    if isinstance(settings, QuantiseSettings):
        trains = get_method(settings.method).settings_type
        return out_of_reach(trains.model_validate(settings.method_settings), budget, task)
    dim, sizes = task.dim, [size for own in task.table_sizes.values() for size in own]
    try:
        if isinstance(settings, TableSettings):
            own = dict(settings.table_settings)
            for of_table in task.table_sizes.values():
                TABLES[settings.table].budget(
                    of_table, dim, budget.share, tolerance=settings.tolerance, **own
                )
        elif isinstance(settings, SmallerDenseSettings) and budget.of == "numbers":
            smaller_dim(sizes, dim, budget.share, tolerance=settings.tolerance)
        elif isinstance(settings, OptEmbedDSettings):
            check_widths(task, budget)
        elif isinstance(settings, AutoDimSettings):
            every = candidates(dim)
            dims_within(torch.zeros(len(sizes), len(every)), every, sizes, dim, numbers_within(task, budget))
    except BudgetError as error:
        return error
    return None
