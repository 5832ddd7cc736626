"""Tables by name: from settings, from a budget, and back from what is stored of one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ..registry import Registry
from .base import NamedTable, Table

TableFactory = Callable[[tuple[int, ...], int, torch.Generator], Table]

TABLES: Registry[type[NamedTable]] = Registry("table")
register = TABLES.register


def build_table(
    spec: Mapping[str, Any], field_sizes: Sequence[int], dim: int, generator: torch.Generator
) -> Table:
    """A fresh table as `spec` says: its name, and its settings beside it.

    Raises:
        UnknownName: of a table or a setting.
    """
    settings = dict(spec)
    table = TABLES[settings.pop("name")]
    return table.make(tuple(field_sizes), dim, table.settings_type(**settings), generator)


def made_again(kind: str, field_sizes: Sequence[int], dim: int, **settings: Any) -> Table:
    """A table of the shape of one that its `config()` tells of, with any values."""
    return build_table({"name": kind, **settings}, field_sizes, dim, torch.Generator())


def table_spec(table: Table) -> dict[str, Any]:
    """{"name", …settings}, JSON-able: what `build_table` makes a table of the same shape from.

    Raises:
        TypeError: its class is not registered.
    """
    if not isinstance(table, NamedTable) or type(table) not in TABLES.values():
        raise TypeError(f"{type(table).__name__} is not in the registry of tables: {', '.join(TABLES)}")
    return {"name": table.kind, **table.settings.model_dump(mode="json")}


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
        tolerance: see `NamedTable.budget`.

    Raises:
        UnknownName: of a table, at once; of a setting, when the table is made.
    """
    table, own = TABLES[name], dict(settings or {})

    def make(field_sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
        if sparsity is None:
            found = table.settings_type(**own)
        else:
            found = table.budget(field_sizes, dim, sparsity, tolerance=tolerance, **own)
        return table.make(tuple(field_sizes), dim, found, generator)

    return make
