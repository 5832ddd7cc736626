"""What stands between the matrix products, row by row: compiled loops on a CPU.

The matrix products run at a core's peak; what stands between them is memory traffic. Each kernel makes one
pass over its rows.
"""

import numba
import numpy as np
import torch
from torch import Tensor

from ..kernels import BLOCK, bits, compiled, loaded, run_kernel, stored


@compiled
def _outer(x, y, out):
    width = y.shape[1]
    for n in numba.prange(len(x)):
        for i in range(x.shape[1]):
            for j in range(width):
                out[n, i * width + j] = stored(x[n, i] * y[n, j], out)


@compiled
def _outer_backward(grad, x, y, grad_x, grad_y):
    width = y.shape[1]
    for n in numba.prange(len(x)):
        for i in range(x.shape[1]):
            total = x.dtype.type(0)
            for j in range(width):
                g = loaded(grad[n, i * width + j])
                total += g * y[n, j]
                grad_y[n, j] += g * x[n, i]
            grad_x[n, i] += total


@compiled
def _triangle(x, out):
    m = x.shape[1]
    for n in numba.prange(len(x)):
        start = 0
        for i in range(m):
            # an index that might be negative, as far as the compiler knows, keeps a loop off the vector units
            row, rest = out[n, start : start + m - i], x[n, i:]
            for j in range(m - i):
                row[j] = stored(rest[0] * rest[j], out)
            start += m - i


@compiled
def _triangle_backward(grad, x, grad_x):
    m = x.shape[1]
    for n in numba.prange(len(x)):
        start = 0
        for i in range(m):
            total = x.dtype.type(0)
            for j in range(i, m):
                g = loaded(grad[n, start + j - i])
                total += g * x[n, j]
                grad_x[n, j] += g * x[n, i]
            grad_x[n, i] += total
            start += m - i


@compiled
def _rectify_drop(x, noise, level, scale, out):
    for n in numba.prange(len(x)):
        for h in range(x.shape[1]):
            value = loaded(x[n, h]) * scale
            out[n, h] = stored(value if (value > 0) & (noise[n, h] >= level) else np.float32(0), out)


@compiled
def _rectify_drop_backward(grad, out, scale, grad_x):
    for n in numba.prange(len(out)):
        for h in range(out.shape[1]):
            value = loaded(grad[n, h]) * scale
            grad_x[n, h] = stored(value if loaded(out[n, h]) > 0 else np.float32(0), grad_x)


@compiled
def _affine_rectify(x, factor, offset):
    for n in numba.prange(len(x)):
        for h in range(x.shape[1]):
            value = x[n, h] * factor[h] + offset[h]
            x[n, h] = value if value > 0 else np.float32(0)


@compiled
def _pairs(e, sums, out):
    for b in numba.prange(len(e)):
        squares = e.dtype.type(0)
        sums[b] = 0
        for f in range(e.shape[1]):
            for d in range(e.shape[2]):
                sums[b, d] += e[b, f, d]
                squares += e[b, f, d] * e[b, f, d]
        total = e.dtype.type(0)
        for d in range(e.shape[2]):
            total += sums[b, d] * sums[b, d]
        out[b] = (total - squares) / 2


@compiled
def _pairs_backward(grad, e, sums, grad_e):
    for b in numba.prange(len(e)):
        for f in range(e.shape[1]):
            for d in range(e.shape[2]):
                grad_e[b, f, d] = grad[b] * (sums[b, d] - e[b, f, d])


@compiled
def _cross(start, mixed, weight, bias, x, out):
    for n in numba.prange(len(x)):
        for j in range(x.shape[1]):
            inner = loaded(mixed[n, j]) + loaded(weight[n]) * bias[j]
            out[n, j] = start[n, j] * inner + x[n, j]


@compiled
def _cross_backward(grad, start, mixed, weight, bias, grad_start, grad_mixed, grad_weight, grad_bias):
    for b in numba.prange(len(grad_bias)):
        for n in range(b * BLOCK, min(len(grad), (b + 1) * BLOCK)):
            w, total = loaded(weight[n]), grad.dtype.type(0)
            for j in range(grad.shape[1]):
                g = grad[n, j] * start[n, j]
                grad_start[n, j] = grad[n, j] * (loaded(mixed[n, j]) + w * bias[j])
                grad_mixed[n, j] = stored(g, grad_mixed)
                grad_bias[b, j] += g * w
                total += g * bias[j]
            grad_weight[n] = stored(total, grad_weight)


def rectify_drop(x: Tensor, noise: Tensor, level: int, scale: float) -> Tensor:
    """x·scale where x > 0 and the byte of noise is at least `level`, else 0; x and noise [N, H]."""
    out = torch.empty_like(x)
    run_kernel(_rectify_drop, bits(x), noise, level, np.float32(scale), bits(out))
    return out


def rectify_drop_backward(grad: Tensor, out: Tensor, scale: float) -> Tensor:
    """Gradient of `rectify_drop` in x, from its result."""
    grad_x = torch.empty_like(out)
    run_kernel(_rectify_drop_backward, bits(grad), bits(out), np.float32(scale), bits(grad_x))
    return grad_x


def affine_rectify_(x: Tensor, factor: Tensor, offset: Tensor) -> Tensor:
    """x ← max(0, x·factor + offset) in place, for x [N, H] and factor, offset [H]."""
    run_kernel(_affine_rectify, x, factor, offset)
    return x


def pairs(e: Tensor) -> tuple[Tensor, Tensor]:
    """(Σ_{i<j} ⟨e_i, e_j⟩ [B], Σ_f e_f [B, D]) of vectors e [B, m, D]."""
    out, sums = e.new_empty(len(e)), e.new_empty(len(e), e.shape[2])
    run_kernel(_pairs, e, sums, out)
    return out, sums


def pairs_backward(grad: Tensor, e: Tensor, sums: Tensor) -> Tensor:
    """Gradient [B, m, D] of `pairs` in e."""
    grad_e = torch.empty_like(e, memory_format=torch.contiguous_format)
    run_kernel(_pairs_backward, grad, e, sums, grad_e)
    return grad_e


def outer(x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """out[n, i·m + j] = x[n, i] y[n, j] for rows x [N, H], y [N, m]; out may be bfloat16."""
    if x.is_cpu:
        run_kernel(_outer, x, y, bits(out))
        return out
    return torch.mul(x.unsqueeze(2), y.unsqueeze(1), out=out.view(*x.shape, y.shape[1])).view_as(out)


def outer_backward(grad: Tensor, x: Tensor, y: Tensor, grad_x: Tensor, grad_y: Tensor) -> None:
    """Add the gradients of `outer` to grad_x [N, H] and grad_y [N, m]."""
    if x.is_cpu:
        run_kernel(_outer_backward, bits(grad), x, y, grad_x, grad_y)
        return
    grad = grad.to(x.dtype).view(*x.shape, y.shape[1])
    grad_x += torch.bmm(grad, y.unsqueeze(2)).squeeze(2)
    grad_y += torch.bmm(x.unsqueeze(1), grad).squeeze(1)


def triangle(x: Tensor, out: Tensor) -> Tensor:
    """Products x_i x_j, i ≤ j, row by row of the upper triangle: [N, m] → out [N, m(m+1)/2]."""
    if x.is_cpu:
        run_kernel(_triangle, x, bits(out))
        return out
    i, j = torch.triu_indices(x.shape[1], x.shape[1], device=x.device)
    return torch.mul(x[:, i], x[:, j], out=out)


def triangle_backward(grad: Tensor, x: Tensor, grad_x: Tensor) -> None:
    """Add the gradient of `triangle` to grad_x [N, m]."""
    if x.is_cpu:
        run_kernel(_triangle_backward, bits(grad), x, grad_x)
        return
    i, j = torch.triu_indices(x.shape[1], x.shape[1], device=x.device)
    grad = grad.to(x.dtype)
    grad_x.index_add_(1, i, grad * x[:, j])
    grad_x.index_add_(1, j, grad * x[:, i])


def cross(start: Tensor, mixed: Tensor, weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """start ⊙ (mixed + weight biasᵀ) + x, of weight [B], bias [f] and others [B, f].

    mixed and weight may be bfloat16.
    """
    out = torch.empty_like(x)
    run_kernel(_cross, start, bits(mixed), bits(weight), bias, x, out)
    return out


def cross_backward(
    grad: Tensor, start: Tensor, mixed: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of `cross` in its first four arguments; that in x is `grad` itself."""
    found = torch.empty_like(start), torch.empty_like(mixed), torch.empty_like(weight)
    biases = grad.new_zeros(-(-len(grad) // BLOCK), len(bias))
    run_kernel(_cross_backward, grad, start, bits(mixed), bits(weight), bias, *map(bits, found), biases)
    return *found, biases.sum(0)
