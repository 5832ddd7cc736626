"""Stages of an item that are decided by the records of stages before them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..budget import Budget
from ..settings import Settings
from .arms import Arm, Search
from .grid import Grid
from .spec import DatasetRef, RunSpec, plain
from .store import Store

Line = tuple[str, Budget]  # label of an arm and what it removes


@dataclass(frozen=True)
class LaterGrid(Grid):
    """A grid of which some arms are run: those that the records of earlier grids speak for.

    `backbones` and `arms` go together one by one. With `picks` another grid's search decides on
    hyper-parameters, as of any grid; here the arms are decided on as well.

    Attributes:
        chosen: the arms to run, from the records that are there by now; none while they don't tell.
        most: how many it names when they tell.

    Raises:
        ValueError: there is not one backbone for each arm, or two arms have one label and one budget.
    """

    chosen: Callable[[Store], Collection[Line]] = lambda store: ()
    most: int = 1

    def __post_init__(self) -> None:
        lines = {(arm.label, arm.budget) for arm in self.arms}
        if len(self.backbones) != len(self.arms) or len(lines) < len(self.arms):
            raise ValueError(f"{self.item}: each arm needs a backbone, and a label and budget of its own")

    def plan(self, store: Store) -> list[RunSpec]:
        """As of any grid, seed by seed: where time ends, each arm has as many."""
        return sorted(super().plan(store), key=lambda spec: spec.seed)

    def _searches(self, dataset: DatasetRef, store: Store) -> Iterator[Search]:
        wanted, candidates = set(self.chosen(store)), tuple(self.candidates)
        for backbone, arm in zip(self.backbones, self.arms, strict=True):
            if (arm.label, arm.budget) in wanted:
                yield Search(backbone, arm, candidates, [], [], 0)

    def arm_of(self, spec: RunSpec) -> str:
        """The label of the arm that `spec` belongs to, by its backbone too; empty for another grid's."""
        own = [(b, a) for b, a in zip(self.backbones, self.arms, strict=True) if plain(b) == spec.backbone]
        few = replace(self, backbones=[b for b, _ in own], arms=[a for _, a in own])
        return Grid.arm_of(few, spec)

    def _pairs(self) -> int:
        return self.most


@dataclass(frozen=True)
class FollowingGrid(Grid):
    """A grid whose arms take over some of what another grid's search chose, and search the rest.

    Each arm follows the one of its label there, or of `searched_as`, on its own backbone; there is nothing of
    it until that search is done.

    Attributes:
        follows: the other grid.
        taken: what it chose → the setting of the arm's method that holds it here.
    """

    follows: Grid | None = None
    taken: Mapping[str, str] = field(default_factory=dict)

    def _searches(self, dataset: DatasetRef, store: Store) -> Iterator[Search]:
        assert self.follows is not None
        chosen = self.follows.picked(store)
        for backbone in self.backbones:
            for arm in self.arms:
                values = chosen.get((plain(backbone)["name"], arm.searched_as or arm.label))
                if values is not None:
                    yield self._search(dataset, backbone, self._told(arm, values), store)

    def _told(self, arm: Arm, values: Mapping[str, Any]) -> Arm:
        settings = arm.method_settings
        whole = plain(settings) | {name: values[key] for key, name in self.taken.items()}
        made = type(settings).model_validate(whole) if isinstance(settings, Settings) else whole
        return replace(arm, method_settings=made)

    def _tried(self) -> set[str]:
        return super()._tried() | set(self.taken.values())
