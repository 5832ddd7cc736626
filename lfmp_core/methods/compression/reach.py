"""Which budgets a method can't meet on a data set, known before anything is trained."""

from collections.abc import Sequence
from typing import Any

import torch

from ...embeddings.budget import BudgetError
from ...embeddings.registry import TABLES
from ...embeddings.small_dense import smaller_dim
from .autodim import AutoDimSettings, candidates, dims_within
from .base import numbers_left
from .plain import SmallerDenseSettings, TableSettings


def out_of_reach(settings: Any, field_sizes: Sequence[int], dim: int) -> BudgetError | None:
    """What a method with these settings will say of its budget on such fields; None where it meets it.

    Args:
        settings: of any method; those whose tables take any number of parameters meet every budget.
        field_sizes: ids of each field.
        dim: D.
    """
    try:
        if isinstance(settings, TableSettings):
            own = dict(settings.table_settings)
            TABLES[settings.table].budget(
                field_sizes, dim, settings.sparsity, tolerance=settings.tolerance, **own
            )
        elif isinstance(settings, SmallerDenseSettings) and settings.equal == "numbers":
            smaller_dim(field_sizes, dim, settings.sparsity, tolerance=settings.tolerance)
        elif isinstance(settings, AutoDimSettings):
            every, count = candidates(dim), numbers_left(sum(field_sizes) * dim, settings.sparsity)
            dims_within(torch.zeros(len(field_sizes), len(every)), every, field_sizes, dim, count)
    except BudgetError as error:
        return error
    return None
