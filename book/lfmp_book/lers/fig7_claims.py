"""The sentences of LERS on InfoNCE: one rule each, on records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ..claims.cases import Case
from ..claims.claim import Claim
from ..claims.judge import Judge
from ..claims.robust import robust_to_resampling
from ..claims.test import CasesFound, Test, claims_of
from ..evidence import published
from ..evidence.results import all_comparisons, draws_of
from .fig7 import WEIGHT, ContrastEffect, Pace, by_method, effects, paces, reference
from .fig7_grids import ITEM, METHODS, SETS, labelled, sparsities_of, weights_of
from .grids import ORIGINAL
from .preference import TIE, falls
from .scores.blocks import EDGE, Cell, Values
from .scores.lists import DATASETS, GRAPH, MeasuredLists

PLACES = {name: DATASETS[name] for name in SETS}
_STATED = published.printed_table("lers_stated_cf").set_index("quantity").value
TIMES = float(_STATED["times that InfoNCE shortens convergence"])
HIGHEST = max(sparsities_of("reference"))


@dataclass(frozen=True)
class Weighed:
    """Reference runs, and what may be said of their means.

    Attributes:
        frame: see `fig7.runs_by_weight`. values: the same by block and arm.
    """

    frame: pd.DataFrame
    values: Values

    def draws(self) -> Sequence["Weighed"] | None:
        """The same with other users and seeds; the γ that validation chose stay."""
        drawn = self.values.draws()
        return None if drawn is None else [replace(self, values=one) for one in drawn]

    @property
    def freedom(self) -> float:
        """See `Values.freedom`."""
        return self.values.freedom

    def plain(self, dataset: str) -> ContrastEffect | None:
        """What InfoNCE does for the model without compression."""
        found = (e for e in effects(self.frame) if (e.dataset, e.method) == (dataset, ORIGINAL))
        return next(found, None)


def agreed(flags: Sequence[bool | None]) -> bool | None:
    """What all seeds say; None where they disagree, or say nothing."""
    told = set(flags)
    return told.pop() if len(told) == 1 else None


def _by_seed(rule: Callable[[Sequence[Pace]], tuple[bool | None, str]], what: str) -> Callable:
    """The cases of a rule on the trainings of each set; a single seed says nothing."""

    def made(asked: Weighed) -> list[Case]:
        found = []
        for name, title in PLACES.items():
            effect = asked.plain(name)
            own = [] if effect is None else paces(effect)
            if effect is None or not own:
                found.append(Case(title, what, None))
                continue
            passed, figure = rule(own)
            found.append(
                Case(title, what, passed if len(own) > 1 else None, f"γ = {effect.weight:g}: {figure}")
            )
        return found

    return made


def in_every_epoch(found: Sequence[Pace]) -> tuple[bool | None, str]:
    """After each epoch that all trainings have, the one with InfoNCE is higher."""
    count = min(len(pace.higher) for pace in found)
    epochs = [agreed([pace.higher[k] for pace in found]) for k in range(count)]
    passed = False if False in epochs else None if None in epochs else True
    return passed, f"higher after {sum(e is True for e in epochs)} of {count} epochs"


def sooner(found: Sequence[Pace]) -> tuple[bool | None, str]:
    """The one with InfoNCE is as good as the other's best in fewer epochs."""
    flags = [pace.times is not None and pace.times > 1 for pace in found]
    return agreed(flags), _times(found)


def as_stated(found: Sequence[Pace]) -> tuple[bool | None, str]:
    """So many times as soon, within a factor of two; undecided below it if the other was still rising."""
    flags: list[bool | None] = []
    for pace in found:
        times = pace.times or 0.0
        near = TIMES / 2 <= times <= TIMES * 2
        flags.append(None if pace.open and times < TIMES / 2 and pace.times else near)
    return agreed(flags), _times(found)


def _times(found: Sequence[Pace]) -> str:
    told = ", ".join("never" if pace.times is None else f"{pace.times:.1f}" for pace in found)
    return f"{told} times as soon" + " (still rising without it)" * any(pace.open for pace in found)


def quickly(asked: Weighed) -> list[Case]:
    """Both halves of the sentence on epochs and convergence."""
    return [*_by_seed(in_every_epoch, "in every epoch")(asked), *_by_seed(sooner, "convergence")(asked)]


def preferred_lower(asked: Weighed) -> CasesFound:
    """As Figure 6's rule on weight decay, of γ."""
    compressed = by_method(asked.frame[asked.frame.method != ORIGINAL])
    return falls(WEIGHT.preferred(compressed), len(weights_of("reference")))


def needed_less(asked: Weighed) -> list[Case]:
    """InfoNCE adds a smaller share of NDCG@20 at the greatest sparsity than without compression."""
    chosen = {(e.dataset, e.method, e.sparsity): e.weight for e in effects(asked.frame)}
    found = []
    for name, title in PLACES.items():
        whole = _share(asked.values, title, ORIGINAL, 0.0, chosen.get((name, ORIGINAL, 0.0)))
        for method in METHODS:
            own = _share(asked.values, title, method, HIGHEST, chosen.get((name, method, HIGHEST)))
            if whole is None or own is None:
                found.append(Case(title, method, None))
                continue
            found.append(Case(title, method, own < whole - EDGE, f"{own:+.1%}, {ORIGINAL} {whole:+.1%}"))
    return found


def _share(v: Values, place: str, method: str, t: float, weight: float | None) -> float | None:
    """What γ adds to mean test NDCG@20, as a share of it without."""
    if weight is None:
        return None
    cell = Cell(place, GRAPH, t)
    without, with_it = (v.value(cell, labelled(method, w)) for w in (0.0, weight))
    return None if with_it is None or not without else with_it / without - 1


TESTS: tuple[Test[Weighed], ...] = (
    Test(
        ("3.1-1",),
        "Original, γ = 0 against the γ > 0 of highest mean validation NDCG@20: higher validation NDCG@20 "
        "after each epoch, and as good as the other's best in fewer epochs; in each seed",
        quickly,
    ),
    Test(
        ("3.1-2",),
        f"Original: epochs until validation NDCG@20 is at its best with γ = 0, over those until it is as "
        f"high with the best γ > 0: {TIMES / 2:g} to {TIMES * 2:g}, in each seed",
        _by_seed(as_stated, "convergence"),
    ),
    Test(
        ("6.6-3",),
        "the γ of highest mean validation NDCG@20 is lower at the greatest sparsity than at the least, and "
        f"each of the two is clearly worse than the other at the other's sparsity ({TIE}); for each method",
        preferred_lower,
    ),
    Test(
        ("6.6-5",),
        f"the consequence alone: what the best γ > 0 adds to mean test NDCG@20 is a smaller share of it at "
        f"{HIGHEST:.0%} than for Original; for each method",
        robust_to_resampling(needed_less),
    ),
)


def claims(reference: pd.DataFrame, compared: pd.DataFrame) -> list[Claim]:
    """Every sentence on InfoNCE with its verdict.

    Args:
        reference: see `fig7.runs_by_weight`. compared: see `results.known_comparisons`; their draws decide.
    """
    values = MeasuredLists(reference, draws_of(compared))
    return claims_of("lers", ITEM, TESTS, {"": Weighed(reference, values)})


JUDGE = Judge(
    ITEM,
    "lers_fig7_infonce",
    TESTS,
    reference,
    lambda reference: claims(reference, all_comparisons(ITEM, reference)),
)
