"""Where the code of LERS and its text part: integers, DHE's last layer, OptEmbed's widths, TT-Rec's cache."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from lfmp_core.data.discretise import TRANSFORMS
from lfmp_core.embeddings.budget import target_parameters
from lfmp_core.embeddings.dhe import DHESettings, DHETable
from lfmp_core.embeddings.tt_rec import TTRecSettings, TTRecTable
from lfmp_core.methods.compression.optembed import OptEmbedBudgetSettings, mean_width, width_bias

from ..evidence import published
from ..show.html import HtmlTable, table
from .counts import CASES, DIM

INTEGERS = (1, 2, 3, 4, 5, 6, 8, 10, 20, 50, 99, 100)


def as_coded(v: np.ndarray) -> np.ndarray:
    """⌊(ln v)²⌋ for v > 2, else v − 2: what the LERS code has; no small value meets a large one."""
    return np.where(v > 2, TRANSFORMS["ln_squared"](v), v - 2)


# how each rule is called, and what it makes of whole numbers
RULES = {
    "⌈log₂ x⌉, printed": TRANSFORMS["log2"],
    "⌊(ln x)²⌋, coded": as_coded,
    "⌊(ln x)²⌋, here": TRANSFORMS["ln_squared"],
}


def buckets(largest: int) -> dict[str, int]:
    """Distinct values that each rule makes of 1 … largest."""
    values = np.arange(1, largest + 1)
    return {name: len(np.unique(rule(values))) for name, rule in RULES.items()}


def integers_table(largest: int) -> HtmlTable:
    """Some whole numbers under each rule, and how many distinct values are left of all."""
    values = np.array([v for v in INTEGERS if v <= largest])
    rows: list[dict[str, Any]] = [
        {"x": f"{x:,}", **{name: int(rule(np.array([x]))[0]) for name, rule in RULES.items()}} for x in values
    ]
    rows.append({"x": f"distinct of 1 … {largest:,}", **buckets(largest)})
    data = pd.DataFrame(rows)
    parts = [*["values"] * len(values), "all"]
    return table(data, caption="An integer's category under each rule", rule=parts)


def mish_least() -> float:
    """The least value of Mish, x·tanh(ln(1 + eˣ)), on a grid of a ten-thousandth."""
    return functional.mish(torch.linspace(-3, 0, 30_001, dtype=torch.float64)).min().item()


def activated_rows(ids: int, dim: int, hidden: tuple[int, ...], scale: float, seed: int) -> pd.DataFrame:
    """DHE's rows with a linear last layer and with an activated one, both with their last layer scaled.

    Args:
        scale: factor on the last layer's weights, or on its norm's, to see how far entries can go.

    Returns:
        a row for each last layer: least and largest entry, share of negative ones.
    """
    rows = []
    for linear in (True, False):
        settings = DHESettings(hashes=64, hidden=hidden, linear_output=linear)
        generator = torch.Generator().manual_seed(seed)
        made = DHETable((ids,), dim, settings, generator=generator).train()
        with torch.no_grad():
            if linear:
                # as large as a normalised output is
                made.linears[-1].weight.mul_(scale / made.weight_view().std())
            else:
                assert made.norms is not None
                made.norms[-1].weight.mul_(scale)
            e = made.weight_view()
        rows.append(
            {
                "last layer": "linear (here)" if linear else "norm and Mish (coded)",
                "least entry": e.min().item(),
                "largest entry": e.max().item(),
                "negative": (e < 0).float().mean().item(),
            }
        )
    return pd.DataFrame(rows)


def activated_table(found: pd.DataFrame) -> HtmlTable:
    """`activated_rows` as a table."""
    formats = {"least entry": ".3f", "largest entry": ".3f", "negative": ".0%"}
    note = f"The least value of Mish is {mish_least():.4f}."
    return table(found, caption="Entries of DHE's rows", formats=formats, note=note)


def reachable_sparsity(dim: int) -> float:
    """The most sparsity that masks on dimensions give: every row keeps its first number."""
    return 1 - 1 / dim


def widths_table(dims: Sequence[int], sparsities: Sequence[float]) -> HtmlTable:
    """α of OptEmbed's biased law, the width wanted and the width that it gives, by D and sparsity."""
    rows = []
    for dim in dims:
        for sparsity in sparsities:
            wanted = (1 - sparsity) * dim
            can = sparsity <= reachable_sparsity(dim)
            alpha = width_bias(wanted, dim) if can else None
            given = (dim + 1) / 2 if alpha == 1 else mean_width(alpha, dim) if alpha else 1.0
            rows.append(
                {
                    "D": dim,
                    "sparsity": sparsity,
                    "width wanted": wanted,
                    "α": alpha,
                    "expected width": given,
                    "reached": 1 - given / dim,
                    "at most": reachable_sparsity(dim),
                }
            )
    formats = {"sparsity": ".0%", "width wanted": ".1f", "α": ".5f", "expected width": ".2f"}
    formats |= {"reached": ".2%", "at most": ".2%"}
    note = (
        "Expected width: E(d) of §5.2.2 at that α. No α: a row would have to keep less than one number. "
        "At most: every row keeps one."
    )
    return table(
        pd.DataFrame(rows), caption="Widths under the biased law", formats=formats, group="D", note=note
    )


def rows_at(sparsity: float, dim: int) -> float:
    """The share of rows that OptEmbed may keep here at a sparsity, so that each can have `least_width`."""
    least = OptEmbedBudgetSettings().least_width
    return min(1.0, (1 - sparsity) * dim / least)


def printed_optembed() -> tuple[float, float]:
    """Table 5's OptEmb at 95 % of Criteo with DeepFM: its sparsity, and how many rows can have a number."""
    cells = published.lers_table5().set_index(["dataset", "backbone", "method", "sparsity"]).params
    whole = next(case for case in CASES if case.dataset == "Criteo")
    count = float(cells["Criteo", "DeepFM", "OptEmb", 0.95])
    return 1 - count / whole.count(), count / whole.n


def cache_table() -> HtmlTable:
    """The cached rows of Table 5's TT-Rec: their numbers as a share of all that are counted."""
    rows = []
    for case in CASES:
        if isinstance(case.settings, TTRecSettings) and (cached := case.settings.cache_rows):
            uncached = case.settings.model_copy(update={"cache_rows": 0})
            cores, dense = TTRecTable.count((case.n,), DIM, uncached), case.n * DIM
            rows.append(
                {
                    "data set": case.dataset,
                    "t": case.sparsity,
                    "cached rows": cached,
                    "of all rows": cached / case.n,
                    "cores": cores,
                    "cache": case.count() - cores,
                    "cache, of the parameters": 1 - cores / case.count(),
                    "sparsity, counted": 1 - case.count() / dense,
                    "sparsity, cores alone": 1 - cores / dense,
                }
            )
    shares = ("sparsity, counted", "sparsity, cores alone", "of all rows", "cache, of the parameters")
    formats = dict.fromkeys(shares, ".1%") | {"t": ".0%"}
    return table(pd.DataFrame(rows), caption="What the cache costs in Table 5", formats=formats)


def cache_ranks(n: int, dim: int, share: float, sparsities: Sequence[float]) -> HtmlTable:
    """Ranks that a budget buys without a cache and beside one of so many rows.

    Args:
        share: of the n rows that are cached.
    """
    rows = []
    for sparsity in sparsities:
        cached, target = round(share * n), target_parameters((n,), dim, sparsity)
        beside = cached * dim < target
        rows.append(
            {
                "t": sparsity,
                "budget": round(target),
                "ranks without cache": _ranks(n, dim, sparsity, 0),
                "cache": cached * dim,
                "of the budget": cached * dim / target,
                "ranks beside it": _ranks(n, dim, sparsity, cached) if beside else "none: it is too large",
            }
        )
    caption = f"Ranks for {n:,} rows of {dim} numbers, with {share:.0%} of the rows cached"
    return table(pd.DataFrame(rows), caption=caption, formats={"t": ".0%", "of the budget": ".0%"})


def _ranks(n: int, dim: int, sparsity: float, cached: int) -> str:
    found = TTRecTable.budget((n,), dim, sparsity, cache_rows=cached)
    assert isinstance(found, TTRecSettings)
    return ", ".join(map(str, found.ranks))
