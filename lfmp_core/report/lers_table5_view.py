"""One way to ask LERS's printed Table 5 and this book's records the same questions."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal, NamedTuple

import pandas as pd

from ..experiments.lers import CACHED, ORIGINAL, OWN_SIZE
from . import published
from .results import clearly_below

SETS = ("Criteo", "Avazu")
BACKBONES = ("DeepFM", "DCN")
SHARES = (0.5, 0.8, 0.95)
LOW, MIDDLE, HIGH = SHARES
MARGINAL = 0.001  # of AUC, §5.2.1
COMPOSED, PRUNED = ("QR", "TTRec", "DHE"), ("PEP", "MagPrune")
SEARCHED, HYBRID = "OptEmb", "CERP"
METHODS = (*COMPOSED, "PEP", SEARCHED, HYBRID, "MagPrune")
SIMPLE = ("QR", "MagPrune")
Metric = Literal["auc", "logloss"]
METRICS: tuple[Metric, Metric] = ("auc", "logloss")
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

    By their printed sizes TTRec's rows on Avazu and at 95 % hold cached rows, the two others on Criteo don't.
    """
    if method == "TTRec":
        return CACHED if cell.dataset != "Criteo" or cell.sparsity == HIGH else "TT-Rec"
    return {SEARCHED: "OptEmbed"}.get(method, method)


def printed_of(cell: Cell, arm: str) -> str | None:
    """The paper's row beside one of our arms; None of an arm that it doesn't have there."""
    if arm in (ORIGINAL, OWN_SIZE):
        return {ORIGINAL: ORIGINAL, OWN_SIZE: SEARCHED}[arm]
    return next((m for m in methods_at(cell) if arm_of(cell, m) == arm), None)


class Values:
    """Scores by block and method, in the paper's names; None where there are none."""

    def value(self, cell: Cell, method: str, metric: Metric = "auc") -> float | None:
        """AUC or log-loss; of `ORIGINAL` at any sparsity."""
        raise NotImplementedError

    def better(self, cell: Cell, ours: str, theirs: str, metric: Metric = "auc") -> bool | None:
        """Whether one method is better than another beyond doubt."""
        raise NotImplementedError

    def higher(self, cell: Cell, than: Cell, method: str) -> bool | None:
        """Whether a method's AUC in one block is higher than in another, beyond doubt."""
        raise NotImplementedError

    def gap(self, cell: Cell, ours: str, theirs: str, metric: Metric = "auc") -> float | None:
        """By how much one method is better; negative: worse."""
        a, b = self.value(cell, ours, metric), self.value(cell, theirs, metric)
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

    def ranked(
        self, cell: Cell, metric: Metric = "auc", among: Sequence[str] = METHODS
    ) -> list[tuple[str, float]]:
        """Methods from best to worst with their values; empty unless all of the paper's are there."""
        found = [(m, self.value(cell, m, metric)) for m in methods_at(cell, among)]
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

    def better(self, cell: Cell, ours: str, theirs: str, metric: Metric = "auc") -> bool | None:
        gap = self.gap(cell, ours, theirs, metric)
        return None if gap is None else gap > 1e-9

    def higher(self, cell: Cell, than: Cell, method: str) -> bool | None:
        a, b = self.value(cell, method), self.value(than, method)
        return None if a is None or b is None else a - b > 1e-9


class Measured(Values):
    """Means over seeds of the reference records.

    One method is better than another if their paired difference says so where it is known (against Original),
    else by two standard errors over the seeds.

    Args:
        reference: see `results.frame`. compared: see `results.compare`.
    """

    def __init__(self, reference: pd.DataFrame, compared: pd.DataFrame):
        self._runs: dict[tuple[str, str, str, float], pd.DataFrame] = {}
        if len(reference):
            for (name, backbone, arm, t), own in reference.groupby(
                ["dataset", "backbone", "arm", "prune_ratio"]
            ):
                key = (DATASETS.get(name, name), NETWORKS.get(backbone, backbone), arm, float(t))
                self._runs[key] = own
        self._known: dict[tuple[str, str, str, float, str], tuple[float, float]] = {}
        for r in compared.itertuples() if len(compared) else ():
            where = DATASETS.get(r.dataset, r.dataset), NETWORKS.get(r.backbone, r.backbone)
            if r.against == ORIGINAL:
                self._known[(*where, r.arm, float(r.prune_ratio), r.metric)] = float(r.low), float(r.high)

    def runs(self, cell: Cell, method: str) -> pd.DataFrame | None:
        """The final runs of a method in a block, a row a seed."""
        arm = arm_of(cell, method)
        return self._runs.get((cell.dataset, cell.backbone, arm, 0.0 if arm == ORIGINAL else cell.sparsity))

    def mean(self, cell: Cell, method: str, column: str) -> float | None:
        """Mean of a column over seeds."""
        own = self.runs(cell, method)
        return None if own is None else float(own[column].mean())

    def value(self, cell: Cell, method: str, metric: Metric = "auc") -> float | None:
        return self.mean(cell, method, f"test_{metric}")

    def below(self, cell: Cell, ours: str, theirs: str, column: str) -> bool | None:
        """See `results.clearly_below`."""
        a, b = self.runs(cell, ours), self.runs(cell, theirs)
        return None if a is None or b is None else clearly_below(a[column], b[column])

    def higher(self, cell: Cell, than: Cell, method: str) -> bool | None:
        a, b = self.runs(cell, method), self.runs(than, method)
        return None if a is None or b is None else clearly_below(b.test_auc, a.test_auc)

    def better(self, cell: Cell, ours: str, theirs: str, metric: Metric = "auc") -> bool | None:
        up = metric == "auc"
        for a, b, sign in ((ours, theirs, 1), (theirs, ours, -1)):
            span = self._known.get((cell.dataset, cell.backbone, arm_of(cell, a), cell.sparsity, metric))
            if b == ORIGINAL and span is not None:
                return span[0] > 0 if (sign == 1) == up else span[1] < 0
        worse, best = (theirs, ours) if up else (ours, theirs)
        return self.below(cell, worse, best, f"test_{metric}")
