"""The baseline of every compression: a plain table that is simply smaller."""

from collections.abc import Sequence

from .budget import BudgetError, target_parameters
from .sparse import sparse_bytes


def smaller_dim(field_sizes: Sequence[int], dim: int, sparsity: float, *, tolerance: float = 0.01) -> int:
    """D′ of the plain model whose table has about (1−t)·n·D numbers: (1−t)·D, rounded, at least 1.

    It is the embedding dimension of a whole backbone: interaction layers shrink with it, nothing is
    projected back to D, and what is trained and served is an ordinary model of dimension D′. That is what
    one would do without any method, so it is what a method has to beat. Within a backbone of dimension D the
    like of it is a mixed-dimension table with α = 0.

    Args:
        field_sizes: ids of each field.
        dim: D.
        sparsity: t.
        tolerance: largest relative distance of n·D′ from the budget. Whole dimensions are coarse (of 16, 3 is
            the nearest to a fifth), so a comparison may have to allow a quarter and say so.

    Raises:
        BudgetError: n·D′ is farther from the budget; it names the nearest.
    """
    target = target_parameters(field_sizes, dim, sparsity)
    found = max(1, round((1 - sparsity) * dim))
    nearest = found * sum(field_sizes)
    if abs(nearest - target) > tolerance * target:
        remedy = f"Dimension {found} has sparsity {1 - found / dim:.4g}: ask for that, or allow a tolerance"
        raise BudgetError("smaller plain", target, nearest, remedy)
    return found


def dim_in_bytes(field_sizes: Sequence[int], dim: int, sparsity: float) -> int:
    """D′ of the plain model whose float32 table takes about the bytes of a pruned one in sparse rows.

    A pruned table also stores where its numbers are, so for its bytes a plain one may have more of them:
    D′ = bytes/4n, rounded, at least 1 and at most D.

    Args:
        field_sizes, dim, sparsity: as of `smaller_dim`; of the pruned table.
    """
    entries = round(target_parameters(field_sizes, dim, sparsity))
    rows = sum(field_sizes)
    return min(dim, max(1, round(sparse_bytes(rows, dim, entries) / (4 * rows))))
