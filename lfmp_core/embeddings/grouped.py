"""Products of runs of rows with a matrix of their own each."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class _GroupedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor, matrices: Tensor, edges: tuple[tuple[int, int, int], ...]) -> Tensor:
        ctx.save_for_backward(rows, matrices)
        ctx.edges = edges
        out = rows.new_empty(len(rows), matrices.shape[2])
        for g, a, b in edges:
            torch.mm(rows[a:b], matrices[g], out=out[a:b])
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        rows, matrices = ctx.saved_tensors
        grad = grad.contiguous()
        grad_rows = torch.empty_like(rows) if ctx.needs_input_grad[0] else None
        grad_matrices = torch.zeros_like(matrices) if ctx.needs_input_grad[1] else None
        for g, a, b in ctx.edges:
            if grad_rows is not None:
                torch.mm(grad[a:b], matrices[g].T, out=grad_rows[a:b])
            if grad_matrices is not None:
                torch.mm(rows[a:b].T, grad[a:b], out=grad_matrices[g])
        return grad_rows, grad_matrices, None


def grouped_product(rows: Tensor, matrices: Tensor, counts: Sequence[int]) -> Tensor:
    """Multiply the first `counts[0]` rows by `matrices[0]`, the next `counts[1]` by `matrices[1]`, and so on.

    One matrix product a group, instead of a copy of its matrix for every row.

    Args:
        rows: [N, K], N = Σ counts.
        matrices: [G, K, M].
        counts: rows of each group [G].

    Returns:
        [N, M].
    """
    edges, start = [], 0
    for g, count in enumerate(counts):
        if count:
            edges.append((g, start, start + count))
        start += count
    return _GroupedProduct.apply(rows.contiguous(), matrices, tuple(edges))
