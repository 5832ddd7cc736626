"""What every table answers."""

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class Table(nn.Module):
    """Maps ids to vectors; any table works in any backbone.

    Attributes:
        field_sizes: ids of each field, unseen-value id included; they sum to n.
        dim: D, the length of a vector.
        uncuttable: why fields can't be cut from it; "" where its `field_axes` say how (see `surgery`).
    """

    uncuttable: ClassVar[str] = "its numbers are not laid out by field: cut the fields of a plain table first"
    field_sizes: tuple[int, ...]
    dim: int

    @abstractmethod
    def forward(self, ids: Tensor) -> Tensor:
        """Vectors [..., D] of integer ids [...] in 0..n−1."""

    @abstractmethod
    def weight_view(self) -> Tensor:
        """The dense n×D matrix whose row i is `forward(i)`."""

    @abstractmethod
    def scale_fields(self, factors: Tensor) -> None:
        """Multiply every vector of field f by `factors[f]`, in place; factors is [m]."""

    def num_parameters(self) -> int:
        """M(E): the numbers that are learnt and stored."""
        return sum(p.numel() for p in self.parameters())

    def num_bytes(self) -> int:
        """Bytes to serve the table: parameters and side tables (index, hash, mask)."""
        stored = [*self.parameters(), *self.buffers()]
        return sum(t.numel() * t.element_size() for t in stored)
