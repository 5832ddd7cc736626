"""Losses on pairs: which of two items a user took, and how far apart vectors lie."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

ROWS = 1024  # of the matrix of similarities that is held at once


def bpr(taken: Tensor, other: Tensor) -> Tensor:
    """Mean of log(1 + e^{s(u, j) − s(u, i)}) over pairs of scores [B] of an item taken and one not taken.

    Source: Rendle et al. 2009; LERS eq. of §3.1.2.
    """
    return functional.softplus(other - taken).mean()


def info_nce(vectors: Tensor, temperature: float = 0.2, rows: int = ROWS) -> Tensor:
    """Mean over i of log Σ_j exp((v̂_i · v̂_j − 1) / τ), where v̂ = v / |v|: small where vectors lie apart.

    There is no augmentation: a vector's only positive is itself, with v̂_i · v̂_i = 1. With P the softmax of
    V̂V̂ᵀ/τ by rows, the gradient of V̂ is (P + Pᵀ)V̂ / (τN), worked out together with the loss, a few rows of
    the N × N similarities at a time.

    Args:
        vectors: V [N, D]. temperature: τ. rows: of the similarities that are held at once.

    Source: LERS §3.1.2, with the normalisation of its public code.
    """
    return _Spread.apply(functional.normalize(vectors, dim=1), temperature, rows)


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, temperature: float, rows: int) -> Tensor:
        loss = v.new_zeros(())
        ascent = torch.zeros_like(v)
        for a in range(0, len(v), rows):
            part = v[a : a + rows]
            # no similarity passes 1, so no power passes 1
            p = torch.addmm(v.new_tensor(-1 / temperature), part, v.T, alpha=1 / temperature).exp_()
            total = p.sum(1, keepdim=True)
            loss += total.log().sum()
            p /= total
            ascent[a : a + rows] += p @ v
            ascent.addmm_(p.T, part)
        ctx.ascent = ascent.div_(temperature * len(v))
        return loss / len(v)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return ctx.ascent * grad, None, None
