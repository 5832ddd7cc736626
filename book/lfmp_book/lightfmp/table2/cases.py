"""The cases of each test of a sentence on Light-FMP's Table 2, from a view of its records."""

from collections.abc import Callable, Sequence
from math import sqrt

import pandas as pd

from ...claims import told
from ...claims.cases import Case, all_of, negated
from ...evidence import published
from ...evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..arms import LITERAL
from ..selectors import short
from ..values import MARGINAL, METRICS, SETS
from ..view import DEEP, ONE_STAGE, RIVALS, SHALLOW, TIME, TWO_STAGE, View

Cases = Callable[[View], list[Case]]
ADAFS = ONE_STAGE[0]


def _figure(form: str, *values: float | None) -> str:
    return "" if None in values else form.format(*values)


def _both(passed: bool | None, *figures: str) -> str:
    """Several figures; those there are where they decide, none where one that is open lacks its records."""
    return ", ".join(filter(None, figures)) if all(figures) or passed is not None else ""


def beats(rivals: Sequence[str]) -> Cases:
    """On each set, better in AUC than each rival and quicker."""
    return lambda v: [
        Case(d, short(m), passed, _both(passed, v.gained(d, v.arm, m), v.took(d, v.arm, m)))
        for d in SETS
        for m in rivals
        for passed in [all_of(v.better(d, v.arm, m), v.below(d, v.arm, m))]
    ]


def efficient(v: View) -> list[Case]:
    """On each set, quicker than each deep baseline in training and in inference."""
    return [
        Case(
            d,
            short(m),
            passed,
            _both(passed, v.took(d, v.arm, m), _figure("inference × {:.2f}", v.ratio(d, v.arm, "IT", m))),
        )
        for d in SETS
        for m in DEEP
        for passed in [all_of(v.below(d, v.arm, m), v.below(d, v.arm, m, "IT"))]
    ]


def over_base(v: View) -> list[Case]:
    """On each set, better than all fields in AUC and log-loss, and quicker."""
    return [
        Case(d, "", passed, _both(passed, v.gained(d, v.arm, ALL_FIELDS), v.took(d, v.arm)))
        for d in SETS
        for better in [[v.better(d, v.arm, ALL_FIELDS, metric) for metric in METRICS]]
        for passed in [all_of(*better, v.below(d, v.arm, ALL_FIELDS))]
    ]


def close_to_gating(v: View) -> list[Case]:
    """On Criteo, behind the better of OptEmbed and OptFS by no more than in the paper."""
    printed = published.printed_table("lightfmp_table2").query("dataset == 'Criteo'").set_index("method")
    cases = []
    for metric in METRICS:
        cells = metric.sign * printed[metric.name]
        allowed = float(cells[["OptEm", "OptFS"]].max() - cells["Light-FMP"]) + 1e-9
        gains = [v.gain("Criteo", v.arm, m, metric) for m in ("OptEmbed", "OptFS")]
        passed, figure = None, ""
        if None not in gains:
            known = [g for g in gains if g is not None]
            near = [True if low >= -allowed else False if high < -allowed else None for _, low, high in known]
            passed = all_of(*near)
            figure = f"behind by {-min(gain for gain, _, _ in known):.4f} (paper {allowed:.4f})"
        cases.append(Case("Criteo", metric.title, passed, figure))
    return cases


def faster(sets: Sequence[str], others: Sequence[str]) -> Cases:
    """Quicker than others."""
    return lambda v: [
        Case(d, short(m), v.below(d, v.arm, m), v.took(d, v.arm, m)) for d in sets for m in others
    ]


def criteo_time(v: View) -> list[Case]:
    """On Criteo, no more of all fields' time than in the paper, and quicker than OptEmbed and OptFS."""
    whole = Case(
        "Criteo", ALL_FIELDS, v.below("Criteo", v.arm, ALL_FIELDS, share=0.6084), v.took("Criteo", v.arm)
    )
    return [whole, *faster(("Criteo",), ("OptEmbed", "OptFS"))(v)]


def ranks(v: View) -> list[Case]:
    """On MovieLens and Avazu, ahead of each other row of the paper's table."""
    cases = []
    for d in ("MovieLens", "Avazu"):
        for metric in METRICS:
            ours, *rivals = (v.mean(d, m, f"test_{metric.name}") for m in (v.arm, ALL_FIELDS, *RIVALS))
            if ours is None or None in rivals:
                cases.append(Case(d, metric.title, None))
                continue
            ahead = sum(not metric.better(ours, x) for x in rivals if x is not None)
            passed = all_of(*(v.better(d, v.arm, m, metric) for m in (ALL_FIELDS, *RIVALS)))
            cases.append(Case(d, metric.title, passed, f"rank {ahead + 1} of {len(rivals) + 1}"))
    return cases


def half_time(v: View) -> list[Case]:
    """On each set, AdaFS takes about half of Light-FMP's time."""
    return [
        Case(
            d,
            "",
            all_of(v.below(d, ADAFS, v.arm, share=0.6), negated(v.below(d, ADAFS, v.arm, share=0.4))),
            _figure("{:.2f}", v.ratio(d, ADAFS, to=v.arm)),
        )
        for d in SETS
    ]


def substantially(rivals: Sequence[str]) -> Cases:
    """On each set, substantially better than each rival in AUC and log-loss."""
    return lambda v: [
        Case(
            d, short(m), all_of(*(v.better(d, v.arm, m, k, MARGINAL) for k in METRICS)), v.gained(d, v.arm, m)
        )
        for d in SETS
        for m in rivals
    ]


def steady(v: View) -> list[Case]:
    """A smaller range of relative time over the sets than that of the methods called sensitive."""
    ours, cases = _ends(v, v.arm), []
    for m in (*ONE_STAGE, "AutoField"):
        theirs = _ends(v, m)
        passed, figure = None, ""
        if ours and theirs:
            less = [(-c, x) for c, x in ours]
            passed = told.positive([*theirs, *less])
            figure = f"{_sum(theirs):.2f} against {_sum(ours):.2f}"
        cases.append(Case("range of TT ×", short(m), passed, figure))
    return cases


def _ends(v: View, arm: str) -> list[tuple[float, pd.Series]]:
    """The range of relative time over the sets as largest less smallest; empty where records are missing."""
    ratios = []
    for d in SETS:
        own, whole = v.runs(d, arm), v.mean(d, ALL_FIELDS, TIME)
        if own is None or whole is None or own[TIME].isna().any():
            return []
        ratios.append(own[TIME] / whole)
    ratios.sort(key=pd.Series.mean)
    return [(1.0, ratios[-1]), (-1.0, ratios[0])]


def _sum(parts: Sequence[tuple[float, pd.Series]]) -> float:
    return sum(c * float(x.mean()) for c, x in parts)


def comparable_to_deep(v: View) -> list[Case]:
    """On each set, not substantially worse than each two-stage deep baseline, and quicker."""
    cases = []
    for d in SETS:
        for m in TWO_STAGE:
            gain = v.gain(d, v.arm, m)
            not_worse = None if gain is None else told.no_worse(gain[1], gain[2], MARGINAL)
            passed = all_of(not_worse, v.below(d, v.arm, m))
            cases.append(Case(d, short(m), passed, _both(passed, v.gained(d, v.arm, m), v.took(d, v.arm, m))))
    return cases


def unbeaten(v: View) -> list[Case]:
    """On each set, nothing is better in AUC without taking longer: neither the paper's rows nor chance."""
    cases = []
    for d in SETS:
        lost: dict[str, bool | None] = {}
        for m in (ALL_FIELDS, *RIVALS, RANDOM_FIELDS):
            lost[m] = all_of(v.better(d, m, v.arm), negated(v.below(d, v.arm, m)))
        names = [short(m) for m, beaten in lost.items() if beaten]
        there = all(v.gain(d, m, v.arm) is not None for m in lost)
        figure = f"beaten by {', '.join(names) or 'none'}" if there or names else ""
        cases.append(Case(d, "", all_of(*map(negated, lost.values())), figure))
    return cases


def either(v: View) -> list[Case]:
    """On each set, a baseline is better in AUC than all fields or quicker, and not both."""
    found = []
    for d in SETS:
        for m in RIVALS:
            accurate, quick = v.better(d, m, ALL_FIELDS, METRICS[0]), v.below(d, m, ALL_FIELDS)
            passed = None if accurate is None or quick is None else accurate != quick
            figure = _both(passed, v.gained(d, m, ALL_FIELDS), v.took(d, m))
            found.append(Case(d, short(m), passed, figure))
    return found


def worse(sets: Sequence[str], rivals: Sequence[str], *, by: float = 0.0, quicker: bool = False) -> Cases:
    """AUC below all fields' (with `by`, log-loss above too), and if asked for quicker."""

    def cases(v: View) -> list[Case]:
        found = []
        for d in sets:
            for m in rivals:
                lost = [v.better(d, ALL_FIELDS, m, metric, by) for metric in (METRICS if by else METRICS[:1])]
                time = [v.below(d, m, ALL_FIELDS)] if quicker else []
                found.append(Case(d, short(m), all_of(*lost, *time), v.gained(d, m, ALL_FIELDS)))
        return found

    return cases


def slower(sets: Sequence[str], rivals: Sequence[str]) -> Cases:
    """Slower than all fields."""
    return lambda v: [
        Case(d, short(m), v.below(d, ALL_FIELDS, m), v.took(d, m)) for d in sets for m in rivals
    ]


def quickest(v: View) -> list[Case]:
    """On each set, AdaFS has the least time of the ten rows of the paper's table."""
    cases = []
    for d in SETS:
        times = {m: t for m in (ALL_FIELDS, *RIVALS, LITERAL) if (t := v.mean(d, m, TIME)) is not None}
        whole = len(times) == len(RIVALS) + 2
        first = min(times, key=times.__getitem__) if whole else ""
        others = [v.below(d, ADAFS, m) for m in times if m != ADAFS]
        cases.append(Case(d, "", all_of(*others) if whole else None, f"least: {first}" * whole))
    return cases


def varied(v: View) -> list[Case]:
    """Shallow methods: gains that range more than the median deep baseline's, and less time everywhere."""

    widths = [w for m in DEEP if (w := _width(v, m)) is not None]
    middle = sorted(widths)[len(widths) // 2] if len(widths) == len(DEEP) else None
    cases = []
    for m in SHALLOW:
        own, passed, figure = _width(v, m), None, ""
        if own is not None and middle is not None:
            wider, error = own[0] - middle[0], 1.96 * sqrt(own[1] + middle[1])
            passed = told.above(wider, wider - error, wider + error)
            figure = f"{own[0]:.4f} against {middle[0]:.4f}"
        cases.append(Case("range of AUC", m, passed, figure))
    return [*cases, *(case for m in SHALLOW for case in _named(m, faster(SETS, (ALL_FIELDS,))(v.of(m))))]


def _width(v: View, arm: str) -> tuple[float, float] | None:
    """Largest less smallest gain in AUC over the sets, and its variance, from the intervals of the two."""
    gains = [gain for d in SETS if (gain := v.gain(d, arm, ALL_FIELDS)) is not None]
    if len(gains) < len(SETS):
        return None
    least, *_, most = sorted(gains)
    return most[0] - least[0], sum(((high - low) / 3.92) ** 2 for _, low, high in (least, most))


def _named(arm: str, cases: Sequence[Case]) -> list[Case]:
    return [Case(c.where, arm, c.passed, c.figure) for c in cases]
