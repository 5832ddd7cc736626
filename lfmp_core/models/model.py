"""What every model is: tables of vectors, and what is made of the vectors."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from ..embeddings import Table
from ..embeddings.packed import count_numbers


class Model(nn.Module):
    """Tables, by the name of the attribute that holds each, and a network over their vectors.

    Attributes:
        decayed: names of the modules whose numbers the L2 term of a training covers.
    """

    decayed: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def tables(self) -> dict[str, Table]:
        """The tables, in the order in which they were made."""

    def put(self, tables: Mapping[str, Table]) -> None:
        """Put others in their places."""
        for name, table in tables.items():
            setattr(self, name, table)

    @abstractmethod
    def read(self, batch: Any) -> dict[str, Tensor]:
        """The ids that a batch asks each table for, repeated ones too."""

    def num_parameters(self) -> int:
        """All learnable numbers."""
        return count_numbers(self)

    def num_embedding_parameters(self) -> int:
        """M(E) of all tables together."""
        return sum(table.num_parameters() for table in self.tables().values())

    def num_bytes(self) -> int:
        """Bytes of everything that serving needs."""
        return sum(t.numel() * t.element_size() for t in self.state_dict().values())
