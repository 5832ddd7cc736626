"""Items: what each table and figure of the book runs, stage by stage."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import check_name
from ..settings import Settings, canonical_json
from .record import Record
from .spec import DatasetRef, RunSpec, plain
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
        """The chosen overrides of the training settings."""
        return None if self.chosen is None else self.candidates[self.chosen]


@dataclass(frozen=True)
class Grid:
    """Every backbone with every arm, hyper-parameters picked on validation AUC with one budget for all arms.

    Stage 1 runs every candidate with every search seed; stage 2 runs every seed with the best candidate.
    With a single candidate there is nothing to search.

    Args:
        item, profile: copied into the specs.
        dataset: the reference, or a function that makes it (and may prepare the data to learn its
            fingerprint); it is called when a plan is asked for, never on import.
        backbones, training: BackboneSettings, TrainingSettings, or dicts of them.
        candidates: overrides of training settings, the same for every arm.
        search_seeds, seeds: of stage 1 and stage 2.
        picks: another grid whose search decides for this one, by backbone and arm label; there is no
            search of one's own then.
        threads: CPU threads of each run.
        role: of stage 2: "final", or "choice" where fields are chosen and nothing more.
    """

    item: str
    profile: str
    dataset: DatasetRef | Callable[[], DatasetRef]
    backbones: Sequence[Mapping[str, Any] | Settings]
    arms: Sequence[Arm]
    training: Mapping[str, Any] | Settings
    seeds: Sequence[int]
    candidates: Sequence[Mapping[str, Any]] = ({},)
    search_seeds: Sequence[int] = (0,)
    threads: int = 1
    picks: "Grid | None" = None
    role: Literal["final", "choice"] = "final"

    def plan(self, store: Store) -> list[RunSpec]:
        """All specs known by now: the search, and the final runs of every cell whose search is done."""
        specs: list[RunSpec] = []
        final: list[RunSpec] = []
        dataset = self._dataset()
        for backbone, arm, cells in self._searches(dataset):
            specs += [spec for cell in cells for spec in cell]
            best = self._best(backbone, arm, cells, store)
            if best is not None:
                final += [self._spec(self.role, dataset, backbone, arm, best, seed) for seed in self.seeds]
        return specs + final

    def choices(self, store: Store) -> list[Choice]:
        """What the search has picked so far, one entry per backbone and arm."""
        candidates = tuple(plain(c, "candidate") for c in self.candidates)
        result = []
        for backbone, arm, cells in self._searches(self._dataset()):
            chosen, scores = self._choose(cells, store)
            border = chosen is not None and on_border(candidates, chosen)
            name = plain(backbone)["name"]
            result.append(Choice(name, arm.label, candidates, tuple(scores), chosen, border))
        return result

    def arm_of(self, spec: RunSpec) -> str:
        """The label of the arm that `spec` belongs to; empty for a spec of another grid."""
        own = (spec.method, spec.prune_ratio, canonical_json(spec.method_settings))
        for arm in self.arms:
            if own == (arm.method, float(arm.prune_ratio), canonical_json(plain(arm.method_settings))):
                return arm.label
        return ""

    def cells(self) -> int:
        """Number of runs of the finished grid."""
        pairs = len(self.backbones) * len(self.arms)
        search = len(self.candidates) * len(self.search_seeds) if len(self.candidates) > 1 else 0
        return pairs * (search + len(self.seeds))

    def _searches(self, dataset: DatasetRef) -> Iterator[tuple[Any, Arm, list[list[RunSpec]]]]:
        """Backbone, arm, and the search specs [candidate][seed] (empty where there is no choice)."""
        candidates = self.candidates if len(self.candidates) > 1 else ()
        for backbone in self.backbones:
            for arm in self.arms:
                yield (
                    backbone,
                    arm,
                    [
                        [self._spec("search", dataset, backbone, arm, c, seed) for seed in self.search_seeds]
                        for c in candidates
                    ],
                )

    def _best(
        self, backbone: Any, arm: Arm, cells: list[list[RunSpec]], store: Store
    ) -> Mapping[str, Any] | None:
        """The candidate that the search (one's own, or that of `picks`) chose; None while it is unknown."""
        if self.picks is None:
            chosen = self._choose(cells, store)[0]
            return None if chosen is None else self.candidates[chosen]
        name = plain(backbone)["name"]
        picked = {(c.backbone, c.arm): c.candidate for c in self.picks.choices(store)}
        label = arm.searched_as or arm.label
        check_name(label, {label for _, label in picked}, "arm of the grid that picks")
        return picked.get((name, label))

    def _choose(self, cells: list[list[RunSpec]], store: Store) -> tuple[int | None, list[float | None]]:
        if not cells:
            return 0, [None]
        scores: list[float | None] = []
        for cell in cells:
            found = [record.metrics["val_auc"] for spec in cell if (record := store.get(spec)) is not None]
            scores.append(sum(found) / len(found) if len(found) == len(cell) else None)
        known = [score for score in scores if score is not None]
        return (scores.index(max(known)) if len(known) == len(scores) else None), scores

    def _dataset(self) -> DatasetRef:
        return self.dataset() if callable(self.dataset) else self.dataset

    def _training(self, candidate: Mapping[str, Any]) -> dict[str, Any]:
        base = plain(self.training, "training")
        for key in candidate if isinstance(self.training, Settings) else ():
            check_name(key, base, "training parameter")
        merged = {**base, **plain(candidate, "candidate")}
        return plain(type(self.training)(**merged)) if isinstance(self.training, Settings) else merged

    def _spec(
        self, role: str, dataset: DatasetRef, backbone: Any, arm: Arm, candidate: Mapping[str, Any], seed: int
    ) -> RunSpec:
        return RunSpec.model_validate(
            {
                "item": self.item,
                "profile": self.profile,
                "role": role,
                "dataset": dataset,
                "backbone": backbone,
                "training": self._training(candidate),
                "method": arm.method,
                "method_settings": arm.method_settings,
                "prune_ratio": arm.prune_ratio,
                "seed": seed,
                "threads": self.threads,
            }
        )


def on_border(candidates: Sequence[Mapping[str, Any]], chosen: int) -> bool:
    """Whether any number of the chosen candidate is the least or greatest of those tried for it."""
    for key, value in candidates[chosen].items():
        tried = {c[key] for c in candidates if isinstance(c.get(key), int | float)}
        if len(tried) > 1 and value in (min(tried), max(tried)):
            return True
    return False


@dataclass(frozen=True)
class Item:
    """One table, figure or page: its notebook and, per profile, the grid or grids that it runs.

    Attributes:
        against: labels of arms that every arm is compared with, besides those that every page has.
    """

    name: str
    notebook: str
    description: str
    profiles: Mapping[str, Grid | Sequence[Grid]]
    against: tuple[str, ...] = ()

    def grids(self, profile: str) -> Sequence[Grid]:
        """The grids of a profile.

        Raises:
            UnknownName: the item has no such profile.
        """
        found = self.profiles[check_name(profile, self.profiles, f"profile of {self.name}")]
        return (found,) if isinstance(found, Grid) else found

    def plan(self, profile: str, store: Store) -> list[RunSpec]:
        """All specs known by now, each once, in the order of the grids; more appear as searches finish."""
        specs = {spec.id: spec for grid in self.grids(profile) for spec in grid.plan(store)}
        return list(specs.values())

    def records(self, profile: str, store: Store) -> list[Record]:
        """The finished records of the plan, in its order."""
        return [record for spec in self.plan(profile, store) if (record := store.get(spec)) is not None]


def registry() -> Mapping[str, Item]:
    """All items by name."""
    from .grids import ITEMS  # here, since the grids are made of this module's classes

    return ITEMS


def get_item(name: str) -> Item:
    """The item of that name.

    Raises:
        UnknownName: there is none; the message lists the nearest.
    """
    items = registry()
    return items[check_name(name, items, "item")]
