"""Cases on methods as a whole: over both sets as in Table 7, over sparsities and categories, and in time."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations
from statistics import mean

import pandas as pd
from scipy.stats import t as student

from ...claims.cases import OPEN, Case, any_of, undecided
from ..grids import compressions
from ..scores.blocks import (
    COMPOSED,
    EDGE,
    HIGH,
    LOW,
    MARGINAL,
    METHODS,
    ORIGINAL,
    PRUNED,
    SEARCHED,
    SHARES,
    Cell,
    Values,
)
from ..scores.clicks import SETS, MeasuredClicks, arm_of, cells
from ..scores.rules import Cases, more, overall
from .cases import PAIRS


def torn(v: Values) -> list[Case]:
    """At 95 % on DCN, PEP is the best of Criteo and the worst of Avazu."""
    found = []
    for name, place in (("Criteo", 0), ("Avazu", -1)):
        ranked = v.ranked(Cell(name, "DCN", HIGH))
        figure = f"{'best' if place == 0 else 'worst'}: {ranked[place][0]}" if ranked else ""
        found.append(Case(name, "", ranked[place][0] == "PEP" if ranked else None, figure))
    return found


def steadiest(method: str) -> Cases:
    """The least range over the sparsities of the mean ratio, of the methods with a row at each."""

    def made(v: Values) -> list[Case]:
        ratios = [overall(v, t) for t in SHARES]
        if not all(ratios):
            return [Case(v.together, "", None)]
        widths = {m: max(r[m] for r in ratios) - min(r[m] for r in ratios) for m in ratios[0]}
        told = ", ".join(f"{m} {w:.4f}" for m, w in sorted(widths.items(), key=lambda pair: pair[1]))
        return [Case(v.together, "", min(widths, key=widths.__getitem__) == method, told)]

    return made


def nearer(method: str, other: str) -> Cases:
    """At 95 % on DCN, the ratios of the two sets are nearer to each other than another method's."""

    def made(v: Values) -> list[Case]:
        gaps = []
        for m in (method, other):
            ratios = [v.retain(Cell(d, "DCN", HIGH), m) for d in SETS]
            known = [r for r in ratios if r is not None]
            gaps.append(abs(known[0] - known[1]) if len(known) == 2 else None)
        ours, theirs = gaps
        if ours is None or theirs is None:
            return [Case(v.together, f"t = {HIGH:.0%}", None)]
        figure = f"{method} {ours:.4f}, {other} {theirs:.4f}"
        return [Case(v.together, f"t = {HIGH:.0%}", ours < theirs, figure)]

    return made


def minor(v: Values) -> list[Case]:
    """In each block, fewer than half of the pairs of methods differ by 0.001 of AUC and more."""
    found = []
    for cell in cells():
        spans = [v.span(cell, a, b) for (a, _), (b, _) in combinations(v.ranked(cell), 2)]
        apart = [None if span is None else span.apart for span in spans]
        yes, open_ = apart.count(True), apart.count(None)
        passed, figure = None, ""
        if apart and None not in spans:
            passed = False if yes >= len(apart) / 2 else True if yes + open_ < len(apart) / 2 else None
            figure = f"{yes} of {len(apart)} differ" + f", {open_} {OPEN}" * bool(open_)
        found.append(Case(cell.pair, cell.at, passed, figure))
    return found


def kindred(v: Values) -> list[Case]:
    """On each set and backbone, methods of one category lie nearer to each other than to the other's."""
    found = []
    for name, backbone in PAIRS:
        within: list[float] = []
        across: list[float] = []
        missing = False
        for cell in cells((name,), (backbone,)):
            auc = dict(v.ranked(cell))
            missing |= not auc
            for a, b in combinations((*COMPOSED, *PRUNED), 2) if auc else ():
                (within if (a in PRUNED) == (b in PRUNED) else across).append(abs(auc[a] - auc[b]))
        if missing:
            found.append(Case(name, backbone, None))
            continue
        near, far = mean(within), mean(across)
        found.append(Case(name, backbone, near < far, f"{near:.4f} within, {far:.4f} across"))
    return found


CHANCES = len(PAIRS) * len(METHODS) * (len(METHODS) - 1)  # of one method to overtake another


def no_guarantee(v: Values) -> list[Case]:
    """On some set and backbone, the best method at 50 % is clearly not the best at 95 %.

    Which is the best at 50 % is not certain either: all that can't be told from it must be worse at 95 % than
    the best there.
    """
    flags: list[bool | None] = []
    told = []
    for name, backbone in PAIRS:
        low, high = Cell(name, backbone, LOW), Cell(name, backbone, HIGH)
        early, late = v.ranked(low), v.ranked(high)
        if not early or not late:
            flags.append(None)
            continue
        first, last = early[0][0], late[0][0]
        told.append(f"{name}, {backbone}: {first} at 50%, {last} at 95%")
        perhaps = [m for m, _ in early if not _ahead(v, low, first, m)]
        overtaken = [_ahead(v, high, last, m) for m in perhaps]
        stays = perhaps == [last] and all(_ahead(v, high, last, m) for m, _ in late[1:])
        flags.append(True if all(overtaken) else False if stays else None)
    passed = any_of(*flags)
    return [Case("best", "", passed, undecided("; ".join(told), passed))]


def _ahead(v: Values, cell: Cell, ours: str, theirs: str) -> bool:
    span = v.span(cell, ours, theirs, chances=CHANCES)
    return span is not None and span.better


def stronger_backbone(v: Values) -> list[Case]:
    """Original has a clearly higher AUC on DCN than on DeepFM, on each set."""
    found = []
    for name in SETS:
        dcn, deepfm = Cell(name, "DCN", LOW), Cell(name, "DeepFM", LOW)
        gap = v.gap(dcn, ORIGINAL, ORIGINAL, than=deepfm)
        span = v.span(dcn, ORIGINAL, ORIGINAL, than=deepfm)
        passed = None if span is None else span.ahead
        found.append(Case(name, "", passed, "" if gap is None else undecided(f"{gap:+.4f}", passed)))
    return found


# ---- of records alone: seconds, and what OptEmbed's retraining is worth

Timed = Callable[[MeasuredClicks], list[Case]]


def quick_enough(methods: Sequence[str]) -> Timed:
    """In each block, no more training time than the median of the paper's rows."""

    def made(v: MeasuredClicks) -> list[Case]:
        found = []
        for cell in cells():
            times = {m: v.mean(cell, m, "TT") for m in METHODS}
            known = {m: t for m, t in times.items() if t is not None}
            if len(known) < len(times):
                found += [Case(cell.pair, f"{cell.at}, {m}", None) for m in methods]
                continue
            middle = sorted(known, key=known.__getitem__)[len(known) // 2]
            for m in methods:
                passed = True if m == middle else v.told_below(cell, m, middle, "TT")
                figure = f"{m} × {known[m] / known[middle]:.2f} of the median"
                found.append(Case(cell.pair, f"{cell.at}, {m}", passed, figure))
        return found

    return made


@cache
def planned(sparsity: float) -> frozenset[str]:
    """Our arms that are run at a sparsity."""
    return frozenset(arm.label for arm in compressions("reference", sparsity))


def quicker(ours: Sequence[str], theirs: Sequence[str], column: str = "TT") -> Timed:
    """In each block in which all are planned, more pairs of both groups are clearly quicker than slower."""

    def made(v: MeasuredClicks) -> list[Case]:
        found = []
        for cell in cells():
            if not {arm_of(cell, m) for m in (*ours, *theirs)} <= planned(cell.sparsity):
                continue
            pairs = [(a, b) for a in ours for b in theirs]
            flags = [(v.below(cell, a, b, column), v.below(cell, b, a, column)) for a, b in pairs]
            found.append(Case(cell.pair, cell.at, *more(flags)))
        return found

    return made


def above_original(column: str, methods: Sequence[str], least: int) -> Timed:
    """In each block, so many of the methods take clearly longer than Original."""

    def made(v: MeasuredClicks) -> list[Case]:
        found = []
        for cell in cells():
            flags = [v.told_below(cell, ORIGINAL, m, column) for m in methods]
            slower, open_ = flags.count(True), flags.count(None)
            passed = True if slower >= least else None if slower + open_ >= least else False
            there = all(v.runs(cell, m) is not None for m in (ORIGINAL, *methods))
            figure = f"{slower} of {len(methods)} slower" + f", {open_} {OPEN}" * bool(open_)
            found.append(Case(cell.pair, cell.at, passed, figure if there or passed is not None else ""))
        return found

    return made


def fruitless(v: MeasuredClicks) -> list[Case]:
    """OptEmbed's retraining gains under 0.001 on validation rows, but something on Avazu with DCN.

    The sparsities of a seed come from one supernet, so they are one observation: the mean gain of each seed,
    with a t interval over seeds.
    """
    found = []
    for name, backbone in PAIRS:
        runs = [v.runs(Cell(name, backbone, t), SEARCHED) for t in SHARES]
        known = [own for own in runs if own is not None]
        if len(known) < len(runs):
            found.append(Case(name, backbone, None))
            continue
        own = pd.concat(known)
        gains = (own.val_auc - own.before).groupby(own.seed).mean()
        none = _none(gains)
        passed = none if none is None else none != ((name, backbone) == ("Avazu", "DCN"))
        found.append(Case(name, backbone, passed, undecided(f"AUC {gains.mean():+.4f}", passed)))
    return found


def _none(gains: pd.Series) -> bool | None:
    """Whether a mean gain is under 0.001: yes if its 95 % t interval is, no if that lies above 0."""
    if len(gains) < 2:
        return None
    reach = student.ppf(0.975, len(gains) - 1) * gains.std() / len(gains) ** 0.5
    return True if gains.mean() + reach < MARGINAL - EDGE else False if gains.mean() - reach > EDGE else None
