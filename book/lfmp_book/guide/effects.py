"""What the removal of a part costs and saves, case by case and over all cases with records.

A case is one data set with one backbone. The loss is that of the source's metric on test data against the
whole model; what it comes to beside all other comparisons in that metric is one of four words: better, equal,
undecided, worse.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Literal, NamedTuple

import pandas as pd

from lfmp_core.experiments.decisions import Contrast, Decision, decide
from lfmp_core.metrics import AUC, Metric

from ..evidence.outcomes import BETTER, UNDECIDED, WORSE, contrasts

Class = Literal["free", "open", "costs", "never"]
SAVINGS = (
    "bytes",
    "TT",
    "IT",
)  # columns of `results.frame`: as served, processor seconds to train and to score
KEPT = "fields_kept"


@dataclass(frozen=True)
class RecordSource:
    """Where a page's records come from.

    Attributes:
        item: its name. page: notebook that shows it. removes: what its arms take away: fields or table.
        whole: arm that nothing is removed from. free: arms that remove as much and need nothing to be found,
            the first of which others are held against. metric: in which they are.
    """

    item: str
    page: str
    removes: Literal["fields", "table"]
    whole: str
    free: tuple[str, ...]
    metric: Metric = AUC


@dataclass(frozen=True)
class Effect:
    """One arm on one data set and backbone, against the whole model.

    Attributes:
        difference, low, high: in the source's metric, arm − whole, with its own 95 % interval.
        outcome: what it comes to beside all comparisons in that metric.
        plain: what the comparison with the free arm comes to; None for that arm itself, and where the
            two weren't compared.
        ratios: mean over seeds over that of the whole model, by column of `SAVINGS`, and of fields.
        seeds: that were compared.
        page: notebook that shows it.
        stale: some of its records are of code that computes other numbers now.
    """

    dataset: str
    backbone: str
    difference: float
    low: float
    high: float
    outcome: str
    plain: str | None
    ratios: dict[str, float]
    seeds: int
    page: str
    stale: bool


@dataclass(frozen=True)
class Action:
    """One way of removing one share, over its cases.

    Attributes:
        removes, free: see `RecordSource`. arm, share: its label and the share that it was asked to remove.
        cases: one for each data set and backbone. metric: of their differences.
    """

    removes: str
    free: tuple[str, ...]
    arm: str
    share: float
    cases: tuple[Effect, ...]
    metric: Metric = AUC

    def count(self, word: str) -> int:
        """Cases of an outcome."""
        return sum(case.outcome == word for case in self.cases)

    @property
    def worst(self) -> Effect:
        """The case with the largest loss."""
        return min(self.cases, key=lambda case: case.difference)

    @property
    def possible(self) -> float:
        """The largest loss that some case's interval leaves open, 0 or more."""
        return max(0.0, -min(case.low for case in self.cases))

    def ratios(self, column: str) -> tuple[float, float]:
        """Smallest and largest ratio to the whole model over the cases; neither where none has one."""
        found = self._known(column)
        return (min(found), max(found)) if found else (nan, nan)

    def mean(self, column: str) -> float:
        """Mean of the ratios over the cases that have one."""
        found = self._known(column)
        return sum(found) / len(found) if found else nan

    def _known(self, column: str) -> list[float]:
        # a time that was taken on another processor than the whole model's says nothing
        return [ratio for case in self.cases if (ratio := case.ratios[column]) == ratio]

    @property
    def gain(self) -> float:
        """Mean difference over the cases."""
        return sum(case.difference for case in self.cases) / len(self.cases)

    @property
    def fewer_fields(self) -> bool:
        """Whether fields go in every case: not so where values, widths or weights of each are cut."""
        return self.ratios(KEPT)[1] < 1

    def held(self, word: str) -> int:
        """Cases in which the free arm of its size is met with an outcome."""
        return sum(case.plain == word for case in self.cases)

    @property
    def verdict(self) -> Class:
        """Free: better or equal in every case. Open: worse in none, some undecided. Costs: worse in some.

        Never: of the last, those that are also worse than the free arm of their size in some case, and better
        than it or than the whole model in none.
        """
        if not self.count(WORSE):
            return "open" if self.count(UNDECIDED) else "free"
        lost = self.held(WORSE) and not self.held(BETTER) and not self.count(BETTER)
        return "never" if lost else "costs"


class _Part(NamedTuple):
    """A source with its runs, see `results.frame`, and the comparisons in its metric that the guide shows."""

    source: RecordSource
    frame: pd.DataFrame
    compared: pd.DataFrame
    contrasts: dict[int, Contrast]

    @classmethod
    def of(cls, source: RecordSource, frame: pd.DataFrame, compared: pd.DataFrame) -> "_Part":
        shown = compared.against.isin((source.whole, source.free[0])) & (compared.budget > 0)
        own = compared[shown & (compared.metric == source.metric.name)].reset_index(drop=True)
        return cls(source, frame, own, contrasts(own, frame))

    def keys(self) -> pd.Series:
        """What a row is a comparison of, whatever page has it."""
        columns = ["arm", "budget", "dataset", "backbone"]
        return self.compared[columns].apply(lambda row: (self.source.removes, *row), axis=1)

    def whole(self) -> pd.DataFrame:
        """The comparisons with the whole model."""
        return self.compared[self.compared.against == self.source.whole]


def actions(parts: Iterable[tuple[RecordSource, pd.DataFrame, pd.DataFrame]]) -> list[Action]:
    """Every arm that removes a share, over the cases in which it was compared with the whole model.

    A case that several pages have stands once, with the most seeds, so that evidence is counted once. All
    comparisons that stand, with the whole model and with the free arm, are adjusted together.

    Args:
        parts: a source with its runs, see `results.frame`, and what `results.compare` makes of them; all of
            one metric.
    """
    known = [_Part.of(*part) for part in parts]
    [metric] = {part.source.metric for part in known}
    decided = decide(_standing(known), metric.margin).by_name
    found: dict[tuple[str, str, float], list[Effect]] = {}
    free: dict[str, tuple[str, ...]] = {}
    for number, part in enumerate(known):
        free.setdefault(part.source.removes, part.source.free)
        own = {row: decision for (of, row), decision in decided.items() if of == number}
        for arm, share, case in _cases(part, own):
            found.setdefault((part.source.removes, arm, share), []).append(case)
    return [
        Action(removes, free[removes], arm, share, tuple(cases), metric)
        for (removes, arm, share), cases in found.items()
    ]


def standing(parts: Iterable[tuple[RecordSource, pd.DataFrame, pd.DataFrame]]) -> list[Contrast]:
    """The comparisons that `actions` adjusts together."""
    return list(_standing([_Part.of(*part) for part in parts]).values())


def _standing(known: Sequence[_Part]) -> dict[tuple[int, int], Contrast]:
    """By part and row; of a case that several parts have, those of the part with the most seeds."""
    most: dict[tuple, tuple[int, int]] = {}  # a case → the most seeds, and the first part that has them
    for number, part in enumerate(known):
        for key, seeds in zip(part.keys()[part.whole().index], part.whole().seeds, strict=True):
            if key not in most or most[key][0] < seeds:
                most[key] = (seeds, number)
    return {
        (number, row): part.contrasts[row]
        for number, part in enumerate(known)
        for row, key in part.keys().items()
        if key in most and most[key][1] == number
    }


def _cases(part: _Part, decided: dict[int, Decision]) -> Iterator[tuple[str, float, Effect]]:
    keys = ["dataset", "backbone", "budget", "arm"]
    means = part.frame.groupby(keys)[[*SAVINGS, KEPT]].mean()
    stale = part.frame.groupby(keys)["stale"].any()
    own = part.compared.loc[list(decided)]
    plain = {
        (r.dataset, r.backbone, r.budget, r.arm): decided[r.Index].outcome
        for r in own[own.against == part.source.free[0]].itertuples()
    }
    for r in own[own.against == part.source.whole].itertuples():
        key = (r.dataset, r.backbone, r.budget, r.arm)
        whole = (r.dataset, r.backbone, 0.0, part.source.whole)
        ratios = {column: float(means.loc[key, column] / means.loc[whole, column]) for column in means}
        case = Effect(
            r.dataset,
            r.backbone,
            r.difference,
            r.low,
            r.high,
            decided[r.Index].outcome,
            plain.get(key),
            ratios,
            int(r.seeds),
            part.source.page,
            bool(stale[key] or stale[whole]),
        )
        yield r.arm, r.budget, case


def cases_of(found: Sequence[Action]) -> list[Effect]:
    """The cases of several actions, one after the other."""
    return [case for action in found for case in action.cases]


def num_comparisons(found: Sequence[Action]) -> int:
    """How many comparisons stand, with the whole model and with the free arm."""
    return sum(1 + (case.plain is not None) for case in cases_of(found))


def of_class(found: Sequence[Action], *verdicts: Class) -> list[Action]:
    """Those with one of some verdicts."""
    return [action for action in found if action.verdict in verdicts]
