"""LERS's printed Table 5 and this book's records of it, in the paper's names."""

from collections.abc import Iterator, Sequence

from lfmp_core.metrics import AUC, LOG_LOSS, Metric

from ...evidence import published
from ..grids import CACHED, OWN_SIZE
from . import blocks, records
from .blocks import HIGH, LOW, METHODS, ORIGINAL, SEARCHED, SHARES, Cell
from .printed import Printed

SETS = ("Criteo", "Avazu")
BACKBONES = ("DeepFM", "DCN")
# ours → the paper's
DATASETS = {"criteo": "Criteo", "avazu": "Avazu", "ml-1m": "MovieLens"}
NETWORKS = {"deepfm": "DeepFM", "dcn_mix": "DCN"}


def cells(
    sets: Sequence[str] = SETS, backbones: Sequence[str] = BACKBONES, shares: Sequence[float] = SHARES
) -> Iterator[Cell]:
    """The blocks of some sets, backbones and sparsities."""
    return blocks.cells(sets, backbones, shares)


def methods_at(cell: Cell, among: Sequence[str] = METHODS) -> tuple[str, ...]:
    """The paper's rows of a block: no OptEmbed at 50 %."""
    return tuple(m for m in among if m != SEARCHED or cell.sparsity > LOW)


def arm_of(cell: Cell, method: str) -> str:
    """Our arm beside a row of the paper.

    TTRec's rows of known settings (`lers_counts.CASES`; printed sizes agree with them) hold cached rows on
    Avazu at 50 and 80 % and on Criteo at 95 %, and none on Criteo with DeepFM below. The rest is taken to be
    alike: Avazu at 95 %, and Criteo with DCN at 50 and 80 %.
    """
    if method == "TTRec":
        return CACHED if cell.dataset != "Criteo" or cell.sparsity == HIGH else "TT-Rec"
    return {SEARCHED: "OptEmbed"}.get(method, method)


def printed_of(cell: Cell, arm: str) -> str | None:
    """The paper's row beside one of our arms; None of an arm that it doesn't have there."""
    if arm in (ORIGINAL, OWN_SIZE):
        return {ORIGINAL: ORIGINAL, OWN_SIZE: SEARCHED}[arm]
    return next((m for m in methods_at(cell) if arm_of(cell, m) == arm), None)


class ClickValues(records.Recorded):
    """Blocks of Table 5: AUC and log-loss; no OptEmbed at 50 %."""

    metrics = (AUC, LOG_LOSS)
    sets = SETS
    compared = "DCN"
    names = DATASETS
    networks = NETWORKS

    def methods(self, cell: Cell) -> tuple[str, ...]:
        return methods_at(cell)

    def arm(self, cell: Cell, method: str) -> str:
        return arm_of(cell, method)


class PrintedClicks(ClickValues):
    """The cells as the paper prints them; four decimals, no spread: any printed difference counts."""

    def __init__(self) -> None:
        self._cells = Printed(published.lers_table5())

    def value(self, cell: Cell, method: str, metric: Metric | None = None) -> float | None:
        return self._cells.number(cell, method, self.named(metric).name)


class DrawnClicks(ClickValues, records.Drawn):
    """The cells as they came out on one bootstrap draw of rows and seeds."""


class MeasuredClicks(ClickValues, records.Measured):
    """Means over seeds, and what draws of rows and seeds say of them."""

    draw = DrawnClicks
