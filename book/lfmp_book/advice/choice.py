"""Which ways are worth going on with, by what validation rows say of them; test rows have no say in it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from lfmp_core.budget import Budget
from lfmp_core.experiments.items import Grid
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.stages import Line
from lfmp_core.experiments.store import Store

from ..evidence.results import finals
from .costs import COUNTS

WHOLE = "all fields"


@dataclass(frozen=True)
class Option:
    """One way of removing a part, beside the whole model of the same seeds.

    Attributes:
        label: of its arm. budget: what it was asked to remove.
        own, whole: records of each seed that both have, in the same order.
    """

    label: str
    budget: Budget
    own: tuple[Record, ...]
    whole: tuple[Record, ...]

    @property
    def line(self) -> Line:
        """How grids know it."""
        return self.label, self.budget

    @property
    def seeds(self) -> tuple[int, ...]:
        """That both were trained with."""
        return tuple(record.spec.seed for record in self.own)

    def losses(self, split: str = "val") -> list[float]:
        """AUC of the whole model less its own, seed by seed."""
        key = f"{split}_auc"
        return [w.metrics[key] - o.metrics[key] for o, w in zip(self.own, self.whole, strict=True)]

    @property
    def expected(self) -> float:
        """Mean loss on validation rows."""
        return float(np.mean(self.losses()))

    @property
    def feared(self) -> float:
        """Mean loss on validation rows and one standard error over seeds; unbounded of a single seed."""
        found = self.losses()
        return self.expected + float(np.std(found, ddof=1)) / sqrt(len(found)) if len(found) > 1 else inf

    def share(self, count: str) -> float:
        """What is left of what counts: its mean over the whole model's."""
        cost = COUNTS[count]
        return float(np.mean([cost(r) for r in self.own]) / np.mean([cost(r) for r in self.whole]))

    @property
    def chooses(self) -> bool:
        """Some fields are gone by it."""
        return self.own[0].sizes["fields_kept"] < self.whole[0].sizes["fields_kept"]

    @property
    def rounded_only(self) -> bool:
        """The whole model itself, trained once and rounded afterwards: no other training decides on it."""
        settings = self.own[0].spec.method_settings
        return self.own[0].spec.method == "quantise" and settings["method"] == "no_selection"


def options_of(whole: Sequence[Grid], grids: Sequence[Grid], store: Store) -> list[Option]:
    """Every way with a finished run, on the seeds that it shares with the whole model.

    Args:
        whole: grids that train the whole model. grids: those of all else.
    """
    plain = {record.spec.seed: record for label, record in finals(whole, store) if label == WHOLE}
    found: dict[Line, dict[int, Record]] = {}
    for label, record in finals(grids, store):
        if label != WHOLE and record.spec.seed in plain:
            found.setdefault((label, record.spec.budget), {})[record.spec.seed] = record
    return [
        Option(*line, tuple(own[s] for s in sorted(own)), tuple(plain[s] for s in sorted(own)))
        for line, own in found.items()
    ]


def over(grids: Iterable[Grid], store: Store) -> bool:
    """Whether all runs of some grids have ended."""
    return all(done == planned for done, planned in (grid.ended(store) for grid in grids))


def boldest(found: Sequence[Option], loss: float, saves: Callable[[Option], float]) -> Option:
    """Of those that are expected to lose at most `loss` the one that saves most, of equals the one that loses
    least; if none is, the one that loses least."""
    fit = [option for option in found if option.expected <= loss]
    most = max(map(saves, fit), default=0.0)
    return min([o for o in fit if saves(o) == most] or found, key=lambda option: option.expected)


@dataclass(frozen=True)
class Together:
    """The best of fields, dimensions and bits, combined: fields × bits, dimensions × bits, and all three.

    Attributes:
        whole, fields, dimensions, bits: grids whose records decide. loss: of AUC that is allowed.
        patient: wait until all of their runs have ended.
    """

    whole: Grid
    fields: Grid
    dimensions: Grid
    bits: Grid
    loss: float
    patient: bool
    COUNT = 3

    def __call__(self, store: Store) -> list[Line]:
        parts = (self.fields, self.dimensions, self.bits)
        if self.patient and not over((self.whole, *parts), store):
            return []
        each = [options_of([self.whole], [grid], store) for grid in parts]
        if not all(each):
            return []
        removed = lambda option: option.budget.share
        field, width = (boldest(own, self.loss, removed) for own in each[:2])
        few = boldest(each[2], self.loss, lambda option: -option.share("bytes")).label
        dim = width.own[0].details["embedding_dim"]
        return [
            (f"{field.label}, {few}", field.budget),
            (f"{width.label}, {few}", width.budget),
            (f"{field.label}, {dim} dimensions, {few}", field.budget),
        ]


def finalists(found: Sequence[Option], loss: float, count: str, most: int) -> list[Option]:
    """Which are to be held against the whole model on test rows, the first of each kind:

    - what saves most of those expected to lose at most `loss`;
    - what saves most of those that are feared to lose at most `loss`;
    - what is feared to lose least, and then the next of these.

    Only what saves anything and was trained with two seeds and more.
    """
    able = [option for option in found if len(option.seeds) > 1 and option.share(count) < 1]
    saved = sorted(able, key=lambda option: option.share(count))
    wanted = [option for option in saved if option.expected <= loss][:1]
    wanted += [option for option in saved if option.feared <= loss][:1]
    wanted += sorted(able, key=lambda option: option.feared)
    named = {option.line: option for option in wanted}
    return list(named.values())[:most]


@dataclass(frozen=True)
class Finalists:
    """The whole model and its finalists, for more seeds.

    Attributes:
        whole, grids: whose records decide. loss, count, most: see `finalists`.
        patient: wait until all of their runs have ended.
    """

    whole: Grid
    grids: tuple[Grid, ...]
    loss: float
    count: str
    most: int
    patient: bool

    def __call__(self, store: Store) -> list[Line]:
        if self.patient and not over((self.whole, *self.grids), store):
            return []
        found = finalists(options_of([self.whole], self.grids, store), self.loss, self.count, self.most)
        return [(WHOLE, Budget()), *(option.line for option in found)] if found else []
