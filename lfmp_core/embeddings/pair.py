"""Every row the sum of two rows of smaller tables."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import Table
from .sparse import SparseTable


class PairTable(Table):
    """e_i = P[i mod b] + Q[⌊i / ⌈n/b⌉⌋], with P and Q tables of b rows.

    No two ids have both rows in common, since ⌈n/b⌉ ≤ b.

    Args:
        field_sizes: ids of each field.
        first, second: P and Q: plain, thresholded, masked or sparse.

    Raises:
        ValueError: b² < n.

    Source: CERP (Liang et al. 2023), eq. 3–4.
    """

    kind: ClassVar[str] = "pair"
    uncuttable = "ids of several fields share a row"

    def __init__(self, field_sizes: tuple[int, ...], first: Table, second: Table):
        super().__init__()
        self.field_sizes, self.dim = tuple(field_sizes), first.dim
        self.first, self.second = first, second
        self.rows, self.buckets = sum(field_sizes), sum(first.field_sizes)
        if self.buckets**2 < self.rows:
            raise ValueError(f"{self.buckets} buckets can't tell {self.rows} ids apart: take more")

    @classmethod
    def of_sparse(cls, field_sizes: tuple[int, ...], first: dict, second: dict) -> "PairTable":
        """Made again from what `described` says of two sparse tables."""
        return cls(tuple(field_sizes), SparseTable(**first), SparseTable(**second))

    def described(self) -> dict[str, Any]:
        """Arguments of `of_sparse`; only a pair of sparse tables is stored."""
        parts = {"first": self.first, "second": self.second}
        sparse = {name: part.described() for name, part in parts.items() if isinstance(part, SparseTable)}
        if len(sparse) < 2:
            raise TypeError("a pair that is still trained can't be stored: make its tables sparse")
        return {"field_sizes": self.field_sizes, **sparse}

    def forward(self, ids: Tensor) -> Tensor:
        span = -(-self.rows // self.buckets)
        quotient = ids.div(span, rounding_mode="floor")
        return self.first.unchecked(ids % self.buckets) + self.second.unchecked(quotient)

    def weight_view(self) -> Tensor:
        return self.unchecked(torch.arange(self.rows, device=next(self.parameters()).device))

    def scale_fields(self, factors: Tensor) -> None:
        raise NotImplementedError("ids of several fields share a row, so one field can't be scaled alone")

    def num_parameters(self) -> int:
        return self.first.num_parameters() + self.second.num_parameters()
