"""The cases of each test of a sentence on LERS's Table 5, from the printed cells or from records alike."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, product
from statistics import median

from .cases import Case, all_of
from .lers_table5_view import (
    BACKBONES,
    HIGH,
    LOW,
    MARGINAL,
    METHODS,
    METRICS,
    MIDDLE,
    ORIGINAL,
    SEARCHED,
    SETS,
    SHARES,
    SIMPLE,
    Cell,
    Metric,
    Values,
    cells,
    methods_at,
)

Cases = Callable[[Values], list[Case]]
COMPLEX = tuple(m for m in METHODS if m not in SIMPLE)
EDGE = 1e-9  # of sums of printed decimals
TITLES = {"auc": "AUC", "logloss": "log-loss"}
PAIRS = tuple(product(SETS, BACKBONES))


def more(flags: Sequence[tuple[bool | None, bool | None]]) -> tuple[bool | None, str]:
    """Whether more pairs are won than lost, and the count in words; None where one is not known."""
    known = [(won, lost) for won, lost in flags if won is not None and lost is not None]
    if len(known) < len(flags):
        return None, ""
    wins, losses = sum(bool(w) for w, _ in known), sum(bool(x) for _, x in known)
    return wins > losses, f"{wins} won, {losses} lost of {len(known)}"


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
    """In AUC as in log-loss, two methods differ by under 0.001, or not clearly, in so many pairs at least."""

    def made(v: Values) -> list[Case]:
        found = []
        for metric in METRICS:
            flags, told = [], []
            for name, backbone in PAIRS:
                cell = Cell(name, backbone, sparsity)
                gap = v.gap(cell, ours, theirs, metric)
                first, second = (ours, theirs) if gap is None or gap > 0 else (theirs, ours)
                apart = v.better(cell, first, second, metric)
                close = None if gap is None or apart is None else not apart or abs(gap) < MARGINAL - EDGE
                flags.append(close)
                told += [] if gap is None else [f"{cell.pair} {gap:+.4f}"]
            yes, open_ = sum(f is True for f in flags), sum(f is None for f in flags)
            passed = True if yes >= least else None if yes + open_ >= least else False
            found.append(Case(TITLES[metric], f"{yes} of {len(flags)} alike", passed, f"({', '.join(told)})"))
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
    """Not clearly worse than Original."""

    def made(v: Values) -> list[Case]:
        worse, gap = v.better(cell, ORIGINAL, method), v.gap(cell, method, ORIGINAL)
        figure = "" if gap is None else f"{method} AUC {gap:+.4f}"
        return [Case(cell.pair, cell.at, None if worse is None else not worse, figure)]

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


def gains_when_smaller(methods: Sequence[str]) -> Cases:
    """On some set and backbone a method's AUC clearly rises from one sparsity to the next."""

    def made(v: Values) -> list[Case]:
        found = []
        for method in methods:
            steps = [
                (f"{c.pair} {a:.0%} to {b:.0%}", v.higher(c.to(b), c.to(a), method))
                for c in cells(shares=(LOW,))
                for a, b in pairwise(SHARES)
            ]
            rises = [name for name, up in steps if up]
            unknown = any(up is None for _, up in steps)
            figure = ", ".join(rises) or ("" if unknown else "in no step")
            found.append(Case(method, "", True if rises else None if unknown else False, figure))
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
            wins = {m: v.better(cell, method, m) for m in methods_at(cell, rivals)}
            beaten, unknown = [m for m, won in wins.items() if won], None in wins.values()
            passed = True if len(beaten) >= least else None if unknown else False
            figure = "" if passed is None else f"better than {', '.join(beaten) or 'none'}"
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
