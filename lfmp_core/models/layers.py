"""Layers that the backbones share."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..axes import FieldAxis
from ..kernels import fits
from . import kernels


class Dropout(nn.Module):
    """Dropout whose masks are cheap random bytes from a generator of one's own.

    An entry survives with probability 1 − p (p rounded to 1/256) and is divided by it. Eight mask bytes
    come from one 64-bit draw: about 25 times cheaper on a CPU than one Bernoulli draw per entry.

    Args:
        p: share of entries set to zero, 0 ≤ p < 1.
        generator: source of the masks; None draws from the device's default generator.
    """

    def __init__(self, p: float, generator: torch.Generator | None = None):
        super().__init__()
        self.level, self.generator = round(p * 256), generator
        if not 0 <= self.level < 256:
            raise ValueError(f"dropout must be at least 0 and below 1 − 1/512, not {p}")

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.level == 0:
            return x
        kept = self._bytes(x) >= self.level
        return x * kept.to(x.dtype).mul_(self.scale)

    def rectified(self, x: Tensor) -> Tensor:
        """Dropout of relu(x); x may be overwritten."""
        if not self.training or self.level == 0 or not fits(x, half=True):
            return self(torch.relu_(x))
        return _RectifyDrop.apply(x, self._bytes(x), self.level, self.scale)

    @property
    def scale(self) -> float:
        """What survivors are multiplied by."""
        return 256 / (256 - self.level)

    def _bytes(self, x: Tensor) -> Tensor:
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
        # without a range, random_ fills 63 bits and the top byte of a word loses half of its values
        words.random_(-(2**63), None, generator=self.generator)
        return words.view(torch.uint8)[: x.numel()].view(x.shape)


class _RectifyDrop(torch.autograd.Function):
    """One pass over memory each way; what survived can be read off the result."""

    @staticmethod
    def forward(ctx, x: Tensor, noise: Tensor, level: int, scale: float) -> Tensor:
        ctx.scale = scale
        out = kernels.rectify_drop(x, noise, level, scale)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        (out,) = ctx.saved_tensors
        return kernels.rectify_drop_backward(grad, out, ctx.scale), None, None, None


class MLP(nn.Module):
    """Linear → (BatchNorm) → ReLU → Dropout, repeated, and one linear output.

    Args:
        inputs: how the input axis is made of fields.
        hidden: width of each hidden layer.
        dropout: share of hidden activations dropped in training.
        batch_norm: normalise before each ReLU.
        generator: source of initial values; Xavier-uniform weights, zero biases.
    """

    def __init__(
        self,
        inputs: Sequence[FieldAxis],
        hidden: Sequence[int],
        *,
        dropout: float = 0.0,
        batch_norm: bool = False,
        generator: torch.Generator,
    ):
        super().__init__()
        widths = [sum(run.size for run in inputs), *hidden, 1]
        linears = [nn.Linear(a, b) for a, b in pairwise(widths)]
        for linear in linears:
            nn.init.xavier_uniform_(linear.weight, generator=generator)
            nn.init.zeros_(linear.bias)
        self.linears = nn.ModuleList(linears)
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in hidden) if batch_norm else None
        self.dropout = Dropout(dropout)
        self.field_axes = {"linears.0.weight": {1: tuple(inputs)}}

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B] of inputs [B, size of the input axis]."""
        for k, linear in enumerate(self.linears[:-1]):
            x = linear(x)
            norm = None if self.norms is None else self.norms[k]
            fused = not (self.training or x.requires_grad) and fits(x)
            if isinstance(norm, nn.BatchNorm1d) and fused:
                x = kernels.affine_rectify_(x, *_affine(norm))
            else:
                x = self.dropout.rectified(x if norm is None else norm(x))
        return self.linears[-1](x).squeeze(-1)


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Factor and offset [H] that a batch normalisation comes down to in evaluation."""
    assert norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return factor, norm.bias - norm.running_mean * factor


def fm(e: Tensor) -> Tensor:
    """Second-order factorisation machine, ½ Σ_d [(Σ_f e_fd)² − Σ_f e_fd²].

    Args:
        e: field vectors [B, m, D].

    Returns:
        Logits [B]. Source: Rendle 2010, eq. 5's linear-time form.
    """
    if not fits(e):
        return fm_plain(e)
    return _Fm.apply(e)


def fm_plain(e: Tensor) -> Tensor:
    """`fm` as the formula stands: for export, other devices, and to test against."""
    return 0.5 * (e.sum(1).square() - e.square().sum(1)).sum(1)


class _Fm(torch.autograd.Function):
    """The gradient is Σ_f' e_f' − e_f: one pass over the vectors each way."""

    @staticmethod
    def forward(ctx, e: Tensor) -> Tensor:
        out, sums = kernels.pairs(e)
        ctx.save_for_backward(e, sums)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        return kernels.pairs_backward(grad, *ctx.saved_tensors)
