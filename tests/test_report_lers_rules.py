"""What the draws let LERS's Table 5 say: intervals by hand, and each rule where the data can't tell."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, ttest_ind
from table5_runs import NETWORKS, drawn, framed, run

from lfmp_book.claims.cases import Case, any_of, judge
from lfmp_book.claims.robust import robust_to_resampling, share_of_draws
from lfmp_book.claims.told import clearly_below
from lfmp_book.evidence import results
from lfmp_book.evidence.draws import Draws
from lfmp_book.lers import grids as lers
from lfmp_book.lers.scores import rules as common
from lfmp_book.lers.scores.blocks import HIGH, LOW, METHODS, ORIGINAL, Cell, GapInterval
from lfmp_book.lers.scores.clicks import ClickValues, MeasuredClicks, PrintedClicks, cells
from lfmp_book.lers.table5 import cases as rules
from lfmp_book.lers.table5 import overall
from lfmp_book.lers.table5.claims import ON_SCORES, claims
from lfmp_core.metrics import AUC, LOG_LOSS

CELL = Cell("Criteo", "DCN", HIGH)


def measured(**auc):
    """Criteo, DCN at 95 %: means and draws of PEP, QR and others; log-losses are 1 − AUC."""
    rows = [row for arm, values in auc.items() for row in run("Criteo", "DCN", arm, HIGH, values[0])]
    values = {("dcn_mix", arm, HIGH): np.asarray(own, float) for arm, own in auc.items()}
    runs = dict.fromkeys(values, ("a", "b", "c"))
    draws = Draws("criteo", runs, {AUC: values, LOG_LOSS: {key: 1 - own for key, own in values.items()}})
    return MeasuredClicks(framed(rows), {"criteo": draws})


def test_better_is_the_interval_of_the_difference_of_shared_draws():
    """The 41 draws deviate by .011979, 1.96 times that is .023479; the seeds hardly spread."""
    steps = np.arange(-20, 21) / 1000
    told = measured(PEP=[0.72, *(0.72 + steps)], QR=[0.70] + [0.70] * 41)
    assert told.span(CELL, "PEP", "QR") == pytest.approx((0.02, 0.02 - 0.023479, 0.02 + 0.023479), abs=1e-5)
    assert told.better(CELL, "PEP", "QR") is False and told.better(CELL, "QR", "PEP") is False
    above = measured(PEP=[0.724, *(0.724 + steps)], QR=[0.70] + [0.70] * 41)
    assert above.better(CELL, "PEP", "QR") is True and above.better(CELL, "QR", "PEP") is False
    assert above.better(CELL, "PEP", "QR", LOG_LOSS) is True
    assert above.span(CELL, "QR", "PEP", LOG_LOSS).high == pytest.approx(-0.024 + 0.023479, abs=1e-5)


def test_few_seeds_widen_the_interval():
    """PEP's three seeds deviate by .01, QR's hardly: of .01/√3 with 2 degrees of freedom 4.303 times."""
    rows = [
        {**row, "test_auc": auc}
        for row, auc in zip(run("Criteo", "DCN", "PEP", HIGH, 0.72), (0.71, 0.72, 0.73), strict=True)
    ]
    noise = np.random.default_rng(0).normal(size=2000)
    noise = (noise - noise.mean()) / noise.std(ddof=1) * 0.01 / 3**0.5
    values = {("dcn_mix", "PEP", HIGH): np.array([0.72, *(0.72 + noise)])}
    values[("dcn_mix", "QR", HIGH)] = np.array([0.70] * 2001)
    draws = Draws("criteo", dict.fromkeys(values, ("a", "b", "c")), {AUC: values})
    told = MeasuredClicks(framed([*rows, *run("Criteo", "DCN", "QR", HIGH, 0.70)]), {"criteo": draws})
    span = told.span(CELL, "PEP", "QR")
    assert (span.high - span.low) / 2 == pytest.approx(4.303 * 0.01 / 3**0.5, rel=1e-3)
    assert not span.better  # though 99.97 % of the draws are above


def test_few_seeds_need_more_of_the_draws_to_agree():
    """Student's one-sided bounds at 95 %: 2.132 of 4 degrees of freedom, 2.920 of 2, 1.645 of none open."""
    assert share_of_draws(4) == pytest.approx(norm.cdf(2.132), abs=1e-4)
    assert share_of_draws(2) == pytest.approx(norm.cdf(2.920), abs=1e-4)
    assert share_of_draws(float("inf")) == pytest.approx(0.95)


def test_common_noise_cancels():
    """Both move by a tenth with the rows drawn and stay 0.001 apart: beyond doubt."""
    rows = np.linspace(0.6, 0.7, 100)
    told = measured(PEP=[0.651, *(rows + 0.001)], QR=[0.65, *rows])
    assert told.span(CELL, "PEP", "QR") == pytest.approx((0.001,) * 3)
    shuffled = measured(PEP=[0.651, *(rows[::-1] + 0.001)], QR=[0.65, *rows])
    assert shuffled.better(CELL, "PEP", "QR") is False


def test_any_two_cells_of_a_set_are_held_against_each_other():
    rows = [*run("Criteo", "DCN", "PEP", LOW, 0.70), *run("Criteo", "DeepFM", "PEP", HIGH, 0.71)]
    rows += run("Avazu", "DCN", "PEP", LOW, 0.70)
    frame = framed([*rows, *run("Criteo", "DCN", ORIGINAL, 0.0, 0.8)])
    told = MeasuredClicks(frame, results.draws_of(drawn(frame, doubt=1e-4)))
    other = Cell("Criteo", "DeepFM", HIGH)
    assert told.span(other, "PEP", "PEP", than=CELL.to(LOW)).better
    assert told.span(CELL.to(LOW), "PEP", ORIGINAL).high < -0.09  # wherever Original stands
    bare = MeasuredClicks(frame, {})
    assert bare.better(other, "PEP", "PEP") is None and bare.value(other, "PEP") == pytest.approx(0.710001)


def test_a_single_training_tells_nothing_of_another():
    frame = framed([*run("Criteo", "DCN", "PEP", HIGH, 0.8), *run("Criteo", "DCN", ORIGINAL, 0.0, 0.7)])
    one = frame[(frame.arm == ORIGINAL) | (frame.seed == 0)]
    whole, single = (MeasuredClicks(f, results.draws_of(drawn(f))) for f in (frame, one))
    assert whole.better(CELL, "PEP", ORIGINAL) is True and single.better(CELL, "PEP", ORIGINAL) is None
    assert [c.passed for v in (whole, single) for c in robust_to_resampling(positive)(v)] == [True, None]


def test_many_chances_widen_the_interval():
    """Of 8 chances z is that of 1 − .025/8: 2.734 deviations, where one alone needs 1.96."""
    noise = np.random.default_rng(0).normal(size=2000)
    noise = (noise - noise.mean()) / noise.std(ddof=1) / 100
    told = measured(PEP=[0.723, *(0.723 + noise)], QR=[0.70] + [0.70] * 2000)
    assert told.better(CELL, "PEP", "QR") is True
    span = told.span(CELL, "PEP", "QR", chances=8)
    assert span == pytest.approx((0.023, 0.023 - 0.02734, 0.023 + 0.02734), abs=1e-5)
    assert norm.isf(0.025 / 8) == pytest.approx(2.734, abs=1e-3)


# ---- rules on means


class Fixed(ClickValues):
    """One value for all, and draws of it."""

    def __init__(self, value, draws=()):
        self.one, self.all = value, [Fixed(d) for d in draws]

    def value(self, cell, method, metric=None):
        return self.one

    def draws(self):
        return self.all


def positive(v):
    value = v.value(CELL, "PEP")
    return [Case("a", "b", None if value is None else value > 0, "" if value is None else f"{value:+.1f}")]


@pytest.mark.parametrize(
    ("value", "draws", "passed", "figure"),
    [
        (1.0, [1] * 19 + [-1], True, "+1.0"),  # 95 %
        (1.0, [1] * 18 + [-1] * 2, None, "+1.0 (can't be told: so in 90% of draws)"),
        (1.0, [1, -1], None, "+1.0 (can't be told: so in 50% of draws)"),
        (-1.0, [1] + [-1] * 19, False, "-1.0"),  # 5 %
        (-1.0, [1, 1] + [-1] * 18, None, "-1.0 (can't be told: so in 10% of draws)"),
        (1.0, [], None, "+1.0 (can't be told)"),  # the records are there, their draws are not
        (None, [None] * 20, None, ""),
    ],
)
def test_a_rule_on_means_must_hold_on_the_draws(value, draws, passed, figure):
    assert robust_to_resampling(positive)(Fixed(value, draws)) == [Case("a", "b", passed, figure)]


def test_printed_cells_are_taken_as_they_are():
    rule = common.competitive("MagPrune", cells())
    assert robust_to_resampling(rule)(PrintedClicks()) == rule(PrintedClicks())


def test_cases_are_settled_by_their_place():
    def two(v):
        return [Case("a", "", v.value(CELL, "PEP") > 0, "x"), Case("b", "", v.value(CELL, "PEP") < 5, "y")]

    first, second = robust_to_resampling(two)(Fixed(1.0, [1, -1]))
    assert (first.passed, second.passed) == (None, True)


# ---- rules on clear differences: the interval by hand


class Told(ClickValues):
    """Spans by methods, in all blocks; turned round where the other order is asked for."""

    def __init__(self, **spans):
        self.known = {tuple(key.split("_")): GapInterval(*span) for key, span in spans.items()}

    def span(self, cell, ours, theirs, metric=None, than=None, chances=1):
        back = self.known.get((theirs, ours))
        return self.known.get((ours, theirs)) or (back and GapInterval(-back.gap, -back.high, -back.low))

    def gap(self, cell, ours, theirs, metric=None, than=None):
        span = self.span(cell, ours, theirs)
        return None if span is None else span.gap


@pytest.mark.parametrize(
    ("span", "keeps", "ahead", "apart"),
    [
        ((0.0, -0.0009, 0.0009), True, False, False),
        ((0.0, -0.002, 0.002), None, None, None),  # wide: nothing is known
        ((-0.0005, -0.0009, -0.0001), False, False, False),  # clearly worse, if by little
        ((-0.003, -0.004, -0.002), False, False, True),
        ((0.003, 0.002, 0.004), True, True, True),
        ((0.0005, 0.0001, 0.0009), True, True, False),
        ((0.0005, 0.0001, 0.002), True, True, None),  # better, by who knows how much
        ((0.0011, -0.0005, 0.003), True, None, None),
        ((-0.0005, -0.002, 0.0), None, False, None),
    ],
)
def test_three_answers(span, keeps, ahead, apart):
    [case] = rules.keeps_up(CELL, "PEP")(Told(**{"PEP_" + ORIGINAL: span}))
    assert case.passed is keeps and ("can't be told" in case.figure) == (keeps is None)
    assert GapInterval(*span).ahead is ahead and GapInterval(*span).apart is apart
    [case, _] = overall.stronger_backbone(Told(**{f"{ORIGINAL}_{ORIGINAL}": span}))
    assert case.passed is ahead


WIDE, WON, LOST, SAME = (0.0, -0.01, 0.01), (0.01, 0.009, 0.011), (-0.01, -0.011, -0.009), (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("spans", "passed", "figure"),
    [
        ((WIDE, WIDE), None, "0 won, 0 lost of 2 (can't be told)"),
        ((WON, WIDE), True, "1 won, 0 lost of 2"),
        ((WON, LOST), False, "1 won, 1 lost of 2"),
        ((WIDE, LOST), False, "0 won, 1 lost of 2"),
        ((WON, None), None, ""),
    ],
)
def test_more_pairs_won_than_lost(spans, passed, figure):
    known = {f"PEP_{m}": span for m, span in zip(("QR", "DHE"), spans, strict=True) if span}
    found = common.outperform(cells(("Criteo",)), ("PEP",), ("QR", "DHE"))(Told(**known))
    assert {(case.passed, case.figure) for case in found} == {(passed, figure)}


@pytest.mark.parametrize(
    ("spans", "passed", "figure"),
    [
        ((WON, WON, LOST), True, "better than QR, DHE"),
        ((WON, SAME, LOST), False, "better than QR"),
        ((WON, WIDE, LOST), None, "better than QR (can't be told of DHE)"),
        ((WIDE, SAME, LOST), False, "better than none"),
        ((WON, None, LOST), None, ""),
        ((LOST, None, LOST), False, "better than none"),  # no further record can change it
    ],
)
def test_beating_two_of_three(spans, passed, figure):
    rivals = ("QR", "DHE", "CERP")
    known = {f"PEP_{m}": span for m, span in zip(rivals, spans, strict=True) if span}
    case = common.beats_some("PEP", rivals, 2, cells())(Told(**known))[0]
    assert (case.passed, case.figure) == (passed, figure)


class Ranked(Told):
    """With mean AUC by method, at 50 % and above."""

    def __init__(self, low, high, **spans):
        super().__init__(**spans)
        self.low, self.high = low, high

    def value(self, cell, method, metric=None):
        return (self.low if cell.sparsity == LOW else self.high).get(method)

    def span(self, cell, ours, theirs, metric=None, than=None, chances=1):
        found = super().span(cell, ours, theirs)
        gap = self.value(cell, ours) - self.value(cell, theirs)
        return found or GapInterval(gap, gap, gap)


LADDER = {m: 0.7 + 0.01 * i for i, m in enumerate(METHODS)}


def test_pairs_apart_are_counted_only_where_known():
    """15 or 21 pairs, all clearly apart but those of PEP, whose intervals are wide or narrow."""
    small = {m: 0.7 for m in METHODS}  # all alike
    assert {c.passed for c in overall.minor(Ranked(LADDER, LADDER))} == {False}
    assert {(c.passed, c.figure[:4]) for c in overall.minor(Ranked(small, small))} == {(True, "0 of")}
    wide = {f"{a}_{b}": WIDE for a, b in product(METHODS, METHODS)}
    unknown = overall.minor(Ranked(LADDER, LADDER, **wide))
    assert unknown[0].figure == "0 of 15 differ, 15 can't be told" and unknown[0].passed is None
    some = {f"PEP_{m}": WIDE for m in METHODS if m != "PEP"}
    low, high, *_ = overall.minor(Ranked(LADDER, small, **some))
    assert (low.passed, low.figure) == (False, "10 of 15 differ, 5 can't be told")
    assert (high.passed, high.figure) == (True, "0 of 21 differ, 6 can't be told")


def test_alike_in_three_pairs_by_known_pairs():
    def found(span):
        return rules.alike("PEP", "MagPrune", LOW, 3)(Told(PEP_MagPrune=span))[0]

    assert found((0.0, -0.0009, 0.0009)).passed is True
    assert found((0.002, 0.001, 0.003)).passed is False
    unknown = found((0.0002, -0.002, 0.002))
    assert unknown.passed is None and unknown.what == "0 of 4 alike, 4 can't be told"
    assert rules.alike("PEP", "MagPrune", LOW, 3)(Told())[0] == Case("AUC", "", None, "")


def test_a_gain_in_one_step_of_many():
    def found(span):
        return rules.gains_when_smaller(("DHE",))(Told(DHE_DHE=span))[0]

    assert found((0.01, 0.001, 0.02)).passed is True
    assert found((0.0, -0.0005, 0.0005)).passed is False  # no more than marginal in any
    open_ = found((0.005, -0.001, 0.01))
    assert open_.passed is None and open_.figure == "in no step (can't be told)"


def test_chances_are_counted():
    """8 steps: 4 pairs of set and backbone, 2 each; 4 pairs and 7 · 6 ordered pairs of methods."""
    asked = set()

    class Asked(Ranked):
        def span(self, cell, ours, theirs, metric=None, than=None, chances=1):
            asked.add(chances)
            return super().span(cell, ours, theirs)

    rules.gains_when_smaller(("DHE",))(Asked(LADDER, LADDER))
    assert asked == {8}
    asked.clear()
    overall.no_guarantee(Asked(LADDER, LADDER))
    assert asked == {168}


def test_the_best_at_50_percent_overtaken_whichever_it_is():
    best, worst = METHODS[-1], METHODS[0]
    turned = {**LADDER, worst: 0.9}
    [stays], [falls] = (overall.no_guarantee(Ranked(LADDER, high)) for high in (LADDER, turned))
    assert (stays.passed, falls.passed) == (False, True)
    # at 50 % it can't be told from the winner of 95 %, so perhaps the same is the best twice
    [perhaps] = overall.no_guarantee(Ranked(LADDER, turned, **{f"{best}_{worst}": WIDE}))
    assert perhaps.passed is None and perhaps.figure.endswith("(can't be told)")
    # nor from another: that one must be overtaken too
    second = METHODS[-2]
    tie = {f"{best}_{second}": WIDE}
    [both] = overall.no_guarantee(Ranked(LADDER, turned, **tie))
    [one] = overall.no_guarantee(Ranked(LADDER, turned, **tie, **{f"{worst}_{second}": WIDE}))
    assert (both.passed, one.passed) == (True, None)
    assert [any_of(*f) for f in ((True, None), (False, None), (False,))] == [True, None, False]


# ---- noise everywhere


def test_noisy_draws_leave_in_doubt_what_means_would_decide():
    """All rows of each block 0.0001 apart, with a deviation of 0.005: no rank and no count is known."""
    rows = []
    for name, network, t in product(("Criteo", "Avazu"), NETWORKS, (LOW, 0.8, HIGH)):
        arms = {arm: 0.75 + 1e-4 * i for i, arm in enumerate(lers.LERS_METHODS)}
        rows += [row for arm, auc in arms.items() for row in run(name, network, arm, t, auc)]
        rows += run(name, network, ORIGINAL, 0.0, 0.752) if t == LOW else []
    frame = framed(rows)
    sure, unsure = (
        {c.sentences: c for c in claims(frame, drawn(frame, doubt), ON_SCORES)} for doubt in (0.0, 0.005)
    )
    assert sum(c.verdict in ("holds", "fails") for c in sure.values()) > 20
    for name, claim in unsure.items():  # a case or two of many may be settled by luck; no sentence is
        assert claim.verdict in ("undecided", "part") and "can't be told" in claim.found, name


# ---- seconds


def test_seconds_are_clear_by_welchs_t():
    """Means 1 apart, s² = .25 of three seeds each: t = 1/√(1/6) = 2.45; the bound of 4 degrees is 2.78."""
    a, b = pd.Series([1.0, 2.0, 1.5]), pd.Series([3.0, 2.0, 2.5])
    assert (b.mean() - a.mean()) / (a.var() / 3 + b.var() / 3) ** 0.5 == pytest.approx(6**0.5)
    assert clearly_below(a, b) is False  # two standard errors would say yes
    for seed in range(200):
        rng = np.random.default_rng(seed)
        ours, theirs = pd.Series(rng.normal(0, 1, 3)), pd.Series(rng.normal(2, 3, 4))
        below = ttest_ind(ours, theirs, equal_var=False).pvalue < 0.05 and ours.mean() < theirs.mean()
        assert clearly_below(ours, theirs) is bool(below)
    same = pd.Series([1.0, 1.0])
    assert clearly_below(same, same + 1) is True and clearly_below(same, same) is False
    assert clearly_below(pd.Series([1.0, float("nan")]), same) is None  # a time of another processor


def test_autodim_is_judged_where_it_is_planned():
    assert "AutoDim" not in overall.planned(HIGH) and "AutoDim" in overall.planned(0.8)
    cases = overall.quicker(("OptEmb",), ("AutoDim",))(
        MeasuredClicks(framed(run("Criteo", "DCN", ORIGINAL, 0.0, 0.7)), {})
    )
    assert {c.what for c in cases} == {"t = 50%", "t = 80%"} and judge(cases) == "untestable"
