"""DHE: a row is what a small network makes of many hashes of the id."""

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ..kernels import compiled, run_kernel
from ..settings import Settings
from .budget import largest_within
from .memoised import MemoisedTable
from .norm_mish import norm_mish
from .registry import register

BUCKETS = 1_000_000  # M, the values of one hash
PRIMES = (1_000_003, 2_059_181)  # range of the primes p_j, both ends included
BLOCK = 1 << 13  # ids worked out at a time where nothing is learnt


class DHESettings(Settings):
    """Sizes and shape of the network.

    Attributes:
        hashes: k, the length of a code.
        hidden: width of each hidden layer.
        batch_norm: normalise before each Mish, over the distinct ids of a batch.
        linear_output: False normalises and activates the last layer's output too, as LERS' public code does,
            which keeps every entry above −0.31.
        std: scale of a starting row's entries, where the output is linear.
    """

    hashes: int = Field(1024, ge=1)
    hidden: tuple[int, ...] = Field(min_length=1)
    batch_norm: bool = True
    linear_output: bool = True
    std: float = Field(0.01, ge=0)


@compiled
def _codes(ids, a, b, p, out):
    for u in numba.prange(len(ids)):
        i = np.float64(ids[u] + 1)
        for j in range(len(a)):
            # whole numbers below 2⁵³, which float64 holds exactly; the half keeps the rounding of 1/p away
            # from the edge between two quotients
            x = a[j] * i + b[j]
            h = x - np.floor((x + 0.5) * (1 / p[j])) * p[j]
            h -= np.floor((h + 0.5) * (1 / BUCKETS)) * BUCKETS
            out[u, j] = h * (2 / (BUCKETS - 1)) - 1


def primes_between(low: int, high: int) -> np.ndarray:
    """Primes p with low ≤ p ≤ high, ascending."""
    sieve = np.ones(high + 1, dtype=bool)
    sieve[:2] = False
    for q in range(2, math.isqrt(high) + 1):
        if sieve[q]:
            sieve[q * q :: q] = False
    return np.flatnonzero(sieve[low:]) + low


@register("dhe", DHESettings)
class DHETable(MemoisedTable):
    """e_i = MLP(c_i), c_ij = 2 h_j(i)/(M−1) − 1 with k hashes h_j(i) = ((a_j(i+1) + b_j) mod p_j) mod M.

    M = 10⁶; the p_j are distinct primes above it, a_j and b_j are drawn from the seed. The MLP is
    Linear → BatchNorm → Mish, repeated, and one linear layer. Codes are made when they are needed, for the
    distinct ids of a batch; none are kept. Scoring works each row out once and then is a lookup
    (`MemoisedTable`).

    `num_parameters` counts weights, biases and the norms' factors and shifts. `num_bytes` speaks of the
    compact form: those, the norms' running statistics and the 3k hash constants. Served as a plain table it
    takes n×D numbers instead.

    Departures from the public implementation of LERS: the last layer is linear, norms see each id of a batch
    once, codes of all ids (4.4 GB for Criteo) are not kept, and the norm stands before Mish for both tasks
    (there it does for clicks, and behind it for collaborative filtering).

    Source: Kang et al. 2021; LERS §4.1.3.
    """

    decided = ("hidden",)
    remedy = "Take another number of hashes or another depth, or allow a larger tolerance"
    settings: DHESettings
    constants: Tensor

    def build(self, generator: torch.Generator) -> None:
        s = self.settings
        primes = torch.from_numpy(primes_between(*PRIMES))
        p = primes[torch.randperm(len(primes), generator=generator)[: s.hashes]]
        # what a prime leaves of a larger number is all that enters: below p they fit 32 bits
        a, b = (1 + (torch.rand(s.hashes, generator=generator) * (p - 1)).long() for _ in range(2))
        self.register_buffer("constants", torch.stack([a.clamp(max=p - 1), b, p]).int())
        widths = [s.hashes, *s.hidden, self.dim]
        linears = [nn.Linear(i, o) for i, o in pairwise(widths)]
        activated = widths[1:-1] if s.linear_output else widths[1:]
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in activated) if s.batch_norm else None
        for linear in linears:
            nn.init.xavier_uniform_(linear.weight, generator=generator)
            nn.init.zeros_(linear.bias)
        if s.linear_output:
            nn.init.normal_(linears[-1].weight, std=s.std / math.sqrt(widths[-2]), generator=generator)
        self.linears = nn.ModuleList(linears)

    def codes(self, ids: Tensor) -> Tensor:
        """c [k, hashes] of ids [k], in [−1, 1]."""
        if ids.is_cpu and not torch.compiler.is_exporting():
            out = torch.empty(len(ids), self.settings.hashes)
            run_kernel(_codes, ids, *self.constants.double(), out)
            return out
        a, b, p = self.constants.long()
        h = (a * (ids.unsqueeze(1) + 1) + b) % p % BUCKETS
        return (h.double() * (2 / (BUCKETS - 1)) - 1).float()

    def network(self, codes: Tensor) -> Tensor:
        """Vectors [k, D] of codes [k, hashes]."""
        x = codes.to(next(self.parameters()).dtype)
        for layer, linear in enumerate(self.linears):
            x = linear(x)
            if layer < len(self.linears) - 1 or not self.settings.linear_output:
                norm = None if self.norms is None else self.norms[layer]
                x = norm_mish(x, norm) if isinstance(norm, nn.BatchNorm1d) else functional.mish(x)
        return x

    def rows(self, ids: Tensor) -> Tensor:
        if self.training or torch.is_grad_enabled() or torch.compiler.is_exporting():
            return self.network(self.codes(ids))
        return torch.cat([self.network(self.codes(block)) for block in ids.split(BLOCK)])

    @classmethod
    def count(cls, field_sizes: Sequence[int], dim: int, settings: DHESettings) -> int:
        """Σ_layers (in + 1)·out, and 2·out for each norm."""
        widths = [settings.hashes, *settings.hidden, dim]
        linear = sum((i + 1) * o for i, o in pairwise(widths))
        activated = widths[1:-1] if settings.linear_output else widths[1:]
        return linear + (2 * sum(activated) if settings.batch_norm else 0)

    @classmethod
    def fit(
        cls, field_sizes: Sequence[int], dim: int, target: float, *, depth: int = 3, **settings: Any
    ) -> DHESettings:
        """As for every table; depth is the number of hidden layers, of equal width but for the last."""

        def made(width: int, last: int) -> DHESettings:
            return DHESettings(hidden=(width,) * (depth - 1) + (last,), **settings)

        def count(width: int, last: int) -> int:
            return cls.count(field_sizes, dim, made(width, last))

        width = largest_within(lambda w: count(w, w), target)
        near = []
        for w in (width, width + 1):
            last = largest_within(partial(count, w), target)
            near += [made(w, last), made(w, last + 1)]
        return min(near, key=lambda s: abs(cls.count(field_sizes, dim, s) - target))
