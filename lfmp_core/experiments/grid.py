"""A grid: every backbone with every arm, hyper-parameters searched first."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ..budget import Budget
from ..errors import LfmpError, check_name
from ..settings import Settings, canonical_json
from . import own_sizes
from .arms import Arm, Search, SearchResult, contending, ended, on_border, trial_of
from .journal import Journal
from .search import TPE, Trial
from .spec import DatasetRef, RunSpec, asked, plain
from .store import Store

if TYPE_CHECKING:
    from .reach import Unmet


@dataclass(frozen=True)
class Grid:
    """Every backbone with every arm, hyper-parameters picked on validation AUC with one budget for all arms.

    Stage 1 runs every candidate with every search seed; stage 2 runs every seed with the best candidate.
    With a single candidate there is nothing to search.

    Args:
        item, profile: copied into the specs, as labels.
        dataset: the reference, or a function that makes it (and may prepare the data to learn its
            fingerprint); it is called when a plan is asked for, never on import.
        backbones, training: settings of backbones, TrainingSettings, or dicts of them.
        candidates: overrides of training or backbone settings, or else of an arm's own, the same for every
            arm.
        tpe: proposes the candidates instead, for every backbone and every arm without a `tpe` of its own.
        search_seeds, seeds: of stage 1 and stage 2.
        recheck_seeds: of stage 1 too, for the candidates whose score lies within `close` of the best one's,
            where there are several: what luck would choose is chosen by more seeds, from among them.
        close: the spread of the deciding metric over seeds.
        picks: another grid whose search decides for this one, by backbone and arm label; there is no
            search of one's own then.
        threads: CPU threads of each run.
        decided: by backbone and arm label, the candidate whose runs are there although the search's records
            speak for another by now, having been computed anew.
        role: of stage 2: "final", or "choice" where fields are chosen and nothing more.
        left_out: what was asked for and can't be on one's own data, see `reach`.
        one_training: all arms of a seed at one budget are the same training, cut in several ways.
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
    recheck_seeds: Sequence[int] = ()
    close: float = 0.0
    threads: int = 1
    picks: "Grid | None" = None
    role: Literal["final", "choice"] = "final"
    tpe: TPE | None = None
    decided: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    left_out: Sequence["Unmet"] = ()
    one_training: bool = False
    # A page asks for its plan a dozen times; a spec follows from the grid, backbone, arm and candidate alone.
    _specs: dict[Hashable, RunSpec] = field(default_factory=dict, init=False, repr=False, compare=False)
    _labels: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def plan(self, store: Store) -> list[RunSpec]:
        """All specs known by now: the search, and the final runs of every cell whose search is done."""
        specs: list[RunSpec] = []
        final: list[RunSpec] = []
        dataset = self._dataset()
        picked = None if self.picks is None else self.picks.picked(store)
        for search in self._searches(dataset, store):
            specs += [spec for cell in search.cells for spec in cell]
            best = self._best(search, picked)
            if best is not None:
                backbone, arm = search.backbone, search.arm
                final += [self._spec(self.role, dataset, backbone, arm, best, seed) for seed in self.seeds]
        return specs + final

    def choices(self, store: Store) -> list[SearchResult]:
        """What the search has picked so far, one entry per backbone and arm."""
        result = []
        for search in self.searches(store):
            candidates = tuple(plain(c, "candidate") for c in search.candidates)
            chosen = search.chosen
            tpe = self.tpe_of(search.arm)
            border = chosen is not None and (
                bool(tpe.on_border(candidates[chosen])) if tpe else on_border(candidates, chosen)
            )
            name = plain(search.backbone)["name"]
            result.append(
                SearchResult(name, search.arm.label, candidates, tuple(search.scores), chosen, border)
            )
        return result

    def tpe_of(self, arm: Arm) -> TPE | None:
        """What proposes an arm's candidates; None where the grid lists them itself."""
        return self.tpe and (arm.tpe or self.tpe)

    def arm_of(self, spec: RunSpec) -> str:
        """The label of the arm that `spec` belongs to; empty for a spec of another grid."""
        if spec.id not in self._labels:
            self._labels[spec.id] = self._label(spec)
        return self._labels[spec.id]

    def _label(self, spec: RunSpec) -> str:
        tried = (
            self._tried() - spec.training.keys() - spec.backbone.keys()
        )  # of the method, where it has them

        def own(method: str, budget: Budget, settings: Mapping[str, Any]) -> tuple[str, Budget, str]:
            fixed = {key: value for key, value in settings.items() if key not in tried}
            return method, budget, canonical_json(fixed)

        said = own(spec.method, spec.budget, spec.own_settings)
        arms = (a for a in self.arms if own(a.method, a.budget, plain(a.method_settings)) == said)
        return next((arm.label for arm in arms), "")

    def _tried(self) -> set[str]:
        """Names of what the search chooses, one's own or that of the grid that picks."""
        search = self.picks or self
        return set(search.tpe.space) if search.tpe else {key for c in search.candidates for key in c}

    def lacking(self, store: Store) -> int:
        """Number of runs that are not planned yet, because a search has to tell first; rechecks aside."""
        searches = list(self.searches(store))
        picked = None if self.picks is None else self.picks.picked(store)
        undecided = sum(self._best(search, picked) is None for search in searches)
        undecided += self._pairs() - len(searches)
        trials = sum(search.planned - len(search.cells) for search in searches)
        return undecided * len(self.seeds) + trials * len(self.search_seeds)

    def ended(self, store: Store) -> tuple[int, int]:
        """(runs of stage 2 that have ended, by diverging too; how many the finished grid has)."""
        last = [spec for spec in self.plan(store) if spec.role == self.role]
        return sum(ended(spec, store) is not None for spec in last), self._pairs() * len(self.seeds)

    def _pairs(self) -> int:
        return len(self.backbones) * len(self.arms)

    def searches(self, store: Store) -> Iterator[Search]:
        """The search of every backbone and arm, as far as it can be told by now."""
        yield from self._searches(self._dataset(), store)

    def _searches(self, dataset: DatasetRef, store: Store) -> Iterator[Search]:
        for backbone in self.backbones:
            for arm in self.arms:
                yield self._search(dataset, backbone, arm, store)

    def _search(self, dataset: DatasetRef, backbone: Any, arm: Arm, store: Store) -> Search:
        tpe = self.tpe_of(arm)
        if tpe is not None:
            return self._replayed(tpe, dataset, backbone, arm, store)
        candidates = tuple(self.candidates)
        cells = [self._trial(dataset, backbone, arm, c) for c in candidates if len(candidates) > 1]
        trials = [trial_of(cell, store) for cell in cells]
        contenders = contending(trials, self.close) if self.recheck_seeds else ()
        for i in contenders:
            cells[i] += self._trial(dataset, backbone, arm, candidates[i], self.recheck_seeds)
            trials[i] = trial_of(cells[i], store)
        decided = self.decided.get((plain(backbone)["name"], arm.label))
        return Search(
            backbone, arm, candidates, cells, trials, len(cells), decided=decided, contenders=contenders
        )

    def _trial(
        self,
        dataset: DatasetRef,
        backbone: Any,
        arm: Arm,
        candidate: Mapping[str, Any],
        seeds: Sequence[int] | None = None,
    ) -> list[RunSpec]:
        seeds = self.search_seeds if seeds is None else seeds
        return [self._spec("search", dataset, backbone, arm, candidate, seed) for seed in seeds]

    def _replayed(self, tpe: TPE, dataset: DatasetRef, backbone: Any, arm: Arm, store: Store) -> Search:
        spec = self._spec("search", dataset, backbone, arm, {}, self.search_seeds[0])
        journal = Journal(store, spec, tpe, self.search_seeds)
        known: list[Trial | None] = []
        candidates: list[Mapping[str, Any]] = []
        cells: list[list[RunSpec]] = []
        named = [entry.values for entry in journal.entries][: tpe.trials]
        while True:
            for values in named[len(cells) :]:
                least = tpe.min_metric_by_epoch(known) if len(cells) >= tpe.random else ()
                tried = {**values, "min_metric_by_epoch": least} if least else values
                candidates.append(values)
                cells.append(self._trial(dataset, backbone, arm, tried))
                said = journal.hold(len(cells) - 1, cells[-1], trial_of(cells[-1], store))
                known.append(said and said._replace(values=tuple(values.items())))
            if not tpe.more(known):
                break
            named = tpe.proposals(known)
        return Search(backbone, arm, tuple(candidates), cells, known, tpe.trials, journal)

    def trials(self, backbone: str, arm: str, store: Store) -> list[Trial | None]:
        """What the trials of one search said, in order; None of those that are not finished."""
        for search in self.searches(store):
            if (plain(search.backbone)["name"], search.arm.label) == (backbone, arm):
                return search.trials
        raise LfmpError(f"no search for {arm!r} on {backbone!r} in {self.item}")

    def picked(self, store: Store) -> dict[tuple[str, str], Mapping[str, Any] | None]:
        """By backbone and arm label: the candidate that the search chose, None while it is unknown."""
        return {(c.backbone, c.arm): c.candidate for c in self.choices(store)}

    def _best(
        self, search: Search, picked: Mapping[tuple[str, str], Mapping[str, Any] | None] | None
    ) -> Mapping[str, Any] | None:
        """The chosen candidate, from one's own search or from what another grid `picked`."""
        if picked is None:
            return None if search.chosen is None else search.candidates[search.chosen]
        label = search.arm.searched_as or search.arm.label
        check_name(label, {label for _, label in picked}, "arm of the grid that picks")
        return picked.get((plain(search.backbone)["name"], label))

    def _dataset(self) -> DatasetRef:
        return self.dataset() if callable(self.dataset) else self.dataset

    def _applied(self, backbone: Any, arm: Arm, candidate: Mapping[str, Any]) -> dict[str, dict]:
        """Training, backbone and method settings under a candidate's overrides; each goes to the first of the
        three that knows its name."""
        own = {"training": self.training, "backbone": backbone, "method_settings": arm.method_settings}
        merged = {place: plain(settings, place) for place, settings in own.items()}
        known = {
            place: type(settings).model_fields if isinstance(settings, Settings) else set(merged[place])
            for place, settings in own.items()
        }
        for key, value in plain(candidate, "candidate").items():
            if isinstance(self.training, Settings):
                check_name(key, set().union(*known.values()), "hyper-parameter")
            place = next((place for place in own if key in known[place]), "training")
            settings = own[place]
            name = settings.recorded.get(key, key) if isinstance(settings, Settings) else key
            merged[place][name] = value
        for place, settings in own.items():
            if isinstance(settings, Settings):
                merged[place] = plain(type(settings).model_validate(merged[place]))
        return merged

    def _spec(
        self, role: str, dataset: DatasetRef, backbone: Any, arm: Arm, candidate: Mapping[str, Any], seed: int
    ) -> RunSpec:
        told = [plain(part) for part in (backbone, arm.method_settings, candidate)]
        key = role, dataset, arm.method, arm.budget, canonical_json(told), seed
        if key not in self._specs:
            self._specs[key] = self._made(role, dataset, backbone, arm, candidate, seed)
        return self._specs[key]

    def _made(
        self, role: str, dataset: DatasetRef, backbone: Any, arm: Arm, candidate: Mapping[str, Any], seed: int
    ) -> RunSpec:
        applied = self._applied(backbone, arm, candidate)
        ratio, share = asked(arm.budget)
        return RunSpec.model_validate(
            {
                "item": self.item,
                "profile": self.profile,
                "role": role,
                "dataset": dataset,
                "method": arm.method,
                **applied,
                "method_settings": applied["method_settings"] | share,
                "prune_ratio": ratio,
                "seed": seed,
                "threads": self.threads,
            }
        )


def fitted(grids: Iterable[Grid], dataset: DatasetRef) -> list[Grid]:
    """Grids with the sizes that suit one's own training rows or pairs, see `own_sizes`."""
    found = own_sizes.examples(dataset)
    return [_fitted(grid, found) for grid in grids]


def _fitted(grid: Grid, found: own_sizes.Examples) -> Grid:
    suited = lambda backbone: backbone if found.pairs else own_sizes.backbone(backbone, found.number)
    return replace(
        grid,
        training=own_sizes.training(grid.training, found),
        backbones=[*map(suited, grid.backbones)],
        picks=grid.picks and _fitted(grid.picks, found),
    )
