"""What every recommender of top items is: tables of users and items, and scores of pairs."""

from abc import abstractmethod

from torch import Tensor, nn

from ..embeddings import Table


class Recommender(nn.Module):
    """Scores of users for items, larger where a user is likelier to take an item.

    Attributes:
        num_users, num_items: ids of users lie in 0..users − 1, of items in 0..items − 1.
    """

    num_users: int
    num_items: int

    @abstractmethod
    def tables(self) -> dict[str, Table]:
        """Its tables by the name of their place, in the order in which they were made."""

    @abstractmethod
    def pair(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores [B] of pairs, ids [B] both."""

    @abstractmethod
    def scores(self, users: Tensor) -> Tensor:
        """Scores [B, items] of users [B] for every item."""

    def num_parameters(self) -> int:
        """All learnable numbers."""
        return sum(p.numel() for p in self.parameters())
