"""The law of one hard-concrete gate, and equation 4 in its two readings, as formulas to touch."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.integrate import quad
from scipy.special import expit, logit

from lfmp_core.masking import HIGH, LOW, MaskSettings

from ..show.html import table
from ..show.touch import Touch

Reading = Literal["as_printed", "expected"]
TAU, LAMBDA, PHI = 0.75, 1.0, 10.0  # where the knob of equation 4 starts


@dataclass(frozen=True)
class GateLaw:
    """z = min(1, max(0, s(ζ−γ)+γ)), s = σ((log u/(1−u) + log α)/β), u ~ U(0,1).

    `below`: P(z ≤ x) for 0 ≤ x < 1, σ(β log s/(1−s) − log α) at s = (x−γ)/(ζ−γ).

    Source: Light-FMP eq. 3; Louizos et al. 2017.
    """

    log_alpha: float
    temperature: float = MaskSettings().temperature
    low: float = LOW
    high: float = HIGH

    def below(self, x: float) -> float:
        return float(expit(self.temperature * logit(self._s(x)) - self.log_alpha))

    def _s(self, x: float) -> float:
        return (x - self.low) / (self.high - self.low)

    @property
    def closed(self) -> float:
        """P(z = 0)."""
        return self.below(0.0)

    @property
    def open(self) -> float:
        """P(z = 1)."""
        return 1 - self.below(1.0)

    def density(self, z: float) -> float:
        """Of z within 0 … 1, both ends excluded."""
        s, p = self._s(z), self.below(z)
        return self.temperature * p * (1 - p) / (s * (1 - s) * (self.high - self.low))

    @property
    def still(self) -> float:
        """z̄, without noise."""
        stretched = expit(self.log_alpha / self.temperature) * (self.high - self.low) + self.low
        return float(np.clip(stretched, 0, 1))

    @property
    def mean(self) -> float:
        """E z = ∫ P(z > x) dx over 0 … 1."""
        return float(quad(lambda x: 1 - self.below(x), 0, 1)[0])


def penalty(reading: Reading, law: GateLaw, prune_ratio: float, lam: float, phi: float) -> float:
    """λ g + φ g² of gates that all follow one law.

    As printed, g is the mean gate, which is the share kept, less τ; as expected, the share closed, less τ.

    Source: Light-FMP eq. 4; see `lfmp_core.masking.SparsityConstraint`.
    """
    gap = (law.mean if reading == "as_printed" else law.closed) - prune_ratio
    return lam * gap + phi * gap**2


def settles(reading: Reading, prune_ratio: float) -> GateLaw:
    """The law at which a reading's gap is 0, of gates with one log α."""

    def rises(log_alpha: float) -> bool:
        law = GateLaw(log_alpha)
        return law.mean > prune_ratio if reading == "as_printed" else law.closed < prune_ratio

    low, high = -12.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rises(middle) else (middle, high)
    return GateLaw((low + high) / 2)


def gate_knob() -> Touch:
    """A gate under log α, β, γ and ζ."""
    settings = MaskSettings()
    rows = [
        {"log α": a, "α": math.exp(a), "closed": law.closed, "open": law.open, "mean": law.mean}
        for a in (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0)
        for law in (GateLaw(a),)
    ]
    formats = {"log α": ".1f", "α": ".3g"} | dict.fromkeys(("closed", "open", "mean"), ".3f")
    still = table(pd.DataFrame(rows), caption="A gate by its log α", formats=formats)
    data = {"start": settings.mean, "beta": settings.temperature, "gamma": LOW, "zeta": HIGH}
    words = (
        "Move log α to see how surely a field's gate is shut or open; a low β or a wide stretch decides more."
    )
    return Touch("gate", "One gate", data, still, words)


def equation_knob() -> Touch:
    """Equation 4 as printed beside the repaired reading."""
    rows = []
    for tau in (0.25, 0.5, 0.75):
        printed, repaired = settles("as_printed", tau), settles("expected", tau)
        rows.append(
            {
                "τ": tau,
                "closed, as printed": printed.closed,
                "mean gate, as printed": printed.mean,
                "closed, repaired": repaired.closed,
            }
        )
    formats = dict.fromkeys(rows[0], ".2f")
    still = table(pd.DataFrame(rows), caption="Where the gap of equation 4 is 0", formats=formats)
    data = {"settings": [MaskSettings().temperature, LOW, HIGH], "tau": TAU, "lambda": LAMBDA, "phi": PHI}
    words = "Both readings of g, for fields that share one log α. A dot marks where the gap is 0."
    return Touch("equation", "Equation 4, as printed and repaired", data, still, words)
