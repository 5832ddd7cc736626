"""TT-Rec: a table as a train of small tensors."""

import math
from collections.abc import Sequence
from typing import Any, Literal, Self

import numba
import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..kernels import compiled, fits, run_kernel
from ..settings import Settings
from .budget import largest_within
from .gather import gather
from .grouped import grouped_product
from .memoised import MemoisedTable
from .registry import register
from .tt_shape import core_shapes, ranks_for, split_dim, split_rows, train_parameters

BLOCK = 1 << 16  # rows worked out at a time, which bounds memory
FEW = 256  # rows up to which one after the other is faster than prefix by prefix


@compiled
def _times(left, digits, core, out):
    """out[k] = left[k] core[digits[k]], of left [K, w, r], core [n, r, s] and out [K, w, s]."""
    for k in numba.prange(len(digits)):
        own = core[digits[k]]
        for a in range(left.shape[1]):
            row = out[k, a]
            row[:] = 0
            for i in range(own.shape[0]):
                x, factors = left[k, a, i], own[i]
                for j in range(len(row)):
                    row[j] += x * factors[j]


class TTRecSettings(Settings):
    """Sizes and starting values.

    Attributes:
        ranks: r_1 … r_{t−1} between t cores.
        cores: t.
        cache_rows: rows kept plainly beside the train, for the most frequent ids; they count as parameters.
        init: "normal": cores whose products have deviation `std`, whatever the ranks. "approx_normal":
            each number is (3n)^(−1/6) times a standard normal one beyond ±2, as published; it leaves out that
            a row sums over all ranks, and starts a DeepFM of 39 fields with logits of deviation near 70.
        std: deviation of a starting row's entries for "normal".
    """

    ranks: tuple[int, ...] = Field(min_length=1)
    cores: int = Field(3, ge=2)
    cache_rows: int = Field(0, ge=0)
    init: Literal["normal", "approx_normal"] = "normal"
    std: float = Field(0.01, ge=0)

    @model_validator(mode="after")
    def _ranks_stand_between_cores(self) -> Self:
        if len(self.ranks) != self.cores - 1 or min(self.ranks) < 1:
            raise ValueError(
                f"{self.cores} cores need {self.cores - 1} ranks of at least 1, not {self.ranks}"
            )
        return self


@register("tt_rec", TTRecSettings)
class TTRecTable(MemoisedTable):
    """e_i = G_1[i_1] G_2[i_2] ⋯ G_t[i_t], the i_k mixed-radix digits of i (i_1 the most significant).

    G_k has n_k slices r_{k−1}×d_k×r_k, with n ≤ Π n_k and D = Π d_k; a row is the train's product reshaped
    to D. Ids of one prefix (i_1 … i_k) share the product up to there, which is worked out once, with one
    matrix product for all prefixes that end in the same digit.

    Departures: starting values that take the ranks into account (see `TTRecSettings`); rows for the cache are
    named by `populate`, from counts that the caller has, and start at what the train says of them.

    Source: Yin et al. 2021; LERS §4.1.2.
    """

    decided = ("ranks",)
    remedy = "Allow a larger tolerance, or change the number of cores or cached rows"
    settings: TTRecSettings
    cached: Tensor | None

    def build(self, generator: torch.Generator) -> None:
        s = self.settings
        self.row_split, self.dim_split = split_rows(self.n, s.cores), split_dim(self.dim, s.cores)
        shapes = core_shapes(self.row_split, self.dim_split, s.ranks)
        self.cores = nn.ParameterList(nn.Parameter(self._start(shape, generator)) for shape in shapes)
        self.cache = nn.Parameter(torch.zeros(s.cache_rows, self.dim)) if s.cache_rows else None
        # ascending ids of the cached rows; none before `populate`
        self.register_buffer("cached", torch.full((s.cache_rows,), -1) if s.cache_rows else None)

    def _start(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        s = self.settings
        if s.init == "normal":
            # a row's entry sums Π r products of t independent numbers
            deviation = (s.std / math.sqrt(math.prod(s.ranks))) ** (1 / s.cores)
            return torch.empty(shape).normal_(std=deviation, generator=generator)
        tail = math.erfc(2**0.5) / 2  # P(x > 2), inverted: every draw is one that rejection would keep
        drawn = torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1
        beyond = -torch.special.ndtri(drawn.abs().clamp_min(1e-12) * tail)
        return (beyond.copysign(drawn) * (3 * self.n) ** (-1 / 6)).float()

    @torch.no_grad()
    def populate(self, counts: np.ndarray | Tensor) -> None:
        """Keep the most frequent ids' rows plainly from now on, starting at the train's rows.

        Args:
            counts: occurrences of each id in the training rows [n]; of equals the lower id is cached.

        Raises:
            ValueError: the table has no cache, or there are not n counts.
        """
        if self.cache is None or self.cached is None or len(counts) != self.n:
            raise ValueError(f"needs cache_rows > 0 and {self.n} counts, not {len(counts)}")
        order = torch.sort(torch.as_tensor(counts), descending=True, stable=True).indices
        chosen = order[: len(self.cached)].sort().values.to(self.cached.device)
        self.cache.copy_(self._train(chosen))
        self.cached.copy_(chosen)

    def rows(self, ids: Tensor) -> Tensor:
        if self.cache is None or self.cached is None:
            return self._train(ids)
        place = torch.searchsorted(self.cached, ids).clamp_(max=len(self.cached) - 1)
        plain = self.cached[place] == ids
        rest = self._train(ids[~plain])
        place = torch.where(plain, place + len(rest), (~plain).cumsum(0) - 1)
        return gather(torch.cat([rest, self.cache]), place)

    def _train(self, ids: Tensor) -> Tensor:
        if len(ids) <= BLOCK:
            return self._block(ids)
        blocks = ids.split(BLOCK)
        if not torch.is_grad_enabled():
            return torch.cat([self._block(block) for block in blocks])
        return torch.cat([checkpoint(self._block, block, use_reentrant=False) for block in blocks])

    def _block(self, ids: Tensor) -> Tensor:
        """Vectors [k, D] of ascending ids [k], prefix by prefix."""
        below = [math.prod(self.row_split[k + 1 :]) for k in range(self.settings.cores)]
        prefixes = [torch.unique_consecutive(ids // b) for b in below[:-1]] + [ids]
        first = self.cores[0]
        left = gather(first.flatten(1), prefixes[0]).view(-1, first.shape[2], first.shape[3])
        for k in range(1, self.settings.cores):
            core, number = self.cores[k], self.row_split[k]
            digit, order = torch.sort(prefixes[k] % number, stable=True)
            parent = torch.searchsorted(prefixes[k - 1], prefixes[k][order] // number)
            width = left.shape[1]
            counts = (torch.bincount(digit, minlength=number) * width).tolist()
            heads = gather(left.flatten(1), parent).view(-1, left.shape[2])
            product = grouped_product(heads, core.flatten(2), counts)
            back = torch.empty_like(order)
            back[order] = torch.arange(len(order), device=order.device)
            width *= core.shape[2]
            left = gather(product.view(-1, width * core.shape[3]), back).view(-1, width, core.shape[3])
        return left.flatten(1)

    def some_rows(self, ids: Tensor) -> Tensor:
        alone = self.cache is None and len(ids) <= FEW and fits(self.cores[0])
        return self._one_by_one(ids.long()) if alone else super().some_rows(ids)

    def _one_by_one(self, ids: Tensor) -> Tensor:
        """Vectors [k, D] of ids [k], each by itself."""
        left, below = torch.ones(len(ids), 1, 1), math.prod(self.row_split)
        for core, number in zip(self.cores, self.row_split, strict=True):
            below //= number
            digits, slices = ids // below % number, core.flatten(2)
            out = torch.empty(len(ids), left.shape[1], slices.shape[2])
            run_kernel(_times, left, digits, slices, out)
            left = out.view(len(ids), -1, core.shape[3])
        return left.flatten(1)

    def exported(self, ids: Tensor) -> Tensor:
        """The dense table as a constant of the graph, which a runtime folds once when it loads the model."""
        whole = self.cores[0].flatten(1, 2)  # [prefixes, d_1⋯d_k, r_k]
        for core in list(self.cores)[1:]:
            whole = torch.einsum("par,nrds->pnads", whole, core).flatten(0, 1).flatten(1, 2)
        whole = whole.flatten(1)[: self.n]
        if self.cache is not None and self.cached is not None:
            # what is not populated, −1, goes to a row that nobody asks for
            spare = whole.new_zeros(1, self.dim)
            whole = torch.cat([whole, spare]).index_put((self.cached,), self.cache)
        return torch.nn.functional.embedding(ids, whole)

    @classmethod
    def count(cls, field_sizes: Sequence[int], dim: int, settings: TTRecSettings) -> int:
        """Σ_k n_k r_{k−1} d_k r_k, and the cached rows' numbers."""
        rows, dims = split_rows(sum(field_sizes), settings.cores), split_dim(dim, settings.cores)
        return train_parameters(rows, dims, settings.ranks) + settings.cache_rows * dim

    @classmethod
    def fit(
        cls,
        field_sizes: Sequence[int],
        dim: int,
        target: float,
        *,
        cache_share: float | None = None,
        **settings: Any,
    ) -> TTRecSettings:
        """See `CompressedTable.fit`.

        Args:
            cache_share: `cache_rows` as a share of n, where n is not known beforehand.

        Raises:
            ValueError: it is not in [0, 1), or `cache_rows` is given too.
        """
        if cache_share is not None:
            if "cache_rows" in settings or not 0 <= cache_share < 1:
                raise ValueError(f"cache_share is in [0, 1) and stands for cache_rows, not {cache_share}")
            settings["cache_rows"] = round(cache_share * sum(field_sizes))
        cores = settings.get("cores", TTRecSettings.model_fields["cores"].default)
        first = TTRecSettings(**settings, ranks=(1,) * (cores - 1))
        rows, dims = split_rows(sum(field_sizes), cores), split_dim(dim, cores)
        spare = max(1.0, target - first.cache_rows * dim)
        equal = largest_within(lambda r: train_parameters(rows, dims, (r,) * (cores - 1)), spare)
        return first.model_copy(update={"ranks": ranks_for(rows, dims, spare, equal)})
