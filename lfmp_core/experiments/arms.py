"""The lines of a comparison, and what a search has said of each so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..settings import Settings
from .search import Trial
from .spec import RunSpec
from .store import Store


@dataclass(frozen=True)
class Arm:
    """One line of a comparison: a method with its settings at one prune ratio.

    Attributes:
        searched_as: label of the arm whose search decides for this one, where another grid picks; its own
            by default.
    """

    label: str
    method: str
    prune_ratio: float = 0.0
    method_settings: Mapping[str, Any] | Settings = field(default_factory=dict)
    searched_as: str = ""


@dataclass(frozen=True)
class Choice:
    """What the search stage said for one backbone and arm.

    Attributes:
        candidates: what was tried, as overrides of training and backbone settings; of a TPE search what is
            known by now.
        scores: mean validation AUC per candidate, None where a search run is missing.
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
    """One backbone and arm with the specs of its search, [candidate][seed]; none where there is no choice."""

    backbone: Any
    arm: Arm
    candidates: tuple[Mapping[str, Any], ...]
    cells: list[list[RunSpec]]


def told(cell: Sequence[RunSpec], store: Store) -> Trial | None:
    """What the runs of one candidate say together; None until all are finished."""
    records = [store.get(spec) for spec in cell]
    if not all(records):
        return Trial(None) if any(store.failure(spec) is not None for spec in cell) else None
    done = [record for record in records if record is not None]
    history = tuple(float(row["val_auc"]) for row in done[0].details.get("history", ()) if "val_auc" in row)
    return Trial(sum(r.metrics["val_auc"] for r in done) / len(done), history)


def on_border(candidates: Sequence[Mapping[str, Any]], chosen: int) -> bool:
    """Whether any number of the chosen candidate is the least or greatest of those tried for it."""
    for key, value in candidates[chosen].items():
        tried = {c[key] for c in candidates if isinstance(c.get(key), int | float)}
        if len(tried) > 1 and value in (min(tried), max(tried)):
            return True
    return False
