"""One way to ask LERS's printed Table 5 and this book's records the same questions."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from ...evidence import published
from ...evidence.draws import Metric
from ..grids import CACHED, ORIGINAL, OWN_SIZE

SETS = ("Criteo", "Avazu")
BACKBONES = ("DeepFM", "DCN")
SHARES = (0.5, 0.8, 0.95)
LOW, MIDDLE, HIGH = SHARES
MARGINAL = 0.001  # of AUC, §5.2.1
EDGE = 1e-9  # of sums of printed decimals
COMPOSED, PRUNED = ("QR", "TTRec", "DHE"), ("PEP", "MagPrune")
SEARCHED, HYBRID = "OptEmb", "CERP"
METHODS = (*COMPOSED, "PEP", SEARCHED, HYBRID, "MagPrune")
SIMPLE = ("QR", "MagPrune")
# ours → the paper's
DATASETS = {"criteo": "Criteo", "avazu": "Avazu", "ml-1m": "MovieLens"}
NETWORKS = {"deepfm": "DeepFM", "dcn_mix": "DCN"}


class Cell(NamedTuple):
    """One block of Table 5: data set and backbone as the paper names them, share of the table removed."""

    dataset: str
    backbone: str
    sparsity: float

    @property
    def pair(self) -> str:
        """Data set and backbone in words."""
        return f"{self.dataset}, {self.backbone}"

    @property
    def at(self) -> str:
        """The sparsity in words."""
        return f"t = {self.sparsity:.0%}"

    def to(self, sparsity: float) -> "Cell":
        """The same pair at another sparsity."""
        return self._replace(sparsity=sparsity)


def cells(
    sets: Sequence[str] = SETS, backbones: Sequence[str] = BACKBONES, shares: Sequence[float] = SHARES
) -> Iterator[Cell]:
    """The blocks of some sets, backbones and sparsities."""
    return (Cell(*key) for key in product(sets, backbones, shares))


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


class Span(NamedTuple):
    """By how much something is better, with the ends between which the truth may lie."""

    gap: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Beyond doubt."""
        return self.low > EDGE

    @property
    def alike(self) -> bool:
        """Under 0.001 either way, beyond doubt."""
        return max(abs(self.low), abs(self.high)) < MARGINAL - EDGE

    @property
    def ahead(self) -> bool | None:
        """Whether it is better; False if it is not or no more than marginally, None if that can't be told."""
        return True if self.better else False if self.high <= EDGE or self.alike else None

    @property
    def apart(self) -> bool | None:
        """Whether they differ by 0.001 and more; None if that can't be told."""
        clear = self.better or self.high < -EDGE
        return True if clear and abs(self.gap) >= MARGINAL - EDGE else False if self.alike else None


class Values:
    """Scores by block and method, in the paper's names; None where there are none."""

    def value(self, cell: Cell, method: str, metric: Metric = "auc") -> float | None:
        """AUC or log-loss; of `ORIGINAL` at any sparsity."""
        raise NotImplementedError

    def span(
        self,
        cell: Cell,
        ours: str,
        theirs: str,
        metric: Metric = "auc",
        than: Cell | None = None,
        chances: int = 1,
    ) -> Span | None:
        """By how much one method is better than another; of values taken as they are, their gap.

        Args:
            than: the block of the other method; the same by default.
            chances: how many such differences a rule looks at, of which one is enough: 95 % are meant of all
                of them together (Bonferroni).
        """
        gap = self.gap(cell, ours, theirs, metric, than)
        return None if gap is None else Span(gap, gap, gap)

    def draws(self) -> Sequence["Values"] | None:
        """The same cells on each bootstrap draw; None where means are taken as they are."""
        return None

    def better(self, cell: Cell, ours: str, theirs: str, metric: Metric = "auc") -> bool | None:
        """Whether one method is better than another beyond doubt."""
        span = self.span(cell, ours, theirs, metric)
        return None if span is None else span.better

    def gap(
        self, cell: Cell, ours: str, theirs: str, metric: Metric = "auc", than: Cell | None = None
    ) -> float | None:
        """By how much one method is better, by their values; arguments as of `span`."""
        a, b = self.value(cell, ours, metric), self.value(than or cell, theirs, metric)
        return None if a is None or b is None else (a - b if metric == "auc" else b - a)

    def overall(self, sparsity: float, method: str) -> float | None:
        """The mean ratio over both sets on DCN, as Table 7 has it."""
        found = [self.retain(Cell(d, "DCN", sparsity), method) for d in SETS]
        known = [r for r in found if r is not None]
        return sum(known) / len(known) if len(known) == len(found) else None

    def retain(self, cell: Cell, method: str) -> float | None:
        """AUC over that of Original (§5.2.4)."""
        ours, whole = self.value(cell, method), self.value(cell, ORIGINAL)
        return None if ours is None or whole is None else ours / whole

    def ranked(self, cell: Cell, metric: Metric = "auc") -> list[tuple[str, float]]:
        """Methods from best to worst with their values; empty unless all of the paper's are there."""
        found = [(m, self.value(cell, m, metric)) for m in methods_at(cell)]
        known = [(m, v) for m, v in found if v is not None]
        known.sort(key=lambda pair: pair[1], reverse=metric == "auc")
        return known if len(known) == len(found) else []

    def rank(self, cell: Cell, method: str, metric: Metric = "auc") -> int | None:
        """1 and how many are better by their means; equals share the better rank."""
        ranked = dict(self.ranked(cell, metric))
        if method not in ranked:
            return None
        own = ranked[method]
        return 1 + sum((v > own) if metric == "auc" else (v < own) for v in ranked.values())


class Printed(Values):
    """The cells as the paper prints them; four decimals, no spread: any printed difference counts."""

    def __init__(self) -> None:
        rows = published.lers_table5().dropna(subset="sparsity")
        self._cells = rows.set_index(["dataset", "backbone", "method", "sparsity"])

    def value(self, cell: Cell, method: str, metric: Metric = "auc") -> float | None:
        key = (cell.dataset, cell.backbone, method, 0.0 if method == ORIGINAL else cell.sparsity)
        return float(self._cells.loc[key, metric]) if key in self._cells.index else None
