"""Rules on means, with what a bootstrap leaves open of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, Self, TypeVar

from .cases import OPEN, Case, undecided

SURE = 0.95  # share of the draws


class Redrawn(Protocol):
    """What answers a rule, and could have answered otherwise."""

    def draws(self) -> Sequence[Self] | None:
        """The same on each bootstrap draw; None where means are taken as they are."""


V = TypeVar("V", bound=Redrawn)
Cases = Callable[[V], list[Case]]


def robust_to_resampling(cases: Cases[V]) -> Cases[V]:
    """Cases on means, held against what the means could have been.

    The cases are made again from every bootstrap draw. One passes if it does on 95 % of the draws and more,
    and fails if it passes on 5 % and fewer; else the data can't tell. Its figure stays that of the means.
    Printed cells have no draws and are taken as they are.
    """

    def made(v: V) -> list[Case]:
        found, draws = cases(v), v.draws()
        if draws is None:
            return found
        drawn = [[case.passed for case in cases(one)] for one in draws]
        return [_settled(case, [flags[i] for flags in drawn]) for i, case in enumerate(found)]

    return made


def _settled(case: Case, drawn: Sequence[bool | None]) -> Case:
    known = [flag for flag in drawn if flag is not None]
    if case.passed is None or not known:
        return replace(case, passed=None, figure=undecided(case.figure, None))
    share = sum(known) / len(known)
    if min(share, 1 - share) <= 1 - SURE:
        return replace(case, passed=share >= SURE)
    return replace(case, passed=None, figure=f"{case.figure} ({OPEN}: so in {share:.0%} of draws)")
