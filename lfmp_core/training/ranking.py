"""Full ranking: the best items of every user among all that the user has not taken, and two metrics of them.

Scores are computed for a block of users at a time, so that users × items are never held. What a user took is
stepped over while its row is read: nothing is written into the scores, so that any score may be given, minus
infinity included, and no block size changes a result. Of equal scores the item with the lower number comes
first.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..data.interactions import Interactions
from ..errors import Diverged
from ..kernels import run_kernel
from .ranking_loops import best

BLOCK = 128  # users at a time: 21 MB of scores with Gowalla's 40,981 items, which a cache may hold
Scores = Callable[[np.ndarray], np.ndarray]
Lists = tuple[np.ndarray, np.ndarray]  # items [b, most], best first; how many of them there are [b]
Ranker = Callable[[np.ndarray, Sequence[Interactions]], list[Lists]]


def best_of(values: np.ndarray, users: np.ndarray, taken: Interactions, most: int = 20) -> Lists:
    """The lists of one block of users.

    Args:
        values: their scores for every item [b, items], float32 or float64.
        users: who they are [b].
        taken: pairs that are left out.
        most: length of a list; a user with fewer items left gets a shorter one, filled up with −1.

    Raises:
        ValueError: there is a score for another number of users or items.
        Diverged: a score is not a number.
    """
    if values.shape != (len(users), taken.num_items):
        raise ValueError(f"scores of shape {values.shape} for {len(users)} users and {taken.num_items} items")
    found = np.full((len(users), most), -1, np.int32)
    counts = np.empty(len(users), np.int64)
    run_kernel(best, np.ascontiguousarray(values), users, taken.starts, taken.items, found, counts)
    if len(counts) and counts.min() < 0:
        user = users[counts.argmin()]
        raise Diverged(f"a score of user {user} is not a number: the training diverged")
    return found, counts


def by_scores(scores: Scores, most: int = 20) -> Ranker:
    """Ranks a block of users, whose scores are worked out once for every set of pairs that is left out.

    Args:
        scores: of some users for every item, [b] → [b, items]; see `best_of`.
        most: see `best_of`.
    """

    def rank(users: np.ndarray, left_out: Sequence[Interactions]) -> list[Lists]:
        values = scores(users)
        return [best_of(values, users, taken, most) for taken in left_out]

    return rank


def top_items(
    rank: Ranker, users: np.ndarray, left_out: Sequence[Interactions], block: int = BLOCK
) -> Iterator[tuple[np.ndarray, list[Lists]]]:
    """(users [b], their lists for each set of pairs that is left out), block by block.

    Args:
        rank: such as `by_scores`.
        users: whom to rank for, in this order.
        left_out: sets of pairs.
        block: users at a time.
    """
    for a in range(0, len(users), block):
        part = np.asarray(users[a : a + block], np.int64)
        yield part, rank(part, left_out)


def hits(users: np.ndarray, items: np.ndarray, wanted: Interactions) -> np.ndarray:
    """Whether each item of the lists [b, most] is among those wanted of its user; −1 never is."""
    many = wanted.degrees()[users]
    places = np.repeat(wanted.starts[users] - many.cumsum() + many, many) + np.arange(many.sum())
    known = np.repeat(np.arange(len(users)), many) * wanted.num_items + wanted.items[places]
    keys = np.arange(len(users))[:, None] * wanted.num_items + items
    if not len(known):
        return np.zeros(items.shape, bool)
    found = np.searchsorted(known, keys).clip(max=len(known) - 1)
    return (known[found] == keys) & (items >= 0)


def ndcg(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """NDCG of lists with binary relevance, Σ_r hit_r / log₂(r + 1) over that of a list that opens with hits.

    Args:
        found: hits by rank, bool [b, k]. wanted: relevant items of each user, at least 1, [b].
    """
    gains = 1 / np.log2(np.arange(2, found.shape[1] + 2))
    ideal = np.concatenate([[0.0], gains.cumsum()])
    return (found * gains).sum(1) / ideal[np.minimum(wanted, found.shape[1])]


def recall(found: np.ndarray, wanted: np.ndarray, *, capped: bool) -> np.ndarray:
    """Share of the relevant items that are found.

    Args:
        found, wanted: see `ndcg`.
        capped: divide by min(|T|, k), as LERS's code does, so that a full list of hits is 1; else by |T|, as
            LightGCN does.
    """
    return found.sum(1) / (np.minimum(wanted, found.shape[1]) if capped else wanted)
