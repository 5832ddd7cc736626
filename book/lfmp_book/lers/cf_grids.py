"""What the LERS pages on collaborative filtering run: the search and Table 6."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from lfmp_core.experiments.executor import reference_to_pairs
from lfmp_core.experiments.items import Arm, Grid, Item
from lfmp_core.experiments.profiles import PROFILES, by_profile
from lfmp_core.experiments.reach import reachable
from lfmp_core.experiments.search import Interval
from lfmp_core.experiments.spec import DatasetRef, plain
from lfmp_core.models.factors import FactorSettings
from lfmp_core.training.pairs import PairTrainingSettings

from ..arguments import numbers, settings_of, valid_names
from .cf_arms import (
    HALVES,
    IALS,
    IALS_OWN_SIZE,
    IALS_SPACE,
    LONG,
    METHODS,
    POPULARITY,
    RECOMMENDERS,
    SETS,
    compressions,
    recommender_for,
    set_for,
    training_for,
)
from .cf_search import searched_at, searched_for, tpe_for, with_own_search
from .grids import ORIGINAL, SEARCHED_AT, SMALLER, SMALLER_IN_BYTES, SPARSITIES, shorter


def tunings(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    sets: str | Sequence[str] | None = None,
    recommenders: str | Sequence[str] | None = None,
    trials: int | None = None,
) -> list[tuple[Grid, tuple[float, ...]]]:
    """Searches for learning rate, L2 and γ or dropout by TPE on validation NDCG@20, each with the sparsities
    that are trained with its choice (`searched_for`); Original's with none.

    Args:
        dataset: what to search on instead; the profile's own sets by default.
        sets: names among `SETS`; the quick profile has planted pairs alone.
        recommenders: names among `RECOMMENDERS`.
        trials: of each search.
    """
    found = []
    every = valid_names(sets, tuple(SETS), "data set")[: 1 if profile == "quick" else None]
    for place in [dataset.name] if dataset else every:
        for name in valid_names(recommenders, RECOMMENDERS, "recommender"):
            data = dataset or set_for(place, profile)
            found += tunings_of(name, place, profile, data, own=dataset, trials=trials)
    return found


def tunings_of(
    name: str,
    place: str,
    profile: str,
    data: Any,
    *,
    item: str = "lers_table6",
    methods: Collection[str] = tuple(METHODS),
    own: DatasetRef | None = None,
    trials: int | None = None,
) -> list[tuple[Grid, tuple[float, ...]]]:
    """`tunings` of one recommender on one set.

    Args:
        name: of the recommender. place: the set's name.
        data: of the grids, see `Grid`. item: whose grids they are.
        methods: labels among `METHODS`.
        own: data of which some method may be out of reach.
        trials: of each search.
    """
    recommender = recommender_for(name, place, profile)
    alike: dict[str, Any] = {
        "item": item,
        "profile": profile,
        "dataset": data,
        "backbones": [recommender],
        "seeds": (),
        "tpe": shorter(tpe_for(name, profile, place), trials),
    }
    original = Grid(**alike, arms=[Arm(ORIGINAL, "no_selection")], training=training_for(name, profile))
    found: list[tuple[Grid, tuple[float, ...]]] = [(original, ())]
    for sparsity, serves in searched_for(name, profile).items():
        arms = [arm for arm in compressions(profile, sparsity) if arm.label in methods]
        arms = with_own_search(reachable(arms, own, recommender), name, profile, sparsity)
        grid = Grid(
            **alike,
            arms=[replace(arm, tpe=arm.tpe and shorter(arm.tpe, trials)) for arm in arms],
            training=training_for(name, profile, sparsity=sparsity),
        )
        found.append((grid, serves))
    return found


def with_finals(
    tuned: Sequence[tuple[Grid, tuple[float, ...]]],
    *,
    shares: Collection[float] = SPARSITIES,
    own: DatasetRef | None = None,
    seeds: int = 1,
) -> list[Grid]:
    """The searches that are needed, then the trainings with what each found, at all its sparsities.

    Args:
        tuned: as of `tunings`.
        shares: the sparsities that are asked for.
        own: data of which some method may be out of reach at some sparsity.
        seeds: trainings of each cell.
    """
    found, finals = [], []
    for search, serves in tuned:
        searched = {arm.label for arm in search.arms}
        every = [arm for t in serves if t in shares for arm in compressions(search.profile, t)]
        arms = [
            *(arm for arm in search.arms if arm.label == ORIGINAL),
            *reachable([arm for arm in every if arm.label in searched], own, search.backbones[0]),
        ]
        asked = {arm.label for arm in arms}
        if not asked:
            continue
        search = replace(search, arms=[arm for arm in search.arms if arm.label in asked])
        training = training_for(
            plain(search.backbones[0])["name"], search.profile, sparsity=searched_at(search), final=True
        )
        found.append(search)
        finals.append(
            replace(search, arms=arms, training=training, seeds=range(seeds), tpe=None, picks=search)
        )
    return [*found, *finals]


def planned_seeds(profile: str) -> int:
    """Trainings of each cell and of each control: single ones can't be told apart."""
    return by_profile(profile, quick=1, reference=2, paper=3)


def controls(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    sets: str | Sequence[str] | None = None,
    trials: int | None = None,
) -> list[Grid]:
    """Popularity; and iALS of as many dimensions as LightGCN, and of as many as validation likes.

    Args:
        dataset, sets, trials: as of `tunings`.
    """
    grids = []
    every = valid_names(sets, tuple(SETS), "data set")[: 1 if profile == "quick" else None]
    for place in [dataset.name] if dataset else every:
        budget = training_for("lightgcn", profile, final=True)
        alike: dict[str, Any] = {
            "item": "lers_table6",
            "profile": profile,
            "dataset": dataset or set_for(place, profile),
            "training": PairTrainingSettings(epochs=budget.epochs, patience=budget.patience),
        }
        dim = recommender_for("lightgcn", place, profile).embedding_dim
        one = [FactorSettings(embedding_dim=1)]
        grids.append(Grid(**alike, backbones=one, arms=[Arm(POPULARITY, "popularity")], seeds=range(1)))
        sizes = {"embedding_dim": Interval(low=dim / 2, high=4 * dim, log=True, whole=True)}
        for label, space in ((IALS, IALS_SPACE), (IALS_OWN_SIZE, IALS_SPACE | sizes)):
            tpe = tpe_for("lightgcn", profile).model_copy(update={"space": space, "starts": ()})
            search = Grid(
                **alike,
                backbones=[FactorSettings(embedding_dim=dim)],
                arms=[Arm(label, "ials", method_settings=settings_of("ials", {}))],
                seeds=(),
                tpe=shorter(tpe, trials),
            )
            grids += [search, replace(search, seeds=range(planned_seeds(profile)), tpe=None, picks=search)]
    return grids


def table6(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    sets: str | Sequence[str] | None = None,
    recommenders: str | Sequence[str] | None = None,
    sparsities: str | Sequence[float] | None = None,
    seeds: int | None = None,
    trials: int | None = None,
) -> list[Grid]:
    """Every method at every sparsity with the hyper-parameters that its search found, then the controls.

    Args:
        dataset, sets, recommenders, trials: as of `tunings`.
        sparsities: shares of the tables' numbers to remove.
        seeds: trainings of each cell.
    """
    count = seeds or planned_seeds(profile)
    shares = numbers(sparsities, SPARSITIES, "sparsities")
    tuned = tunings(profile, dataset=dataset, sets=sets, recommenders=recommenders, trials=trials)
    return [
        *with_finals(tuned, shares=shares, own=dataset, seeds=count),
        *controls(profile, dataset=dataset, sets=sets, trials=trials),
    ]


CONTRASTED = ("QR", "PEP", "MagPrune")  # beside Original, on planted pairs: composed and pruned tables


def conventions(
    profile: str = "quick",
    *,
    dataset: DatasetRef | None = None,
    recommenders: str | Sequence[str] | None = None,
    seeds: int | None = None,
) -> list[Grid]:
    """Runs whose numbers depend on how recall is divided and what is left out of a ranking.

    The reference's are those of Table 6. Planted and one's own pairs have few arms, without a search.

    Args:
        dataset, recommenders, seeds: as of `table6`.
    """
    quick = by_profile(profile, quick=True, reference=False, paper=False)
    if dataset is None and not quick:
        return table6(profile, recommenders=recommenders, seeds=seeds)
    planted = lambda: reference_to_pairs("planted_interactions", HALVES, planted=LONG)
    arms = [arm for arm in compressions(profile, SEARCHED_AT) if arm.label in CONTRASTED]
    grids = []
    for name in valid_names(recommenders, RECOMMENDERS, "recommender"):
        recommender = recommender_for(name, dataset.name if dataset else "", profile)
        grids.append(
            Grid(
                item="lers_conventions",
                profile=profile,
                dataset=dataset or planted,
                backbones=[recommender],
                arms=[Arm(ORIGINAL, "no_selection"), *reachable(arms, dataset, recommender)],
                training=training_for(name, profile, final=True),
                seeds=range(seeds or 1),
            )
        )
    return grids


ITEMS = [
    Item(
        "lers_table6",
        "lers_table6_cf",
        "every compression on collaborative filtering",
        {profile: table6(profile) for profile in PROFILES},
        against=(ORIGINAL, SMALLER, SMALLER_IN_BYTES),
        keeps_draws=True,
        own=table6,
    ),
    Item(
        "lers_conventions",
        "lers_conventions",
        "what conventions of recall and of masking change",
        {profile: conventions(profile) for profile in PROFILES},
        own=conventions,
    ),
]
