"""DCN-Mix: cross layers of low rank with a mixture of experts, and an MLP on top."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..axes import FieldAxis
from ..kernels import fits
from . import kernels
from .backbone import SHARED, Backbone, BackboneSettings, register
from .layers import MLP


def crossed(start: Tensor, mixed: Tensor, weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """x_0 ⊙ (mixed + weight biasᵀ) + x, of weight [B], bias [f] and others [B, f]."""
    if fits(start) and fits(x) and fits(mixed, half=True) and fits(weight, half=True):
        return _Crossed.apply(start, mixed, weight, bias, x)
    return start * (mixed + weight.unsqueeze(1) * bias) + x


class _Crossed(torch.autograd.Function):
    """One pass over memory each way."""

    @staticmethod
    def forward(ctx, start: Tensor, mixed: Tensor, weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(start, mixed, weight, bias)
        return kernels.cross(start, mixed, weight, bias, x)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        return *kernels.cross_backward(grad.contiguous(), *ctx.saved_tensors), grad


class CrossMix(nn.Module):
    """x_{l+1} = Σ_k G_k(x_l) [x_0 ⊙ (U_k tanh(C_k tanh(V_kᵀ x_l)) + b_l)] + x_l, with x_0 the flattened e.

    The gates G(x) = Wx are the same in every layer and, as LERS prints them, linear; "softmax" normalises
    them over the experts as Wang et al. do. Since x_0 multiplies every expert alike, the gates weigh the
    rank-r codes and one product with the stacked U serves all experts.

    Args:
        num_fields, dim: m and D; f = mD is the width of x.
        layers, experts, rank: L, K and r.
        gate: "linear" or "softmax".
        generator: source of initial values: Xavier-uniform for each expert's matrices, zero biases. (The LERS
            code takes the fan of the whole stack, which starts V and U about √r times smaller.)

    Source: LERS §3.2.2; Wang et al. 2021, eq. 3–5.
    """

    def __init__(
        self,
        num_fields: int,
        dim: int,
        *,
        layers: int,
        experts: int,
        rank: int,
        gate: str,
        generator: torch.Generator,
    ):
        super().__init__()
        width, self.gate, self.experts = num_fields * dim, gate, experts
        x = (FieldAxis.fields(num_fields, dim),)

        def made(*shape: int, inputs: int, outputs: int) -> nn.Parameter:
            bound = (6 / (inputs + outputs)) ** 0.5
            return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))

        self.down, self.core, self.up = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        self.biases = nn.ParameterList()
        self.gates = made(experts, width, inputs=width, outputs=1)
        self.field_axes = {"gates": {1: x}}
        for l in range(layers):
            self.down.append(made(width, experts * rank, inputs=width, outputs=rank))
            self.core.append(made(experts, rank, rank, inputs=rank, outputs=rank))
            self.up.append(made(experts * rank, width, inputs=rank, outputs=width))
            self.biases.append(nn.Parameter(torch.zeros(width)))
            self.field_axes |= {f"down.{l}": {0: x}, f"up.{l}": {1: x}, f"biases.{l}": {0: x}}

    def forward(self, start: Tensor) -> Tensor:
        """x_L [B, f] of x_0 [B, f]."""
        x = start
        for down, core, up, bias in zip(self.down, self.core, self.up, self.biases, strict=True):
            gates = x @ self.gates.T
            if self.gate == "softmax":
                gates = gates.softmax(1)
            codes = torch.tanh(x @ down).unflatten(1, (self.experts, -1)).transpose(0, 1)
            codes = torch.tanh(torch.bmm(codes, core.transpose(1, 2))).transpose(0, 1)
            mixed = (gates.unsqueeze(2) * codes).flatten(1) @ up
            x = crossed(start, mixed, gates.sum(1), bias, x)
        return x


class DCNMixSettings(BackboneSettings):
    """`hidden`: widths of the MLP; L, K and r of the cross layers below it, as LERS Table 4 has them.

    Attributes:
        cross_layers, experts, rank: L, K and r.
        gate: see `CrossMix`.
    """

    later: ClassVar = frozenset({"cross_layers", "experts", "rank", "gate"})
    former: ClassVar = SHARED

    name: str = "dcn_mix"
    hidden: tuple[int, ...] = (400, 400, 200)
    cross_layers: int = Field(3, ge=1)
    experts: int = Field(4, ge=1)
    rank: int = Field(64, ge=1)
    gate: Literal["linear", "softmax"] = "linear"


@register("dcn_mix", DCNMixSettings)
class DCNMix(Backbone):
    """logit = b + MLP(x_L): the cross layers under the MLP ("stacked").

    LERS' sizes are D = 16, L = 3, K = 4, r = 64 and an MLP 512-512 with batch normalisation.
    Source: LERS §3.2.2 and Table 4; Wang et al. 2021.
    """

    settings: DCNMixSettings
    first_order = False

    def build(self, generator: torch.Generator) -> None:
        s, inputs = self.settings, self.deep_inputs()
        self.cross = CrossMix(
            self.num_fields,
            s.embedding_dim,
            layers=s.cross_layers,
            experts=s.experts,
            rank=s.rank,
            gate=s.gate,
            generator=generator,
        )
        self.deep = MLP(inputs, s.hidden, dropout=s.dropout, batch_norm=s.batch_norm, generator=generator)

    def interact(self, e: Tensor) -> Tensor:
        return self.deep(self.cross(e.flatten(1)))
