"""LERS on collaborative filtering: rules by hand, printed cells as records, both tasks at once, the audit."""

import pytest
from table6_runs import NONE, drawn, framed, run

from lfmp_book.claims import sentences
from lfmp_book.claims.cases import judge
from lfmp_book.evidence import frames, published
from lfmp_book.ledger import audit
from lfmp_book.lers.scores import clicks as five
from lfmp_book.lers.scores.blocks import HIGH, LOW, METHODS, MIDDLE, ORIGINAL, SHARES, Cell, GapInterval, tau
from lfmp_book.lers.scores.lists import (
    GRAPH,
    LATENT,
    SETS,
    ListValues,
    MeasuredLists,
    PrintedLists,
    arm_of,
    cells,
    printed_of,
)
from lfmp_book.lers.table6 import cases as rules
from lfmp_book.lers.table6 import figure, page
from lfmp_book.lers.table6.claims import ON_SCORES, TESTS, claims
from lfmp_book.lers.table7 import claims as on_both
from lfmp_book.lers.table7.view import CLICKS, LISTS, Both, order_agreement
from lfmp_core.metrics import RECALL20

NONE_COMPARED = frames.framed((), frames.COMPARED)
SAID = sentences.load_sentences("lers")
CELL = Cell("Gowalla", LATENT, MIDDLE)


@pytest.fixture(scope="module")
def copied():
    """Records that say what the paper printed."""
    rows = []
    for r in published.lers_table6().itertuples():
        rows += run(r.dataset, r.backbone, arm_of(r.method), r.sparsity, r.ndcg, r.recall)
    return framed(rows)


def verdicts(frame):
    """By sentence; nothing is left in doubt."""
    return {c.sentences[0]: c.verdict for c in claims(frame, drawn(frame))}


class Told(ListValues):
    """NDCG@20 by method, the same in all blocks of a backbone and sparsity; Recall@20 the same."""

    def __init__(self, **values):
        self.known = values

    def value(self, cell, method, metric=None):
        own = self.known.get(f"{cell.backbone}_{round(100 * cell.sparsity)}", {})
        return self.known.get("original") if method == ORIGINAL else own.get(method)


LADDER = {m: 0.01 * (7 - i) for i, m in enumerate(METHODS)}  # QR .07, TTRec .06, … MagPrune .01


def same(ladder, original=0.1):
    return Told(
        original=original, **{f"{b}_{round(100 * t)}": ladder for b in (GRAPH, LATENT) for t in SHARES}
    )


def passed(rule, values):
    return {case.passed for case in rule(values)}


# ---- printed cells and records


def test_scores_by_hand():
    printed = PrintedLists()
    assert printed.ranked(CELL)[0] == ("PEP", 0.0913) and printed.rank(CELL, "OptEmb") == 2
    assert printed.rank(CELL, "OptEmb", RECALL20) == 2 and printed.rank(CELL, "QR") == 3
    assert printed.rank(CELL, "DHE") == 3  # .0654 twice
    assert printed.retain(CELL, "PEP") == pytest.approx(0.0913 / 0.1066)
    assert printed.overall(HIGH, "PEP") == pytest.approx((0.0396 / 0.0575 + 0.1156 / 0.1470) / 2)
    assert printed.gap(CELL, "PEP", "QR", RECALL20) == pytest.approx(0.1097 - 0.0752)
    assert len(list(cells())) == 12 and printed.methods(CELL.to(LOW)) == METHODS
    assert printed_of("TT-Rec") == "TTRec" and printed_of("OptEmbed-D") == "OptEmb"
    assert printed_of("smaller dense") is None


def test_every_sentence_of_the_items_has_one_test():
    for item, tests in (("lers_table6", TESTS), ("lers_table7", on_both.TESTS)):
        named = [i for test in tests for i in test.sentences]
        assert len(named) == len(set(named))
        assert {s.id for s in SAID.values() if item in s.items} == set(named)


def test_records_like_the_paper_are_judged_like_the_paper(copied):
    """One rule for both: the printed cells as records give the printed cells' verdicts."""
    printed = {}
    for finding in audit.audit_findings("lers", "collaborative filtering"):
        if finding.against == "Table 6" and finding.says in {test.rule for test in ON_SCORES}:
            printed |= dict.fromkeys(finding.sentences, finding.verdict)
    measured = verdicts(copied)
    assert len(printed) > 25 and measured == printed | {"1-5": "holds"}


def test_one_set_alone_judges_what_it_can(copied):
    found = verdicts(copied[copied.dataset == "gowalla"])
    assert found["6.2-13"] == found["6.2-2"] == "part"  # no further record can change it
    assert found["6.2-7"] == found["6.2-12"] == found["6.3-14"] == found["1-5"] == "untestable"


def test_no_records_no_verdict():
    none = page.completed(NONE)
    assert set(verdicts(none).values()) == {"untestable"} and not len(claims(none, drawn(none), ()))


def test_swapped_recommenders_swap_the_verdicts(copied):
    turned = copied.assign(backbone=copied.backbone.map({"lightgcn": "neumf", "neumf": "lightgcn"}))
    found = verdicts(turned)
    assert (found["6.2-7"], found["5.2-14"], found["6.2-11"]) == ("fails", "fails", "fails")


def test_differences_that_draws_leave_open_are_not_told(copied):
    """Means alone, without draws: no sentence on clear differences or ranks is judged."""
    values = MeasuredLists(copied, {})
    told = {i: judge(test.outcome(values).cases) for test in TESTS for i in test.sentences}
    assert {told[i] for i in ("abstract-1", "6.2-1", "6.2-7", "6.2-8", "6.2-12", "7-7")} <= {
        "undecided",
        "untestable",
    }
    assert told["1-5"] == "holds"


# ---- rules


def test_places_by_hand():
    where = list(cells(("Gowalla",), (GRAPH,), (LOW,)))
    v = same(LADDER)
    assert passed(rules.placed("TTRec", 2, 2, where), v) == {True}
    assert passed(rules.placed("TTRec", 3, 7, where), v) == {False}
    assert passed(rules.led_by(("QR", "TTRec"), where), v) == {True}
    assert passed(rules.led_by(("TTRec", "QR"), where), v) == {False}
    [case] = rules.led_by(("QR",), where)(Told(original=0.1))
    assert (case.passed, case.figure) == (None, "")
    [low, high] = rules.overall_led_by(("QR", "TTRec"), (LOW, HIGH))(v)
    assert low.passed is high.passed is True and low.figure == "QR 0.7000, TTRec 0.6000"


def test_below_the_median_and_behind_the_reference_methods():
    """The median of the ladder is PEP's .04, of MagPrune, DHE and CERP CERP's .02."""
    where = list(cells(("Gowalla",), (GRAPH,), (LOW,)))
    v = same(LADDER)
    assert passed(rules.weak("OptEmb", where), v) == {True} and passed(rules.weak("PEP", where), v) == {False}
    [case] = rules.keeps_up_with(("QR", "OptEmb"), ("MagPrune", "DHE", "CERP"), where)(v)
    assert (case.passed, case.figure) == (True, "none behind")
    low = same({**LADDER, "QR": 0.0195})  # .0005 behind is not enough
    assert passed(rules.keeps_up_with(("QR",), ("MagPrune", "DHE", "CERP"), where), low) == {True}
    [case] = rules.keeps_up_with(("QR",), ("MagPrune", "DHE", "CERP"), where)(same({**LADDER, "QR": 0.019}))
    assert (case.passed, case.figure) == (False, "QR -0.0010")


def test_a_drop_by_hand():
    """From .05 to .03 of .1 Original's QR loses 20 %, whatever others lose; what rises doesn't drop."""
    first, later = {**LADDER, "QR": 0.05}, {**LADDER, "QR": 0.03}
    v = Told(original=0.1, NeuMF_50=first, NeuMF_80=later)
    found = rules.drops("QR", LATENT)(v)
    assert [c.passed for c in found] == [True, True]
    assert found[0].figure == "QR -20.0% of Original's"
    more = Told(original=0.1, NeuMF_50=first, NeuMF_80={**later, "PEP": 0.01})
    assert passed(rules.drops("QR", LATENT), more) == {True}
    assert passed(rules.drops("QR", LATENT), Told(original=0.1, NeuMF_50=later, NeuMF_80=first)) == {False}
    assert passed(rules.drops("QR", LATENT), Told(original=0.1, NeuMF_50=first)) == {None}


def test_gap_to_the_second_and_shares_kept_by_hand():
    """NeuMF: .05 to .03, a fifth of Original's; LightGCN: .05 to .04, a tenth."""
    near, far = ({**dict.fromkeys(METHODS, second), "PEP": 0.05} for second in (0.04, 0.03))
    given = {f"{GRAPH}_{round(100 * t)}": near for t in SHARES}
    given |= {f"{LATENT}_{round(100 * t)}": far for t in SHARES}
    found = rules.wider_gap(Told(original=0.1, **given))
    assert len(found) == 6 and {c.figure for c in found} == {"NeuMF 20.0% (PEP), LightGCN 10.0% (PEP)"}
    assert {c.passed for c in found} == {True}
    assert {c.passed for c in rules.wider_gap(same(LADDER))} == {False}  # alike
    assert passed(rules.suits_graph("QR", LOW), Told(original=0.1, **given)) == {True}
    assert passed(rules.suits_graph("PEP", LOW), Told(original=0.1, **given)) == {False}
    assert passed(rules.best_loses(HIGH, 0.2), same(LADDER)) == {True}  # QR keeps .7
    assert passed(rules.best_loses(HIGH, 0.3 + 1e-9), same(LADDER)) == {False}


class Spans(Told):
    """With one span for Recall@20 and the values' own for NDCG@20."""

    def __init__(self, recall, **values):
        super().__init__(**values)
        self.recall = recall

    def span(self, cell, ours, theirs, metric=None, than=None, chances=1):
        return self.recall if metric == RECALL20 else super().span(cell, ours, theirs, metric, than, chances)


@pytest.mark.parametrize(
    ("recall", "expected"),
    [
        ((0.01, 0.005, 0.02), True),
        ((0.01, -0.005, 0.02), None),
        ((-0.01, -0.02, -0.005), False),
        (None, None),
    ],
)
def test_both_metrics_must_say_so(recall, expected):
    where = [Cell("Gowalla", LATENT, MIDDLE)]
    v = Spans(GapInterval(*recall) if recall else None, original=0.1, NeuMF_80=LADDER, LightGCN_80=LADDER)
    [case] = rules.ahead_of_all("QR", where)(v)
    assert case.passed is expected and ("can't be told" in case.figure) == (expected is None and bool(recall))
    better = {m: x + 0.01 for m, x in LADDER.items()}
    over = Spans(GapInterval(*recall) if recall else None, original=0.1, NeuMF_80=LADDER, LightGCN_80=better)
    assert passed(rules.graph_ahead(("QR",), (MIDDLE,)), over) == {expected}


def test_numbers_beside_the_table_are_found():
    rows = [row for name in SETS for row in run(name, GRAPH, ORIGINAL, 0.0, 0.1)]
    assert passed(rules.all_in_the_table, MeasuredLists(framed(rows), {})) == {True}
    more = framed(rows).assign(parameters=1001)
    assert passed(rules.all_in_the_table, MeasuredLists(more, {})) == {False}
    assert passed(rules.all_in_the_table, MeasuredLists(page.completed(NONE), {})) == {None}


# ---- both tasks


def test_tau_by_hand():
    """Of the six pairs of 1, 2, 3, 4 and 1, 2, 4, 3 five agree: (5 − 1) / 6."""
    assert tau([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)
    assert tau([1, 2], [5, 5]) == 0.0
    assert all(tau(range(n), [2 * k for k in range(n)]) == 1 for n in range(2, 40))  # whatever is rounded


def test_agreement_of_orders_by_hand():
    """Each backbone has one order on both sets, and NeuMF's is LightGCN's turned round."""
    turned = dict(zip(METHODS, reversed(LADDER.values()), strict=True))
    given = {f"{GRAPH}_{round(100 * t)}": LADDER for t in SHARES}
    v = Told(original=0.1, **given, **{f"{LATENT}_{round(100 * t)}": turned for t in SHARES})
    assert order_agreement(v, (GRAPH, LATENT)) == pytest.approx((1, -1))
    assert order_agreement(Told(original=0.1, **given), (GRAPH, LATENT)) is None
    assert {t.sentences[0]: judge(t.cases(Both(five.PrintedClicks(), v))) for t in on_both.TESTS[:2]} == {
        "6.2-5": "holds",
        "6.2-6": "holds",
    }


def test_losses_of_both_tasks():
    """The ladder loses 30 % and more of NDCG@20; the printed cells 1.3 % of AUC at most."""
    rule = on_both.loses_more(2, (HIGH,))
    assert passed(rule, Both(five.PrintedClicks(), same(LADDER))) == {True}
    kept = same({**LADDER, "PEP": 0.0999})
    [case] = rule(Both(five.PrintedClicks(), kept))
    assert case.passed is False
    assert case.figure == "6 of 7 methods; least -0.1% of NDCG@20 (PEP), most -1.3% of AUC (PEP)"
    assert passed(rule, Both(five.PrintedClicks(), Told(original=0.1))) == {None}


def test_draws_of_both_tasks_are_paired():
    one, two = same(LADDER), same(LADDER)
    assert Both(one, two).draws() is None  # taken as they are
    one.draws = lambda: [one, one]
    two.draws = lambda: [two]
    [pair] = Both(one, two).draws()
    assert (pair.clicks, pair.lists) == (one, two)


def test_without_records_nothing_is_judged_of_both_tasks():
    compared = frames.framed((), frames.COMPARED)
    nothing = frames.framed((), frames.FINAL)
    found = on_both.claims((nothing, compared), (page.completed(NONE), compared))
    assert len(found) == 4 and {c.verdict for c in found} == {"untestable"}


# ---- quality against bytes


def test_a_point_for_each_cell_that_has_runs():
    """QR at 50 % is as good as the smaller table and half as large; nothing of NeuMF was compressed yet."""
    cost = {"TT": 2.0, "IT": 3.0}
    rows = run("Gowalla", GRAPH, ORIGINAL, 0.0, 0.15, bytes=8e6, **cost)
    rows += run("Gowalla", GRAPH, "QR", 0.5, 0.12, bytes=2e6, **cost)
    rows += run("Gowalla", GRAPH, "smaller dense", 0.5, 0.12, bytes=4e6, **cost)
    rows += run("Gowalla", LATENT, ORIGINAL, 0.0, 0.1, bytes=8e6, **cost)
    frame = framed(rows)
    shown = figure.touched("Gowalla", frame, NONE_COMPARED)
    data = shown.data
    assert data["panels"] == [GRAPH] and data["names"] == [ORIGINAL, "QR 50%", "smaller dense 50%"]
    axes = [axis["key"] for axis in data["axes"]]
    told = {data["names"][p[0]]: dict(zip(axes, p[4:], strict=True)) for p in data["points"]}
    assert told["QR 50%"]["bytes"] == 2.0 and told["QR 50%"]["removed"] == 0.5
    assert told["QR 50%"]["test_ndcg20"] == [0.12, 0.12, 0.12] and told["QR 50%"]["to_whole"] is None
    assert shown.still.words.endswith("Not beaten in both at once: Gowalla, LightGCN: Original, QR 50%.")
    assert "no compressed table" in repr(figure.touched("Yelp2018", frame, NONE_COMPARED))


def test_seeds_are_those_of_a_cell_in_each_recommender():
    """A method that both have has no more of them."""
    cost = {"TT": 2.0, "IT": 3.0, "bytes": 2e6}
    cells = [(GRAPH, "QR"), (LATENT, "QR"), (GRAPH, "PEP")]
    rows = [one for network, arm in cells for one in run("Gowalla", network, arm, 0.5, 0.1, **cost)]
    shown = figure.touched("Gowalla", framed(rows), NONE_COMPARED)
    assert "means over 3 seeds." in shown.still.words


# ---- the paper's own numbers

FOUND = audit.audit_findings("lers", "collaborative filtering")


@pytest.mark.parametrize(
    ("sentence", "against", "verdict", "computed"),
    [
        ("5.2-9", "Table 7", "holds", "42 of 42 ratios and 21 of 21 means"),
        ("table3-1", "Table 3", "holds", "99.870 %"),
        ("table3-2", "Table 6", "holds", "LightGCN 4,533,696, NeuMF 4,533,696"),
        ("5.2-1", "", "part", "78 within 2% of the rate; else: DHE on Yelp2018, LightGCN 83% for 80%"),
        ("5.2-10", "", "holds", "30 are those of a table for users and one for items, 8 could be"),
        ("5.2-4", "", "holds", "LightGCN 49.2%, NeuMF 48.4%; printed Yelp2018, LightGCN 49.1%"),
        ("5.2-5", "", "holds", "8 of 8 rows"),
        ("5.2-13", "", "holds", "98.4% (LightGCN), 96.9% (NeuMF); 8 of 8"),
        ("table6-2", "", "untestable", "the other 87 cells: 1.10 to 1.32"),
        ("6.3-15", "", "holds", "Criteo 39, Avazu 22"),
        ("6.3-17", "", "holds", "70.86M"),
        ("6.2-1", "", "holds", "Yelp2018, LightGCN: t = 50% +0.0044"),
        (
            "6.2-14",
            "",
            "fails",
            "Yelp2018, LightGCN: t = 80% PEP, MagPrune; Gowalla",
        ),
        ("6.2-5", "", "holds", "0.81 between sets, 0.25 between backbones"),
        ("6.3-14", "", "holds", "PEP -26.2%"),
        ("7-8", "", "part", "MagPrune -0.0023 to OptEmb"),
    ],
)
def test_what_the_audit_must_find(sentence, against, verdict, computed):
    found = [f for f in FOUND if sentence in f.sentences and against in f.against]
    assert [f.verdict for f in found if computed in f.computed] == [verdict]


def test_remarks_are_computed():
    remarks = {i: f.consequence for f in FOUND for i in f.sentences}
    assert remarks["6.2-14"].endswith("Yelp2018 MagPrune, PEP; Gowalla MagPrune, PEP")
    # Avazu, DCN: PEP .7564 and Original .7759 are .2564 and .2759 above chance
    assert remarks["6.3-11"].endswith(f"PEP on Avazu loses the most at 95%, {1 - 0.2564 / 0.2759:.1%}")


def test_an_altered_cell_alters_its_verdict(monkeypatch):
    """MagPrune first on LightGCN at 80 %, then PEP: as said. And Table 7 no longer follows."""
    raw = published.printed_table("lers_table6")
    at = (raw.backbone == GRAPH) & (raw.sparsity == 80)
    raw.loc[at & (raw.method == "MagPrune"), "ndcg"] = 0.14
    raw.loc[at & (raw.method == "PEP"), "ndcg"] = 0.135
    untouched = published.printed_table
    monkeypatch.setattr(
        published, "printed_table", lambda name: raw.copy() if name == "lers_table6" else untouched(name)
    )
    found = {i: f for f in audit.audit_findings("lers", "collaborative filtering") for i in f.sentences}
    assert found["6.2-14"].verdict == "holds"
    assert found["5.2-9"].verdict == "part" and "38 of 42 ratios" in found["5.2-9"].computed


def test_tasks_are_named_alike():
    assert tuple(audit.PAPERS["lers"])[:2] == (CLICKS, LISTS)
