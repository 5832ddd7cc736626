"""What the page of LERS's Fig. 7 runs: LightGCN under several weights of InfoNCE, plain and compressed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

from lfmp_core.experiments.executor import reference_to_pairs
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import PROFILES, by_profile
from lfmp_core.experiments.reach import reachable
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.store import Store
from lfmp_core.training.pairs import PairTrainingSettings

from ..arguments import numbers
from . import cf_arms
from . import cf_grids as lists
from .grids import DECAYED, ORIGINAL, SPARSITIES

ITEM = "lers_fig7"
SETS = ("gowalla",)  # the reference's; the figure doesn't say which it is of
METHODS = DECAYED  # QR, DHE and PEP, as in Fig. 6


@dataclass(frozen=True)
class ChoiceBut(Grid):
    """A search whose choice is taken but for some hyper-parameters.

    Args:
        fixed: their values, whatever the search chose.
    """

    fixed: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, search: Grid, fixed: Mapping[str, Any]) -> "ChoiceBut":
        """The grid of a search, with some values fixed."""
        return cls(**{f.name: getattr(search, f.name) for f in fields(search) if f.init}, fixed=fixed)

    def picked(self, store: Store) -> dict[tuple[str, str], Mapping[str, Any] | None]:
        found = super().picked(store)
        return {cell: None if own is None else {**own, **self.fixed} for cell, own in found.items()}


def labelled(method: str, weight: float) -> str:
    """Label of a method under one γ."""
    return f"{method}, γ = {weight:g}"


def weights_of(profile: str) -> tuple[float, ...]:
    """γ that are tried; on planted pairs it harms, so that theirs are small."""
    return by_profile(
        profile, quick=(0.0, 0.02, 0.1), reference=(0.0, 0.3, 0.9), paper=(0.0, 0.25, 0.5, 0.75, 1.0)
    )


def sparsities_of(profile: str) -> tuple[float, ...]:
    """Both ends; of so few planted users QR can't have a twentieth of the numbers."""
    return by_profile(profile, quick=(0.5, 0.8), reference=(0.5, 0.95), paper=(0.5, 0.8, 0.95))


def training_for(profile: str) -> PairTrainingSettings:
    """As Table 6's with more epochs, and the most patience of those there.

    A training without InfoNCE rises slowly and for long; one with much of it falls before it rises, where few
    numbers are left.
    """
    own = cf_arms.training_for("lightgcn", profile, final=True)
    most = max(cf_arms.training_for("lightgcn", profile, sparsity=t).patience for t in SPARSITIES)
    epochs = by_profile(profile, quick=8, reference=48, paper=400)
    return own.model_copy(update={"epochs": epochs, "patience": most})


def fig7(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    sets: str | Sequence[str] | None = SETS,
    sparsities: str | Sequence[float] | None = None,
    seeds: int | None = None,
    trials: int | None = None,
) -> list[Grid]:
    """LightGCN, plain and compressed, with each γ; the rest as Table 6's search found it for the method.

    The quick profile has no search: its learning rate and λ are those of Table 6's quick profile.

    Args:
        dataset, sets, trials: as of `cf_grids.tunings`. sparsities, seeds: as of `cf_grids.table6`.
    """
    count = seeds or by_profile(profile, quick=1, reference=3, paper=3)
    shares = numbers(sparsities, sparsities_of(profile), "sparsities")
    methods = by_profile(profile, quick=("QR", "PEP"), reference=METHODS, paper=METHODS)
    grids: list[Grid] = []
    for search, serves in lists.tunings(
        profile, dataset=dataset, sets=sets, recommenders="lightgcn", trials=trials
    ):
        [recommender] = search.backbones
        own = [t for t in serves if t in shares]
        every = [arm for t in own for arm in cf_arms.compressions(profile, t) if arm.label in methods]
        original = [arm for arm in search.arms if arm.label == ORIGINAL]
        arms = [*original, *reachable(every, dataset, recommender)]
        labels = {arm.label for arm in arms}
        if not labels:
            continue
        search = replace(search, arms=[arm for arm in search.arms if arm.label in labels])
        quick = by_profile(profile, quick=True, reference=False, paper=False)
        if quick and dataset is None:
            planted = partial(
                reference_to_pairs, "planted_interactions", cf_arms.HALVES, planted=cf_arms.LONG
            )
            search = replace(search, dataset=planted)
        grids += [] if quick else [search]
        grids += [_under(search, arms, weight, profile, count, quick) for weight in weights_of(profile)]
    return grids


def _under(search: Grid, arms: Sequence[Arm], weight: float, profile: str, seeds: int, alone: bool) -> Grid:
    """The final runs under one γ.

    Args:
        search: that decides for the rest. alone: without it.
    """
    training = training_for(profile)
    return Grid(
        item=ITEM,
        profile=profile,
        dataset=search.dataset,
        backbones=search.backbones,
        arms=[replace(arm, label=labelled(arm.label, weight), searched_as=arm.label) for arm in arms],
        training=training.model_copy(update={"contrast": weight}) if alone else training,
        seeds=range(seeds),
        picks=None if alone else ChoiceBut.of(search, {"contrast": weight}),
    )


ITEMS = [
    Item(
        ITEM,
        "lers_fig7_infonce",
        "what InfoNCE does for LightGCN, plain and compressed",
        {profile: fig7(profile) for profile in PROFILES},
        against=tuple(labelled(method, 0.0) for method in (ORIGINAL, *METHODS)),
        keeps_draws=True,
        own=fig7,
    )
]
