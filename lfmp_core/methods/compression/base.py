"""What methods that compress the table share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from pydantic import Field
from torch import Tensor

from ...embeddings import FullTable, Table
from ...embeddings.entry_mask import EntryMask
from ...embeddings.masked import MaskedRows
from ...embeddings.sparse import SparseTable
from ...models import Backbone
from ...settings import Settings
from ..base import Context, Outcome, Task, register
from ..train import fresh_model, train_to_outcome

Procedure = Callable[[Task, Any, Context], Outcome]


class CompressionSettings(Settings):
    """Settings of every method that compresses a table.

    Attributes:
        sparsity: t, the share of the table's n·D numbers to remove. The first-order weights and the network
            are not counted (LERS §5.2).
    """

    sparsity: float = Field(0.5, ge=0, lt=1)


def compression(
    name: str, settings_type: type[CompressionSettings] = CompressionSettings
) -> Callable[[Procedure], Procedure]:
    """Enter a procedure (task, settings, context) → Outcome into the registry of methods.

    Its budget is `sparsity`, in its settings. It removes no field, so a prune_ratio other than 0 is refused.
    To what its outcome says of itself is added the `sparsity` that came out.
    """

    def enter(procedure: Procedure) -> Procedure:
        @register(name, settings_type)
        @wraps(procedure)
        def run(task: Task, prune_ratio: float, settings: Any, context: Context) -> Outcome:
            if prune_ratio:
                raise ValueError(
                    f"{name} removes parameters, not fields: prune_ratio must be 0, not {prune_ratio}. "
                    "Give `sparsity` in the method's settings"
                )
            outcome = procedure(task, settings, context)
            outcome.details |= {
                "sparsity": 1 - outcome.model.table.num_parameters() / dense_size(task),
                "cpu_seconds": dict(context.cpu_seconds),
            }
            return outcome

        return procedure

    return enter


def all_fields(task: Task) -> range:
    """Positions of the fields that a compressed model reads: every one."""
    return range(task.dataset.schema.num_fields)


def dense_size(task: Task) -> int:
    """M(E) = n·D, the size of the plain table."""
    return sum(task.dataset.schema.field_sizes) * task.backbone.embedding_dim


def numbers_left(size: int, sparsity: float) -> int:
    """Of nD numbers those that may stay: nD − ⌊t·nD⌋ (LERS Algorithm 1, line 3)."""
    return size - int(sparsity * size + 1e-6)


def budget(task: Task, settings: CompressionSettings) -> int:
    """Numbers that may stay of the task's plain table."""
    return numbers_left(dense_size(task), settings.sparsity)


def plain_model(task: Task, seed: int) -> tuple[Backbone, FullTable]:
    """An untrained backbone for the task, and its plain table."""
    model = fresh_model(task, seed)
    assert isinstance(model.table, FullTable)
    return model, model.table


def train_masked(
    task: Task,
    model: Backbone,
    plain: FullTable,
    mask: Tensor,
    context: Context,
    *,
    pack: Callable[[Tensor, Tensor, tuple[int, ...]], Table] = SparseTable.of,
    **options: Any,
) -> Outcome:
    """Train a model of whose table the entries outside a mask stay zero, as phase CT; serve only the others.

    Args:
        model: its table is replaced.
        plain: the table to train.
        mask: entries that stay, [n, D].
        pack: (weight, mask, field_sizes) → the table to serve.
        options: of `train_to_outcome`.
    """
    gate = EntryMask(mask)
    model.table = MaskedRows(plain, gate)
    outcome = train_to_outcome(task, model, all_fields(task), context, **options)
    model.table = pack(plain.weight.detach(), gate.mask, plain.field_sizes)
    return outcome
