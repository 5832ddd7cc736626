"""Rules that sentences on more than one table of LERS are tested by, on printed cells or records alike.

Rules on clear differences hold intervals against 0 or 0.001 themselves; rules on means need `claims.robust`.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from statistics import median

from lfmp_core.metrics import Metric

from ...claims.cases import OPEN, Case, undecided
from .blocks import EDGE, MARGINAL, SIMPLE, Cell, Values

Cases = Callable[[Values], list[Case]]


def more(flags: Sequence[tuple[bool | None, bool | None]]) -> tuple[bool | None, str]:
    """Whether more pairs are won than lost, and the count in words.

    None where a pair is not known, and where none is won or lost: then the data can't tell.
    """
    known = [(won, lost) for won, lost in flags if won is not None and lost is not None]
    if len(known) < len(flags):
        return None, ""
    wins, losses = sum(won for won, _ in known), sum(lost for _, lost in known)
    passed = wins > losses if wins or losses else None
    return passed, undecided(f"{wins} won, {losses} lost of {len(known)}", passed)


def outperform(
    where: Iterable[Cell], ours: Sequence[str], theirs: Sequence[str], metric: Metric | None = None
) -> Cases:
    """In each block, more pairs of one group with the other are won than lost."""

    chosen = list(where)

    def made(v: Values) -> list[Case]:
        found = []
        for cell in chosen:
            rivals = [m for m in theirs if m in v.methods(cell)]
            pairs = [(a, b) for a, b in product(ours, rivals) if a != b]
            flags = [(v.better(cell, a, b, metric), v.better(cell, b, a, metric)) for a, b in pairs]
            found.append(Case(cell.pair, cell.at, *more(flags)))
        return found

    return made


def rank_of(v: Values, cell: Cell, method: str) -> tuple[int | None, str]:
    """A method's rank by the mean, and the same in words."""
    rank, ranked = v.rank(cell, method), v.ranked(cell)
    return rank, "" if rank is None else f"{method} {rank} of {len(ranked)}"


def among_first(first: int, where: Iterable[Cell], methods: Sequence[str]) -> Cases:
    """Each method is among the first so many by the mean, in each block."""
    chosen = list(where)

    def made(v: Values) -> list[Case]:
        found = []
        for cell, method in product(chosen, methods):
            rank, figure = rank_of(v, cell, method)
            found.append(Case(cell.pair, cell.at, None if rank is None else rank <= first, figure))
        return found

    return made


def simple_lead(v: Values, cell: Cell) -> tuple[float | None, str]:
    """By how much the best simple method is ahead of the best complex one."""
    ranked = v.ranked(cell)
    best = {m in SIMPLE: (m, x) for m, x in reversed(ranked)}
    if not ranked:
        return None, ""
    gap = best[True][1] - best[False][1]
    return gap, f"{best[True][0]} {gap:+.4f} to {best[False][0]}"


def by_gap(
    where: Iterable[Cell],
    gap_of: Callable[[Values, Cell], tuple[float | None, str]],
    passes: Callable[[float], bool],
) -> Cases:
    """In each block, whether a gap passes; a block without one can't be judged.

    Args:
        gap_of: the gap of a block, and how it is shown.
    """
    chosen = list(where)

    def made(v: Values) -> list[Case]:
        found = []
        for cell in chosen:
            gap, figure = gap_of(v, cell)
            found.append(Case(cell.pair, cell.at, None if gap is None else passes(gap), figure))
        return found

    return made


def by_median(method: str, where: Iterable[Cell], passes: Callable[[float], bool]) -> Cases:
    """`by_gap` of what a method is above the median of the paper's rows."""

    def gap_of(v: Values, cell: Cell) -> tuple[float | None, str]:
        gap = to_median(v, cell, method)
        return gap, "" if gap is None else f"{gap:+.4f}"

    return by_gap(where, gap_of, passes)


def simple_suffices(where: Iterable[Cell]) -> Cases:
    """In each block, the best of QR and MagPrune is not 0.001 and more behind the best complex method."""
    return by_gap(where, simple_lead, lambda gap: gap > -MARGINAL + EDGE)


def competitive(method: str, where: Iterable[Cell]) -> Cases:
    """In each block, not 0.001 and more below the median of the paper's rows."""
    return by_median(method, where, lambda gap: gap > -MARGINAL + EDGE)


def to_median(v: Values, cell: Cell, method: str) -> float | None:
    """By how much a method is above the median of the paper's rows."""
    ranked = dict(v.ranked(cell))
    return ranked[method] - median(ranked.values()) if method in ranked else None


def beats_some(method: str, rivals: Sequence[str], least: int, where: Iterable[Cell]) -> Cases:
    """In each block, clearly better than so many of the rivals."""
    chosen = list(where)

    def made(v: Values) -> list[Case]:
        found = []
        for cell in chosen:
            spans = {m: v.span(cell, method, m) for m in rivals if m in v.methods(cell)}
            ahead = {m: None if span is None else span.ahead for m, span in spans.items()}
            beaten, open_ = [m for m, won in ahead.items() if won], [m for m, w in ahead.items() if w is None]
            enough = len(beaten) >= least
            passed = True if enough else None if len(beaten) + len(open_) >= least else False
            figure = f"better than {', '.join(beaten) or 'none'}"
            if passed is None:
                figure = "" if None in spans.values() else f"{figure} ({OPEN} of {', '.join(open_)})"
            found.append(Case(cell.pair, cell.at, passed, figure))
        return found

    return made


def overall(v: Values, sparsity: float) -> dict[str, float]:
    """The mean ratio of each of the paper's methods; empty unless all are there."""
    rows = v.methods(Cell(v.sets[0], v.compared, sparsity))
    found = {m: v.overall(sparsity, m) for m in rows}
    known = {m: r for m, r in found.items() if r is not None}
    return known if len(known) == len(rows) else {}


def overall_rank(method: str, sparsity: float, best: int, worst: int) -> Cases:
    """The mean ratio of both sets ranks between two places, as in Table 7's column of the task."""

    def made(v: Values) -> list[Case]:
        ratios = overall(v, sparsity)
        passed, figure = None, ""
        if ratios:
            rank = 1 + sum(r > ratios[method] + EDGE for r in ratios.values())
            passed = best <= rank <= worst
            figure = f"{method} {ratios[method]:.4f}, {rank} of {len(ratios)}"
        return [Case(v.together, f"t = {sparsity:.0%}", passed, figure)]

    return made


def both(*parts: Cases) -> Cases:
    """The cases of several tests."""
    return lambda v: [case for part in parts for case in part(v)]
