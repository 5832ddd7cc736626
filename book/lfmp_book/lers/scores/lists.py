"""LERS's printed Table 6 and this book's records of it, in the paper's names."""

from collections.abc import Iterator, Sequence

from lfmp_core.metrics import NDCG20, RECALL20, Metric

from ...evidence import published
from ..cf_arms import RECOMMENDERS, TITLES
from ..cf_arms import SETS as PINNED
from . import blocks, records
from .blocks import METHODS, ORIGINAL, SEARCHED, SHARES, Cell
from .printed import Printed

SETS = ("Yelp2018", "Gowalla")
GRAPH, LATENT = "LightGCN", "NeuMF"
BACKBONES = (GRAPH, LATENT)
# ours → the paper's
DATASETS = {name: TITLES[name] for name in PINNED}
NETWORKS = {name: TITLES[name] for name in RECOMMENDERS}
# the paper's → ours, where they differ
ARMS = {"TTRec": "TT-Rec", SEARCHED: "OptEmbed-D"}


def cells(
    sets: Sequence[str] = SETS, backbones: Sequence[str] = BACKBONES, shares: Sequence[float] = SHARES
) -> Iterator[Cell]:
    """The blocks of some sets, backbones and sparsities."""
    return blocks.cells(sets, backbones, shares)


def arm_of(method: str) -> str:
    """Our arm beside a row of the paper."""
    return ARMS.get(method, method)


def printed_of(arm: str) -> str | None:
    """The paper's row beside one of our arms; None of an arm that it doesn't have."""
    return next((m for m in (ORIGINAL, *METHODS) if arm_of(m) == arm), None)


class ListValues(records.Recorded):
    """Blocks of Table 6: NDCG@20 and Recall@20 of lists of items, seven methods at each sparsity."""

    metrics = (NDCG20, RECALL20)
    sets = SETS
    compared = GRAPH
    names = DATASETS
    networks = NETWORKS

    def methods(self, cell: Cell) -> tuple[str, ...]:
        return METHODS

    def arm(self, cell: Cell, method: str) -> str:
        return arm_of(method)


class PrintedLists(ListValues):
    """The cells as the paper prints them; four decimals, no spread: any printed difference counts."""

    def __init__(self) -> None:
        rows = published.lers_table6().rename(columns={"ndcg": NDCG20.name, "recall": RECALL20.name})
        self._cells = Printed(rows)

    def value(self, cell: Cell, method: str, metric: Metric | None = None) -> float | None:
        return self._cells.number(cell, method, self.named(metric).name)

    def numbers(self, cell: Cell, method: str) -> int:
        """#Para as printed."""
        row = self._cells.row(cell, method)
        assert row is not None, (cell, method)
        return int(row["params"])


class DrawnLists(ListValues, records.Drawn):
    """The cells as they came out on one bootstrap draw of users and seeds."""


class MeasuredLists(ListValues, records.Measured):
    """Means over seeds, and what draws of users and seeds say of them."""

    draw = DrawnLists
