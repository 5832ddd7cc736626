"""Every table of the registry as a config: what kind, how small; the sizes come from where it is put."""

import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import torch

from ..bounds import check_number, whole_numbers
from ..embeddings import TABLES, NamedTable, Table, table_factory
from ..errors import LfmpError, check_name

_DOC = """A table of the kind `{kind}`, by its sparsity or by its own settings.

    {settings}

    Example:
        >>> from lfmp_core import {needed}
        >>> {name}({argument}).make([1000, 2000, 3000], 16, seed=0).num_parameters() <= 96_000 * 1.01 * {left}
        True
        >>> compress_(DeepFM([1000, 2000, 3000], embedding_dim=16), {name}({argument})).table.dim
        16
"""


class TableConfig:
    """What kind of table, and how small. Each kind has a class of its own: `QR`, `TTRec`, …

    `compress_` takes one, and so does the `table` of a backbone.

    Args:
        sparsity: t, the share of parameters removed, from which sizes follow; None takes them from the
            settings.
        tolerance: largest relative distance of the reached number of parameters from the asked one.
        settings: the table's own.

    Raises:
        LfmpError: neither a sparsity nor sizes, a setting that the table does not have, or a wrong value.

    Example:
        >>> from lfmp_core import QR, DeepFM
        >>> QR(sparsity=0.5)
        QR(sparsity=0.5)
        >>> model = DeepFM([1000, 2000, 3000], embedding_dim=16, table=QR(sparsity=0.5))
        >>> model.table.num_parameters()
        48032
    """

    kind: ClassVar[str]

    def __init__(self, sparsity: float | None = None, *, tolerance: float = 0.01, **settings: Any):
        if not hasattr(self, "kind"):
            raise LfmpError("TableConfig is what all kinds share: take one of them, such as QR(sparsity=0.5)")
        self.sparsity = None if sparsity is None else check_number("sparsity", float(sparsity))
        self.tolerance, self.settings = tolerance, settings
        name, own = type(self).__name__, TABLES[self.kind].settings_type
        if sparsity is None:
            for key in settings:
                check_name(key, {*own.model_fields, "sparsity", "tolerance"}, f"setting of {name}")
            sizes = [key for key, field in own.model_fields.items() if field.is_required()]
            if missing := [key for key in sizes if key not in settings]:
                raise LfmpError(f"{name} needs a sparsity, as in {name}(sparsity=0.8), or {missing[0]}")
            own(**settings)

    def make(self, field_sizes: Sequence[int], dim: int, *, seed: int | torch.Generator = 0) -> Table:
        """A fresh table.

        Args:
            field_sizes: ids of each field, in one numbering.
            dim: D.
            seed: of its starting values, or a generator.

        Raises:
            BudgetError: the table can't have so few parameters, or so many; it names the nearest number.

        Example:
            >>> import torch
            >>> from lfmp_core import TTRec
            >>> table = TTRec(sparsity=0.9).make([5000], 16, seed=0)
            >>> table(torch.tensor([[0, 4999]])).shape
            torch.Size([1, 2, 16])
        """
        generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
        return self(whole_numbers("field_sizes", field_sizes, at_least=1), dim, generator)

    def __call__(self, field_sizes: tuple[int, ...], dim: int, generator: torch.Generator) -> Table:
        make = table_factory(self.kind, self.sparsity, self.settings, tolerance=self.tolerance)
        return make(field_sizes, dim, generator)

    def __repr__(self) -> str:
        given = {} if self.sparsity is None else {"sparsity": self.sparsity}
        given |= {} if self.tolerance == 0.01 else {"tolerance": self.tolerance}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in (given | self.settings).items())})"


def table_configs() -> dict[str, type[TableConfig]]:
    """By name: the config of each kind, named as its settings are."""
    kinds: dict[str, Any] = dict(TABLES)
    made = (_config(kind, table) for kind, table in kinds.items())
    return {config.__name__: config for config in made}


@cache
def _config(kind: str, table: type[NamedTable]) -> type[TableConfig]:
    name = table.settings_type.__name__.removesuffix("Settings")
    # a table that needs no sizes is the plain one, from which nothing is removed
    sized = any(field.is_required() for field in table.settings_type.model_fields.values())
    doc = _DOC.format(
        kind=kind,
        name=name,
        settings=(inspect.getdoc(table.settings_type) or "").replace("\n", "\n    ").replace("    \n", "\n"),
        needed=", ".join(sorted([name, "DeepFM", "compress_"])),
        argument="sparsity=0.5" if sized else "",
        left=0.5 if sized else 1,
    )
    own = {"kind": kind, "__doc__": doc, "__module__": __name__.partition(".")[0]}
    return type(name, (TableConfig,), own)
