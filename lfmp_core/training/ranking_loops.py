"""The loops of full ranking: the best of all scores, and the best by a coarse look and a close one."""

import numba
import numpy as np

from ..kernels import compiled, loaded

# scores that are compared with the least that is asked for at once; of a slice, since its indices can't be
# negative, without which the comparison takes no vector units
_FEW, _MANY = 64, 128
CROWDED = -1  # the count of a user of whom more items may be among the best than there is room for


@compiled
def best(scores, users, starts, taken, found, counts):
    """found[b, :counts[b]]: the best items of users[b] by scores[b], best first, without those taken."""
    most, items = found.shape[1], scores.shape[1]
    for b in numba.prange(len(users)):
        row, at, end = scores[b], starts[users[b]], starts[users[b] + 1]
        values = np.empty(most, scores.dtype)
        held = 0
        for a in range(0, items, _FEW):
            z = min(a + _FEW, items)
            if held == most:  # most stretches hold nothing that enters the list
                worst = values[most - 1]
                part, enters = row[a:z], 0
                for k in range(len(part)):
                    enters += not part[k] <= worst
                if not enters:
                    continue
            while at < end and taken[at] < a:
                at += 1
            for item in range(a, z):
                value = row[item]
                if at < end and taken[at] == item:
                    at += 1
                elif value != value:
                    held = -1
                elif held >= 0 and (held < most or value > values[most - 1]):
                    # insertion keeps equal scores in the order in which items come
                    place = held if held < most else most - 1
                    while place > 0 and value > values[place - 1]:
                        values[place] = values[place - 1]
                        found[b, place] = found[b, place - 1]
                        place -= 1
                    values[place] = value
                    found[b, place] = item
                    held = min(held + 1, most)
            if held < 0:
                break
        counts[b] = held


@numba.njit(cache=True)
def _cut(least):
    """What the bits of a bfloat16 are at least, as int16, where it is at least a positive number: they are
    ordered as the numbers are, and those of negative ones lie below 0."""
    if least > 0:
        return np.int16(np.float32(least).view(np.uint32) >> np.uint32(16))
    return np.int16(-0x8000)


@compiled
def keep_near(tile, first, users, starts, taken, at, bands, worst, candidates, coarse, counts):
    """Add to the candidates of each user those of a tile [b, t], the bits of coarse scores in bfloat16.

    An item is none where `most` others score higher by more than the user's band.

    Args:
        first: number of the tile's first item.
        at: place in `taken` from which to look for items of the tile, moved on.
        worst: coarse scores of the `most` best so far, best first, [b, most].
        candidates, coarse: items, ascending, and their scores [b, room]. counts: how many, or `CROWDED`.
    """
    most, room = worst.shape[1], candidates.shape[1]
    for b in numba.prange(len(users)):
        row, end = tile[b], starts[users[b] + 1]
        least = worst[b, most - 1] - bands[b]
        cut = _cut(least)
        for a in range(0, len(row), _MANY):
            if counts[b] == CROWDED:
                break
            part = row[a : min(a + _MANY, len(row))]
            highest = part[0]
            for k in range(len(part)):  # max() would take no vector units
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
                        counts[b] = CROWDED
                        break
                candidates[b, held], coarse[b, held] = item, value
                counts[b] = held + 1


@compiled
def decide_near(x, y, users, least, candidates, coarse, counts, found):
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
        if counts[b] != CROWDED:
            counts[b] = held
