"""LERS's sentences on efficiency held against its own Table 8, and the arithmetic of that table."""

from ...claims.claim import share_verdict
from ...claims.finding import Finding
from ...evidence import published
from ...evidence.rounding import Span
from ..costs.inference import ON_TABLE8
from ..costs.views import COLUMNS, METHODS, TITLES, PrintedTable8
from .rules import Remark, by_rule, exceptions

UNITS = {"runtime": "ms", "memory": "MB"}
CONSEQUENCES: dict[str, Remark] = {"1-6": exceptions, "6.4-17": exceptions}


def findings() -> list[Finding]:
    """What Table 8 and §5.2.5 say of the sentences on efficiency."""
    return [
        *by_rule(ON_TABLE8, PrintedTable8(), "Table 8", CONSEQUENCES),
        _divisors(),
        _parts_of_inference(),
    ]


def divisor(task: str, what: str) -> Span:
    """The unpruned model's runtime or memory: what every absolute difference over its relative one leaves.

    Args:
        task: a key of `COLUMNS`. what: a key of `UNITS`.
    """
    rows = published.printed_table("lers_table8").set_index("method")
    spans = []
    for method in METHODS:
        whole = Span.printed(abs(float(rows.loc[method, f"{COLUMNS[task]}_{what}"])), 2)
        spans.append(
            whole / (Span.printed(abs(float(rows.loc[method, f"{COLUMNS[task]}_{what}_relative"])), 2) / 100)
        )
    return Span(max(span.low for span in spans), min(span.high for span in spans))


def _divisors() -> Finding:
    found = {(task, what): divisor(task, what) for task in COLUMNS for what in UNITS}
    told = "; ".join(
        f"{TITLES[task]} {span.middle:.2f} {UNITS[what]}" for (task, what), span in found.items()
    )
    first, second = COLUMNS
    apart = [not found[first, what].meets(found[second, what]) for what in UNITS]
    return Finding(
        "table8-1",
        "Table 8",
        f"{len(METHODS) * len(found)} pairs of an absolute and a relative difference",
        f"each column divides by one number: {told}",
        share_verdict([True, *apart]),
        "DeepFM on Criteo and LightGCN on Yelp2018 would take the same time and the same memory to the last "
        "printed digit: the relative columns of CF stand over the unpruned model of CTR, and only their "
        "absolute ones can be read",
        True,
    )


def _parts_of_inference() -> Finding:
    stated = published.printed_table("lers_stated_cf")
    named = {
        row.quantity.partition(", ")[2]: float(row.value)
        for row in stated[stated.place == "§5.2.5"].itertuples()
    }
    whole, *rest = named.values()
    told = ", ".join(f"{name} {value:g} ms" for name, value in named.items())
    unpruned = divisor("pairs", "runtime")
    return Finding(
        "5.2-15",
        "§5.2.5, Table 8",
        told,
        f"the first is {whole / sum(rest):.0f} times the others together; Table 8 puts the unpruned model of "
        f"CF at {unpruned.middle:.2f} ms",
        share_verdict([whole > sum(rest)]),
        "of which method the time is, is not said",
        False,
    )
