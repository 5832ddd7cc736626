"""The sentences of §4.5 and §2.3 on the gates, tested on the reference records of Light-FMP's Figure 3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from lfmp_core.metrics import AUC

from ..claims import told
from ..claims.cases import Case
from ..claims.test import CasesFound, Test
from ..evidence.outcomes import interval
from ..evidence.results import RANDOM_FIELDS, UNPRUNED
from .arms import Reading

# §4.5 names the fields that Figure 3 keeps at every ratio, and those that it always prunes
PAPER_KEPT = ("C3", "C4", "C7", "C11", "C16", "C20", "C25", "C26")
PAPER_PRUNED = ("C8", "C9", "C17", "C18", "C21", "C22")


def expected_jaccard(num_fields: int, kept: int) -> float:
    """Mean |A∩B| / |A∪B| of two sets of `kept` fields drawn at random from `num_fields`."""
    overlap = np.arange(kept + 1)
    return float((hypergeom(num_fields, kept, kept).pmf(overlap) * overlap / (2 * kept - overlap)).sum())


def mean_jaccard(sets: Sequence[Sequence[int]]) -> float:
    """Mean |A∩B| / |A∪B| over all pairs of the sets; NaN for a single one."""
    pairs = [len(set(a) & set(b)) / len(set(a) | set(b)) for a, b in combinations(sets, 2)]
    return float(np.mean(pairs)) if pairs else float("nan")


@dataclass(frozen=True)
class Gates(Reading):
    """One arm's gates.

    Attributes:
        names: of the fields.
    """

    names: Sequence[str]

    @property
    def pruned(self) -> pd.DataFrame:
        """The arm's runs that lack fields."""
        return self.runs[self.runs.budget > 0]

    @property
    def count(self) -> int:
        """Number of fields."""
        return len(self.names)

    def places(self, named: Sequence[str]) -> set[int]:
        """Positions of some fields, of those that the data have."""
        return {i for i, name in enumerate(self.names) if name in named}

    def limits(self, named: int, drawn: int) -> tuple[int, int]:
        """How many of so many named fields are at least, and at most, among those drawn, each in 95 of 100
        random draws."""
        chance = hypergeom(self.count, named, drawn)
        return int(chance.ppf(0.05)), int(chance.ppf(0.95))


def _at(values: Mapping[float, bool | None], figure: str) -> list[Case]:
    return [Case(f"τ = {ratio:g}", "", flag, figure) for ratio, flag in values.items()]


def _seeds(hits: Sequence[int], limits: tuple[int, int]) -> list[Case]:
    return [Case(f"seed {i}", "", told.beyond(hit, *limits), f"{hit}") for i, hit in enumerate(hits)]


def _consistent(v: Gates) -> CasesFound:
    kept = {r: own.kept_fields.tolist() for r, own in v.pruned.groupby("budget")}
    same = {r: mean_jaccard(sets) for r, sets in kept.items()}
    chance = {r: expected_jaccard(v.count, len(sets[0])) for r, sets in kept.items()}
    figures = ", ".join(f"{same[r]:.2f} ({chance[r]:.2f}) at {r:g}" for r in same)
    # half-way from chance to certainty: more often alike than not
    return CasesFound(
        _at({r: same[r] >= (1 + chance[r]) / 2 for r in same}, figures), f"Jaccard (chance) {figures}"
    )


def _impactful(v: Gates) -> CasesFound:
    tight = v.pruned[v.pruned.budget == v.pruned.budget.max()]
    theirs, k = v.places(PAPER_KEPT), len(tight.kept_fields.iloc[0])
    hits = [len(theirs & set(kept)) for kept in tight.kept_fields]
    limits = v.limits(len(theirs), k)
    return CasesFound(
        _seeds(hits, limits),
        f"{min(hits)} to {max(hits)} of {len(theirs)}; by chance {k * len(theirs) / v.count:.1f}, and "
        f"{limits[1]} at most in 95 of 100 draws",
        {"kept": k, "ratio": tight.budget.iloc[0]},
    )


def _relevant(v: Gates) -> CasesFound:
    rows = v.against(RANDOM_FIELDS)
    rows = rows[rows.budget > 0]
    gains = ", ".join(f"{r.difference:+.4f} at {r.budget:g}" for r in rows.itertuples())
    return CasesFound(_at(_gained(rows), gains), gains)


def _gained(rows: pd.DataFrame) -> dict[float, bool | None]:
    """By ratio, whether AUC is above that of the other."""
    return {r.budget: told.gained(r, AUC) for _, r in rows.iterrows()}


def _improves(v: Gates) -> CasesFound:
    rows = v.against(UNPRUNED)
    rows = rows[rows.budget == 0.25]
    gains = ", ".join(interval(r.difference, r.low, r.high) for r in rows.itertuples())
    return CasesFound(_at(_gained(rows), gains), gains)


def _gates(v: Gates) -> dict[float, np.ndarray]:
    return {ratio: np.array(own.gates.tolist()) for ratio, own in v.pruned.groupby("budget")}


def _binary(v: Gates) -> CasesFound:
    shares = {ratio: float(np.isin(gates, (0, 1)).mean()) for ratio, gates in _gates(v).items()}
    figures = ", ".join(f"{share:.0%} at {r:g}" for r, share in shares.items())
    return CasesFound(_at({r: share >= 0.9 for r, share in shares.items()}, figures), figures)


def _controlled(v: Gates) -> CasesFound:
    open_ = {ratio: float(gates.mean()) for ratio, gates in _gates(v).items()}
    figures = ", ".join(f"{share:.2f} at {r:g}" for r, share in open_.items())
    return CasesFound(_at({r: abs(share - (1 - r)) <= 0.1 for r, share in open_.items()}, figures), figures)


def _unimportant(v: Gates) -> CasesFound:
    light = v.pruned[v.pruned.budget == v.pruned.budget.min()]
    theirs, fields = v.places(PAPER_PRUNED), set(range(v.count))
    gone = [fields - set(kept) for kept in light.kept_fields]
    hits = [len(theirs & lost) for lost in gone]
    limits = v.limits(len(theirs), len(gone[0]))
    return CasesFound(
        _seeds(hits, limits),
        f"{min(hits)} to {max(hits)} of {len(theirs)}; {limits[1]} at most in 95 of 100 draws",
        {"pruned": len(gone[0]), "ratio": light.budget.iloc[0]},
    )


ON_CHOICE = (
    Test(
        ("4.5-6a",),
        "kept fields of two seeds alike at least half-way from chance to identity, at each ratio",
        _consistent,
        also=("1-6", "2.7-2", "3-1"),
    ),
    Test(
        ("4.5-3a",),
        "of the {kept} fields kept at τ = {ratio:g}, more of these than 95 % of random choices have, in each "
        "seed",
        _impactful,
    ),
    Test(
        ("4.5-2",),
        "AUC above as many random fields, 95 % interval above 0, at each ratio",
        _relevant,
        also=("abstract-2", "2.7-3"),
    ),
    Test(("4.4-1a",), "AUC at τ = .25 above the same arm's at τ = 0, 95 % interval above 0", _improves),
)
ON_GATES = (
    Test(
        ("2.3-1a",),
        "after pretraining at least nine gates of ten are 0 or 1, at each ratio",
        _binary,
        also=("2.3-5",),
    ),
    Test(
        ("2.3-6a",),
        "mean gate after pretraining within 0.1 of the share to keep, at each ratio",
        _controlled,
    ),
    Test(
        ("4.5-5a",),
        "of the {pruned} fields pruned at τ = {ratio:g}, more of these than 95 % of random choices have, in "
        "each seed",
        _unimportant,
        also=("3-1",),
    ),
)
