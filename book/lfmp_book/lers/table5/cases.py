"""The cases of each test of a sentence on LERS's Table 5, from the printed cells or from records alike.

Rules on clear differences hold intervals against 0 or 0.001 themselves; rules on means need `claims.settled`.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, product
from statistics import median

from ...claims.cases import OPEN, Case, all_of, any_of, untold
from ...evidence.draws import METRICS, Metric
from .view import (
    BACKBONES,
    EDGE,
    HIGH,
    LOW,
    MARGINAL,
    METHODS,
    MIDDLE,
    ORIGINAL,
    SEARCHED,
    SETS,
    SHARES,
    SIMPLE,
    Cell,
    Values,
    cells,
    methods_at,
)

Cases = Callable[[Values], list[Case]]
COMPLEX = tuple(m for m in METHODS if m not in SIMPLE)
TITLES = {"auc": "AUC", "logloss": "log-loss"}
PAIRS = tuple(product(SETS, BACKBONES))


def more(flags: Sequence[tuple[bool | None, bool | None]]) -> tuple[bool | None, str]:
    """Whether more pairs are won than lost, and the count in words.

    None where a pair is not known, and where none is won or lost: then the data can't tell.
    """
    known = [(won, lost) for won, lost in flags if won is not None and lost is not None]
    if len(known) < len(flags):
        return None, ""
    wins, losses = sum(won for won, _ in known), sum(lost for _, lost in known)
    passed = wins > losses if wins or losses else None
    return passed, untold(f"{wins} won, {losses} lost of {len(known)}", passed)


def outperform(
    sets: Sequence[str], ours: Sequence[str], theirs: Sequence[str], metric: Metric = "auc"
) -> Cases:
    """In each block, more pairs of one group with the other are won than lost."""

    def made(v: Values) -> list[Case]:
        found = []
        for cell in cells(sets):
            rivals = [m for m in methods_at(cell, theirs)]
            pairs = [(a, b) for a, b in product(ours, rivals) if a != b]
            flags = [(v.better(cell, a, b, metric), v.better(cell, b, a, metric)) for a, b in pairs]
            found.append(Case(cell.pair, cell.at, *more(flags)))
        return found

    return made


def _ranked(v: Values, cell: Cell, method: str, metric: Metric = "auc") -> tuple[int | None, str]:
    rank, ranked = v.rank(cell, method, metric), v.ranked(cell, metric)
    return rank, "" if rank is None else f"{method} {rank} of {len(ranked)}"


def among_first(first: int, where: Iterable[Cell], methods: Sequence[str]) -> Cases:
    """Each method is among the first so many by mean AUC, in each block."""
    chosen = list(where)

    def made(v: Values) -> list[Case]:
        found = []
        for cell, method in product(chosen, methods):
            rank, figure = _ranked(v, cell, method)
            found.append(Case(cell.pair, cell.at, None if rank is None else rank <= first, figure))
        return found

    return made


def all_but(method: str, dataset: str, failing: Cell) -> Cases:
    """The best mean AUC of a set's blocks, but for one."""

    def made(v: Values) -> list[Case]:
        found = []
        for cell in cells((dataset,)):
            rank, figure = _ranked(v, cell, method)
            passed = None if rank is None else (rank == 1) != (cell == failing)
            found.append(Case(cell.pair, cell.at, passed, figure))
        return found

    return made


def alike(ours: str, theirs: str, sparsity: float, least: int) -> Cases:
    """In AUC as in log-loss, two methods differ by under 0.001 in so many pairs at least (`Span.apart`)."""

    def made(v: Values) -> list[Case]:
        found = []
        for metric in METRICS:
            flags, told = [], []
            for name, backbone in PAIRS:
                cell = Cell(name, backbone, sparsity)
                gap, span = v.gap(cell, ours, theirs, metric), v.span(cell, ours, theirs, metric)
                flags.append(None if span is None else span.apart)
                told += [] if gap is None else [f"{cell.pair} {gap:+.4f}"]
            yes, open_ = flags.count(False), flags.count(None)
            passed = True if yes >= least else None if yes + open_ >= least else False
            what = f"{yes} of {len(flags)} alike" + f", {open_} {OPEN}" * bool(open_)
            figure = f"({', '.join(told)})" if told else ""
            found.append(Case(TITLES[metric], what if told else "", passed, figure))
        return found

    return made


def small_loss(limits: dict[str, float]) -> Cases:
    """The worst method at 95 % loses less than a share of Original's AUC, and adds less to its log-loss."""

    def made(v: Values) -> list[Case]:
        found = []
        for (name, backbone), metric in product(PAIRS, METRICS):
            cell = Cell(name, backbone, HIGH)
            whole, ranked = v.value(cell, ORIGINAL, metric), v.ranked(cell, metric)
            passed, figure = None, ""
            if whole and ranked:
                method, value = ranked[-1]
                loss = (value / whole - 1) * (-1 if metric == "auc" else 1)
                passed, figure = loss < limits[name], f"{-loss if metric == 'auc' else loss:+.2%} ({method})"
            found.append(Case(cell.pair, TITLES[metric], passed, figure))
        return found

    return made


def keeps_up(cell: Cell, method: str) -> Cases:
    """Neither clearly worse than Original, nor possibly worse by 0.001 and more."""

    def made(v: Values) -> list[Case]:
        gap, span = v.gap(cell, method, ORIGINAL), v.span(cell, method, ORIGINAL)
        passed = None
        if span is not None and (span.high < -EDGE or span.low > -MARGINAL + EDGE):
            passed = span.high >= -EDGE
        figure = "" if gap is None else untold(f"{method} AUC {gap:+.4f}", passed)
        return [Case(cell.pair, cell.at, passed, figure)]

    return made


def suits_dcn(v: Values) -> list[Case]:
    """On Criteo at 80 and 95 %, OptEmbed keeps a larger share of Original's AUC on DCN than on DeepFM."""
    found = []
    for t in (MIDDLE, HIGH):
        deepfm, dcn = (v.retain(Cell("Criteo", b, t), SEARCHED) for b in BACKBONES)
        if deepfm is None or dcn is None:
            found.append(Case("Criteo", f"t = {t:.0%}", None))
            continue
        figure = f"DeepFM {deepfm:.4f}, DCN {dcn:.4f}"
        found.append(Case("Criteo", f"t = {t:.0%}", dcn > deepfm, figure))
    return found


def _simple(v: Values, cell: Cell) -> tuple[float | None, str]:
    """By how much the best simple method is ahead of the best complex one."""
    ranked = v.ranked(cell)
    best = {m in SIMPLE: (m, x) for m, x in reversed(ranked)}
    if not ranked:
        return None, ""
    gap = best[True][1] - best[False][1]
    return gap, f"{best[True][0]} {gap:+.4f} to {best[False][0]}"


def simple_suffices(v: Values) -> list[Case]:
    """At 50 %, the best of QR and MagPrune is not 0.001 of AUC and more behind the best complex method."""
    found = []
    for cell in cells(shares=(LOW,)):
        gap, figure = _simple(v, cell)
        found.append(Case(cell.pair, cell.at, None if gap is None else gap > -MARGINAL + EDGE, figure))
    return found


def complexity_pays(v: Values) -> list[Case]:
    """At 95 %, the best complex method is 0.001 of AUC and more ahead of QR and MagPrune."""
    found = simple_suffices(v)
    for cell in cells(shares=(HIGH,)):
        gap, figure = _simple(v, cell)
        found.append(Case(cell.pair, cell.at, None if gap is None else gap <= -MARGINAL + EDGE, figure))
    return found


STEPS = tuple((c.to(a), c.to(b)) for c in cells(shares=(LOW,)) for a, b in pairwise(SHARES))


def gains_when_smaller(methods: Sequence[str]) -> Cases:
    """In one of the steps from a sparsity to the next a method's AUC clearly rises, of so many chances."""

    def made(v: Values) -> list[Case]:
        found = []
        for method in methods:
            spans = {
                f"{more.pair} {more.sparsity:.0%} to {less.sparsity:.0%}": v.span(
                    less, method, method, than=more, chances=len(STEPS)
                )
                for more, less in STEPS
            }
            ahead = {name: None if span is None else span.ahead for name, span in spans.items()}
            passed = any_of(*ahead.values())
            figure = ", ".join(name for name, up in ahead.items() if up)
            if not figure and None not in spans.values():
                figure = untold("in no step", passed)
            found.append(Case(method, "", passed, figure))
        return found

    return made


def competitive(method: str, shares: Sequence[float] = SHARES, backbones: Sequence[str] = BACKBONES) -> Cases:
    """In each block, AUC not 0.001 and more below the median of the paper's rows."""

    def made(v: Values) -> list[Case]:
        found = []
        for cell in cells(backbones=backbones, shares=shares):
            gap = _to_median(v, cell, method)
            figure = "" if gap is None else f"{gap:+.4f}"
            found.append(Case(cell.pair, cell.at, None if gap is None else gap > -MARGINAL + EDGE, figure))
        return found

    return made


def _to_median(v: Values, cell: Cell, method: str) -> float | None:
    ranked = dict(v.ranked(cell))
    return ranked[method] - median(ranked.values()) if method in ranked else None


def beats_some(method: str, rivals: Sequence[str], least: int) -> Cases:
    """In each block, clearly better AUC than so many of the rivals."""

    def made(v: Values) -> list[Case]:
        found = []
        for cell in cells():
            spans = {m: v.span(cell, method, m) for m in methods_at(cell, rivals)}
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


def weak_when_large(method: str) -> Cases:
    """At 50 % below the median by 0.001 and more, and a smaller share of Original's AUC than at 95 %."""

    def made(v: Values) -> list[Case]:
        found = []
        for cell in cells(shares=(LOW,)):
            gap = _to_median(v, cell, method)
            now, later = v.retain(cell, method), v.retain(cell.to(HIGH), method)
            below = None if gap is None else gap <= -MARGINAL + EDGE
            rises = None if now is None or later is None else later > now
            figure = "" if gap is None else f"{gap:+.4f} to the median"
            figure += "" if now is None or later is None else f", ratio {now:.4f}, at 95 % {later:.4f}"
            found.append(Case(cell.pair, cell.at, all_of(below, rises), figure))
        return found

    return made
