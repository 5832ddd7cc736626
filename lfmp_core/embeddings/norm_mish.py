"""Batch normalisation and Mish in as few passes over memory as they allow.

Between the matrix products of DHE stand these two, over the distinct ids of a batch: in torch's operations
they took longer than the products themselves.
"""

import numba
import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ..kernels import BLOCK, bits, compiled, fits, loaded, run_kernel, stored

LIMIT = 20  # beyond it mish(u) is u in single precision, and e^(2u) is still finite
INVERSE_LN2, LN2 = np.float32(1.4426950408889634), np.float32(0.6931471805599453)


@numba.njit(inline="always")
def _exp(x):
    """e^x for float32 x in −87..88, within 2e-7: 2^k e^r, |r| ≤ ½ ln 2, the series of e^r up to r⁷/7!.

    Unlike the library's it is arithmetic alone, so that a loop with it runs on vector units.
    """
    k = np.floor(x * INVERSE_LN2 + np.float32(0.5))
    r = x - k * LN2
    series = np.float32(1)
    for n in (7, 6, 5, 4, 3, 2, 1):
        series = np.float32(1) + series * r * np.float32(1 / n)
    return series * np.uint32(np.int32(k + np.float32(127)) << 23).view(np.float32)


@numba.njit(inline="always")
def _powers(u):
    """(e, 1/(e² + 2e + 2)) with e = exp(u), where neither overflows."""
    e = _exp(min(max(u, np.float32(-80)), np.float32(LIMIT)))
    return e, np.float32(1) / (e * (e + np.float32(2)) + np.float32(2))


@compiled
def _moments(x, shift, sums, squares):
    for b in numba.prange(len(sums)):
        for n in range(b * BLOCK, min(len(x), (b + 1) * BLOCK)):
            for h in range(x.shape[1]):
                value = loaded(x[n, h]) - shift[h]
                sums[b, h] += value
                squares[b, h] += value * value


@compiled
def _bend(x, factor, offset, out):
    for n in numba.prange(len(x)):
        for h in range(x.shape[1]):
            u = loaded(x[n, h]) * factor[h] + offset[h]
            e, inverse = _powers(u)
            out[n, h] = stored(u * (e * (e + np.float32(2))) * inverse, out)


@compiled
def _bend_backward(grad, x, factor, offset, grad_u, sums, products):
    for b in numba.prange(len(sums)):
        for n in range(b * BLOCK, min(len(x), (b + 1) * BLOCK)):
            for h in range(x.shape[1]):
                value = loaded(x[n, h])
                u = value * factor[h] + offset[h]
                e, inverse = _powers(u)
                # tanh(softplus(u)) = 1 − 2/(e² + 2e + 2), and u times its derivative
                slope = e * (e + np.float32(2)) * inverse
                slope += u * np.float32(4) * e * (e + np.float32(1)) * inverse * inverse
                g = loaded(grad[n, h]) * slope
                grad_u[n, h] = stored(g, grad_u)
                sums[b, h] += g
                products[b, h] += g * value


@compiled
def _norm_backward(grad, x, scale, slope, level):
    """grad ← scale·grad − slope·x − level, in place."""
    for n in numba.prange(len(x)):
        for h in range(x.shape[1]):
            value = scale[h] * loaded(grad[n, h]) - slope[h] * loaded(x[n, h]) - level[h]
            grad[n, h] = stored(value, grad)


def _partial_sums(x: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors of zeros [blocks, H] for sums over the rows of x [N, H]."""
    blocks = -(-len(x) // BLOCK)
    return torch.zeros(blocks, x.shape[1]), torch.zeros(blocks, x.shape[1])


def _total(partial: Tensor) -> Tensor:
    return partial.double().sum(0)


class _NormMish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        factor = (weight / deviation).float()
        offset = (bias - mean * weight / deviation).float()
        ctx.save_for_backward(x, weight, mean, deviation, factor, offset)
        out = torch.empty_like(x)
        run_kernel(_bend, bits(x), factor, offset, bits(out))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        x, weight, mean, deviation, factor, offset = ctx.saved_tensors
        grad_x, (sums, products) = torch.empty_like(x), _partial_sums(x)
        own = (bits(x), factor, offset, bits(grad_x), sums, products)
        run_kernel(_bend_backward, bits(grad.contiguous()), *own)
        bias_grad = _total(sums)
        weight_grad = (_total(products) - mean * bias_grad) / deviation
        # with x̂ = (x − mean)/deviation: (w/deviation)(g − Σg/N − x̂ Σ(g x̂)/N)
        slope = factor.double() * weight_grad / deviation / len(x)
        level = factor.double() * bias_grad / len(x) - slope * mean
        run_kernel(_norm_backward, bits(grad_x), bits(x), factor, slope.float(), level.float())
        return grad_x, weight_grad.to(weight), bias_grad.to(weight), None, None


@torch.no_grad()
def _follow(norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics towards a batch's."""
    share, running = norm.momentum, (norm.running_mean, norm.running_var)
    if share is None or norm.num_batches_tracked is None or running[0] is None or running[1] is None:
        raise ValueError("needs a norm that keeps running statistics with a momentum")
    running[0].lerp_(mean.to(running[0]), share)
    running[1].lerp_(variance.to(running[1]), share)
    norm.num_batches_tracked.add_(1)


def norm_mish(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """mish(norm(x)) for x [N, H], mish(u) = u·tanh(log(1 + e^u)).

    In training on a CPU in compiled loops, which follow `norm`: batch statistics, of which its running ones
    take their share.

    A single row, as of a batch of pairs of one user, has no statistics and takes the running ones.

    Raises:
        ValueError: a norm without running statistics.

    Source: Ioffe and Szegedy 2015; Misra 2020.
    """
    if norm.training and len(x) == 1:
        running = norm.running_mean, norm.running_var
        return functional.mish(functional.batch_norm(x, *running, norm.weight, norm.bias, eps=norm.eps))
    if not (norm.training and fits(x, half=True)):
        return functional.mish(norm(x))
    shift, (sums, squares) = x[0].detach().float(), _partial_sums(x)
    run_kernel(_moments, bits(x.detach().contiguous()), shift, sums, squares)
    moved = _total(sums) / len(x)
    mean, variance = shift + moved, (_total(squares) / len(x) - moved.square()).clamp(0)
    _follow(norm, mean, variance * (len(x) / (len(x) - 1)))
    return _NormMish.apply(x.contiguous(), norm.weight, norm.bias, mean, (variance + norm.eps).sqrt())
