"""Full ranking by scores that are products of vectors, in two passes that end where one exact pass would.

The first multiplies in bfloat16, for which many processors have units, and keeps every item that may be among
the best: by how much rounding can change a score is known. The second works out those few in float64 and
decides. Between them all items of a user of whom 8 bits leave too many, as where vectors have become nearly
alike, are multiplied in float64.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..data.interactions import Interactions
from ..kernels import run_kernel
from .ranking import Lists, best_of
from .ranking_loops import CROWDED, decide_near, keep_near

_TILE = 4096  # items at a time: a block's scores for them stay in the second cache
_ROOM = 256  # items that may be among the best of a user

# of |x| · |y|: each vector and their product are rounded to 8 bits, by up to 2⁻⁸; up to D = 6,000 sums in
# float32 add less than a tenth of that
_ERROR = 3.1 * 2.0**-8
# of D · |x| · |y|: by so much sums in float64 can differ from each other, whatever their order
_ERROR64 = 2.1 * 2.0**-53
_TINY = 1e-30  # what lies below float32's normal range may be taken for 0


def multiplies_bfloat16() -> bool:
    """Whether this processor has units for products in bfloat16; without any they are slower than float32."""
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


class ProductRanking:
    """Ranks by s(u, i) = x_u · y_i; of items whose scores are equal in float64 the lower number comes first.

    Args:
        users, items: x [U, D] and y [I, D], float32, of a CPU.
        most: length of a list.
    """

    def __init__(self, users: Tensor, items: Tensor, most: int = 20):
        self.users, self.items = (v.detach().contiguous() for v in (users, items))
        self.most = most
        self._thin_users, self._thin_items = self.users.bfloat16(), self.items.bfloat16().T
        self._largest = self.users.double().norm(dim=1) * self.items.double().norm(dim=1).max()
        # twice, since the last of a list may be off as well as what is held against it
        self._bands = (2 * (_ERROR * self._largest + _TINY)).float().numpy()

    @cached_property
    def _wide_items(self) -> Tensor:
        return self.items.double().T

    def __call__(self, users: np.ndarray, left_out: Sequence[Interactions]) -> list[Lists]:
        """The lists of a block of users, as of `best_of`, for each set of pairs that is left out.

        Raises:
            Diverged: a score is not a number.
        """
        bands, own = self._bands[users], self._thin_users[users]
        if not np.isfinite(bands).all():
            values = (self.users[users] @ self.items.T).numpy()
            return [best_of(values, users, taken, self.most) for taken in left_out]
        kept = [_Kept(users, taken, self.most) for taken in left_out]
        for first in range(0, len(self.items), _TILE):
            tile = (own @ self._thin_items[:, first : first + _TILE]).view(torch.int16).numpy()
            for one in kept:
                one.add(tile, first, bands)
        return [self._decided(one, bands) for one in kept]

    def _decided(self, kept: "_Kept", bands: np.ndarray) -> Lists:
        found = np.full((len(bands), self.most), -1, np.int32)
        least = kept.worst[:, -1] - bands
        vectors, own = (self.users, self.items), (kept.candidates, kept.coarse, kept.counts)
        run_kernel(decide_near, *vectors, kept.users, least, *own, found)
        crowded = np.flatnonzero(kept.counts == CROWDED)
        for b, near in zip(crowded, self._near(kept.users[crowded], kept.taken), strict=True):
            counts, part = np.array([len(near)]), slice(b, b + 1)
            nothing = np.zeros((1, len(near)), np.float32)
            one = kept.users[part], np.full(1, -np.inf, np.float32), near[None], nothing, counts
            run_kernel(decide_near, *vectors, *one, found[part])
            kept.counts[part] = counts
        return found, kept.counts

    def _near(self, users: np.ndarray, taken: Interactions) -> list[np.ndarray]:
        """Of each of some users, the items that may be among the best by what float64 can tell."""
        if not len(users):
            return []
        values = (self.users[users].double() @ self._wide_items).numpy()
        listed, counts = best_of(values, users, taken, self.most)
        bands = 2 * _ERROR64 * self.users.shape[1] * self._largest[users].numpy()
        found = []
        for user, row, items, count, band in zip(users, values, listed, counts, bands, strict=True):
            least = row[items[-1]] - band if count == self.most else -np.inf
            near = np.flatnonzero(row >= least).astype(np.int32)
            found.append(np.setdiff1d(near, taken[user], assume_unique=True))
        return found


class _Kept:
    """The items that may be among the best of each user of a block.

    Args:
        users: who they are [b].
        taken: pairs that are left out.
        most: length of a list.
    """

    def __init__(self, users: np.ndarray, taken: Interactions, most: int):
        size, room = len(users), max(_ROOM, 4 * most)
        self.users, self.taken = users, taken
        self.worst = np.full((size, most), -np.inf, np.float32)
        self.candidates, self.coarse = np.empty((size, room), np.int32), np.empty((size, room), np.float32)
        self.counts = np.zeros(size, np.int64)
        self._at = taken.starts[users].copy()

    def add(self, tile: np.ndarray, first: int, bands: np.ndarray) -> None:
        """What a tile [b, t] of coarse scores has, from item `first` on."""
        pairs = self.users, self.taken.starts, self.taken.items, self._at
        kept = self.worst, self.candidates, self.coarse, self.counts
        run_kernel(keep_near, tile, first, *pairs, bands, *kept)
