"""Parameters of the tables of Table 6: by hand, by our classes, and as printed."""

from dataclasses import dataclass
from math import floor, prod
from typing import Any

import pandas as pd

from lfmp_core.embeddings.compressed import CompressedTable
from lfmp_core.embeddings.dhe import DHESettings, DHETable
from lfmp_core.embeddings.qr import QRSettings, QRTable
from lfmp_core.embeddings.tt_rec import TTRecSettings, TTRecTable
from lfmp_core.methods.compression.base import numbers_left

from ...evidence import published
from ...show.html import HtmlTable, table
from .. import counts as table5
from ..scores.blocks import ORIGINAL
from ..scores.lists import BACKBONES, GRAPH, LATENT, SETS, cells

TABLES = {GRAPH: 1, LATENT: 2}  # of users as of items; NeuMF's two branches have their own (§3.1.1)


def dim_of(backbone: str) -> int:
    """d of Table 4."""
    four = published.printed_table("lers_table4")
    [fixed] = four[(four.base_model == backbone) & (four.hyperparameter == "d")].fixed
    return int(fixed)


def ids(dataset: str) -> tuple[int, int]:
    """Users and items, Table 3."""
    three = published.printed_table("lers_table3")
    [row] = three[three.dataset == dataset].to_dict("records")
    return int(row["users"]), int(row["items"])


def dense(dataset: str, backbone: str) -> int:
    """Numbers of all plain tables."""
    return TABLES[backbone] * sum(ids(dataset)) * dim_of(backbone)


@dataclass(frozen=True)
class KnownRow:
    """One row of Table 6 whose settings are known.

    Attributes:
        told: where they are from: the public code, or trying out which ones of few factors give what is
            printed on both sets: layers of one width, a multiple of 16, ranks that are multiples of 8.
    """

    backbone: str
    method: str
    sparsity: float
    kind: type[CompressedTable] | None = None
    settings: Any = None
    told: str = "code"

    def count(self, dataset: str, *, jointly: bool = False) -> int:
        """Parameters that our class has with these settings.

        Args:
            jointly: one table over users and items instead of one each.
        """
        dim, numbers = dim_of(self.backbone), ids(dataset)
        if self.kind is None:
            return numbers_left(dense(dataset, self.backbone), self.sparsity)
        sizes = (sum(numbers),) if jointly else numbers
        return TABLES[self.backbone] * sum(self.kind.count((n,), dim, self.settings) for n in sizes)

    def by_hand(self, dataset: str) -> int:
        """The same by the formulas, see `lers.counts.products`."""
        dim, cores = dim_of(self.backbone), getattr(self.settings, "cores", 0)
        if self.kind is None:
            whole = TABLES[self.backbone] * sum(n * dim for n in ids(dataset))
            return whole - floor(whole * round(100 * self.sparsity) / 100)  # nD − ⌊t·nD⌋, Algorithm 1
        splits = [(SPLITS[n, cores], SPLITS[dim, cores]) if cores else None for n in ids(dataset)]
        parts = [table5.products(self.settings, n, dim, s) for n, s in zip(ids(dataset), splits, strict=True)]
        return TABLES[self.backbone] * sum(prod(p) for part in parts for p in part)


def _dhe(*hidden: int) -> DHESettings:
    # the public code normalises and activates the last layer too
    return DHESettings(hidden=hidden, linear_output=False)


TRIED = "tried out"
QUOTIENTS = {0.5: 2, 0.8: 5, 0.95: 20}
CASES = (
    *(KnownRow(b, ORIGINAL, 0.0) for b in BACKBONES),
    *(
        KnownRow(b, "QR", t, QRTable, QRSettings(remainders=p))
        for b in BACKBONES
        for t, p in QUOTIENTS.items()
    ),
    KnownRow(GRAPH, "TTRec", 0.95, TTRecTable, TTRecSettings(ranks=(32, 24)), TRIED),
    KnownRow(LATENT, "TTRec", 0.5, TTRecTable, TTRecSettings(ranks=(64, 64)), TRIED),
    KnownRow(LATENT, "TTRec", 0.8, TTRecTable, TTRecSettings(ranks=(40, 40)), TRIED),
    KnownRow(LATENT, "TTRec", 0.95, TTRecTable, TTRecSettings(ranks=(32, 32, 32), cores=4), TRIED),
    KnownRow(GRAPH, "DHE", 0.5, DHETable, _dhe(512, 512, 512)),
    KnownRow(GRAPH, "DHE", 0.8, DHETable, _dhe(256, 256, 128, 128)),
    KnownRow(LATENT, "DHE", 0.5, DHETable, _dhe(*(256,) * 4), TRIED),
    KnownRow(LATENT, "DHE", 0.8, DHETable, _dhe(*(160,) * 3), TRIED),
    KnownRow(LATENT, "DHE", 0.95, DHETable, _dhe(*(48,) * 4), TRIED),
    *(KnownRow(b, "MagPrune", t) for b in BACKBONES for t in QUOTIENTS),
)
# what the public factoriser makes of a number of rows or dimensions, by number of cores
SPLITS = {
    (29_858, 3): (25, 30, 40),
    (40_981, 3): (25, 40, 41),
    (31_668, 3): (28, 29, 39),
    (38_048, 3): (29, 32, 41),
    (29_858, 4): (10, 10, 15, 20),
    (40_981, 4): (10, 10, 20, 25),
    (31_668, 4): (10, 10, 16, 20),
    (38_048, 4): (10, 13, 15, 20),
    (64, 3): (4, 4, 4),
    (32, 3): (2, 4, 4),
    (32, 4): (2, 2, 2, 4),
}


def counts() -> pd.DataFrame:
    """Every case on each set: count of our class, sum by hand, #Para, and whether they agree.

    `jointly`: the count of one table over users and items, and `as jointly` whether #Para could be that.
    """
    printed = published.lers_table6().set_index(["dataset", "backbone", "method", "sparsity"]).params
    rows = []
    for case in CASES:
        for name in SETS:
            value = int(printed[name, case.backbone, case.method, case.sparsity])
            ours, joint = case.count(name), case.count(name, jointly=True)
            span = table5.printed_span(value)
            rows.append(
                {
                    "backbone": case.backbone,
                    "method": case.method,
                    "t": case.sparsity,
                    "settings": table5.in_words(case.settings) if case.kind else "(1 − t)·n·D",
                    "told": case.told if case.kind else None,
                    "data set": name,
                    "by hand": case.by_hand(name),
                    "our class": ours,
                    "printed": value,
                    "agrees": span.meets(ours),
                    "jointly": joint,
                    "as jointly": span.meets(joint),
                }
            )
    return pd.DataFrame(rows)


def counts_table(found: pd.DataFrame) -> HtmlTable:
    """The counts as a table; found as of `counts`."""
    data = found.drop(columns="as jointly").assign(agrees=found.agrees.map({True: "yes", False: "no"}))
    formats: dict[str, Any] = {"t": ".0%", "printed": table5.shown_count}
    formats |= dict.fromkeys(("by hand", "our class", "jointly"), ",.0f")
    note = (
        "Told: where the settings are from, the public code or trying which layers of one width, a multiple "
        "of 16, or ranks in multiples of 8, give the printed counts of both sets. Jointly: one table over "
        "users and items. A run has the settings that come nearest to the share asked for, not always these."
    )
    caption = "Parameters of users' and items' tables: by hand, by our classes, and as printed"
    rule = found.backbone + found.method
    return table(data, caption=caption, formats=formats, note=note, rule=rule)


def unknown() -> list[str]:
    """The composed blocks whose settings are not known."""
    known = {(c.backbone, c.method, c.sparsity) for c in CASES}
    return list(
        dict.fromkeys(
            f"{m} with {cell.backbone} at {cell.sparsity:.0%}"
            for m in ("QR", "TTRec", "DHE")
            for cell in cells()
            if (cell.backbone, m, cell.sparsity) not in known
        )
    )
