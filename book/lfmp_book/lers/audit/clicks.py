"""LERS's sentences on click prediction held against its own Tables 2, 4, 5 and 7."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import pandas as pd

from lfmp_core.metrics import LOG_LOSS

from ...claims.cases import Case
from ...claims.claim import share_verdict
from ...claims.finding import Finding
from ...evidence import published
from ...evidence.rounding import Span
from ..scores.blocks import HIGH, LOW, METHODS, ORIGINAL, SEARCHED, Cell
from ..scores.clicks import BACKBONES, PrintedClicks, cells, methods_at
from ..table5.cases import PAIRS
from ..table5.claims import ON_SCORES
from .rules import TOLERANCE, Remark, by_rule, exceptions, recomputed_ratios, tally_cases

STEPS = 2 * len(PAIRS)  # from one sparsity to the next, of one method


def _gains(cases: Sequence[Case]) -> str:
    """A figure names the steps with a gain, each with one "to"."""
    steps = sum(case.figure.count(" to ") for case in cases)
    return f"fewer numbers help in {steps} of {STEPS * len(cases)} steps"


_BY_SPARSITY = tally_cases(lambda case: case.what)
# what a reader should make of a finding, by its first sentence
CONSEQUENCES: dict[str, Remark] = {
    "abstract-1": _BY_SPARSITY,
    "1-3": _BY_SPARSITY,
    "6.1-2": _BY_SPARSITY,
    "6.1-4": _BY_SPARSITY,
    "6.1-6": tally_cases(lambda case: f"{case.what}, {case.where.partition(',')[0]}"),
    "6.1-7": _BY_SPARSITY,
    "6.1-14": exceptions,
    "6.1-15": _gains,
    "6.1-18": lambda cases: "and §6.3 says that it falls short there",
    "7-4": _BY_SPARSITY,
    "7-7": tally_cases(lambda case: case.where.partition(",")[0]),
}


def findings() -> list[Finding]:
    """What Tables 2, 4, 5 and 7 say of the sentences on click prediction."""
    return [
        *by_rule(ON_SCORES, PrintedClicks(), "Table 5", CONSEQUENCES),
        *_sizes(),
        *_optembed(),
        *_ratios(),
        *_tails(),
    ]


@cache
def _five() -> pd.Series:
    return (
        published.printed_table("lers_table5").set_index(["dataset", "backbone", "method", "sparsity"]).params
    )


def printed_numbers(name: str, backbone: str, method: str, at: str) -> Span:
    """#Para of Table 5 with what its rounding leaves open.

    Args:
        at: sparsity as the CSV has it: 0, own, 50, 80 or 95.
    """
    count = int(_five()[name, backbone, method, at])
    # millions have two decimals, thousands none
    return Span.printed(count, -4 if count >= 1_000_000 else -3)


def removed(name: str, backbone: str, method: str, at: str) -> Span:
    """The sparsity that #Para amounts to."""
    return 1 - printed_numbers(name, backbone, method, at) / printed_numbers(name, backbone, ORIGINAL, "0")


def _sizes() -> list[Finding]:
    two = published.printed_table("lers_table2").set_index("dataset")
    four = published.printed_table("lers_table4").set_index(["base_model", "hyperparameter"]).fixed
    dim = int(four["DeepFM", "d"])
    tables = {d: (int(two.features[d]) * dim, printed_numbers(d, b, ORIGINAL, "0")) for d, b in PAIRS}
    widths = [int(two.fields["Criteo"]) * dim, *map(int, four["DeepFM", "MLP"].split(",")), 1]
    network = sum((i + 1) * o for i, o in pairwise(widths))
    first_order = int(two.features["Criteo"])
    share = tables["Criteo"][0] / (tables["Criteo"][0] + network + first_order)
    asked = {
        (c, m): removed(c.dataset, c.backbone, m, f"{100 * c.sparsity:.0f}")
        for c in cells()
        for m in methods_at(c)
    }
    off = {
        key: s
        for key, s in asked.items()
        if not s.meets(Span(key[0].sparsity - TOLERANCE, key[0].sparsity + TOLERANCE))
    }
    under = {key: s for key, s in off.items() if s.middle < key[0].sparsity}
    told = ", ".join(f"{m} on {c.pair} {s.middle:.0%} for {c.sparsity:.0%}" for (c, m), s in off.items())
    none = [m for m in METHODS if m not in methods_at(Cell(*PAIRS[0], LOW))]
    kept = printed_numbers("Criteo", "DCN", "PEP", "95") / printed_numbers("Criteo", "DCN", ORIGINAL, "0")
    return [
        Finding(
            "table2-1",
            "Table 4, Table 5",
            f"d = {dim}; #Para of Original "
            + ", ".join(f"{s.middle / 1e6:.2f}M" for _, s in tables.values()),
            "; ".join(f"{d}: features × d = {n:,}" for d, (n, _) in tables.items()),
            share_verdict([s.meets(n) for n, s in tables.values()]),
            "",
            False,
        ),
        Finding(
            "1-1",
            "Table 2, Table 4",
            f"{first_order:,} features, MLP {four['DeepFM', 'MLP']}",
            f"the table has {share:.1%} of the parameters: beside it a network of {network:,} and as many "
            "first-order weights as features",
            share_verdict([share > 0.8]),
        ),
        Finding(
            "5.2-1",
            "Table 5",
            f"{len(asked)} blocks of a method, #Para each",
            f"{len(asked) - len(off)} within {TOLERANCE:.0%} of the rate; else: {told}; no row at 50 % of "
            f"{', '.join(none)}",
            share_verdict([key not in off for key in asked]),
            f"{len(under)} of those have more numbers than asked, {len(off) - len(under)} fewer",
            True,
        ),
        Finding(
            "6.1-8",
            "Table 5",
            "#Para of PEP at 95 % and of Original, Criteo, DCN",
            f"{kept.middle:.1%} of the numbers",
            share_verdict([kept.low < 0.055]),
            "",
            False,
        ),
    ]


def _optembed() -> list[Finding]:
    own = {pair: removed(*pair, SEARCHED, "own") for pair in PAIRS}
    words = "; ".join(f"{d}, {b} {s.middle:.0%}" for (d, b), s in own.items())
    dim = int(
        published.printed_table("lers_table4")
        .set_index(["base_model", "hyperparameter"])
        .fixed["DeepFM", "d"]
    )
    expected, most = 1 - (dim + 1) / 2 / dim, 1 - 1 / dim
    named = [("Criteo", "DeepFM"), ("Avazu", "DCN")]
    at = {(pair, t): removed(*pair, SEARCHED, t) for pair in PAIRS for t in ("80", "95")}
    sparse = [s.high >= int(t) / 100 for (_, t), s in at.items()]
    same = [(pair, t) for (pair, t), s in at.items() if s == own[pair]]
    reused = ", ".join(f"{d}, {b} at {t} %" for (d, b), t in same)
    return [
        Finding(
            "5.2-4",
            "§5.2.2, Table 5",
            f"widths uniform on 1 … {dim}",
            f"expected sparsity {expected:.1%}; printed of OptEmb's own size: {words}",
            share_verdict([s.meets(Span(expected - 0.05, expected + 0.05)) for s in own.values()]),
            "evolution and the removed rows leave about half of the expected numbers, and less",
            True,
        ),
        Finding(
            "5.2-5",
            "Table 5, Table 4",
            f"#Para of OptEmb at 80 and 95 %; d = {dim}",
            f"{sum(sparse)} of {len(sparse)} rows are as sparse as asked or sparser; widths alone reach "
            f"{most:.2%}",
            share_verdict(sparse),
            f"at {HIGH:.0%} rows must go too, of which the text says nothing there",
        ),
        Finding(
            "5.2-6",
            "Table 5",
            "OptEmb's own size on Criteo with DeepFM and Avazu with DCN",
            ", ".join(f"{d}, {b} {own[d, b].middle:.0%}" for d, b in named) + " for 80 %",
            share_verdict([abs(own[pair].middle - 0.8) < 0.1 for pair in named]),
        ),
        Finding(
            "5.2-7",
            "Table 5",
            "#Para of OptEmb at its own size, at 80 and at 95 %",
            f"never more numbers than its own; the same as its own: {reused}",
            share_verdict([s.middle >= own[pair].middle for (pair, _), s in at.items()]),
            "where its own size is smaller than asked, the row is that of a smaller model than its block's",
        ),
    ]


def _ratios() -> list[Finding]:
    auc = (
        published.printed_table("lers_table5")
        .set_index(["backbone", "dataset", "method", "sparsity"])
        .auc["DCN"]
    )
    printed = published.printed_table("lers_table7")
    empty = printed[printed.overall_ctr == 0]
    columns = {"Criteo": "criteo", "Avazu": "avazu"}
    return [
        recomputed_ratios(auc, columns, "overall_ctr", "Table 5, Table 7", "AUC with DCN"),
        Finding(
            "table7-1",
            "Table 5",
            "no row of OptEmb at 50 %",
            f"{len(empty)} row of {len(printed)} prints a ratio of 0: {', '.join(empty.method)}",
            "slip",
            "a run that was not made is printed as a result",
        ),
    ]


def _tails() -> list[Finding]:
    two = published.printed_table("lers_table2").set_index("dataset").features
    log_loss = [PrintedClicks().rank(Cell("Avazu", b, HIGH), "TTRec", LOG_LOSS) for b in BACKBONES]
    return [
        Finding(
            "6.1-3 6.3-9",
            "§6.1 and §6.3",
            "each names the other set's tail as the heavier",
            f"Avazu has {two['Avazu'] / two['Criteo']:.1f} times the features; neither tail is printed",
            "fails",
            "the first explains why composition fails on Criteo, the second why pruning fails on Avazu: both "
            "can't be",
        ),
        Finding(
            "6.1-12",
            "Table 5",
            "log-loss on Avazu at 95 %",
            "TTRec's rank of seven: "
            + ", ".join(f"{b} {r}" for b, r in zip(BACKBONES, log_loss, strict=True)),
            share_verdict([r is not None and r <= 2 for r in log_loss]),
            "the second place is one of AUC alone",
        ),
    ]
