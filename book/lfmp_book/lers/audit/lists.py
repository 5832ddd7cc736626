"""LERS's sentences on collaborative filtering, and on both tasks, held against its own Tables 2 to 7."""

from lfmp_core.metrics import NDCG20, RECALL20

from ...claims.claim import share_verdict
from ...claims.finding import Finding
from ...evidence import published
from ...evidence.rounding import Span
from ..counts import printed_span
from ..scores.blocks import HIGH, LOW, MIDDLE, ORIGINAL, SEARCHED, SHARES, Cell
from ..scores.clicks import PrintedClicks
from ..scores.lists import BACKBONES, GRAPH, SETS, PrintedLists, cells
from ..table6 import counts
from ..table6.claims import ON_SCORES as ON_LISTS
from ..table7.claims import TESTS as ON_BOTH
from ..table7.view import Both
from .rules import TOLERANCE, Remark, by_rule, exceptions, recomputed_ratios, tally_cases

EXPECTED = 0.05  # of the sparsity that widths drawn evenly leave

_BY_SPARSITY = tally_cases(lambda case: case.what)


def _at_low(_: object) -> str:
    """Who leads with LightGCN at the sparsity that the paper calls low."""
    v = PrintedLists()
    led = {name: [m for m, _ in v.ranked(Cell(name, GRAPH, LOW))[:2]] for name in SETS}
    told = "; ".join(f"{name} {', '.join(first)}" for name, first in led.items())
    return f"the first two at {LOW:.0%}, which §5.2 calls low: {told}"


def _above_chance(_: object) -> str:
    """What the most is that a method loses of AUC beyond one half, at 95 % on DCN."""
    v = PrintedClicks()
    losses = {}
    for name in v.sets:
        cell = Cell(name, v.compared, HIGH)
        whole = v.value(cell, ORIGINAL)
        assert whole is not None
        for method, auc in v.ranked(cell):
            losses[f"{method} on {name}"] = 1 - (auc - 0.5) / (whole - 0.5)
    most = max(losses, key=losses.__getitem__)
    return f"half of AUC is chance: of what is above, {most} loses the most at {HIGH:.0%}, {losses[most]:.1%}"


# what a reader should make of a finding, by its first sentence
CONSEQUENCES: dict[str, Remark] = {
    "abstract-1": _BY_SPARSITY,
    "1-3": _BY_SPARSITY,
    "6.2-2": _BY_SPARSITY,
    "6.2-4": exceptions,
    "6.2-5": lambda cases: "the sentence says CF twice; its first half is read as CTR",
    "6.2-13": exceptions,
    "6.2-14": _at_low,
    "6.3-11": _above_chance,
    "7-14": _BY_SPARSITY,
}


def findings() -> list[Finding]:
    """What Tables 2 to 7 say of the sentences on collaborative filtering and on both tasks."""
    lists = PrintedLists()
    return [
        *by_rule(ON_LISTS, lists, "Table 6", CONSEQUENCES),
        *by_rule(ON_BOTH, Both(PrintedClicks(), lists), "Tables 5 and 6", CONSEQUENCES),
        *_sets(),
        *_sizes(),
        *_optembed(),
        _ratios(),
        _typo(),
        *_why(),
    ]


def printed_numbers(name: str, backbone: str, method: str, t: float) -> Span:
    """#Para of Table 6 with what its rounding leaves open."""
    return printed_span(PrintedLists().numbers(Cell(name, backbone, t), method))


def removed(name: str, backbone: str, method: str, t: float) -> Span:
    """The sparsity that #Para amounts to, of the tables by Tables 3 and 4."""
    return 1 - printed_numbers(name, backbone, method, t) / Span(*[counts.dense(name, backbone)] * 2)


def _sets() -> list[Finding]:
    three, found = published.printed_table("lers_table3").set_index("dataset"), []
    for sentence, name in (("table3-1", "Yelp2018"), ("table3-2", "Gowalla")):
        users, items = counts.ids(name)
        share = 100 - 100 * int(three.interactions[name]) / (users * items)
        dense = {b: counts.dense(name, b) for b in BACKBONES}
        right = [printed_numbers(name, b, ORIGINAL, 0).meets(n) for b, n in dense.items()]
        found += [
            Finding(
                sentence,
                "Table 3",
                "the same row's users, items and interactions",
                f"{share:.3f} % of the pairs are not observed",
                share_verdict([Span(share, share).rounds_to(float(three.sparsity[name]), 2)]),
                "",
                False,
            ),
            Finding(
                sentence,
                "Table 4, Table 6",
                f"d, and #Para of Original {printed_numbers(name, GRAPH, ORIGINAL, 0).middle / 1e6:.2f}M",
                "(users + items) × d × tables of each: " + ", ".join(f"{b} {n:,}" for b, n in dense.items()),
                share_verdict(right),
                "",
                False,
            ),
        ]
    return found


def _sizes() -> list[Finding]:
    v = PrintedLists()
    asked = {(c, m): removed(c.dataset, c.backbone, m, c.sparsity) for c in cells() for m in v.methods(c)}
    off = {
        key: s
        for key, s in asked.items()
        if not s.meets(Span(key[0].sparsity - TOLERANCE, key[0].sparsity + TOLERANCE))
    }
    under = [key for key, s in off.items() if s.middle < key[0].sparsity]
    told = ", ".join(f"{m} on {c.pair} {s.middle:.0%} for {c.sparsity:.0%}" for (c, m), s in off.items())
    found = counts.counts()
    composed = found[found.method.isin(["QR", "TTRec", "DHE"])]
    own, joint = int(composed.agrees.sum()), int(composed["as jointly"].sum())
    return [
        Finding(
            "5.2-1",
            "Table 6",
            f"{len(asked)} blocks of a method, #Para each",
            f"{len(asked) - len(off)} within {TOLERANCE:.0%} of the rate; else: {told}",
            share_verdict([key not in off for key in asked]),
            f"{len(under)} of those have more numbers than asked, {len(off) - len(under)} fewer",
            True,
        ),
        Finding(
            "5.2-10",
            "Table 6",
            f"#Para of QR, TTRec and DHE, {len(composed)} cells of known settings",
            f"{own} are those of a table for users and one for items, {joint} could be those of one for both",
            share_verdict([own == len(composed) > joint]),
            f"settings of {', '.join(counts.unknown())} are not known",
            False,
        ),
    ]


def _optembed() -> list[Finding]:
    dims = {b: counts.dim_of(b) for b in BACKBONES}
    even = {c: removed(c.dataset, c.backbone, SEARCHED, LOW) for c in cells(shares=(LOW,))}
    expected = {b: 1 - (d + 1) / 2 / d for b, d in dims.items()}
    asked = {c: removed(c.dataset, c.backbone, SEARCHED, c.sparsity) for c in cells(shares=(MIDDLE, HIGH))}
    sparse = [s.high >= c.sparsity for c, s in asked.items()]
    reach = {b: 1 - 1 / d for b, d in dims.items()}
    within = [s.low <= reach[c.backbone] for c, s in asked.items()]
    return [
        Finding(
            "5.2-4",
            "§5.2.2, Table 6",
            "widths uniform on 1 … d; OptEmb at 50 %",
            "expected sparsity "
            + ", ".join(f"{b} {share:.1%}" for b, share in expected.items())
            + "; printed "
            + "; ".join(f"{c.pair} {s.middle:.1%}" for c, s in even.items()),
            share_verdict(
                [
                    s.meets(Span(expected[c.backbone] - EXPECTED, expected[c.backbone] + EXPECTED))
                    for c, s in even.items()
                ]
            ),
            "Table 6 has no row of OptEmb's own size; at 50 % it has the size of widths drawn evenly, which "
            "the search neither raised nor lowered",
            False,
        ),
        Finding(
            "5.2-5",
            "Table 6",
            "#Para of OptEmb at 80 and 95 %",
            f"{sum(sparse)} of {len(sparse)} rows are as sparse as asked or sparser",
            share_verdict(sparse),
        ),
        Finding(
            "5.2-13",
            "Table 4, Table 6",
            "#Para of OptEmb at 80 and 95 %",
            "with one number a row at least, widths reach "
            + ", ".join(f"{share:.1%} ({b})" for b, share in reach.items())
            + f"; {sum(within)} of {len(within)} rows are within that",
            share_verdict(within),
        ),
    ]


def _ratios() -> Finding:
    six = published.printed_table("lers_table6").astype({"sparsity": str})
    ndcg = six.set_index(["backbone", "dataset", "method", "sparsity"]).ndcg[GRAPH]
    columns = {"Yelp2018": "yelp2018", "Gowalla": "gowalla"}
    return recomputed_ratios(ndcg, columns, "overall_cf", "Table 6, Table 7", "NDCG@20 with LightGCN")


def _typo() -> Finding:
    """One cell's Recall is as its NDCG, which it is in no other."""
    v, where = PrintedLists(), Cell("Yelp2018", "NeuMF", MIDDLE)
    shares = {}
    for cell in cells(shares=SHARES):
        for method in (ORIGINAL, *v.methods(cell)):
            ndcg, recall = v.value(cell, method, NDCG20), v.value(cell, method, RECALL20)
            assert ndcg is not None and recall is not None
            shares[cell if method != ORIGINAL else cell.to(0.0), method] = recall / ndcg
    own = shares.pop((where, "MagPrune"))
    return Finding(
        "table6-2",
        "Table 6",
        f"Recall@20 is {own:.2f} times NDCG@20",
        f"the other {len(shares)} cells: {min(shares.values()):.2f} to {max(shares.values()):.2f} times",
        "untestable",
        "a digit of one of the two may have slipped; nothing printed says which",
    )


def _why() -> list[Finding]:
    two = published.printed_table("lers_table2").set_index("dataset")
    five = (
        published.printed_table("lers_table5").set_index(["dataset", "backbone", "method", "sparsity"]).params
    )
    clicks = {name: int(five[name, "DCN", ORIGINAL, "0"]) for name in two.index}
    lists = {name: counts.dense(name, GRAPH) for name in SETS}
    return [
        Finding(
            "6.3-15",
            "Table 2, Table 3",
            "fields of each set",
            ", ".join(f"{name} {count}" for name, count in two.fields.items()) + "; users and items: 2",
            share_verdict([bool((two.fields > 2).all())]),
        ),
        Finding(
            "6.3-17",
            "Table 5, Table 6",
            "#Para of Original",
            ", ".join(f"{name} {n / 1e6:.2f}M" for name, n in {**clicks, **lists}.items()),
            share_verdict([min(clicks.values()) > max(lists.values())]),
        ),
    ]
