"""What the removal of a part costs and saves, case by case and over all cases with records.

A case is one data set with one backbone. The loss is that of test AUC against the whole model; what an
interval of 95 % says of it is one of four words: better, equal, undecided, worse.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

MARGIN = 0.001  # of test AUC, within which a difference is none
BETTER, EQUAL, UNDECIDED, WORSE = OUTCOMES = ("better", "equal", "undecided", "worse")
Class = Literal["free", "open", "costs", "never"]
SAVINGS = (
    "bytes",
    "TT",
    "IT",
)  # columns of `results.frame`: as served, processor seconds to train and to score


def outcome(low: float, high: float, margin: float = MARGIN) -> str:
    """Equal: the interval lies within ± margin; better or worse: it lies on one side of 0; else undecided."""
    if -margin <= low and high <= margin:
        return EQUAL
    return BETTER if low > 0 else WORSE if high < 0 else UNDECIDED


@dataclass(frozen=True)
class RecordSource:
    """Where a page's records come from.

    Attributes:
        item: its name. page: notebook that shows it. removes: what its arms take away: fields or table.
        whole: arm that nothing is removed from. free: arms that remove as much and need nothing to be found,
            the first of which others are held against.
    """

    item: str
    page: str
    removes: Literal["fields", "table"]
    whole: str
    free: tuple[str, ...]


@dataclass(frozen=True)
class Effect:
    """One arm on one data set and backbone, against the whole model.

    Attributes:
        difference, low, high: of test AUC, arm − whole, with its 95 % interval.
        plain: what the interval against the free arm says; None for that arm itself, and where the
            two weren't compared.
        ratios: mean over seeds over that of the whole model, by column of `SAVINGS`.
        seeds: that were compared.
        page: notebook that shows it.
        stale: some of its records are of code that computes other numbers now.
    """

    dataset: str
    backbone: str
    difference: float
    low: float
    high: float
    plain: str | None
    ratios: dict[str, float]
    seeds: int
    page: str
    stale: bool

    @property
    def outcome(self) -> str:
        """What the interval says."""
        return outcome(self.low, self.high)


@dataclass(frozen=True)
class Action:
    """One way of removing one share, over its cases.

    Attributes:
        removes, free: see `RecordSource`. arm, share: its label and the share that it was asked to remove.
        cases: one for each data set and backbone.
    """

    removes: str
    free: tuple[str, ...]
    arm: str
    share: float
    cases: tuple[Effect, ...]

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
        """Smallest and largest ratio to the whole model over the cases."""
        found = [case.ratios[column] for case in self.cases]
        return min(found), max(found)

    def mean(self, column: str) -> float:
        """Mean of the ratios over the cases."""
        return sum(case.ratios[column] for case in self.cases) / len(self.cases)

    @property
    def gain(self) -> float:
        """Mean difference in test AUC over the cases."""
        return sum(case.difference for case in self.cases) / len(self.cases)

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


def actions(parts: Iterable[tuple[RecordSource, pd.DataFrame, pd.DataFrame]]) -> list[Action]:
    """Every arm that removes a share, over the cases in which it was compared with the whole model.

    A case that several pages have stands once, with the most seeds, so that evidence is counted once.

    Args:
        parts: a source with its runs, see `results.frame`, and what `results.compare` makes of them.
    """
    found: dict[tuple[str, str, float], dict[tuple[str, str], Effect]] = {}
    free: dict[str, tuple[str, ...]] = {}
    for source, frame, compared in parts:
        free.setdefault(source.removes, source.free)
        for arm, share, case in _cases(source, frame, compared):
            own = found.setdefault((source.removes, arm, share), {})
            there = own.get((case.dataset, case.backbone))
            if there is None or there.seeds < case.seeds:
                own[case.dataset, case.backbone] = case
    return [
        Action(removes, free[removes], arm, share, tuple(cases.values()))
        for (removes, arm, share), cases in found.items()
    ]


def _cases(
    source: RecordSource, frame: pd.DataFrame, compared: pd.DataFrame
) -> Iterator[tuple[str, float, Effect]]:
    auc = compared[compared.metric == "auc"]
    keys = ["dataset", "backbone", "budget", "arm"]
    means = frame.groupby(keys)[list(SAVINGS)].mean()
    stale = frame.groupby(keys)["stale"].any()
    plain = {
        (r.dataset, r.backbone, r.budget, r.arm): outcome(r.low, r.high)
        for r in auc[auc.against == source.free[0]].itertuples()
    }
    for r in auc[(auc.against == source.whole) & (auc.budget > 0)].itertuples():
        key = (r.dataset, r.backbone, r.budget, r.arm)
        whole = (r.dataset, r.backbone, 0.0, source.whole)
        ratios = {column: float(means.loc[key, column] / means.loc[whole, column]) for column in SAVINGS}
        old = bool(stale[key] or stale[whole])
        case = Effect(
            r.dataset,
            r.backbone,
            r.difference,
            r.low,
            r.high,
            plain.get(key),
            ratios,
            int(r.seeds),
            source.page,
            old,
        )
        yield r.arm, r.budget, case


def cases_of(found: Sequence[Action]) -> list[Effect]:
    """The cases of several actions, one after the other."""
    return [case for action in found for case in action.cases]


def of_class(found: Sequence[Action], *verdicts: Class) -> list[Action]:
    """Those with one of some verdicts."""
    return [action for action in found if action.verdict in verdicts]
