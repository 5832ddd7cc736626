"""Products of field vectors row by row: compiled loops on a CPU, plain tensor operations elsewhere.

The matrix products of a CIN run at a core's peak; what stands between them is memory traffic. Each kernel
makes one pass over its rows and allocates nothing.
"""

import numba
import torch
from torch import Tensor

from ..kernels import compiled, run_kernel


@compiled
def _outer(x, y, out):
    width = y.shape[1]
    for n in numba.prange(len(x)):
        for i in range(x.shape[1]):
            for j in range(width):
                out[n, i * width + j] = x[n, i] * y[n, j]


@compiled
def _outer_backward(grad, x, y, grad_x, grad_y):
    width = y.shape[1]
    for n in numba.prange(len(x)):
        for i in range(x.shape[1]):
            total = grad.dtype.type(0)
            for j in range(width):
                g = grad[n, i * width + j]
                total += g * y[n, j]
                grad_y[n, j] += g * x[n, i]
            grad_x[n, i] += total


@compiled
def _triangle(x, out):
    m = x.shape[1]
    for n in numba.prange(len(x)):
        start = 0
        for i in range(m):
            for j in range(i, m):
                out[n, start + j - i] = x[n, i] * x[n, j]
            start += m - i


@compiled
def _triangle_backward(grad, x, grad_x):
    m = x.shape[1]
    for n in numba.prange(len(x)):
        start = 0
        for i in range(m):
            total = grad.dtype.type(0)
            for j in range(i, m):
                g = grad[n, start + j - i]
                total += g * x[n, j]
                grad_x[n, j] += g * x[n, i]
            grad_x[n, i] += total
            start += m - i


def outer(x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """out[n, i·m + j] = x[n, i] y[n, j] for rows x [N, H], y [N, m]."""
    if x.is_cpu:
        run_kernel(_outer, x, y, out)
        return out
    return torch.mul(x.unsqueeze(2), y.unsqueeze(1), out=out.view(*x.shape, y.shape[1])).view_as(out)


def outer_backward(grad: Tensor, x: Tensor, y: Tensor, grad_x: Tensor, grad_y: Tensor) -> None:
    """Add the gradients of `outer` to grad_x [N, H] and grad_y [N, m]."""
    if x.is_cpu:
        run_kernel(_outer_backward, grad, x, y, grad_x, grad_y)
        return
    grad = grad.view(*x.shape, y.shape[1])
    grad_x += torch.bmm(grad, y.unsqueeze(2)).squeeze(2)
    grad_y += torch.bmm(x.unsqueeze(1), grad).squeeze(1)


def triangle(x: Tensor, out: Tensor) -> Tensor:
    """Products x_i x_j, i ≤ j, row by row of the upper triangle: [N, m] → out [N, m(m+1)/2]."""
    if x.is_cpu:
        run_kernel(_triangle, x, out)
        return out
    i, j = torch.triu_indices(x.shape[1], x.shape[1], device=x.device)
    return torch.mul(x[:, i], x[:, j], out=out)


def triangle_backward(grad: Tensor, x: Tensor, grad_x: Tensor) -> None:
    """Add the gradient of `triangle` to grad_x [N, m]."""
    if x.is_cpu:
        run_kernel(_triangle_backward, grad, x, grad_x)
        return
    i, j = torch.triu_indices(x.shape[1], x.shape[1], device=x.device)
    grad_x.index_add_(1, i, grad * x[:, j])
    grad_x.index_add_(1, j, grad * x[:, i])
