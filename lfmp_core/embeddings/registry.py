"""Tables by name: from settings, from a budget, and back from what is stored of one."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from pydantic import Field

from ..errors import check_name
from ..settings import Settings
from .base import Table
from .budget import BudgetError, target_parameters
from .compressed import CompressedTable
from .dhe import DHETable
from .full import FullTable
from .hashing import HashingTable
from .memcom import MEmComTable
from .mixed_dimension import MixedDimensionTable
from .qr import QRTable
from .tt_rec import TTRecTable

TableFactory = Callable[[tuple[int, ...], int, torch.Generator], Table]


class FullSettings(Settings):
    """Starting values of a plain table: normal, of deviation `std`."""

    std: float = Field(0.01, ge=0)


class TableKind(NamedTuple):
    """How tables of one name are made.

    Attributes:
        settings_type: of the table.
        make: the table from (field_sizes, D, settings, generator).
        budget: the settings from (field_sizes, D, sparsity, **the others); see `CompressedTable.budget`.
        describe: the settings of a table of this kind; None for a table of another kind.
    """

    settings_type: type[Settings]
    make: Callable[[tuple[int, ...], int, Any, torch.Generator], Table]
    budget: Callable[..., Settings]
    describe: Callable[[Table], Settings | None]


def _full_budget(
    field_sizes: Sequence[int], dim: int, sparsity: float, *, tolerance: float = 0.01, **settings: Any
) -> FullSettings:
    target = target_parameters(field_sizes, dim, sparsity)
    if sparsity > tolerance:
        nearest = sum(field_sizes) * dim
        raise BudgetError("full", target, nearest, "Nothing is removed from it: its sparsity is 0")
    return FullSettings(**settings)


def _compressed(table: type[CompressedTable]) -> TableKind:
    return TableKind(
        table.settings_type,
        lambda sizes, dim, settings, generator: table(sizes, dim, settings, generator=generator),
        table.budget,
        lambda made: made.settings if type(made) is table else None,
    )


TABLES: dict[str, TableKind] = {
    "full": TableKind(
        FullSettings,
        lambda sizes, dim, settings, g: FullTable(sizes, dim, std=settings.std, generator=g),
        _full_budget,
        lambda made: FullSettings() if type(made) is FullTable else None,
    ),
    **{
        kind.kind: _compressed(kind)
        for kind in (HashingTable, QRTable, TTRecTable, DHETable, MEmComTable, MixedDimensionTable)
    },
}


def build_table(
    spec: Mapping[str, Any], field_sizes: Sequence[int], dim: int, generator: torch.Generator
) -> Table:
    """A fresh table as `spec` says: its name, and its settings beside it.

    Raises:
        UnknownName: of a table or a setting.
    """
    settings = dict(spec)
    kind = TABLES[check_name(settings.pop("name"), TABLES, "table")]
    return kind.make(tuple(field_sizes), dim, kind.settings_type(**settings), generator)


def _made_again(kind: str, field_sizes: Sequence[int], dim: int, **settings: Any) -> Table:
    return build_table({"name": kind, **settings}, field_sizes, dim, torch.Generator())


# by kind, from what a table's `described()` gives: a table of the same shape, with any values
MADE_AGAIN: dict[str, Callable[..., Table]] = {
    kind: partial(_made_again, kind) for kind in TABLES if kind != "full"
}


def table_spec(table: Table) -> dict[str, Any]:
    """{"name", …settings}, JSON-able: what `build_table` makes a table of the same shape from.

    Raises:
        TypeError: no registered kind makes such tables.
    """
    for name, kind in TABLES.items():
        settings = kind.describe(table)
        if settings is not None:
            return {"name": name, **settings.model_dump(mode="json")}
    raise TypeError(f"{type(table).__name__} is not in the registry of tables: {', '.join(TABLES)}")


def table_factory(
    name: str,
    sparsity: float | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    tolerance: float = 0.01,
) -> TableFactory:
    """What `build_model(..., table=...)` takes.

    Args:
        name: of a table in the registry.
        sparsity: t, from which sizes follow; None takes them from the settings.
        settings: the table's own.
        tolerance: see `CompressedTable.budget`.

    Raises:
        UnknownName: of a table, at once; of a setting, when the table is made.
    """
    kind, own = TABLES[check_name(name, TABLES, "table")], dict(settings or {})

    def make(field_sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
        if sparsity is None:
            found = kind.settings_type(**own)
        else:
            found = kind.budget(field_sizes, dim, sparsity, tolerance=tolerance, **own)
        return kind.make(tuple(field_sizes), dim, found, generator)

    return make
