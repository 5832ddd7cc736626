"""Every row the sum of two rows of smaller tables."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import LfmpError
from .base import Table


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

    def config(self) -> dict[str, Any]:
        """Arguments that make a pair of this shape again, each table as {"kind", …}; only served ones are."""
        config: dict[str, Any] = {"field_sizes": self.field_sizes}
        for name in ("first", "second"):
            part: Any = getattr(self, name)
            if not hasattr(part, "config"):
                raise LfmpError("a pair that is still trained can't be stored: make its tables sparse")
            config[name] = {"kind": part.kind, **part.config()}
        return config

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
