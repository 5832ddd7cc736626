"""The paper's own arithmetic: spans by hand, and each contradiction that the audit must find."""

from math import log

import numpy as np
import pytest

from lfmp_book.claims import sentences
from lfmp_book.evidence import published
from lfmp_book.evidence.rounding import Span
from lfmp_book.ledger import audit
from lfmp_book.lightfmp import values
from lfmp_book.lightfmp.audit.design import HIGH, LOW, TEMPERATURE, gate_below
from lfmp_book.show.html import VERDICTS
from lfmp_core.errors import UnknownName

FOUND = audit.audit_findings("lightfmp")


def judged(sentence, against=""):
    """The findings on a sentence, from one place if asked."""
    return [f for f in FOUND if sentence in f.sentences and against in f.against]


def test_spans_by_hand():
    printed = Span.printed(0.6084, 4)
    assert (printed.low, printed.high) == pytest.approx((0.60835, 0.60845))
    assert Span.printed(20, -1) == Span(15, 25)
    product = Span(1, 2) * Span(3, 5)
    assert (product.low, product.high) == (3, 10)
    quotient = Span(1, 2) / Span(4, 5)
    assert (quotient.low, quotient.high) == (0.2, 0.5)
    assert Span(1, 2) - Span(0.5, 1.5) == Span(-0.5, 1.5)
    assert 1 - Span(0.25, 0.5) == Span(0.5, 0.75)


@pytest.mark.parametrize(("printed", "meets"), [(2.5, True), (2.51, False), (0.99, False), (1, True)])
def test_spans_meet_up_to_their_ends(printed, meets):
    assert Span(1, 2.5).meets(printed) is meets


def test_rounding_decides_what_a_span_can_be_printed_as():
    ratio = Span.printed(0.4291, 4)
    assert ratio.rounds_to(0.43, 2) and not ratio.rounds_to(0.42, 2)
    assert Span(0.425, 0.426).rounds_to(0.42, 2)  # its lower end is half-way


def test_table2_times_its_caption_is_table3():
    """0.6084 of 15,803 s, by hand: 0.60835 × 15,802.5 to 0.60845 × 15,803.5."""
    total = values.seconds("Criteo", "Light-FMP")
    assert total.low == pytest.approx(9613.45, abs=0.01) and total.high == pytest.approx(9615.64, abs=0.01)
    assert total.meets(values.three("xDeepFM", "lightfmp_seconds"))


def test_sizes_are_read_with_their_units():
    rows, subset = values.size("Criteo", "train"), values.size("Avazu", "pretrain")
    assert (rows.low, rows.high) == pytest.approx((32.95e6, 33.05e6))
    assert (subset.low, subset.high) == pytest.approx((1500, 2500))


def test_gate_probability_agrees_with_draws():
    """Eq. 3 drawn two hundred thousand times."""
    u = np.random.default_rng(0).uniform(size=200_000)
    s = 1 / (1 + np.exp(-(np.log(u / (1 - u)) + log(0.5)) / TEMPERATURE))
    z = np.clip(s * (HIGH - LOW) + LOW, 0, 1)
    assert gate_below(0, 0.5) == pytest.approx((z == 0).mean(), abs=0.005)
    assert gate_below(0.9, 0.5) == pytest.approx((z <= 0.9).mean(), abs=0.005)


@pytest.mark.parametrize(
    ("sentence", "against", "verdict", "computed"),
    [
        ("4.1-1", "", "fails", "4,360 s apart"),
        ("4.2-3", "", "fails", "9,49"),
        ("4.2-5", "", "fails", "0.006%"),
        ("4.1-7", "", "slip", "29.20% and 39.63%"),
        ("4.1-4", "", "slip", "each the other's time"),
        ("4.1-8", "", "part", "66.32%, 68.11%, 67.87%"),
        ("4.1-15", "", "slip", "43 % and 76 %"),
        ("4.1-14", "", "holds", "18.96%"),
        ("4.1-16", "", "part", "AdaFS 0.018"),
        ("4.2-1", "", "part", "8 of 9"),
        ("4.3-4", "", "slip", "52.24 %"),
        ("4.3-2", "Table 3", "holds", "10 of 10"),
        ("4.1-2", "", "fails", "OptFS auc better by 0.0014"),
        ("4.1-6", "§3.1", "part", "MovieLens auc 0.0009 (PCA)"),
        ("4.1-20", "", "part", "AdaFS, Light-FMP"),
        ("abstract-3", "", "part", "12 of 24"),
        ("2.3-4", "", "fails", "2.28% a field"),
        ("2.3-6", "", "part", "τ = 0.25: 25%, 75%"),
        ("2.3-7", "", "fails", "λ, φ"),
        ("4.4-11", "", "part", "229, 458, 45,840 rows"),
        ("4.5-3", "", "holds", "10 remain"),
        ("table2-3", "", "slip", "XGBoost's tt on Criteo 0.5866"),
        ("3.1-3", "", "part", "IT"),
        ("1-10", "", "part", "2 of 5"),
    ],
)
def test_what_it_must_find(sentence, against, verdict, computed):
    found = [f for f in judged(sentence, against) if computed in f.computed]
    assert [f.verdict for f in found] == [verdict]


def test_rounding_explains_the_sum_of_criteo():
    """33.0 + 8.3 + 4.6 is 45.9, and 45.8 is printed."""
    sums = judged("3.1-1")
    assert [f.verdict for f in sums] == ["holds"] * 3
    assert "45.9M" in next(f.computed for f in sums if "Criteo" in f.against)


def test_an_altered_number_alters_its_verdict(monkeypatch):
    """The same audit over a table with the text's own times for OptEm and OptFS on MovieLens."""
    table = published.printed_table("lightfmp_table2")
    movies = table.dataset == "MovieLens"
    table.loc[movies & (table.method == "OptEm"), "tt"] = 1.3974
    table.loc[movies & (table.method == "OptFS"), "tt"] = 1.9803
    monkeypatch.setattr(values, "_two", lambda: table.set_index(["dataset", "method"]))
    [finding] = [f for f in audit.audit_findings("lightfmp", "times") if f.sentences == ["4.1-4"]]
    assert finding.verdict == "holds"


@pytest.mark.parametrize("paper", list(audit.PAPERS))
def test_findings_and_sentences_name_each_other(paper):
    found, said = audit.audit_findings(paper), sentences.load_sentences(paper)
    named = {i for f in found for i in f.sentences}
    assert named == {i for i, s in said.items() if s.audited}
    assert {f.verdict for f in found} <= set(VERDICTS)


def test_parts_are_the_whole_and_unknown_ones_are_refused():
    assert [f for part in audit.PAPERS["lightfmp"] for f in audit.audit_findings("lightfmp", part)] == FOUND
    with pytest.raises(UnknownName, match="did you mean 'times'"):
        audit.audit_findings("lightfmp", "timse")


def test_one_verdict_can_be_asked_for():
    said = sentences.load_sentences("lightfmp")
    shown = audit.audit_table(FOUND, said, "", only="does not hold")
    assert len(shown.cells) == sum(f.verdict == "fails" for f in FOUND)
