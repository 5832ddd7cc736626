"""Lookups in the records of Light-FMP's Table 2, by which its sentences and those of Figure 2a are tested."""

from copy import copy

import pandas as pd

from lfmp_core.metrics import AUC, Metric, metric_of

from ..claims import told
from ..evidence.results import ALL_FIELDS
from .selectors import part, scaled
from .values import SETS

SHALLOW, TWO_STAGE = ("Lasso", "PCA", "XGBoost"), ("OptFS", "OptEmbed", "AutoField")
ONE_STAGE = ("AdaFS, hard", "MvFS")
DEEP = (*TWO_STAGE, *ONE_STAGE)
RIVALS = (*SHALLOW, *DEEP)
TIME = "TT scaled"  # see `selectors.scaled`


class View:
    """Lookups in records and comparisons by the paper's name of a set; None where there is none.

    Args:
        reference: see `results.frame`. compared: see `results.compare`.
        arm: that a sentence speaks of, where it speaks of one.
    """

    def __init__(self, reference: pd.DataFrame, compared: pd.DataFrame, arm: str = ""):
        self.arm = arm
        self._runs = {
            (name, arm): own for name in SETS for arm, own in _timed(name, reference).groupby("arm")
        }
        self._gains: dict[tuple[str, str, str, Metric], tuple[float, float, float]] = {}
        for name in SETS:
            for r in part(compared, name).itertuples():
                gain = float(r.difference), float(r.low), float(r.high)
                lost = -gain[0], -gain[2], -gain[1]
                metric = metric_of(str(r.metric))
                ours, theirs = (gain, lost) if metric.higher else (lost, gain)
                self._gains[name, str(r.arm), str(r.against), metric] = ours
                self._gains.setdefault((name, str(r.against), str(r.arm), metric), theirs)

    def of(self, arm: str) -> "View":
        """The same records, asked of another arm."""
        found = copy(self)
        found.arm = arm
        return found

    def mean(self, name: str, arm: str, column: str) -> float | None:
        """Mean of a column over an arm's seeds; None too where it is missing, as a time may be."""
        own = self._runs.get((name, arm))
        return None if own is None or own[column].isna().any() else float(own[column].mean())

    def runs(self, name: str, arm: str) -> pd.DataFrame | None:
        """An arm's runs, a row a seed."""
        return self._runs.get((name, arm))

    def ratio(self, name: str, arm: str, column: str = TIME, to: str = ALL_FIELDS) -> float | None:
        """A mean over that of another arm."""
        ours, theirs = self.mean(name, arm, column), self.mean(name, to, column)
        return None if ours is None or theirs is None else ours / theirs

    def below(self, name: str, arm: str, other: str, column: str = TIME, share: float = 1.0) -> bool | None:
        """See `told.below`; None too without runs."""
        ours, theirs = self._runs.get((name, arm)), self._runs.get((name, other))
        return None if ours is None or theirs is None else told.below(ours[column], theirs[column], share)

    def gain(
        self, name: str, arm: str, other: str, metric: Metric = AUC
    ) -> tuple[float, float, float] | None:
        """By how much an arm is better than another, with its interval."""
        return self._gains.get((name, arm, other, metric))

    def better(self, name: str, arm: str, other: str, metric: Metric = AUC, by: float = 0.0) -> bool | None:
        """See `told.above`; None too where they were not compared."""
        gain = self.gain(name, arm, other, metric)
        return None if gain is None else told.above(*gain, by)

    def gained(self, name: str, arm: str, other: str) -> str:
        """The gain in AUC as a figure."""
        gain = self.gain(name, arm, other)
        return "" if gain is None else f"AUC {gain[0]:+.4f}"

    def took(self, name: str, arm: str, other: str = ALL_FIELDS) -> str:
        """The total time over another arm's as a figure: scaled, and as measured where that differs."""
        ratio, measured = (self.ratio(name, arm, column, other) for column in (TIME, "TT"))
        if ratio is None or measured is None:
            return ""
        return f"time × {ratio:.2f}" + f" (measured {measured:.2f})" * (f"{ratio:.2f}" != f"{measured:.2f}")


def _timed(name: str, reference: pd.DataFrame) -> pd.DataFrame:
    own = scaled(name, part(reference, name))
    return own.assign(epoch=own.CT / own.epochs)
