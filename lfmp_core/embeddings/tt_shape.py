"""Sizes of a tensor train: how rows and dimensions are split over cores, and what ranks a budget buys."""

import math
from collections.abc import Iterator, Sequence
from itertools import product


def _factorisations(number: int, parts: int, smallest: int = 1) -> Iterator[tuple[int, ...]]:
    """Ways to write `number` as a product of `parts` factors in ascending order."""
    if parts == 1:
        yield (number,)
        return
    factor = smallest
    while factor**parts <= number:
        if number % factor == 0:
            for rest in _factorisations(number // factor, parts - 1, factor):
                yield (factor, *rest)
        factor += 1


def _balance(factors: Sequence[int]) -> float:
    """Entropy of the factors as shares of their sum: largest where they are equal."""
    total = sum(factors)
    return -sum(f / total * math.log(f / total) for f in factors)


def split_dim(dim: int, parts: int) -> tuple[int, ...]:
    """D as the most balanced product of `parts` factors: 16 is 2·2·4."""
    return max(_factorisations(dim, parts), key=_balance)


def split_rows(n: int, parts: int) -> tuple[int, ...]:
    """Factors whose product is at least n: the most balanced ones among those of n rounded up to a multiple
    of 1, 10, 100, …, as the public implementation rounds. 1,086,810 rows become 125·125·128."""
    rounded = {-(-n // 10**k) * 10**k for k in range(len(str(n)))}
    return max((split_dim(number, parts) for number in sorted(rounded)), key=_balance)


def core_shapes(
    rows: Sequence[int], dims: Sequence[int], ranks: Sequence[int]
) -> list[tuple[int, int, int, int]]:
    """(n_k, r_{k−1}, d_k, r_k) of each core, r_0 = r_t = 1."""
    around = (1, *ranks, 1)
    return [(n, around[k], d, around[k + 1]) for k, (n, d) in enumerate(zip(rows, dims, strict=True))]


def train_parameters(rows: Sequence[int], dims: Sequence[int], ranks: Sequence[int]) -> int:
    """Σ_k n_k r_{k−1} d_k r_k."""
    return sum(math.prod(shape) for shape in core_shapes(rows, dims, ranks))


def ranks_for(rows: Sequence[int], dims: Sequence[int], target: float, start: int) -> tuple[int, ...]:
    """Ranks whose count comes within half a percent of `target`, as equal as can be; else the nearest.

    Args:
        start: the largest equal ranks that don't exceed the target; none returned is farther than 6 from it.
    """
    near = range(max(1, start - 6), start + 7)
    # counts are a polynomial of the ranks: small tables need unequal ones to meet a budget
    choices = sorted(product(near, repeat=len(rows) - 1), key=lambda ranks: max(ranks) - min(ranks))
    gaps = {ranks: abs(train_parameters(rows, dims, ranks) / target - 1) for ranks in choices}
    return next((r for r, gap in gaps.items() if gap < 0.005), min(gaps, key=lambda r: gaps[r]))
