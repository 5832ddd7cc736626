"""OptEmbed on a budget: LERS' search among widths short enough for a wanted sparsity."""

import math
from functools import cache

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ...budget import Budget
from ...embeddings.masked import FixedWidths, MaskedRows, leading, widths_by_id
from ...embeddings.ragged import RaggedTable
from ...errors import LfmpError
from ...models import Backbone
from ...seeds import derive
from ...settings import Settings
from ...tasks import Clicks
from ..base import Context, Outcome
from ..gating.evolution import evolve
from ..gating.optembed import OptEmbedSettings, train_supernet
from .base import compression, numbers_within, plain_model, train_masked
from .phases import finding

LEVELS = 1000  # places between 0 and 1 at which a width's distribution is read


class OptEmbedBudgetSettings(Settings):
    """
    Attributes:
        search: of the supernet and the evolution, see `OptEmbedSettings`.
        least_width: numbers that a row that stays must be able to have on average. Where the budget gives
            fewer, rows nearest to their threshold go, beyond those that the thresholds remove.
    """

    search: OptEmbedSettings = OptEmbedSettings()
    least_width: float = Field(2.0, ge=1)


def mean_width(alpha: float, dim: int) -> float:
    """E(d) = α/(α−1) − h/(α^h − 1), of p_i ∝ α^{h−i} over i = 1..h. Source: LERS §5.2.2."""
    tail = alpha**-dim  # α^h itself may be too large a number
    return alpha / (alpha - 1) - dim * tail / (1 - tail)


def width_bias(mean: float, dim: int) -> float:
    """The α ≥ 1 whose mean width is `mean`, by bisection; 1, the uniform law, where that is short enough."""
    low, high = 1 + 1e-6, 1e6
    if mean >= (dim + 1) / 2:
        return 1.0
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if mean_width(middle, dim) > mean else (low, middle)
    return low


def width_at(alpha: float, dim: int) -> np.ndarray:
    """Width at each of so many equal steps of probability [LEVELS], under p_i ∝ α^{h−i}."""
    shares = alpha ** -np.arange(dim, dtype=np.float64)
    places = (np.arange(LEVELS) + 0.5) / LEVELS
    return np.minimum(np.searchsorted(shares.cumsum() / shares.sum(), places) + 1, dim)


def fittest_within(
    task: Clicks, supernet: Backbone, kept: Tensor, count: int, settings: OptEmbedSettings, seed: int
) -> tuple[Tensor, list[float]]:
    """Widths of the fields [m] of at most `count` numbers, and the best fitness after each generation.

    Widths are drawn and mutated by the biased law, and drawn again where they exceed the budget.

    Args:
        kept: which rows stay [n], on the CPU.
    """
    sizes, dim = supernet.field_sizes, supernet.table.dim
    rows_of_field = np.array([int(span.sum()) for span in kept.split(list(sizes))])
    table = width_at(width_bias(count / int(kept.sum()), dim), dim)
    gate = FixedWidths(torch.empty(0), dim)
    plain = supernet.table
    supernet.table = MaskedRows(RaggedTable.pack(plain.weight_view(), kept * dim, sizes), gate)
    measure = task.fitness(supernet, settings.fitness_rows)

    @cache
    def fitness(widths: tuple[int, ...]) -> float:
        gate.of_ids = widths_by_id(torch.tensor(widths), sizes)
        return measure()

    def widths_of(places: tuple[int, ...]) -> np.ndarray:
        return table[np.array(places) - 1]

    def fits(places: tuple[int, ...]) -> bool:
        return int(widths_of(places) @ rows_of_field) <= count

    rng = np.random.default_rng(derive(seed, "evolution"))
    found, best = evolve(
        lambda p: fitness(tuple(widths_of(p).tolist())), len(sizes), LEVELS, settings.evolution, rng, fits
    )
    supernet.table = plain
    return torch.from_numpy(widths_of(found)), best


@compression("optembed_budget", OptEmbedBudgetSettings, task=Clicks)
def optembed_budget(
    task: Clicks, budget: Budget, settings: OptEmbedBudgetSettings, context: Context
) -> Outcome:
    """Train a net for all widths, search the widths that fit the budget, train anew with these masks.

    Phase PT is supernet and evolution, phase CT the training from the supernet's initial weights. As in LERS,
    every vector of widths under the budget is allowed, so the sparsity that comes out is at least the one
    asked for, often more.

    Departures: α of the biased law comes by bisection, and rows are removed beyond their thresholds where
    `least_width` numbers a row would already be too much (LERS §5.2.2 leaves open how 95 % of D = 16 is met).

    Raises:
        LfmpError: the thresholds leave no row, or no drawn vector of widths meets the budget.

    Source: OptEmbed (Lyu et al. 2022); LERS §5.2.2.
    """
    count, dim = numbers_within(task, budget), task.backbone.embedding_dim
    parts = Context(context.seed)
    with finding(context):
        with parts.phase("supernet"):
            supernet, margins, _ = train_supernet(task, settings.search, context)
        most = min(int((margins > 0).sum()), int(count / settings.least_width))
        if not most:
            raise LfmpError("the thresholds of OptEmbed leave no row: lower its threshold_rise")
        kept = torch.zeros(len(margins), dtype=torch.bool)
        kept[margins.cpu().argsort(descending=True, stable=True)[:most]] = True
        with parts.phase("evolution"):
            widths, best = fittest_within(task, supernet, kept, count, settings.search, context.seed)
    model, plain = plain_model(task, context.seed)
    mask = leading(widths_by_id(widths, supernet.field_sizes) * kept, dim).bool()
    details = {
        "rows": most,
        "widths": widths.tolist(),
        "best_fitness": [round(x, 6) for x in best],
        "finding_seconds": dict(parts.cpu_seconds),
    }
    return train_masked(
        task,
        model,
        plain,
        mask,
        context,
        pack=lambda weight, mask, sizes: RaggedTable.pack(weight, mask.sum(1).cpu(), sizes),
        details=details,
    )
