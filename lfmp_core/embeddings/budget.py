"""How many numbers a table may have, and what is said when it can't have so many."""

from collections.abc import Callable, Sequence

from ..errors import LfmpError


class BudgetError(LfmpError, ValueError):
    """A sparsity that a kind of table can't meet.

    Attributes:
        target: parameters asked for, (1−t)·n·D.
        nearest: the reachable count that comes nearest to it.
    """

    def __init__(self, table: str, target: float, nearest: int, remedy: str):
        self.target, self.nearest = target, nearest
        super().__init__(
            f"a {table} table can't have about {target:,.0f} parameters: the nearest that it can have is "
            f"{nearest:,}. {remedy}"
        )


def target_parameters(field_sizes: Sequence[int], dim: int, sparsity: float) -> float:
    """(1−t)·n·D, the parameters left at sparsity t. Source: LERS §5.2, t = 1 − M(Ê)/M(E).

    Raises:
        ValueError: t is not in [0, 1).
    """
    if not 0 <= sparsity < 1:
        raise ValueError(f"sparsity is a share of embedding parameters in [0, 1), not {sparsity}")
    return (1 - sparsity) * sum(field_sizes) * dim


def largest_within(count: Callable[[int], int], target: float, low: int = 1) -> int:
    """The largest whole number from `low` on whose `count`, which grows with it, is at most the target; `low`
    where there is none."""
    high = low + 1
    while count(high) <= target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= target else (low, middle)
    return low
