"""One way to ask a printed table of LERS and this book's records the same questions, block by block."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import inf
from typing import ClassVar, NamedTuple

from scipy.stats import kendalltau

from lfmp_core.metrics import Metric

from ..grids import ORIGINAL

SHARES = (0.5, 0.8, 0.95)
LOW, MIDDLE, HIGH = SHARES
MARGINAL = 0.001  # of AUC, §5.2.1
EDGE = 1e-9  # of sums of printed decimals
COMPOSED, PRUNED = ("QR", "TTRec", "DHE"), ("PEP", "MagPrune")
SEARCHED, HYBRID = "OptEmb", "CERP"
METHODS = (*COMPOSED, "PEP", SEARCHED, HYBRID, "MagPrune")
SIMPLE = ("QR", "MagPrune")
COMPLEX = tuple(m for m in METHODS if m not in SIMPLE)


class Cell(NamedTuple):
    """One block of a table: data set and backbone as the paper names them, share of the table removed."""

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


def cells(sets: Sequence[str], backbones: Sequence[str], shares: Sequence[float] = SHARES) -> Iterator[Cell]:
    """The blocks of some sets, backbones and sparsities."""
    return (Cell(*key) for key in product(sets, backbones, shares))


class GapInterval(NamedTuple):
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
    """Scores by block and method, in the paper's names; None where there are none.

    Attributes:
        metrics: the first is meant where none is named.
        sets: of the table. compared: the backbone that Table 7 takes its ratios from.
    """

    metrics: ClassVar[tuple[Metric, ...]]
    sets: ClassVar[tuple[str, ...]]
    compared: ClassVar[str]

    def methods(self, cell: Cell) -> tuple[str, ...]:
        """The paper's rows of a block."""
        raise NotImplementedError

    @property
    def together(self) -> str:
        """What Table 7 takes its means over, in words."""
        return f"both sets, {self.compared}"

    def named(self, metric: Metric | None = None) -> Metric:
        """The metric that is meant."""
        return metric or self.metrics[0]

    def value(self, cell: Cell, method: str, metric: Metric | None = None) -> float | None:
        """The score; of `ORIGINAL` at any sparsity."""
        raise NotImplementedError

    def span(
        self,
        cell: Cell,
        ours: str,
        theirs: str,
        metric: Metric | None = None,
        than: Cell | None = None,
        chances: int = 1,
    ) -> GapInterval | None:
        """By how much one method is better than another; of values taken as they are, their gap.

        Args:
            than: the block of the other method; the same by default.
            chances: how many such differences a rule looks at, of which one is enough: 95 % are meant of all
                of them together (Bonferroni).
        """
        gap = self.gap(cell, ours, theirs, metric, than)
        return None if gap is None else GapInterval(gap, gap, gap)

    def draws(self) -> Sequence["Values"] | None:
        """The same cells on each bootstrap draw; None where means are taken as they are."""
        return None

    @property
    def freedom(self) -> float:
        """See `Redrawn.freedom`; ∞ of values that are taken as they are."""
        return inf

    def better(self, cell: Cell, ours: str, theirs: str, metric: Metric | None = None) -> bool | None:
        """Whether one method is better than another beyond doubt."""
        span = self.span(cell, ours, theirs, metric)
        return None if span is None else span.better

    def gap(
        self, cell: Cell, ours: str, theirs: str, metric: Metric | None = None, than: Cell | None = None
    ) -> float | None:
        """By how much one method is better, by their values; arguments as of `span`."""
        a, b = self.value(cell, ours, metric), self.value(than or cell, theirs, metric)
        return None if a is None or b is None else self.named(metric).gain(a, b)

    def overall(self, sparsity: float, method: str) -> float | None:
        """The mean ratio over both sets, as Table 7 has it."""
        found = [self.retain(Cell(d, self.compared, sparsity), method) for d in self.sets]
        known = [r for r in found if r is not None]
        return sum(known) / len(known) if len(known) == len(found) else None

    def retain(self, cell: Cell, method: str) -> float | None:
        """The first metric over that of Original (§5.2.4)."""
        ours, whole = self.value(cell, method), self.value(cell, ORIGINAL)
        return None if ours is None or whole is None else ours / whole

    def ranked(self, cell: Cell, metric: Metric | None = None) -> list[tuple[str, float]]:
        """Methods from best to worst with their values; empty unless all of the paper's are there."""
        found = [(m, self.value(cell, m, metric)) for m in self.methods(cell)]
        known = [(m, v) for m, v in found if v is not None]
        known.sort(key=lambda pair: pair[1], reverse=self.named(metric).higher)
        return known if len(known) == len(found) else []

    def rank(self, cell: Cell, method: str, metric: Metric | None = None) -> int | None:
        """1 and how many are better by their means; equals share the better rank."""
        ranked = dict(self.ranked(cell, metric))
        if method not in ranked:
            return None
        own = ranked[method]
        return 1 + sum(self.named(metric).better(v, own) for v in ranked.values())


def tau(one: Sequence[float], other: Sequence[float]) -> float:
    """Kendall's τ-b of two orders, 1 to the last bit of equal ones; 0 where one of them has no order."""
    found = float(kendalltau(one, other).statistic)
    return round(found, 12) if found == found else 0.0
