"""Losses on pairs: which of two items a user took, and how far apart vectors lie."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..models.batch import PairBatch
from ..models.lightgcn import LightGCN
from ..models.neumf import NeuMF
from .objective import Objective
from .pairs import PairTrainingSettings

ROWS = 1024  # of the matrix of similarities that is held at once


def bpr(taken: Tensor, other: Tensor) -> Tensor:
    """Mean of log(1 + e^{s(u, j) − s(u, i)}) over scores of an item taken [B, 1] and of others [B, K].

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
        loss, ascent = v.new_zeros(()), torch.zeros_like(v)
        with torch.autocast(v.device.type, enabled=False):  # powers of 1/τ = 5 and their sums need float32
            for a in range(0, len(v), rows):
                part = v[a : a + rows]
                # no similarity passes 1, so no power passes 1
                p = torch.addmm(v.new_tensor(-1 / temperature), part, v.T, alpha=1 / temperature).exp_()
                # a row of zeros has no power of 1, and under a small τ none that is not 0
                total = p.sum(1, keepdim=True).clamp_min_(torch.finfo(p.dtype).tiny)
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


class PairwiseLoss(Objective):
    """BPR + γ InfoNCE + λ/(2B) Σ‖e‖² of a recommender whose vectors are propagated.

    InfoNCE is taken over the distinct users and taken items of the batch together.

    Args:
        settings: λ, γ, τ and how many rows InfoNCE takes.
        generator: which of them, where there are more.

    Source: LERS §3.1.2, and its public code.
    """

    def __init__(self, settings: PairTrainingSettings, generator: torch.Generator):
        super().__init__()
        self.settings, self.generator = settings, generator

    def forward(self, model: LightGCN, batch: PairBatch, step: int) -> Tensor:
        s, size, first = self.settings, len(batch.users), model.num_users
        asked = torch.cat([batch.users, batch.taken + first, batch.others.flatten() + first])
        rows, place, counts = asked.unique(return_inverse=True, return_counts=True)
        v, e = model.represent(rows)
        of_pairs = v[place]
        users, taken, others = of_pairs.split([size, size, batch.others.numel()])
        others = others.view(size, -1, v.shape[1])
        loss = bpr((users * taken).sum(1, keepdim=True), (users[:, None] * others).sum(2))
        if s.l2:
            loss = loss + s.l2 / (2 * size) * (counts * e.square().sum(1)).sum()
        if s.contrast:
            chosen = place[: 2 * size].unique()
            if len(chosen) > s.contrast_rows:
                chosen = chosen[torch.randperm(len(chosen), generator=self.generator)[: s.contrast_rows]]
            loss = loss + s.contrast * info_nce(v[chosen], s.temperature)
        return loss


class PairLogLoss(Objective):
    """Mean log-loss of taken pairs + mean log-loss of all negatives + λ/(2B) Σ‖e‖², of single pairs.

    Args:
        settings: λ.

    Source: LERS §3.1.1, with the two means of its public code, where K negatives weigh like one.
    """

    def __init__(self, settings: PairTrainingSettings):
        super().__init__()
        self.settings = settings

    def forward(self, model: NeuMF, batch: PairBatch, step: int) -> Tensor:
        size, many = batch.others.shape
        found = model.look_up(batch.users, torch.cat([batch.taken[:, None], batch.others], 1))
        pairs = {
            name: (rows if rows.dim() == 3 else rows[:, None].expand(-1, many + 1, -1)).reshape(
                size * (many + 1), -1
            )
            for name, rows in found.items()
        }
        logits = model.mix(pairs).view(size, many + 1)
        loss = functional.softplus(-logits[:, 0]).mean() + functional.softplus(logits[:, 1:]).mean()
        if self.settings.l2:
            loss = loss + self.settings.l2 / (2 * size) * sum(rows.square().sum() for rows in found.values())
        return loss
