"""What methods that compress the tables share."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from ...budget import Budget, Of
from ...embeddings import FullTable, Table
from ...embeddings.entry_mask import EntryMask
from ...embeddings.masked import MaskedRows
from ...embeddings.sparse import SparseTable
from ...models.model import Model
from ...seeds import derive
from ...settings import Settings
from ...tasks import Task
from ..base import Context, Outcome, register
from ..train import train_to_outcome

Procedure = Callable[[Any, Budget, Any, Context], Outcome]


def compression(
    name: str,
    settings_type: type[Settings] = Settings,
    *,
    removes: tuple[Of, ...] = ("numbers",),
    task: type = Task,
) -> Callable[[Procedure], Procedure]:
    """Enter a procedure that compresses the tables into the registry of methods.

    To what its outcome says of itself is added the `sparsity` that came out: the share of the n·D numbers of
    all tables that is gone, first-order weights and the network not counted (LERS §5.2).

    Args:
        removes, task: see `Method`.
    """

    def enter(procedure: Procedure) -> Procedure:
        @register(name, settings_type, removes=removes, task=task)
        @wraps(procedure)
        def run(task: Task, budget: Budget, settings: Any, context: Context) -> Outcome:
            outcome = procedure(task, budget, settings, context)
            outcome.details |= {
                "sparsity": 1 - outcome.model.num_embedding_parameters() / dense_size(task),
                "cpu_seconds": dict(context.cpu_seconds),
            }
            return outcome

        return procedure

    return enter


def dense_size(task: Task) -> int:
    """M(E) = n·D, the size of the plain tables together."""
    return task.num_ids * task.dim


def numbers_left(size: int, sparsity: float) -> int:
    """Of nD numbers those that may stay: nD − ⌊t·nD⌋ (LERS Algorithm 1, line 3)."""
    return size - int(sparsity * size + 1e-6)


def numbers_within(task: Task, budget: Budget) -> int:
    """Numbers that may stay of the task's plain tables together."""
    return numbers_left(dense_size(task), budget.share)


def plain_model(task: Task, seed: int) -> tuple[Model, dict[str, FullTable]]:
    """An untrained model for the task, and its plain tables by name."""
    model = task.model(derive(seed, "weights"))
    plain: dict[str, FullTable] = {}
    for name, table in model.tables().items():
        assert isinstance(table, FullTable)
        plain[name] = table
    return model, plain


def stacked(tables: Iterable[Table]) -> Tensor:
    """Rows of several tables of one D, one table below the other [n, D], without gradients."""
    return torch.cat([table.weight_view().detach() for table in tables])


def unstacked(rows: Tensor, tables: Mapping[str, Table]) -> dict[str, Tensor]:
    """The parts of [n, …] that are each table's, by name."""
    parts = rows.split([sum(table.field_sizes) for table in tables.values()])
    return dict(zip(tables, parts, strict=True))


def train_masked(
    task: Task,
    model: Model,
    plain: Mapping[str, FullTable],
    mask: Tensor,
    context: Context,
    *,
    pack: Callable[[Tensor, Tensor, tuple[int, ...]], Table] = SparseTable.of,
    optimizer_state: dict[str, dict[str, Tensor]] | None = None,
    **options: Any,
) -> Outcome:
    """Train a model of whose tables the entries outside a mask stay zero, as phase CT; serve only the others.

    Args:
        model: its tables are replaced.
        plain: the tables to train, by name.
        mask: entries that stay, one table below the other [n, D].
        pack: (weight, mask, field_sizes) → a table to serve.
        optimizer_state: of a trainer of the plain tables, to go on with.
        options: of `train_to_outcome`.
    """
    names = {id(p): name for name, p in model.named_parameters()}
    gates = {name: EntryMask(own) for name, own in unstacked(mask, plain).items()}
    model.put({name: MaskedRows(table, gates[name]) for name, table in plain.items()})
    # moments go with their numbers, whatever these are called now
    now = {names[id(p)]: name for name, p in model.named_parameters() if id(p) in names}
    state = {now.get(name, name): slots for name, slots in (optimizer_state or {}).items()}
    outcome = train_to_outcome(task, model, task.all_fields, context, optimizer_state=state, **options)
    model.put(
        {
            name: pack(table.weight.detach(), gates[name].mask, table.field_sizes)
            for name, table in plain.items()
        }
    )
    return outcome
