"""Rules on means, with what a bootstrap leaves open of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, Self, TypeVar

from scipy.stats import norm
from scipy.stats import t as student

from .cases import OPEN, Case, undecided

SURE = 0.95  # of what seeds and units leave open


class Redrawn(Protocol):
    """What answers a rule, and could have answered otherwise."""

    def draws(self) -> Sequence[Self] | None:
        """The same on each bootstrap draw; None where means are taken as they are."""

    @property
    def freedom(self) -> float:
        """Degrees of freedom that seeds leave the difference of two drawn means, the fewest: 2(n − 1) of n
        each, n − 1 where both are the same trainings."""


V = TypeVar("V", bound=Redrawn)
Cases = Callable[[V], list[Case]]


def robust_to_resampling(cases: Cases[V]) -> Cases[V]:
    """Cases on means, held against what the means could have been.

    The cases are made again from every bootstrap draw. One passes if it does on the share of `share_of_draws`
    and more, and fails if it fails on as many; else the data can't tell. Its figure stays that of the means.
    Printed cells have no draws and are taken as they are.
    """

    def made(v: V) -> list[Case]:
        found, draws = cases(v), v.draws()
        if draws is None:
            return found
        least = share_of_draws(v.freedom)
        drawn = [[case.passed for case in cases(one)] for one in draws]
        return [_settled(case, [flags[i] for flags in drawn], least) for i, case in enumerate(found)]

    return made


def share_of_draws(freedom: float) -> float:
    """How many of the draws have to agree for 95 %, where each mean is one of few seeds.

    Draws fall about a mean as normal ones do. So a difference that Student's t calls clear, at 95 % to one
    side, is one that so many more of them show: of three seeds each, which leave 4 degrees of freedom, 98.3 %
    have to, of two 99.8 %.

    Args:
        freedom: see `Redrawn.freedom`.
    """
    return float(norm.cdf(student.ppf(SURE, freedom)))


def _settled(case: Case, drawn: Sequence[bool | None], least: float) -> Case:
    known = [flag for flag in drawn if flag is not None]
    if case.passed is None or not known:
        return replace(case, passed=None, figure=undecided(case.figure, None))
    share = sum(known) / len(known)
    if max(share, 1 - share) >= least:
        return replace(case, passed=share >= least)
    return replace(case, passed=None, figure=f"{case.figure} ({OPEN}: so in {share:.0%} of draws)")
