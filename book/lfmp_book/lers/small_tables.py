"""Tables of every kind at one sparsity, for one id to be followed through, and what they weigh."""

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lfmp_core.embeddings import BudgetError, FullTable, Table, table_factory
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.ragged import RaggedTable
from lfmp_core.embeddings.soft_threshold import SoftThresholdTable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.methods.compression.magnitude import largest_entries
from lfmp_core.methods.compression.optembed import width_at, width_bias

from ..show.html import HtmlTable as Shown
from ..show.html import table


def fresh(
    field_sizes: tuple[int, ...], dim: int, sparsity: float, seed: int, name: str, **settings: Any
) -> Table:
    """An untrained table of a registered kind, within 2 % of the budget, else the smallest that it can be."""
    generator = torch.Generator().manual_seed(seed)
    try:
        return table_factory(name, sparsity, settings, tolerance=0.02)(field_sizes, dim, generator)
    except BudgetError as error:
        nearest = 1 - error.nearest / (sum(field_sizes) * dim)
        return table_factory(name, nearest, settings, tolerance=0.02)(field_sizes, dim, generator)


def thresholded(tables: Sequence[FullTable], count: int) -> list[SoftThresholdTable]:
    """Plain tables under one T, at which exactly `count` of their numbers are over it."""
    numbers = torch.cat([t.weight_view().detach().flatten() for t in tables]).abs().sort().values
    # the largest that goes: half-way to its neighbour may round to the neighbour
    threshold = numbers[-count - 1] if count < len(numbers) else torch.zeros(())
    made = [SoftThresholdTable(t) for t in tables]
    for own in made:
        own.threshold.copy_(threshold)
    return made


def pair_of(
    field_sizes: tuple[int, ...], dim: int, buckets: int, count: int, generator: torch.Generator
) -> PairTable:
    """Two plain tables of `buckets` rows under one threshold that leaves `count` numbers in both together."""
    plain = [FullTable((buckets,), dim, std=0.01, generator=generator) for _ in range(2)]
    return PairTable(field_sizes, *thresholded(plain, count))


def served(of: PairTable) -> PairTable:
    """The pair with its zeros left out."""
    parts = [part.weight_view().detach() for part in (of.first, of.second)]
    sparse = [SparseTable.of(part, part != 0, (of.buckets,)) for part in parts]
    return PairTable(of.field_sizes, *sparse)


def magnitude_mask(plain: FullTable, count: int) -> Tensor:
    """The `count` largest of all numbers."""
    return largest_entries(plain.weight_view().detach().abs(), count)


def ragged_of(plain: FullTable, counts: np.ndarray, rows: int, count: int, seed: int) -> RaggedTable:
    """The most frequent rows, with one drawn width a field, `count` numbers at most.

    Widths follow OptEmbed's biased law; a vector of widths over the budget is drawn again.

    Args:
        counts: occurrences of each id [n], which stand in for the thresholds that OptEmbed learns.
        rows: that stay.
    """
    kept = torch.zeros(len(counts), dtype=torch.long)
    kept[torch.from_numpy(np.argsort(-counts, kind="stable")[:rows].copy())] = 1
    sizes = torch.tensor(plain.field_sizes)
    law, rng = width_at(width_bias(count / rows, plain.dim), plain.dim), np.random.default_rng(seed)
    for _ in repeat(None, 1000):
        widths = torch.from_numpy(law[rng.integers(0, len(law), len(sizes))]).repeat_interleave(sizes)
        if (widths * kept).sum() <= count:
            break
    else:
        raise ValueError(f"no drawn widths leave {count:,} numbers in {rows:,} rows: keep fewer rows")
    return RaggedTable.pack(plain.weight_view().detach(), widths * kept, plain.field_sizes)


def size_table(tables: Mapping[str, tuple[Table, str]], dense: int) -> Shown:
    """Parameters and bytes of tables: numbers, and what stands beside them.

    Args:
        tables: by name, with what their side tables are.
        dense: n·D.
    """
    rows = []
    for name, (own, beside) in tables.items():
        numbers, whole = own.num_parameters(), own.num_bytes()
        rows.append(
            {
                "table": name,
                "parameters": numbers,
                "of nD": numbers / dense,
                "bytes of numbers": 4 * numbers,
                "bytes beside": whole - 4 * numbers,
                "bytes": whole,
                "bytes of the whole": whole / (4 * dense),
                "beside the numbers": beside,
            }
        )
    formats = {"of nD": ".1%", "bytes of the whole": ".1%"}
    note = "Four bytes a number. The paper's sparsity counts parameters alone."
    return table(pd.DataFrame(rows), caption="Parameters and bytes", formats=formats, note=note)
