"""Parameters of QR, TT-Rec and DHE on LERS's data sets: by hand, by our classes, and as Table 5 prints."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, prod
from typing import Any

import pandas as pd
import torch

from lfmp_core.embeddings import TABLES, BudgetError
from lfmp_core.embeddings.compressed import CompressedTable
from lfmp_core.embeddings.dhe import DHESettings, DHETable
from lfmp_core.embeddings.qr import QRSettings, QRTable
from lfmp_core.embeddings.tt_rec import TTRecSettings, TTRecTable
from lfmp_core.settings import Settings

from ..claims.claim import Prose
from ..evidence import published
from ..evidence.rounding import Span
from ..show.html import HtmlTable, table

DIM = 16  # Table 4
Split = tuple[tuple[int, ...], tuple[int, ...]]  # n_k and d_k of the cores of a tensor train
# kinds of tables as the pages write them
NAMES = {
    "qr": "QR",
    "tt_rec": "TT-Rec",
    "dhe": "DHE",
    "memcom": "MEmCom",
    "mixed_dimension": "mixed dimension",
}


@dataclass(frozen=True)
class KnownCell:
    """One cell of Table 5 whose settings are known.

    Attributes:
        told: where the settings are from.
    """

    dataset: str
    method: str
    sparsity: float
    kind: type[CompressedTable] | None
    settings: Any = None
    told: str = "code"

    @property
    def n(self) -> int:
        """Ids, Table 2."""
        return int(published.printed_table("lers_table2").set_index("dataset").features[self.dataset])

    def count(self) -> int:
        """Parameters that our class has with these settings."""
        if self.kind is None:
            return self.n * DIM
        return self.kind.count((self.n,), DIM, self.settings)


def _dhe(*hidden: int) -> Settings:
    # the public code normalises and activates the last layer too
    return DHESettings(hidden=hidden, linear_output=False)


CASES = (
    KnownCell("Criteo", "Original", 0.0, None),
    *(
        KnownCell("Criteo", "QR", t, QRTable, QRSettings(remainders=p))
        for t, p in ((0.5, 2), (0.8, 5), (0.95, 20))
    ),
    KnownCell("Criteo", "TTRec", 0.5, TTRecTable, TTRecSettings(ranks=(192, 192))),
    KnownCell("Criteo", "TTRec", 0.8, TTRecTable, TTRecSettings(ranks=(128, 96))),
    KnownCell(
        "Criteo", "TTRec", 0.95, TTRecTable, TTRecSettings(ranks=(64, 64, 64), cores=4, cache_rows=12_780)
    ),
    KnownCell("Criteo", "DHE", 0.5, DHETable, _dhe(*(1536,) * 4)),
    KnownCell("Criteo", "DHE", 0.8, DHETable, _dhe(*(1024,) * 3)),
    KnownCell("Criteo", "DHE", 0.95, DHETable, _dhe(*(384,) * 4), told="tried out"),
    KnownCell("Avazu", "Original", 0.0, None),
    *(
        KnownCell("Avazu", "QR", t, QRTable, QRSettings(remainders=p))
        for t, p in ((0.5, 2), (0.8, 5), (0.95, 20))
    ),
    KnownCell("Avazu", "TTRec", 0.5, TTRecTable, TTRecSettings(ranks=(320, 320), cache_rows=272_255)),
    KnownCell("Avazu", "TTRec", 0.8, TTRecTable, TTRecSettings(ranks=(192, 192), cache_rows=181_302)),
    KnownCell("Avazu", "DHE", 0.5, DHETable, _dhe(*(2688,) * 5)),
    KnownCell("Avazu", "DHE", 0.8, DHETable, _dhe(*(1792,) * 5)),
    KnownCell("Avazu", "DHE", 0.95, DHETable, _dhe(*(896,) * 4)),
)
# what the public factoriser makes of n and of D = 16, by data set and number of cores
SPLITS: dict[tuple[str, int], Split] = {
    ("Criteo", 3): ((125, 125, 128), (2, 2, 4)),
    ("Criteo", 4): ((25, 40, 40, 50), (2, 2, 2, 2)),
    ("Avazu", 3): ((150, 150, 200), (2, 2, 4)),
}


def by_hand(case: KnownCell) -> list[tuple[int, ...]]:
    """The count as products to be added, without our classes; see `products`."""
    cores = case.settings.cores if isinstance(case.settings, TTRecSettings) else 0
    return products(case.settings, case.n, DIM, SPLITS.get((case.dataset, cores)))


def products(s: Any, n: int, dim: int, split: Split | None = None) -> list[tuple[int, ...]]:
    """Parameters of a table of n ids in D dimensions as products to be added.

    QR: p·D + ⌈n/p⌉·D. TT-Rec: n_k·r_{k−1}·d_k·r_k for each core, and rows·D of the cache. DHE: (in + 1)·out
    for each layer, and 2 for each output of its norm. Else n·D.

    Args:
        s: settings. split: of TT-Rec, n_k and d_k of its cores.
    """
    if isinstance(s, QRSettings):
        return [(s.remainders, dim), (ceil(n / s.remainders), dim)]
    if isinstance(s, TTRecSettings):
        assert split is not None
        rows, dims = split
        left, right = (1, *s.ranks), (*s.ranks, 1)
        cores = list(zip(rows, left, dims, right, strict=True))
        return cores + ([(s.cache_rows, dim)] if s.cache_rows else [])
    if isinstance(s, DHESettings):
        widths = [s.hashes, *s.hidden, dim]
        layers = [(i + 1, o) for i, o in pairwise(widths)]
        return [*layers, (2, sum(widths[1:]))]
    return [(n, dim)]


def spelt(products: Sequence[tuple[int, ...]]) -> str:
    """Products as a sum to read: equal ones once, with their number."""
    parts = []
    for factors, times in Counter(products).items():
        shown = [str(times)] * (times > 1) + [f"{f:,}" for f in factors if f > 1]
        parts.append("·".join(shown))
    return " + ".join(parts)


def printed_span(value: float) -> Span:
    """What is printed as so many millions to two decimals, or as so many thousands to none."""
    return Span.printed(value, -4 if value >= 1e6 else -3)


def counts() -> pd.DataFrame:
    """Every case: count of our class, sum by hand, #Para with both backbones, and which of them agree."""
    cells = published.lers_table5().set_index(["dataset", "backbone", "method", "sparsity"]).params
    rows = []
    for case in CASES:
        ours, hand = case.count(), by_hand(case)
        row: dict = {
            "data set": case.dataset,
            "method": case.method,
            "t": case.sparsity,
            "settings": in_words(case.settings),
            "told": case.told if case.settings is not None else None,
            "by hand": spelt(hand),
            "sum": sum(map(prod, hand)),
            "our class": ours,
        }
        for backbone in ("DeepFM", "DCN"):
            value = float(cells[case.dataset, backbone, case.method, case.sparsity])
            row[backbone] = value
            row[f"as {backbone}"] = printed_span(value).meets(ours)
        row["sparsity"] = 1 - ours / (case.n * DIM)
        rows.append(row)
    return pd.DataFrame(rows)


def in_words(settings: Any) -> str:
    """What decides a table's size."""
    if isinstance(settings, QRSettings):
        return f"p = {settings.remainders}"
    if isinstance(settings, TTRecSettings):
        ranks = ", ".join(map(str, settings.ranks))
        return f"ranks {ranks}" + (f"; {settings.cache_rows:,} rows cached" if settings.cache_rows else "")
    if isinstance(settings, DHESettings):
        if len(set(settings.hidden)) > 1:
            return f"layers of {', '.join(f'{width:,}' for width in settings.hidden)}"
        return f"{len(settings.hidden)} layers of {settings.hidden[0]:,}"
    return "n·D"


def shown_count(value: float) -> str:
    """As Table 5 writes it: 8.69M, 870K."""
    return f"{value / 1e6:.2f}M" if value >= 1e6 else f"{value / 1e3:.0f}K"


def counts_table(found: pd.DataFrame) -> HtmlTable:
    """The counts as a table; found as of `counts`."""
    data = found.drop(columns=["as DeepFM", "as DCN"]).rename(
        columns={"DeepFM": "printed, DeepFM", "DCN": "printed, DCN"}
    )
    data["agrees"] = [
        "with both" if a and b else "with DeepFM's" if a else "with DCN's" if b else "no"
        for a, b in zip(found["as DeepFM"], found["as DCN"], strict=True)
    ]
    formats: dict = {"t": ".0%", "sparsity": ".1%", "sum": ",.0f", "our class": ",.0f"}
    formats |= dict.fromkeys(("printed, DeepFM", "printed, DCN"), shown_count)
    note = (
        "Told: where the settings are from, the public code or trying which equal layers of a multiple of 32 "
        "units give the printed count. Sparsity: 1 − count / nD, what the settings really remove."
    )
    return table(
        data, caption="Parameters of the table: by hand, by our classes, and as printed", formats=formats,
        note=note, rule=found["data set"] + found.method,
    )  # fmt: skip


def findings(found: pd.DataFrame) -> Prose:
    """What the counts say, and which cells of Table 5 stay open; found as of `counts`."""
    exact, agree = int((found["sum"] == found["our class"]).sum()), int(found["as DeepFM"].sum())
    sentences = [
        f"Our classes count what the formula by hand gives in {exact} of {len(found)} cells.",
        f"Rounded as the paper rounds, {agree} of {len(found)} are what it prints for DeepFM.",
    ]
    for row in found[~found["as DeepFM"]].to_dict("records"):
        ours, printed = row["our class"], row["DeepFM"]
        sentences.append(
            f"{_place(row)} counts {ours:,}, which would be printed as {shown_count(ours)}, not "
            f"{shown_count(printed)}."
        )
    for row in found[found["as DeepFM"] & ~found["as DCN"]].to_dict("records"):
        sentences.append(
            f"{_place(row)} has {shown_count(row['DCN'])} with DCN: other settings than with DeepFM, which "
            "the paper does not give."
        )
    far = found[(found.sparsity - found.t).abs() > 0.01].to_dict("records")
    if far:
        told = ", ".join(f"{_place(row)} {row['sparsity']:.1%}" for row in far)
        sentences.append(f"More than a point away from the sparsity of their row: {told}.")
    known = set(found[["data set", "method", "t"]].itertuples(index=False, name=None))
    cells = published.lers_table5()
    cells = cells[cells.method.isin(["QR", "TTRec", "DHE"]) & (cells.backbone == "DeepFM")]
    for row in cells.rename(columns={"dataset": "data set", "sparsity": "t"}).to_dict("records"):
        if (row["data set"], row["method"], row["t"]) not in known:
            sentences.append(
                f"{_place(row)}, printed as {shown_count(row['params'])}, has settings that are not known; "
                "it can't be checked."
            )
    return Prose(tuple(sentences))


def budget_table(field_sizes: Sequence[int], dim: int, sparsity: float) -> HtmlTable:
    """What a budget buys here: settings and count of every kind of table, or why it can't have so few.

    Args:
        field_sizes: ids of each field.
    """
    dense = sum(field_sizes) * dim
    rows = []
    for name in dict.fromkeys(("full", "hashing", *NAMES, *TABLES)):
        kind = TABLES[name]
        given = {"hashes": 128} if name == "dhe" else {}
        row: dict = {
            "table": NAMES.get(name, name),
            "settings": None,
            "parameters": None,
            "sparsity": None,
            "why not": None,
        }
        try:
            settings = kind.budget(field_sizes, dim, sparsity, tolerance=0.02, **given)
            made = kind.make(tuple(field_sizes), dim, settings, torch.Generator())
            row |= {"settings": _told(settings), "parameters": made.num_parameters()}
            row["sparsity"] = 1 - made.num_parameters() / dense
        except BudgetError as error:
            row |= {"parameters": error.nearest, "sparsity": 1 - error.nearest / dense, "why not": "nearest"}
        rows.append(row)
    caption = f"{1 - sparsity:.0%} of {sum(field_sizes):,}·{dim} numbers"
    note = "Nearest: the budget can't be met within 2 %; this is the nearest count."
    data = pd.DataFrame(rows)
    return table(data, caption=caption, formats={"parameters": ",.0f", "sparsity": ".2%"}, note=note)


def _told(settings: Any) -> str:
    """What a budget decided, in short."""
    named = {"buckets": "b", "remainders": "p", "ranks": "ranks", "hidden": "layers"}
    for key, word in named.items():
        if key in type(settings).model_fields:
            value = getattr(settings, key)
            return f"{word} = {value:,}" if isinstance(value, int) else f"{word} {', '.join(map(str, value))}"
    dims = getattr(settings, "dims", ())
    return f"rows of {min(dims)} to {max(dims)}" if dims else "n·D"


def _place(row: dict) -> str:
    return f"{row['method']} on {row['data set']} at {row['t']:.0%}"
