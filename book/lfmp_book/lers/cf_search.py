"""Where the recommenders of collaborative filtering are searched: intervals, given trials, sparsities."""

from collections.abc import Sequence
from dataclasses import replace

from lfmp_core.experiments.items import Arm, Grid
from lfmp_core.experiments.profiles import OWN, by_profile
from lfmp_core.experiments.search import TPE, Interval

from .grids import SEARCHED_AT, SPARSITIES

# LERS Table 4 searches all of these evenly from 0, at a batch of 2,048; steps of larger batches are longer
SPACES = {
    "lightgcn": {
        "learning_rate": Interval(low=3e-3, high=5e-2, log=True),
        "l2": Interval(low=1e-3, high=5e-2, log=True),
        "contrast": Interval(low=0.1, high=1.0),
    },
    "neumf": {
        "learning_rate": Interval(low=1e-3, high=2e-2, log=True),
        "l2": Interval(low=1e-4, high=1e-1, log=True),
        "dropout": Interval(low=0.0, high=0.5),
    },
}
# Rows that are composed of shared parts, or cut while they learn, shrink to nothing under the least λ and γ
# with which a plain table learns: the graph averages what doesn't agree, so that the penalty outweighs BPR
COMPRESSED_SPACE = {
    **SPACES["lightgcn"],
    "l2": Interval(low=1e-5, high=5e-2, log=True),
    "contrast": Interval(low=0.0, high=1.0),
}
# by sparsity that is searched at, whose trainings take what was found there. What suits LightGCN at 80 % can
# end in nothing at 95 % and leave much unused at 50 %: the fewer numbers a row has, the less InfoNCE it bears
# (LERS §6.2 and Fig. 7)
_LEAST = max(SPARSITIES)
Served = dict[float, tuple[float, ...]]
_ONCE: Served = {SEARCHED_AT: SPARSITIES}
_EACH: Served = {t: (t,) for t in SPARSITIES}
# of planted pairs, where two trials have to do: around what lets every recommender learn them
_QUICK_SPACES = {
    "lightgcn": {
        "learning_rate": Interval(low=1e-2, high=3e-2, log=True),
        "l2": Interval(low=1e-4, high=3e-3, log=True),
        "contrast": Interval(low=0.0, high=0.1),
    },
    "neumf": {
        "learning_rate": Interval(low=1e-2, high=3e-2, log=True),
        "l2": Interval(low=1e-4, high=3e-3, log=True),
        "dropout": Interval(low=0.0, high=0.2),
    },
}


# what five trials don't find: on Yelp2018 LightGCN needs a strong penalty and many epochs before it rises
STARTS = {("lightgcn", "yelp2018"): ({"learning_rate": 0.02, "l2": 0.02, "contrast": 0.5},)}
# where many of the numbers are left: near where Original on Gowalla did best on validation
LARGE_START = {"learning_rate": 0.02, "l2": 3e-3, "contrast": 0.8}
# of what shares rows: where QR on Gowalla did best on validation, of a few by hand
SHARED_START = {"learning_rate": 0.02, "l2": 1e-3, "contrast": 0.1}
# of what keeps numbers of its own in each row, but few: near where the smaller dense table did best
SMALL_START = {"learning_rate": 0.045, "l2": 0.022, "contrast": 0.25}
# where InfoNCE leaves nothing, and hardly a draw from 0 to 1 is near enough to 0: of a few by hand, PEP's
# best at 95 %
WITHOUT_CONTRAST = {"learning_rate": 0.05, "l2": 1e-3, "contrast": 0.0}


def tpe_for(name: str, profile: str, dataset: str = "") -> TPE:
    """LERS §3.3: 30 trials, 10 of them random; fewer where two cores have to do, `STARTS` among them.

    On one's own pairs LightGCN is searched as widely as what is cut from it: nothing is known of how much
    InfoNCE suits them.

    Args:
        name: of the recommender.
        dataset: its name; "" for the search of a set without starts.
    """
    if profile == OWN and name == "lightgcn":
        return _wide(profile, WITHOUT_CONTRAST, SHARED_START, LARGE_START)
    spaces = by_profile(profile, quick=_QUICK_SPACES, reference=SPACES, paper=SPACES)
    return _tpe(profile, spaces[name], *STARTS.get((name, dataset), ()))


def _tpe(profile: str, space: dict[str, Interval], *starts: dict[str, float]) -> TPE:
    """As many trials for every method: the reference's given ones count among them."""
    given = by_profile(profile, quick=(), reference=starts, paper=())
    trials, random = by_profile(profile, quick=(2, 2), reference=(5, 4 if given else 3), paper=(30, 10))
    return TPE(
        space=space,
        trials=trials,
        random=random,
        median_pruning=profile == "reference",
        starts=given,
    )


def _wide(profile: str, *starts: dict[str, float]) -> TPE:
    """Of what may want little InfoNCE and no penalty. No trial is stopped for being behind: after an epoch
    LightGCN says nothing yet."""
    return _tpe(profile, COMPRESSED_SPACE, *starts).model_copy(update={"median_pruning": False})


def with_own_search(arms: Sequence[Arm], name: str, profile: str, sparsity: float) -> list[Arm]:
    """Compressions with the search of their own that they have for LightGCN on the papers' sets, outside the
    quick profile: all alike, with another start where the fewest numbers are left."""
    if name != "lightgcn" or by_profile(profile, quick=True, reference=False, paper=False, own=True):
        return list(arms)
    other = WITHOUT_CONTRAST if sparsity == _LEAST else LARGE_START
    own = _wide(profile, other, SHARED_START, SMALL_START)
    return [replace(arm, tpe=own) for arm in arms]


def searched_for(name: str, profile: str) -> Served:
    """By each sparsity that a recommender is searched at, the sparsities that are trained with its choice."""
    if name == "lightgcn":
        return by_profile(profile, quick=_ONCE, reference=_EACH, paper=_EACH)
    return by_profile(profile, quick=_ONCE, reference=_ONCE, paper=_EACH)


def searched_at(search: Grid) -> float:
    """The sparsity of what a search trains; 0 of Original."""
    return max(arm.budget.share for arm in search.arms)
