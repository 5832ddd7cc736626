"""Reference records of a table of LERS in the paper's names, and what can be told of them."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import ClassVar

import numpy as np
import pandas as pd

from lfmp_core.experiments.decisions import contrast_of
from lfmp_core.metrics import Metric

from ...claims import told
from ...evidence.draws import Draws
from ...evidence.results import seeds_in_words
from ...evidence.trainings import independent_samples
from .blocks import ORIGINAL, Cell, GapInterval, Values

LEVEL = 0.95
Place = tuple[str, str, str, float, Metric]  # set, backbone, arm, sparsity, metric


class Recorded(Values):
    """Cells whose arms have the names of this book's runs.

    Attributes:
        names, networks: data sets and backbones, ours → the paper's.
    """

    names: ClassVar[Mapping[str, str]]
    networks: ClassVar[Mapping[str, str]]

    def arm(self, cell: Cell, method: str) -> str:
        """Our arm beside a row of the paper."""
        raise NotImplementedError

    def place(self, cell: Cell, method: str, metric: Metric | None = None) -> Place:
        """Where the records of a method have their numbers."""
        t = 0.0 if method == ORIGINAL else cell.sparsity
        return cell.dataset, cell.backbone, self.arm(cell, method), t, self.named(metric)


class Drawn(Recorded):
    """The cells as they came out on one bootstrap draw, all on the same resampled units.

    Args:
        draws: values of each cell. index: of the draw.
    """

    def __init__(self, draws: Mapping[Place, Sequence[float]], index: int):
        self._draws, self._index = draws, index
        self._ranked: dict[tuple[Cell, Metric], list[tuple[str, float]]] = {}

    def value(self, cell: Cell, method: str, metric: Metric | None = None) -> float | None:
        found = self._draws.get(self.place(cell, method, metric))
        return None if found is None else found[self._index]

    def ranked(self, cell: Cell, metric: Metric | None = None) -> list[tuple[str, float]]:
        key = cell, self.named(metric)
        if key not in self._ranked:  # many tests rank the same blocks
            self._ranked[key] = super().ranked(cell, metric)
        return self._ranked[key]


class Measured(Recorded):
    """Means over seeds of reference records, and what bootstrap draws of test units and seeds say of them.

    Args:
        reference: see `results.frame`.
        drawn: by data set, see `results.draws_of`. A set without has means and seconds alone, and nothing on
            it can be told apart; so with a cell of a single seed, whose draws know of no other training, and
            with one whose stamp disagrees with those of its backbone.
    """

    draw: ClassVar[type[Drawn]] = Drawn

    def __init__(self, reference: pd.DataFrame, drawn: Mapping[str, Draws]):
        self._runs: dict[tuple[str, str, str, float], pd.DataFrame] = {}
        for (name, backbone, arm, t), own in reference.groupby(["dataset", "backbone", "arm", "budget"]):
            key = (self.names.get(name, name), self.networks.get(backbone, backbone), arm, float(t))
            self._runs[key] = own
        agreeing = {name: own.agreeing() for name, own in drawn.items()}
        self._drawn: dict[Place, np.ndarray] = {
            (self.names.get(name, name), self.networks.get(backbone, backbone), arm, t, metric): values
            for name, own in drawn.items()
            for metric, cells_ in own.values.items()
            for (backbone, arm, t), values in cells_.items()
            if len(own.runs[backbone, arm, t]) > 1 and (backbone, arm, t) in agreeing[name]
        }
        self._spans: dict[tuple[Place, Place, int], GapInterval] = {}
        columns = {place: values[1:].tolist() for place, values in self._drawn.items()}
        count = min(map(len, columns.values()), default=0)
        self._views = [self.draw(columns, i) for i in range(count)]

    def runs(self, cell: Cell, method: str) -> pd.DataFrame | None:
        """The final runs of a method in a block, a row a seed."""
        return self._runs.get(self.place(cell, method)[:4])

    def mean(self, cell: Cell, method: str, column: str) -> float | None:
        """Mean of a column over seeds."""
        own = self.runs(cell, method)
        return None if own is None else float(own[column].mean())

    def value(self, cell: Cell, method: str, metric: Metric | None = None) -> float | None:
        return self.mean(cell, method, f"test_{self.named(metric).name}")

    def below(self, cell: Cell, ours: str, theirs: str, column: str) -> bool | None:
        """See `told.clearly_below`."""
        a, b = self.runs(cell, ours), self.runs(cell, theirs)
        return None if a is None or b is None else told.clearly_below(a[column], b[column])

    def told_below(self, cell: Cell, ours: str, theirs: str, column: str) -> bool | None:
        """See `told.below`: False only where it is clearly above."""
        a, b = self.runs(cell, ours), self.runs(cell, theirs)
        return None if a is None or b is None else told.below(a[column], b[column])

    def span(
        self,
        cell: Cell,
        ours: str,
        theirs: str,
        metric: Metric | None = None,
        than: Cell | None = None,
        chances: int = 1,
    ) -> GapInterval | None:
        """The 95 % interval gap ± t·s: s the deviation of the draws, t Student's bound at 1 − 0.025/chances.

        It has the degrees of freedom that the seeds leave; see `decisions.contrast_of`.
        """
        a, b = self.place(cell, ours, metric), self.place(than or cell, theirs, metric)
        if a not in self._drawn or b not in self._drawn:
            return None
        if (a, b, chances) not in self._spans:
            seeds = independent_samples(self._runs[a[:4]], self._runs[b[:4]], f"test_{a[4].name}")
            found = contrast_of(self._drawn[a], self._drawn[b], self.named(metric), seeds)
            self._spans[a, b, chances] = GapInterval(found.gain, *found.interval((1 - LEVEL) / chances))
        return self._spans[a, b, chances]

    def draws(self) -> Sequence[Values]:
        return self._views

    @property
    def freedom(self) -> float:
        runs = (self._runs[place[:4]] for place in self._drawn)
        return min(((len(own) - 1) * (1 if own.one_training.all() else 2) for own in runs), default=inf)


def runs_on(frame: pd.DataFrame, name: str, network: str, sets: Sequence[str]) -> pd.DataFrame:
    """Runs on one set and backbone; those of planted or one's own data are the first set's.

    Args:
        frame: with `name` and `network` as the paper calls data set and backbone.
        sets: that have names there.
    """
    own = (frame.name == name) | (~frame.name.isin(sets) & (name == sets[0]))
    return frame[own & (frame.network == network)]


def seeds_of(frame: pd.DataFrame) -> str:
    """Seeds of each cell, in words; the runs are of one set."""
    return seeds_in_words(frame.groupby(["backbone", "arm", "budget"]).size())
