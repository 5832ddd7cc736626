"""LERS's Tables 5 and 6 asked together: what Table 7 and the sentences on both tasks rest on."""

from collections.abc import Sequence
from itertools import product
from statistics import mean

from ..scores.blocks import SHARES, Cell, Values, tau

CLICKS, LISTS = "click prediction", "collaborative filtering"


class Both:
    """The cells of both tasks.

    Args:
        clicks: of Table 5. lists: of Table 6.
    """

    def __init__(self, clicks: Values, lists: Values):
        self.clicks, self.lists = clicks, lists

    def draws(self) -> Sequence["Both"] | None:
        """One draw of each task together: their test units are drawn apart, so any two may be paired."""
        clicks, lists = self.clicks.draws(), self.lists.draws()
        if clicks is None or lists is None:
            return None
        return [Both(a, b) for a, b in zip(clicks, lists, strict=False)]

    @property
    def freedom(self) -> float:
        """The lesser of the two tasks'."""
        return min(self.clicks.freedom, self.lists.freedom)


def order_agreement(v: Values, backbones: Sequence[str]) -> tuple[float, float] | None:
    """Kendall's τ of the order of methods, mean over blocks: between the two sets with the same backbone, and
    between the two backbones on the same set, each at the same sparsity; None where a block is missing.

    Args:
        backbones: two.
    """
    first, second = v.sets
    sets = [_tau(v, Cell(first, b, t), Cell(second, b, t)) for b, t in product(backbones, SHARES)]
    nets = [_tau(v, *(Cell(name, b, t) for b in backbones)) for name, t in product(v.sets, SHARES)]
    known = [tau for tau in (*sets, *nets) if tau is not None]
    if len(known) < len(sets) + len(nets):
        return None
    return mean(known[: len(sets)]), mean(known[len(sets) :])


def _tau(v: Values, one: Cell, other: Cell) -> float | None:
    a, b = dict(v.ranked(one)), dict(v.ranked(other))
    if not a or not b:
        return None
    return tau(list(a.values()), [b[m] for m in a])
