"""A table whose small numbers read as zero."""

import torch
from torch import Tensor
from torch.nn import functional

from .base import Table


class SoftThresholdTable(Table):
    """e_i ← sign(e_i)·max(0, |e_i| − T), with one T for the whole table.

    The gradient is 1 where |e| > T and 0 elsewhere. Only what is looked up is thresholded. `threshold` is a
    buffer that starts at 0; whoever trains the table moves it.

    Args:
        table: whose vectors are thresholded.

    Source: Kusupati et al. 2020, eq. 3, as PEP and CERP use it.
    """

    uncuttable = "its threshold was found for all rows together: cut the fields first"
    threshold: Tensor

    def __init__(self, table: Table):
        super().__init__()
        self.table, self.field_sizes, self.dim = table, table.field_sizes, table.dim
        self.register_buffer("threshold", torch.zeros(()))

    def forward(self, ids: Tensor) -> Tensor:
        return functional.softshrink(self.table.unchecked(ids), self.threshold.item())

    def weight_view(self) -> Tensor:
        return functional.softshrink(self.table.weight_view(), self.threshold.item())

    def num_parameters(self) -> int:
        """Numbers that are not zero."""
        return int((self.table.weight_view().detach().abs() > self.threshold).sum())

    def scale_fields(self, factors: Tensor) -> None:
        raise NotImplementedError("scaled rows under one threshold would lose other numbers than before")
