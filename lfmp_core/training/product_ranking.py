"""Full ranking by scores that are products of vectors, in two passes that end where one exact pass would.

The first multiplies in bfloat16, for which many processors have units, and keeps every item that may be among
the best: by how much rounding can change a score is known. The second works out those few in float64 and
decides.
"""

from collections.abc import Sequence

import numba
import numpy as np
import torch
from torch import Tensor

from ..data.interactions import Interactions
from ..kernels import compiled, loaded, run_kernel
from .ranking import Lists, best_of

_TILE = 4096  # items at a time: a block's scores for them stay in the second cache
_ROOM = 256  # items that may be among the best of a user
_STRIDE = 128  # scores that are compared with the least that is asked for at once
_CROWDED = -1  # the count of a user with more than `_ROOM` of them

# of |x| · |y|: each vector and their product are rounded to 8 bits, by up to 2⁻⁸; up to D = 6,000 sums in
# float32 add less than a tenth of that
_ERROR = 3.1 * 2.0**-8
_TINY = 1e-30  # what lies below float32's normal range may be taken for 0


def multiplies_bfloat16() -> bool:
    """Whether this processor has units for products in bfloat16; without any they are slower than float32."""
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


@numba.njit(cache=True)
def _cut(least):
    """What the bits of a bfloat16 are at least, as int16, where it is at least a positive number: they are
    ordered as the numbers are, and those of negative ones lie below 0."""
    if least > 0:
        return np.int16(np.float32(least).view(np.uint32) >> np.uint32(16))
    return np.int16(-0x8000)


@compiled
def _keep(tile, first, users, starts, taken, at, bands, worst, candidates, coarse, counts):
    """Add to the candidates of each user those of a tile [b, t], the bits of coarse scores in bfloat16.

    An item is none where `most` others score higher by more than the user's band.

    Args:
        first: number of the tile's first item.
        at: place in `taken` from which to look for items of the tile, moved on.
        worst: coarse scores of the `most` best so far, best first, [b, most].
        candidates, coarse: items, ascending, and their scores [b, _ROOM]. counts: how many, or `_CROWDED`.
    """
    most, room = worst.shape[1], candidates.shape[1]
    for b in numba.prange(len(users)):
        row, end = tile[b], starts[users[b] + 1]
        least = worst[b, most - 1] - bands[b]
        cut = _cut(least)
        for a in range(0, len(row), _STRIDE):
            if counts[b] == _CROWDED:
                break
            # of a slice, whose indices can't be negative, and by `if`: else the loop takes no vector units
            part = row[a : min(a + _STRIDE, len(row))]
            highest = part[0]
            for k in range(len(part)):
                if part[k] > highest:
                    highest = part[k]
            if highest < cut:
                continue
            for k in range(len(part)):
                if part[k] < cut:
                    continue
                value, item = loaded(np.uint16(part[k])), first + a + k
                if value < least:
                    continue
                while at[b] < end and taken[at[b]] < item:
                    at[b] += 1
                if at[b] < end and taken[at[b]] == item:
                    continue
                if value > worst[b, most - 1]:
                    place = most - 1
                    while place > 0 and value > worst[b, place - 1]:
                        worst[b, place] = worst[b, place - 1]
                        place -= 1
                    worst[b, place] = value
                    least = worst[b, most - 1] - bands[b]
                    cut = _cut(least)
                held = counts[b]
                if held == room:  # more is asked for by now than when the first of them came
                    held = 0
                    for j in range(room):
                        if coarse[b, j] >= least:
                            candidates[b, held], coarse[b, held] = candidates[b, j], coarse[b, j]
                            held += 1
                    if held == room:
                        counts[b] = _CROWDED
                        break
                candidates[b, held], coarse[b, held] = item, value
                counts[b] = held + 1


@compiled
def _decide(x, y, users, least, candidates, coarse, counts, found):
    """found[b]: the best by x_u · y_i of a user's candidates with a coarse score of at least least[b]; counts
    become how many."""
    most = found.shape[1]
    for b in numba.prange(len(users)):
        values, held = np.empty(most), 0
        for j in range(counts[b]):
            if coarse[b, j] < least[b]:
                continue
            item, value = candidates[b, j], 0.0
            for d in range(x.shape[1]):
                value += np.float64(x[users[b], d]) * np.float64(y[item, d])
            if held < most or value > values[most - 1]:
                place = held if held < most else most - 1
                while place > 0 and value > values[place - 1]:
                    values[place], found[b, place] = values[place - 1], found[b, place - 1]
                    place -= 1
                values[place], found[b, place] = value, item
                held = min(held + 1, most)
        if counts[b] != _CROWDED:
            counts[b] = held


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
        longest = self.items.double().norm(dim=1).max()
        # twice, since the last of a list may be off as well as what is held against it
        bands = 2 * (_ERROR * longest * self.users.double().norm(dim=1) + _TINY)
        self._bands = bands.float().numpy()

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
        run_kernel(_decide, *vectors, kept.users, least, *own, found)
        for b in np.flatnonzero(kept.counts == _CROWDED):
            every = np.setdiff1d(np.arange(len(self.items), dtype=np.int32), kept.taken[kept.users[b]])
            counts, part = np.array([len(every)]), slice(b, b + 1)
            nothing = np.zeros((1, len(every)), np.float32)
            one = kept.users[part], np.full(1, -np.inf, np.float32), every[None], nothing, counts
            run_kernel(_decide, *vectors, *one, found[part])
            kept.counts[part] = counts
        return found, kept.counts


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
        run_kernel(_keep, tile, first, *pairs, bands, *kept)
