"""The lines of a comparison, and what a search has said of each so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, NamedTuple

from ..budget import NOTHING, Budget
from ..metrics import metrics_among
from ..settings import Settings
from .journal import Journal
from .record import Record
from .search import TPE, Trial
from .spec import RunSpec
from .store import Store


@dataclass(frozen=True)
class Arm:
    """One line of a comparison: a method with its budget and its settings.

    Attributes:
        searched_as: label of the arm whose search decides for this one, where another grid picks; its own
            by default.
        tpe: where its hyper-parameters are searched, if not in the intervals of the grid's other arms.
    """

    label: str
    method: str
    budget: Budget = NOTHING
    method_settings: Mapping[str, Any] | Settings = field(default_factory=dict)
    searched_as: str = ""
    tpe: TPE | None = None


@dataclass(frozen=True)
class SearchResult:
    """What the search stage said for one backbone and arm.

    Attributes:
        candidates: what was tried, as overrides of training and backbone settings; of a TPE search what is
            known by now.
        scores: mean of the deciding metric on validation per candidate, None where a search run is missing.
        chosen: index of the best candidate (the first of equals), None until every search run is there.
        border: the chosen value is the least or the greatest of its hyper-parameter, so the best may lie
            outside.
    """

    backbone: str
    arm: str
    candidates: tuple[dict[str, Any], ...]
    scores: tuple[float | None, ...]
    chosen: int | None
    border: bool

    @property
    def candidate(self) -> dict[str, Any] | None:
        """The chosen overrides."""
        return None if self.chosen is None else self.candidates[self.chosen]


class Search(NamedTuple):
    """The search of one backbone and arm, as far as it can be told by now.

    Attributes:
        cells: the specs, [candidate][seed]; none where there is no choice.
        trials: what each candidate said, None of those that have not ended.
        planned: how many trials there are when it is finished.
        journal: of a search by TPE.
        decided: the candidate whose runs are there although the trials, run anew, speak for another by now.
        contenders: the candidates that were tried with more seeds, see `contending`; one of them is chosen.
            None of them: any candidate.
    """

    backbone: Any
    arm: Arm
    candidates: tuple[Mapping[str, Any], ...]
    cells: list[list[RunSpec]]
    trials: list[Trial | None]
    planned: int
    journal: Journal | None = None
    decided: Mapping[str, Any] | None = None
    contenders: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Which it is, for people."""
        first = self.cells[0][0]
        return f"the search of {self.arm.label!r} on {first.backbone['name']} and {first.dataset.name}"

    @property
    def ids(self) -> frozenset[str]:
        """Of its runs."""
        return frozenset(spec.id for cell in self.cells for spec in cell)

    @property
    def scores(self) -> list[float | None]:
        """Mean validation score of each candidate; None where a run is missing or diverged."""
        return [trial.score if trial else None for trial in self.trials] if self.cells else [None]

    @property
    def chosen(self) -> int | None:
        """Index of the best candidate, the first of equals; None until all have ended, or if all diverged."""
        if not self.cells:
            return 0
        among = self.contenders or range(len(self.cells))
        known = {i: score for i in among if (score := self.scores[i]) is not None}
        whole = None not in self.trials and len(self.trials) == self.planned
        if not known or not whole:
            return None
        return self.candidates.index(self.decided) if self.decided else max(known, key=known.__getitem__)


def ended(spec: RunSpec, store: Store) -> Record | None:
    """The finished record of a run, or the one that says that its training diverged; else None.

    Any other failure says nothing of the run, which a rerun may finish.
    """
    found = store.get(spec)
    if found is None:
        failure = store.failure(spec)
        found = failure if failure is not None and failure.cause == "diverged" else None
    return found


def trial_of(cell: Sequence[RunSpec], store: Store) -> Trial | None:
    """What the runs of one candidate say together; None until all have ended."""
    done = [record for spec in cell if (record := ended(spec, store)) is not None]
    if len(done) < len(cell):
        return None
    if any(record.status == "failed" for record in done):
        return Trial(None)
    key = f"val_{metrics_among(done[0].metrics)[0].name}"
    history = tuple(float(row[key]) for row in done[0].details.get("history", ()) if key in row)
    return Trial(sum(r.metrics[key] for r in done) / len(done), history)


def contending(trials: Sequence[Trial | None], close: float) -> tuple[int, ...]:
    """Trials whose score lies within `close` of the best; none until all have ended, or of a single one."""
    if None in trials:
        return ()
    scores = [trial.score if trial and trial.score is not None else -inf for trial in trials]
    near = tuple(i for i, score in enumerate(scores) if score > -inf and score >= max(scores) - close)
    return near if len(near) > 1 else ()


def on_border(candidates: Sequence[Mapping[str, Any]], chosen: int) -> bool:
    """Whether any number of the chosen candidate is the least or greatest of those tried for it."""
    for key, value in candidates[chosen].items():
        tried = {c[key] for c in candidates if isinstance(c.get(key), int | float)}
        if len(tried) > 1 and value in (min(tried), max(tried)):
            return True
    return False
