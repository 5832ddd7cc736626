"""Cases on methods as a whole: over both sets as in Table 7, over sparsities and categories, and in time."""

from collections.abc import Callable, Sequence
from itertools import combinations
from statistics import mean, median

import pandas as pd

from .cases import Case
from .lers_table5_cases import EDGE, PAIRS, Cases, more
from .lers_table5_view import (
    COMPOSED,
    HIGH,
    LOW,
    MARGINAL,
    METHODS,
    ORIGINAL,
    PRUNED,
    SEARCHED,
    SETS,
    SHARES,
    Cell,
    Measured,
    Values,
    cells,
    methods_at,
)

BOTH = "both sets, DCN"


def _overall(v: Values, sparsity: float) -> dict[str, float]:
    """The mean ratio of each of the paper's methods; empty unless all are there."""
    rows = methods_at(Cell(SETS[0], "DCN", sparsity))
    found = {m: v.overall(sparsity, m) for m in rows}
    known = {m: r for m, r in found.items() if r is not None}
    return known if len(known) == len(rows) else {}


def overall_rank(method: str, sparsity: float, best: int, worst: int) -> Cases:
    """The mean ratio of both sets on DCN ranks between two places, as Table 7's last column."""

    def made(v: Values) -> list[Case]:
        ratios = _overall(v, sparsity)
        passed, figure = None, ""
        if ratios:
            rank = 1 + sum(r > ratios[method] + EDGE for r in ratios.values())
            passed = best <= rank <= worst
            figure = f"{method} {ratios[method]:.4f}, {rank} of {len(ratios)}"
        return [Case(BOTH, f"t = {sparsity:.0%}", passed, figure)]

    return made


def both(*parts: Cases) -> Cases:
    """The cases of several tests."""
    return lambda v: [case for part in parts for case in part(v)]


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
        ratios = [_overall(v, t) for t in SHARES]
        if not all(ratios):
            return [Case(BOTH, "", None)]
        widths = {m: max(r[m] for r in ratios) - min(r[m] for r in ratios) for m in ratios[0]}
        told = ", ".join(f"{m} {w:.4f}" for m, w in sorted(widths.items(), key=lambda pair: pair[1]))
        return [Case(BOTH, "", min(widths, key=widths.__getitem__) == method, told)]

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
            return [Case(BOTH, f"t = {HIGH:.0%}", None)]
        figure = f"{method} {ours:.4f}, {other} {theirs:.4f}"
        return [Case(BOTH, f"t = {HIGH:.0%}", ours < theirs, figure)]

    return made


def minor(v: Values) -> list[Case]:
    """In each block, fewer than half of the pairs of methods differ by 0.001 of AUC and more."""
    found = []
    for cell in cells():
        ranked = v.ranked(cell)
        apart = [v.better(cell, a, b) if x - y >= MARGINAL - EDGE else False
                 for (a, x), (b, y) in combinations(ranked, 2)]  # fmt: skip
        known = bool(ranked) and None not in apart
        figure = f"{sum(bool(a) for a in apart)} of {len(apart)} differ" if known else ""
        found.append(
            Case(cell.pair, cell.at, sum(map(bool, apart)) < len(apart) / 2 if known else None, figure)
        )
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


def no_guarantee(v: Values) -> list[Case]:
    """On some set and backbone, the best method at 50 % is clearly not the best at 95 %."""
    flags: list[bool | None] = []
    told = []
    for name, backbone in PAIRS:
        low, high = v.ranked(Cell(name, backbone, LOW)), v.ranked(Cell(name, backbone, HIGH))
        if not low or not high:
            flags.append(None)
            continue
        first, last = low[0][0], high[0][0]
        flags.append(first != last and v.better(Cell(name, backbone, HIGH), last, first))
        told.append(f"{name}, {backbone}: {first} at 50%, {last} at 95%")
    passed = True if True in flags else None if None in flags else False
    return [Case("best", "", passed, "; ".join(told))]


def stronger_backbone(v: Values) -> list[Case]:
    """Original has a clearly higher AUC on DCN than on DeepFM, on each set."""
    found = []
    for name in SETS:
        dcn, deepfm = Cell(name, "DCN", LOW), Cell(name, "DeepFM", LOW)
        a, b = v.value(dcn, ORIGINAL), v.value(deepfm, ORIGINAL)
        figure = "" if a is None or b is None else f"{a - b:+.4f}"
        found.append(Case(name, "", v.higher(dcn, deepfm, ORIGINAL), figure))
    return found


# ---- of records alone: seconds, and what OptEmbed's retraining is worth

Timed = Callable[[Measured], list[Case]]


def quick_enough(methods: Sequence[str]) -> Timed:
    """In each block, no more training time than the median of the paper's rows."""

    def made(v: Measured) -> list[Case]:
        found = []
        for cell in cells():
            times = {m: v.mean(cell, m, "TT") for m in METHODS}
            known = {m: t for m, t in times.items() if t is not None}
            whole, middle = len(known) == len(times), median(known.values()) if known else 0.0
            for m in methods:
                figure = f"{m} × {known[m] / middle:.2f} of the median" if whole else ""
                found.append(
                    Case(cell.pair, f"{cell.at}, {m}", known[m] <= middle if whole else None, figure)
                )
        return found

    return made


def quicker(ours: Sequence[str], theirs: Sequence[str], column: str = "TT") -> Timed:
    """In each block, more pairs of one group with the other are clearly quicker than clearly slower."""

    def made(v: Measured) -> list[Case]:
        found = []
        for cell in cells():
            pairs = [(a, b) for a in ours for b in theirs]
            flags = [(v.below(cell, a, b, column), v.below(cell, b, a, column)) for a, b in pairs]
            found.append(Case(cell.pair, cell.at, *more(flags)))
        return found

    return made


def above_original(column: str, methods: Sequence[str], least: int) -> Timed:
    """In each block, so many of the methods take clearly longer than Original."""

    def made(v: Measured) -> list[Case]:
        found = []
        for cell in cells():
            flags = [v.below(cell, ORIGINAL, m, column) for m in methods]
            slower, open_ = sum(f is True for f in flags), sum(f is None for f in flags)
            passed = True if slower >= least else None if slower + open_ >= least else False
            figure = "" if passed is None else f"{slower} of {len(methods)} slower"
            found.append(Case(cell.pair, cell.at, passed, figure))
        return found

    return made


def fruitless(v: Measured) -> list[Case]:
    """OptEmbed's retraining gains nothing clear on validation rows, but on Avazu with DCN."""
    found = []
    for name, backbone in PAIRS:
        runs = [v.runs(Cell(name, backbone, t), SEARCHED) for t in SHARES]
        known = [own for own in runs if own is not None]
        if len(known) < len(runs):
            found.append(Case(name, backbone, None))
            continue
        own = pd.concat(known)
        gains = own.val_auc - own.before
        clear = gains.mean() > 2 * gains.std() / len(gains) ** 0.5 if len(gains) > 1 else None
        figure = f"AUC {gains.mean():+.4f}"
        expected = (name, backbone) == ("Avazu", "DCN")
        found.append(Case(name, backbone, None if clear is None else bool(clear) == expected, figure))
    return found
