"""Hard-concrete gates over fields, and the constraint that drives them to a share of pruned fields."""

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from .settings import Settings

LOW, HIGH = -0.1, 1.1  # γ and ζ, the stretch of the hard-concrete distribution


class MaskSettings(Settings):
    """How gates are parametrised and constrained. Defaults are the readings that work; the paper's literal
    ones are the other values.

    Attributes:
        parametrisation: what the learnable a of a field is. "log_alpha": a = log α, as in every source of
            the method. "alpha": a = α and log α is taken of it, as Eq. 3 prints (α kept at or above 0.01).
        constraint: "expected": the closed-form expected share of closed gates against τ. "as_printed":
            Eq. 4, the mean of the sampled z, which is the share *kept*, against τ.
        multipliers: "ascent": λ and φ climb the gradient. "fixed": they stay at
            `start`, as Algorithm 1 prints no update for them; at 0 Eq. 4 has no effect.
        learning_rate: of the gates and multipliers; None takes the weights' one, as Algorithm 1's single η.
        warm_up: share of the pretraining steps over which τ grows from 0.
        mean, std: of the normal start of a (Light-FMP §2.3: μ = 0.5, σ² = 0.0625).
        temperature: β of Eq. 3.
        gate_linear: the gate multiplies a field's first-order weight too, not its vector alone.
        start: of λ and φ, where they stay if they are fixed. The paper names no value.
    """

    later: ClassVar[frozenset[str]] = frozenset({"start"})

    parametrisation: Literal["log_alpha", "alpha"] = "log_alpha"
    constraint: Literal["expected", "as_printed"] = "expected"
    multipliers: Literal["ascent", "fixed"] = "ascent"
    learning_rate: float | None = Field(0.05, gt=0)
    warm_up: float = Field(0.2, ge=0, le=1)
    mean: float = 0.5
    std: float = Field(0.25, ge=0)
    temperature: float = Field(0.83, gt=0)
    gate_linear: bool = False
    start: tuple[float, float] = (0.0, 0.0)


LITERAL = MaskSettings(
    parametrisation="alpha", constraint="as_printed", multipliers="fixed", learning_rate=None, warm_up=0
)


class HardConcrete(nn.Module):
    """One gate z_f ∈ [0, 1] a field.

    s = σ((log u/(1−u) + log α)/β), z = min(1, max(0, s(ζ−γ)+γ)), u ~ U(0,1), ζ = 1.1, γ = −0.1.

    Args:
        num_fields: m.
        settings: see `MaskSettings`.
        generator: source of the start of a and of the noise u.

    Source: Light-FMP eq. 3; Louizos et al. 2017.
    """

    def __init__(self, num_fields: int, settings: MaskSettings, generator: torch.Generator):
        super().__init__()
        self.settings, self.generator = settings, generator
        start = torch.empty(num_fields).normal_(settings.mean, settings.std, generator=generator)
        self.a = nn.Parameter(start)
        self.clamp()

    @torch.no_grad()
    def clamp(self) -> None:
        """Keep a where its gradient lives: |log α| ≤ log 100, or α ≥ 0.01."""
        if self.settings.parametrisation == "log_alpha":
            self.a.clamp_(-math.log(100), math.log(100))
        else:
            self.a.clamp_(min=0.01)

    def log_alpha(self) -> Tensor:
        """log α [m]; ranks the fields."""
        return self.a if self.settings.parametrisation == "log_alpha" else self.a.log()

    def sample(self) -> Tensor:
        """z [m] with fresh noise, one draw for the whole batch (Algorithm 1)."""
        u = torch.rand(self.a.shape, generator=self.generator).clamp_(1e-6, 1 - 1e-6).to(self.a)
        return self._stretched((u.logit() + self.log_alpha()) / self.settings.temperature)

    def deterministic(self) -> Tensor:
        """z̄ [m] without noise."""
        return self._stretched(self.log_alpha() / self.settings.temperature)

    @staticmethod
    def _stretched(s: Tensor) -> Tensor:
        return (s.sigmoid() * (HIGH - LOW) + LOW).clamp(0, 1)

    def open_probability(self) -> Tensor:
        """P(z_f > 0) = σ(log α − β log(−γ/ζ)) [m]."""
        return (self.log_alpha() - self.settings.temperature * math.log(-LOW / HIGH)).sigmoid()

    def kept_fields(self, prune_ratio: float) -> tuple[int, ...]:
        """The m − ⌊τm⌋ fields of largest α in ascending order; of equals the lower index stays."""
        scores = self.log_alpha().detach()
        order = torch.sort(scores, descending=True, stable=True).indices
        return tuple(sorted(order[: num_kept(len(scores), prune_ratio)].tolist()))


def num_kept(num_fields: int, prune_ratio: float) -> int:
    """m − ⌊τm⌋.

    Raises:
        ValueError: τ is not in [0, 1).
    """
    if not 0 <= prune_ratio < 1:
        raise ValueError(f"prune_ratio is a share of fields in [0, 1), not {prune_ratio}")
    # 1e-9: 0.29·100 is 28.999… in binary
    return num_fields - math.floor(prune_ratio * num_fields + 1e-9)


class SparsityConstraint(nn.Module):
    """λ·g + φ·g², g the gap between the share of closed gates and τ; λ and φ climb, all else descends.

    Source: Light-FMP eq. 4, with the sign and the multipliers' ascent of Xia et al. 2023, §2.2.
    """

    def __init__(self, prune_ratio: float, settings: MaskSettings, warm_up_steps: int):
        super().__init__()
        self.prune_ratio, self.settings, self.warm_up_steps = prune_ratio, settings, warm_up_steps
        self.multipliers = nn.Parameter(torch.tensor(settings.start))

    def target(self, step: int) -> float:
        """τ at a step: it grows linearly from 0 over the warm-up."""
        share = min(1.0, step / self.warm_up_steps) if self.warm_up_steps else 1.0
        return self.prune_ratio * share

    def forward(self, gates: HardConcrete, z: Tensor, step: int) -> Tensor:
        if self.settings.constraint == "expected":
            gap = 1 - gates.open_probability().mean() - self.target(step)
        else:
            gap = z.mean() - self.target(step)
        lam, phi = self.multipliers
        return lam * gap + phi * gap.square()
