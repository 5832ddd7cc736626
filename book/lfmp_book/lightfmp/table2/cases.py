"""The cases of each test of a sentence on Light-FMP's Table 2, from a view of its records."""

from collections.abc import Callable, Sequence

from ...claims.cases import Case, all_of
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


def beats(rivals: Sequence[str]) -> Cases:
    """On each set, better in AUC than each rival and quicker."""
    return lambda v: [
        Case(d, short(m), all_of(v.better(d, v.arm, m), v.below(d, v.arm, m))) for d in SETS for m in rivals
    ]


def efficient(v: View) -> list[Case]:
    """On each set, quicker than each deep baseline in training and in inference."""
    return [
        Case(d, short(m), all_of(v.below(d, v.arm, m), v.below(d, v.arm, m, "IT")))
        for d in SETS
        for m in DEEP
    ]


def over_base(v: View) -> list[Case]:
    """On each set, better than all fields in AUC and log-loss, and quicker."""
    return [
        Case(
            d,
            "",
            all_of(
                *(v.better(d, v.arm, ALL_FIELDS, metric) for metric in METRICS), v.below(d, v.arm, ALL_FIELDS)
            ),
            ", ".join(filter(None, [v.gained(d, v.arm, ALL_FIELDS), v.took(d, v.arm)])),
        )
        for d in SETS
    ]


def close_to_gating(v: View) -> list[Case]:
    """On Criteo, behind the better of OptEmbed and OptFS by no more than in the paper."""
    printed = published.printed_table("lightfmp_table2").query("dataset == 'Criteo'").set_index("method")
    cases = []
    for metric in METRICS:
        column, sign = f"test_{metric.name}", metric.sign
        cells = sign * printed[metric.name]
        allowed = float(cells[["OptEm", "OptFS"]].max() - cells["Light-FMP"])
        ours, *rivals = (v.mean("Criteo", m, column) for m in (v.arm, "OptEmbed", "OptFS"))
        passed, figure = None, ""
        if ours is not None and None not in rivals:
            gap = max(sign * x for x in rivals if x is not None) - sign * ours
            passed, figure = gap <= allowed + 1e-9, f"behind by {gap:.4f} (paper {allowed:.4f})"
        cases.append(Case("Criteo", metric.title, passed, figure))
    return cases


def faster(sets: Sequence[str], others: Sequence[str]) -> Cases:
    """Quicker than others."""
    return lambda v: [
        Case(d, short(m), v.below(d, v.arm, m), v.took(d, v.arm, m)) for d in sets for m in others
    ]


def criteo_time(v: View) -> list[Case]:
    """On Criteo, no more of all fields' time than in the paper, and quicker than OptEmbed and OptFS."""
    ratio = v.ratio("Criteo", v.arm)
    whole = Case("Criteo", ALL_FIELDS, None if ratio is None else ratio <= 0.6084, v.took("Criteo", v.arm))
    return [whole, *faster(("Criteo",), ("OptEmbed", "OptFS"))(v)]


def ranks(v: View) -> list[Case]:
    """On MovieLens and Avazu, the best mean of the ten rows of the paper's table."""
    cases = []
    for d in ("MovieLens", "Avazu"):
        for metric in METRICS:
            ours, *rivals = (v.mean(d, m, f"test_{metric.name}") for m in (v.arm, ALL_FIELDS, *RIVALS))
            if ours is None or None in rivals:
                cases.append(Case(d, metric.title, None))
                continue
            ahead = sum(not metric.better(ours, x) for x in rivals if x is not None)
            cases.append(Case(d, metric.title, not ahead, f"rank {ahead + 1} of {len(rivals) + 1}"))
    return cases


def half_time(v: View) -> list[Case]:
    """On each set, AdaFS takes about half of Light-FMP's time."""
    ratios = {d: v.ratio(d, ADAFS, to=v.arm) for d in SETS}
    return [
        Case(d, "", None if r is None else abs(r - 0.5) <= 0.1, _figure("{:.2f}", r))
        for d, r in ratios.items()
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
    ours, cases = _range([v.ratio(d, v.arm) for d in SETS]), []
    for m in (*ONE_STAGE, "AutoField"):
        theirs = _range([v.ratio(d, m) for d in SETS])
        passed = None if ours is None or theirs is None else ours < theirs
        cases.append(Case("range of TT ×", short(m), passed, _figure("{:.2f} against {:.2f}", theirs, ours)))
    return cases


def _range(values: Sequence[float | None]) -> float | None:
    known = [x for x in values if x is not None]
    return max(known) - min(known) if len(known) == len(values) else None


def comparable_to_deep(v: View) -> list[Case]:
    """On each set, not substantially worse than each two-stage deep baseline, and quicker."""
    cases = []
    for d in SETS:
        for m in TWO_STAGE:
            gain = v.gain(d, v.arm, m)
            not_worse = None if gain is None else not (gain[2] < 0 and gain[0] <= -MARGINAL)
            cases.append(
                Case(
                    d,
                    short(m),
                    all_of(not_worse, v.below(d, v.arm, m)),
                    ", ".join(filter(None, [v.gained(d, v.arm, m), v.took(d, v.arm, m)])),
                )
            )
    return cases


def unbeaten(v: View) -> list[Case]:
    """On each set, nothing is better in AUC without taking longer: neither the paper's rows nor chance."""
    cases = []
    for d in SETS:
        lost: dict[str, bool | None] = {}
        for m in (ALL_FIELDS, *RIVALS, RANDOM_FIELDS):
            quicker = v.below(d, v.arm, m)
            lost[m] = all_of(v.better(d, m, v.arm), None if quicker is None else not quicker)
        names = [short(m) for m, beaten in lost.items() if beaten]
        figure = f"beaten by {', '.join(names) or 'none'}" if None not in lost.values() or names else ""
        cases.append(Case(d, "", all_of(*(None if b is None else not b for b in lost.values())), figure))
    return cases


def neither(v: View) -> list[Case]:
    """On each set, no baseline is better in AUC than all fields and quicker."""
    gained = beats((ALL_FIELDS,))
    return [
        Case(d, short(m), None if won is None else not won)
        for m in RIVALS
        for d, won in ((case.where, case.passed) for case in gained(v.of(m)))
    ]


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
        cases.append(Case(d, "", first == ADAFS if whole else None, f"least: {first}"))
    return cases


def varied(v: View) -> list[Case]:
    """Shallow methods: gains that range more than the median deep baseline's, and less time everywhere."""

    def width(m: str) -> float | None:
        gains = [v.gain(d, m, ALL_FIELDS) for d in SETS]
        return _range([None if g is None else g[0] for g in gains])

    known = sorted(w for m in DEEP if (w := width(m)) is not None)
    middle = known[len(known) // 2] if len(known) == len(DEEP) else None
    cases = []
    for m in SHALLOW:
        own = width(m)
        passed = None if own is None or middle is None else own > middle
        cases.append(Case("range of AUC", m, passed, _figure("{:.4f} against {:.4f}", own, middle)))
    return [*cases, *(case for m in SHALLOW for case in _named(m, faster(SETS, (ALL_FIELDS,))(v.of(m))))]


def _named(arm: str, cases: Sequence[Case]) -> list[Case]:
    return [Case(c.where, arm, c.passed, c.figure) for c in cases]
