"""The cases of each test of a sentence on LERS's Table 5, from the printed cells or from records alike.

Rules on clear differences hold intervals against 0 or 0.001 themselves; rules on means need `claims.robust`.
"""

from collections.abc import Sequence
from itertools import pairwise, product

from lfmp_core.metrics import AUC, LOG_LOSS

from ...claims.cases import OPEN, Case, all_of, any_of, undecided
from ..scores.blocks import EDGE, HIGH, LOW, MARGINAL, MIDDLE, ORIGINAL, SEARCHED, SHARES, Cell, Values
from ..scores.clicks import BACKBONES, SETS, cells
from ..scores.rules import Cases, rank_of, simple_lead, simple_suffices, to_median

BOTH = (AUC, LOG_LOSS)  # that the paper prints
PAIRS = tuple(product(SETS, BACKBONES))


def all_but(method: str, dataset: str, failing: Cell) -> Cases:
    """The best mean AUC of a set's blocks, but for one."""

    def made(v: Values) -> list[Case]:
        found = []
        for cell in cells((dataset,)):
            rank, figure = rank_of(v, cell, method)
            passed = None if rank is None else (rank == 1) != (cell == failing)
            found.append(Case(cell.pair, cell.at, passed, figure))
        return found

    return made


def alike(ours: str, theirs: str, sparsity: float, least: int) -> Cases:
    """In AUC as in log-loss, two methods differ by under 0.001 in so many pairs at least (`Span.apart`)."""

    def made(v: Values) -> list[Case]:
        found = []
        for metric in BOTH:
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
            found.append(Case(metric.title, what if told else "", passed, figure))
        return found

    return made


def small_loss(limits: dict[str, float]) -> Cases:
    """The worst method at 95 % loses less than a share of Original's AUC, and adds less to its log-loss."""

    def made(v: Values) -> list[Case]:
        found = []
        for (name, backbone), metric in product(PAIRS, BOTH):
            cell = Cell(name, backbone, HIGH)
            whole, ranked = v.value(cell, ORIGINAL, metric), v.ranked(cell, metric)
            passed, figure = None, ""
            if whole and ranked:
                method, value = ranked[-1]
                change = value / whole - 1
                passed, figure = metric.sign * change > -limits[name], f"{change:+.2%} ({method})"
            found.append(Case(cell.pair, metric.title, passed, figure))
        return found

    return made


def keeps_up(cell: Cell, method: str) -> Cases:
    """Neither clearly worse than Original, nor possibly worse by 0.001 and more."""

    def made(v: Values) -> list[Case]:
        gap, span = v.gap(cell, method, ORIGINAL), v.span(cell, method, ORIGINAL)
        passed = None
        if span is not None and (span.high < -EDGE or span.low > -MARGINAL + EDGE):
            passed = span.high >= -EDGE
        figure = "" if gap is None else undecided(f"{method} AUC {gap:+.4f}", passed)
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


def complexity_pays(v: Values) -> list[Case]:
    """So at 50 %; at 95 %, the best complex method is 0.001 of AUC and more ahead of QR and MagPrune."""
    found = simple_suffices(cells(shares=(LOW,)))(v)
    for cell in cells(shares=(HIGH,)):
        gap, figure = simple_lead(v, cell)
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
                figure = undecided("in no step", passed)
            found.append(Case(method, "", passed, figure))
        return found

    return made


def weak_when_large(method: str) -> Cases:
    """At 50 % below the median by 0.001 and more, and a smaller share of Original's AUC than at 95 %."""

    def made(v: Values) -> list[Case]:
        found = []
        for cell in cells(shares=(LOW,)):
            gap = to_median(v, cell, method)
            now, later = v.retain(cell, method), v.retain(cell.to(HIGH), method)
            below = None if gap is None else gap <= -MARGINAL + EDGE
            rises = None if now is None or later is None else later > now
            figure = "" if gap is None else f"{gap:+.4f} to the median"
            figure += "" if now is None or later is None else f", ratio {now:.4f}, at 95 % {later:.4f}"
            found.append(Case(cell.pair, cell.at, all_of(below, rises), figure))
        return found

    return made
