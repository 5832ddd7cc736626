"""The cases of each test of a sentence on LERS's Table 6, beside those that Table 5 has too.

As there, from the printed cells or from records alike; rules on means need `robust_to_resampling`.
"""

from collections.abc import Iterable, Sequence
from statistics import median

from lfmp_core.metrics import NDCG20, RECALL20

from ...claims.cases import Case, all_of, undecided
from ..scores.blocks import EDGE, HIGH, LOW, MARGINAL, MIDDLE, ORIGINAL, SHARES, Cell, Values
from ..scores.lists import GRAPH, LATENT, SETS, MeasuredLists, cells
from ..scores.rules import Cases, by_median, overall


def placed(method: str, best: int, worst: int, where: Iterable[Cell]) -> Cases:
    """By mean NDCG@20 a method ranks between two places, in each block."""
    chosen = list(where)

    def made(v: Values) -> list[Case]:
        found = []
        for cell in chosen:
            rank, ranked = v.rank(cell, method), v.ranked(cell)
            passed = None if rank is None else best <= rank <= worst
            figure = "" if rank is None else f"{method} {rank} of {len(ranked)}"
            found.append(Case(cell.pair, cell.at, passed, figure))
        return found

    return made


def led_by(methods: Sequence[str], where: Iterable[Cell]) -> Cases:
    """By mean NDCG@20 these methods are the first, in this order, in each block."""
    chosen = list(where)

    def made(v: Values) -> list[Case]:
        found = []
        for cell in chosen:
            first = [m for m, _ in v.ranked(cell)[: len(methods)]]
            passed = first == list(methods) if first else None
            found.append(Case(cell.pair, cell.at, passed, ", ".join(first)))
        return found

    return made


def overall_led_by(methods: Sequence[str], shares: Sequence[float]) -> Cases:
    """By the mean ratio of both sets these methods are the first, in this order, at each sparsity."""

    def made(v: Values) -> list[Case]:
        found = []
        for t in shares:
            ratios = overall(v, t)
            first = sorted(ratios, key=lambda m: -ratios[m])[: len(methods)]
            passed = first == list(methods) if first else None
            figure = ", ".join(f"{m} {ratios[m]:.4f}" for m in first)
            found.append(Case(v.together, f"t = {t:.0%}", passed, figure))
        return found

    return made


def weak(method: str, where: Iterable[Cell]) -> Cases:
    """In each block, 0.001 and more below the median of the paper's rows."""
    return by_median(method, where, lambda gap: gap <= -MARGINAL + EDGE)


def ahead_of_all(method: str, where: Iterable[Cell]) -> Cases:
    """In each block, clearly better NDCG@20 and Recall@20 than every other method."""
    chosen = list(where)

    def made(v: Values) -> list[Case]:
        found = []
        for cell in chosen:
            spans = [
                (m, v.span(cell, method, m, metric))
                for metric in (NDCG20, RECALL20)
                for m in v.methods(cell)
                if m != method
            ]
            flags = [None if span is None else span.ahead for _, span in spans]
            passed, figure = all_of(*flags), ""
            if all(span is not None for _, span in spans):
                figure = undecided(f"{method} ahead in {flags.count(True)} of {len(flags)}", passed)
            found.append(Case(cell.pair, cell.at, passed, figure))
        return found

    return made


def graph_ahead(methods: Sequence[str], shares: Sequence[float]) -> Cases:
    """With LightGCN clearly better NDCG@20 and Recall@20 than with NeuMF, on each set, at each sparsity."""

    def made(v: Values) -> list[Case]:
        found = []
        for name in SETS:
            for t in shares:
                graph, latent = Cell(name, GRAPH, t), Cell(name, LATENT, t)
                spans = [
                    v.span(graph, m, m, metric, than=latent) for m in methods for metric in (NDCG20, RECALL20)
                ]
                flags = [None if span is None else span.ahead for span in spans]
                passed, figure = all_of(*flags), ""
                if None not in spans:
                    figure = undecided(f"{flags.count(True)} of {len(flags)} ahead", passed)
                found.append(
                    Case(name, f"t = {t:.0%}" if methods != (ORIGINAL,) else ORIGINAL, passed, figure)
                )
        return found

    return made


def drops(method: str, backbone: str) -> Cases:
    """From 50 to 80 %, NDCG@20 clearly falls."""

    def made(v: Values) -> list[Case]:
        found = []
        for cell in cells(backbones=(backbone,), shares=(LOW,)):
            later = cell.to(MIDDLE)
            span = v.span(cell, method, method, than=later)
            loss = _less(v.retain(cell, method), v.retain(later, method))
            if loss is None:
                found.append(Case(cell.pair, "", None))
                continue
            passed = None if span is None else span.ahead
            found.append(
                Case(cell.pair, "", passed, undecided(f"{method} {-loss:+.1%} of Original's", passed))
            )
        return found

    return made


def _less(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def suits_graph(method: str, sparsity: float) -> Cases:
    """A method keeps a larger share of Original's NDCG@20 with LightGCN than with NeuMF, on each set."""

    def made(v: Values) -> list[Case]:
        found = []
        for name in SETS:
            graph, latent = (v.retain(Cell(name, b, sparsity), method) for b in (GRAPH, LATENT))
            passed = None if graph is None or latent is None else graph > latent
            figure = "" if passed is None else f"{GRAPH} {graph:.4f}, {LATENT} {latent:.4f}"
            found.append(Case(name, f"t = {sparsity:.0%}", passed, figure))
        return found

    return made


def wider_gap(v: Values) -> list[Case]:
    """From the best method to the second it is a larger share of Original's NDCG@20 with NeuMF."""
    found = []
    for name in SETS:
        for t in SHARES:
            gaps, told = [], []
            for backbone in (LATENT, GRAPH):
                cell = Cell(name, backbone, t)
                ranked, whole = v.ranked(cell), v.value(cell, ORIGINAL)
                if ranked and whole:
                    gaps.append((ranked[0][1] - ranked[1][1]) / whole)
                    told.append(f"{backbone} {gaps[-1]:.1%} ({ranked[0][0]})")
            passed = gaps[0] > gaps[1] + EDGE if len(gaps) == 2 else None
            found.append(Case(name, f"t = {t:.0%}", passed, ", ".join(told) if passed is not None else ""))
    return found


def keeps_up_with(methods: Sequence[str], rivals: Sequence[str], where: Iterable[Cell]) -> Cases:
    """In each block, no method is 0.001 and more below the median of the rivals."""
    chosen = list(where)

    def made(v: Values) -> list[Case]:
        found = []
        for cell in chosen:
            ranked = dict(v.ranked(cell))
            if not ranked:
                found.append(Case(cell.pair, cell.at, None))
                continue
            middle = median(ranked[m] for m in rivals)
            behind = {m: ranked[m] - middle for m in methods if ranked[m] - middle <= -MARGINAL + EDGE}
            figure = ", ".join(f"{m} {gap:+.4f}" for m, gap in behind.items()) or "none behind"
            found.append(Case(cell.pair, cell.at, not behind, figure))
        return found

    return made


def best_loses(sparsity: float, share: float) -> Cases:
    """The best mean ratio of both sets loses more than a share of Original's NDCG@20."""

    def made(v: Values) -> list[Case]:
        ratios = overall(v, sparsity)
        passed, figure = None, ""
        if ratios:
            best = max(ratios, key=ratios.__getitem__)
            passed, figure = 1 - ratios[best] > share, f"{best} {ratios[best] - 1:+.1%}"
        return [Case(v.together, f"t = {sparsity:.0%}", passed, figure)]

    return made


# ---- of records alone


def all_in_the_table(v: MeasuredLists) -> list[Case]:
    """Unpruned LightGCN has no number outside its table, on each set."""
    found = []
    for cell in cells(backbones=(GRAPH,), shares=(HIGH,)):
        whole = v.mean(cell, ORIGINAL, "parameters")
        table = v.mean(cell, ORIGINAL, "embedding_parameters")
        passed = None if whole is None or table is None else whole == table
        figure = "" if passed is None else f"{table:,.0f} of {whole:,.0f} numbers"
        found.append(Case(cell.dataset, "", passed, figure))
    return found
