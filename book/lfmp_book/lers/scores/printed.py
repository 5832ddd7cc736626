"""The cells of a printed table of LERS, each found by what it is of."""

from typing import Any

import pandas as pd

from .blocks import ORIGINAL, Cell


class Printed:
    """Rows of a printed table by data set, backbone, method and sparsity (a share).

    Args:
        rows: with those columns and any others; a row whose sparsity is missing is found by no cell.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        keys = zip(rows.dataset, rows.backbone, rows.method, rows.sparsity, strict=True)
        self._rows = dict(zip(keys, rows.to_dict("records"), strict=True))

    def row(self, cell: Cell, method: str) -> dict[Any, Any] | None:
        """The row of a method, of Original whatever the sparsity; None where there is none."""
        sparsity = 0.0 if method == ORIGINAL else cell.sparsity
        return self._rows.get((cell.dataset, cell.backbone, method, sparsity))

    def number(self, cell: Cell, method: str, column: str) -> float | None:
        """One number of it."""
        row = self.row(cell, method)
        return None if row is None else float(row[column])
