"""One standard of verdicts for both papers: what can't be told confirms nothing and refutes nothing."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from lfmp_book.claims import told
from lfmp_book.claims.cases import Case, Tally, all_of, any_of, cases_in_words, judge, negated
from lfmp_book.claims.claim import slip_unless
from lfmp_book.claims.sentences import PAPERS
from lfmp_book.evidence import results
from lfmp_book.ledger import audit, ledger
from lfmp_book.lightfmp import fig2a, fig2b, fig2c, fig2d, fig3, open_questions, table3
from lfmp_book.lightfmp.arms import judged_by_arm, readings
from lfmp_book.lightfmp.table2 import claims as table2
from lfmp_book.show.html import VERDICTS
from lfmp_core.metrics import AUC, LOG_LOSS

DECIDED = {"holds", "fails"}
MEASURED = ("test_auc", "test_logloss", "CT", "TT", "clock", "IT", "epochs")
# sentences on counts of fields, parameters and gates, which no seed spreads, and on a level, not a difference
COUNTED = {
    "abstract-2",
    "2.7-2",
    "4.1-9",
    "4.2-2",
    "4.4-10",
    "2.3-1",
    "2.3-5",
    "2.3-6",
    "2.6-2",
    "2.4-2",
    "4.2-8",
    "4.3-1",
    "2.2-1",
    "4.5-6",
}


def cases(flags):
    return [Case("somewhere", str(i), flag, "a figure") for i, flag in enumerate(flags)]


def test_a_tie_confirms_nothing_and_refutes_nothing():
    """With a case that can't be told a sentence doesn't hold, and fails only where others refute it."""
    for flags in product((True, False, None), repeat=4):
        verdict, fails, open_ones = judge(cases(flags)), flags.count(False), flags.count(None)
        assert verdict in VERDICTS
        if open_ones:
            refuted = fails > open_ones and True not in flags
            part = {True, False} <= set(flags)
            assert verdict == ("part" if part else "fails" if refuted else "undecided")


def test_a_verdict_is_what_no_further_record_can_change_much():
    """Each way in which the open cases may turn out gives the same verdict; or the sentence is undecided; or
    none makes it hold, and it fails in most of its cases whatever they are."""
    for flags in product((True, False, None), repeat=5):
        ways = [[a if f is None else f for f, a in zip(flags, way, strict=True)]
                for way in product((True, False), repeat=5)]  # fmt: skip
        possible, found = {judge(cases(way)) for way in ways}, judge(cases(flags))
        if len(possible) == 1:
            assert {found} == possible
        elif found == "fails":
            assert possible == {"part", "fails"} and all(2 * way.count(False) > len(way) for way in ways)
        else:
            assert found == "undecided"


def test_tallies_add_up_and_missing_records_are_no_tie():
    tally = Tally.of([*cases((True, True, None)), Case("somewhere", "3", None)])
    assert tally == (2, 0, 1, 1) and tally.verdict == "untestable"
    assert str(tally) == "2 of 4 hold, 1 undecided, 1 missing"
    assert Tally.total([tally, Tally(fails=1)]) == (2, 1, 1, 1) and Tally.total([]) == Tally()
    assert Tally(fails=3, undecided=1, missing=1).verdict == "fails"
    assert Tally(fails=1, missing=1).verdict == Tally(holds=9, missing=1).verdict == "untestable"
    assert cases_in_words([*cases((True,)), Case("somewhere", "1", None)]) == (
        "somewhere: 0 a figure, 1 records missing"
    )
    assert cases_in_words(cases((True, None))) == "somewhere: 0 a figure, 1 a figure (can't be told)"
    assert [negated(f) for f in (True, False, None)] == [False, True, None]
    assert all_of(True, None, False) is False and any_of(False, None) is None


def test_intervals_by_hand():
    better, tie, worse = (0.01, 0.005, 0.02), (0.01, -0.001, 0.02), (-0.01, -0.02, -0.005)
    assert [told.above(*x) for x in (better, tie, worse)] == [True, None, False]
    assert told.above(0.0005, 0.0001, 0.0009) is True
    assert told.above(0.0005, 0.0001, 0.0009, by=0.001) is False  # it is there, and too small
    assert told.above(0.0005, 0.0001, 0.0012, by=0.001) is None
    assert [told.no_worse(low, high, 0.001) for low, high in ((-0.0009, 0.01), (-0.01, -0.002))] == [
        True,
        False,
    ]
    assert told.no_worse(-0.002, 0.01, 0.001) is None
    spans = ((-0.0009, 0.0009), (0.001, 0.002), (-0.003, -0.002), (-0.002, 0.0005), (0.0005, 0.002))
    assert [told.within_margin(low, high, 0.001) for low, high in spans] == [True, False, False, None, None]
    row = pd.Series({"difference": -0.01, "low": -0.02, "high": -0.005})
    assert (told.gained(row, AUC), told.gained(row, LOG_LOSS)) == (False, True)
    assert [told.beyond(x, 2, 5) for x in (6, 5, 2, 1)] == [True, None, None, False]


def test_seconds_by_hand():
    """Means 1 apart, s² = .25 of three seeds each: t = 2.45; the bound of 4 degrees is 2.78."""
    a, b = pd.Series([1.0, 2.0, 1.5]), pd.Series([3.0, 2.0, 2.5])
    assert told.below(a, b) is None and told.below(b, a) is None
    assert told.below(a, b + 1) is True and told.below(b + 1, a) is False
    assert told.below(a, b + 1, share=0.5) is None  # 1.5 against 1.75
    assert told.below(a[:1], b + 9) is None  # one seed has no spread
    same = pd.Series([2.0, 2.0])
    assert told.below(same, same) is None and told.below(same, same + 1) is True
    assert told.positive([(1.0, b + 1), (-1.0, a), (-1.0, same)]) is None  # 3.5 − 1.5 − 2 = 0
    gap = pd.Series([float("nan")])  # a training on another processor has no seconds
    assert told.below(pd.concat([a[:2], gap, gap, gap]), b) is told.below(a[:2], b) is None
    assert told.below(pd.concat([a, gap]), b + 1) is None


@pytest.mark.parametrize("paper", PAPERS)
def test_only_a_papers_own_numbers_slip(paper):
    """A slip is a matter of print: off beyond rounding, or a matter of words, and nothing depends on it."""
    found = audit.audit_findings(paper)
    slips = [f for f in found if f.verdict == "slip"]
    assert slips and all(f.beyond_rounding is not False and f.consequence for f in slips)
    assert {f.verdict for f in found} <= set(VERDICTS) - {"undecided"}
    assert slip_unless([True, True]) == "holds" and slip_unless([True, False]) == "slip"


def test_runs_never_slip():
    book = ledger.make()
    verdicts = {claim.verdict for entry in book.entries for _, claim in entry.claims}
    assert verdicts <= set(VERDICTS) - {"slip"}
    for entry in book.entries:
        for _, claim in entry.claims:
            assert claim.verdict == claim.tally.verdict
            tally = claim.tally
            assert claim.verdict != "holds" or not tally.undecided
            assert claim.verdict != "fails" or tally.fails > tally.undecided + tally.missing


# ---- every rule of Light-FMP's pages, on records that know no difference


def level(reference: pd.DataFrame) -> pd.DataFrame:
    """The same runs with the same means and spreads everywhere: no arm is better or quicker than another."""
    rng = np.random.default_rng(0)
    frame = reference.assign(**{name: rng.normal(0, 0.05, len(reference)) for name in MEASURED})
    cells = frame.groupby(["dataset", "backbone", "arm", "budget"])[list(MEASURED)]
    frame[list(MEASURED)] -= cells.transform("mean") - 2.0
    return frame.assign(PT=1e-6 * frame.CT)  # next to nothing, so that scaled times are level too


def tied(compared: pd.DataFrame) -> pd.DataFrame:
    """The same comparisons, each an interval around 0."""
    return compared.assign(difference=0.0, low=-0.01, high=0.01)


def made(item):
    reference = results.reference_frame(item)
    return level(reference), tied(results.known_comparisons(item, reference)[0])


def on_table3():
    reference, compared = made("lightfmp_table3")
    asked = readings(reference, compared)
    return judged_by_arm(table3.ITEM, (*table3.ON_TABLE, *table3.ON_MODELS), asked)


def on_fig3():
    reference, compared = made("lightfmp_fig3")
    return fig3.claims(reference, compared, [f"C{i}" for i in range(39)])


def on_fig2d():
    reference, compared = made("lightfmp_fig2d")
    return fig2d.claims(fig2d.complete_runs(reference), compared)


PAGES = {
    "table2": lambda: table2.claims(*made("lightfmp_table2")),
    "table3": on_table3,
    "fig2a": lambda: fig2a.claims(fig2a.on_criteo(level(results.reference_frame("lightfmp_table2")))),
    "fig2b": lambda: fig2b.claims(*made("lightfmp_fig2b")),
    "fig2c": lambda: fig2c.claims(*made("lightfmp_fig3")),
    "fig2d": on_fig2d,
    "fig3": on_fig3,
    "open": lambda: open_questions.claims(*made("lightfmp_open_questions")),
}


@pytest.mark.parametrize("page", PAGES)
def test_records_without_a_difference_decide_nothing(page):
    found = PAGES[page]()
    assert found
    decided = {
        (c.sentences, c.arm): c.found
        for c in found
        if c.verdict in DECIDED and not set(c.sentences) & COUNTED
    }
    assert not decided
    assert any(c.verdict == "undecided" for c in found)
