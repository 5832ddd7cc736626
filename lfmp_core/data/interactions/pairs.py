"""Who took what: user–item pairs as compressed rows, and negatives that are never among them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import DataError


@dataclass(frozen=True, eq=False)
class Interactions:
    """Observed pairs, row by row: user u took `items[starts[u]:starts[u + 1]]`, ascending, each once.

    Attributes:
        starts: int64 [users + 1]. items: int32 [pairs]. num_items: of the whole set, taken or not.
    """

    starts: np.ndarray
    items: np.ndarray
    num_items: int

    @classmethod
    def of_pairs(cls, users: np.ndarray, items: np.ndarray, num_users: int, num_items: int) -> "Interactions":
        """From pairs in any order, [pairs] both; a pair that stands there twice counts once.

        Raises:
            DataError: an id below zero or beyond the counts.
        """
        users, items = np.asarray(users, np.int64), np.asarray(items, np.int64)
        for name, ids, count in (("user", users, num_users), ("item", items, num_items)):
            if len(ids) and (ids.min() < 0 or ids.max() >= count):
                wrong = ids.min() if ids.min() < 0 else ids.max()
                raise DataError(
                    f"{name} {wrong} lies outside 0..{count - 1}", remedy=f"Number {name}s from 0"
                )
        keys = np.sort(users * num_items + items)  # and not np.unique, which hashes: five times as long
        keys = keys[np.diff(keys, prepend=-1) > 0]
        rows, columns = np.divmod(keys, max(num_items, 1))
        starts = np.concatenate([[0], np.bincount(rows, minlength=num_users).cumsum()])
        return cls(starts.astype(np.int64), columns.astype(np.int32), num_items)

    @property
    def num_users(self) -> int:
        """Users of the whole set, with pairs or without."""
        return len(self.starts) - 1

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, user: int) -> np.ndarray:
        """Items of one user, ascending."""
        return self.items[self.starts[user] : self.starts[user + 1]]

    def degrees(self) -> np.ndarray:
        """Pairs of each user, int64 [users]."""
        return np.diff(self.starts)

    def item_degrees(self) -> np.ndarray:
        """Pairs of each item, int64 [items]."""
        return np.bincount(self.items, minlength=self.num_items)

    def users(self) -> np.ndarray:
        """The user of each pair, int32 [pairs], beside `items`."""
        return np.repeat(np.arange(self.num_users, dtype=np.int32), self.degrees())

    def keys(self) -> np.ndarray:
        """Each pair as one number, user · items + item, ascending, int64 [pairs]."""
        return self.users().astype(np.int64) * self.num_items + self.items

    def together(self, *others: "Interactions") -> "Interactions":
        """All pairs of several parts of one set."""
        keys = np.concatenate([part.keys() for part in (self, *others)])
        return self.of_pairs(*np.divmod(keys, self.num_items), self.num_users, self.num_items)

    def check_negatives(self) -> None:
        """Refuse pairs of a user that took everything: nothing can be drawn beside its items."""
        self._others(np.arange(self.num_users))

    def negatives(self, users: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """An item for each user, evenly among those that the user did not take; int32, the shape of `users`.

        Of u's I − |taken| other items the one of rank r, with r drawn evenly, is r plus the number of taken
        items that have r others or fewer below them, which a search in u's row finds. So nothing is drawn
        twice, whatever u's degree.

        Args:
            users: integers in 0..users − 1, of any shape.

        Raises:
            DataError: a user took everything.
        """
        flat = np.ascontiguousarray(users, np.int64).reshape(-1)
        ranks = generator.integers(0, self._others(flat))
        below = np.searchsorted(self._others_below, flat * self.num_items + ranks, side="right")
        return (ranks + below - self.starts[flat]).astype(np.int32).reshape(np.shape(users))

    def _others(self, users: np.ndarray) -> np.ndarray:
        """How many items each of some users [k] did not take; refuses one that took everything."""
        free = self.num_items - self.degrees()[users]
        if len(free) and free.min() <= 0:
            user = int(users[free.argmin()])
            raise DataError(f"user {user} took all {self.num_items} items", remedy="Leave such users out")
        return free

    @cached_property
    def _others_below(self) -> np.ndarray:
        """For each pair, user · items + the items below it that the user did not take; ascending."""
        return self.keys() - (np.arange(len(self)) - np.repeat(self.starts[:-1], self.degrees()))


def held_out(
    pairs: Interactions, share: float, generator: np.random.Generator, least: int = 1
) -> tuple[Interactions, Interactions]:
    """(kept, held out): of each user with d pairs max(least, ⌊share · d⌋) at random, but never all of them.

    A tenth with at least one leaves LERS's 73,037 validation pairs of Gowalla and 108,884 of Yelp2018.

    Source: LERS §3.2 (9 : 1), its public code's rounding.
    """
    degrees = pairs.degrees()
    # a product such as .1 · 30 may come out just below the whole number
    wanted = np.maximum(np.floor(share * degrees + 1e-9).astype(np.int64), least)
    wanted = np.minimum(wanted, np.maximum(degrees - 1, 0))
    users = pairs.users()
    # pairs of each user in random order: those of the first places are held out
    order = np.lexsort((generator.random(len(pairs)), users))
    place = np.arange(len(pairs)) - pairs.starts[users]
    chosen = np.zeros(len(pairs), bool)
    chosen[order] = place < wanted[users]
    sizes = pairs.num_users, pairs.num_items
    return (
        Interactions.of_pairs(users[~chosen], pairs.items[~chosen], *sizes),
        Interactions.of_pairs(users[chosen], pairs.items[chosen], *sizes),
    )


def last_out(
    users: np.ndarray, items: np.ndarray, times: np.ndarray, count: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """(kept, held out), masks [pairs]: the `count` latest pairs of each user, of equal times the later row.

    A user with no more pairs than `count` keeps them all.
    """
    order = np.lexsort((np.arange(len(users)), times, users))
    degrees = np.bincount(users, minlength=int(users.max(initial=-1)) + 1)
    ends = degrees.cumsum()
    from_end = ends[users[order]] - np.arange(len(users))
    late = np.zeros(len(users), bool)
    late[order] = (from_end <= count) & (degrees[users[order]] > count)
    return ~late, late
