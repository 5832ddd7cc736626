"""The ledger: full coverage, verdicts from claims and never without records."""

import pandas as pd
import pytest

from lfmp_book.claims import sentences
from lfmp_book.claims.claim import Claim
from lfmp_book.evidence.results import BASE
from lfmp_book.ledger import ledger
from lfmp_book.ledger.ledger import Evidence, Ledger, combine
from lfmp_book.ledger.tables import open_table, paper_table, runs_table, summary_table
from lfmp_book.lightfmp import further
from lfmp_core.errors import LfmpError
from lfmp_core.experiments.items import registry

SAID = {paper: sentences.load(paper) for paper in sentences.PAPERS}
EVERY = [sentence for own in SAID.values() for sentence in own.values()]


@pytest.fixture(scope="module")
def real() -> Ledger:
    """The ledger as the page shows it."""
    return ledger.make()


def claim(words, verdict, arm="Light-FMP, as printed"):
    return Claim(words, f"§4 ({arm})", "a test", "a figure", verdict)


def gatherer(**claims):
    """Evidence with these claims by item, and none for other items."""
    return lambda item: Evidence(item, item, ("a",) * bool(claims.get(item)), tuple(claims.get(item, ())),
                                 "" if claims.get(item) else "no reference records yet")  # fmt: skip


def entry(book: Ledger, sentence: str):
    return next(e for e in book.entries if e.sentence.id == sentence)


@pytest.mark.parametrize(("paper", "least"), [("lightfmp", 100), ("lers", 40)])
def test_sentences_are_unique_and_each_has_a_test_or_a_reason(paper, least):
    rows = sentences.published.load(f"{paper}_sentences")
    assert rows["id"].is_unique and len(rows) == len(SAID[paper]) > least
    for sentence in SAID[paper].values():
        assert sentence.words and sentence.place and sentence.paper == paper
        assert sentence.items or sentence.audited or sentence.reason, sentence.id
        assert len(sentence.words.split()) <= 40, "a quotation is a sentence, not a passage"


def test_every_item_exists_or_is_planned():
    named = {item for s in EVERY for item in s.items}
    assert named <= set(registry()) | set(ledger.PLANNED)
    assert set(ledger.JUDGES) <= set(registry()) | set(ledger.PLANNED)


def test_no_records_no_verdict():
    book = ledger.make("lightfmp", gatherer())
    assert {e.by_runs for e in book.entries} == {"untestable"}
    assert entry(book, "4.4-13").verdict == "untestable"
    assert "no reference records yet" in entry(book, "4.4-13").reason
    assert entry(book, "4.1-7").verdict == "fails"  # its own table says so


def test_an_item_that_nobody_judges_says_nothing(monkeypatch):
    monkeypatch.setattr(ledger, "JUDGES", {})
    assert ledger.gather("lightfmp_fig2a").reason == "no reference records yet"
    there = ledger.gather("lightfmp_table3")
    assert there.records and not there.claims and there.reason == "its records are not judged yet"


def test_a_judge_that_cannot_judge_leaves_its_reason(monkeypatch):
    def refuse():
        raise LfmpError("not compared yet; run: lfmp compare lightfmp_table3")

    monkeypatch.setattr(ledger, "JUDGES", {"lightfmp_table3": refuse, "lightfmp_fig2a": lambda: ([], [])})
    assert "not compared yet" in ledger.gather("lightfmp_table3").reason
    assert ledger.gather("lightfmp_fig2a").reason == "no reference records yet"


@pytest.mark.parametrize(
    ("verdicts", "one"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "fails"], "part"),
        (["fails", "untestable"], "fails"),
        (["part"], "part"),
        (["untestable"], "untestable"),
        ([], "untestable"),
    ],
)
def test_combine(verdicts, one):
    assert combine(verdicts) == one


def test_runs_outweigh_the_papers_own_numbers():
    words = "Light-FMP leads to a substantial improvement in AUC and Logloss across all backbone models"
    book = ledger.make("lightfmp", gatherer(lightfmp_table3=[claim(words, "fails")]))
    found = entry(book, "4.3-2")
    assert (found.by_paper, found.by_runs, found.verdict, found.route) == ("holds", "fails", "fails", "runs")


def test_the_books_own_arms_have_no_say():
    words = "feature selection is driven by data relevance rather than arbitrary choices"
    claims = [claim(words, "fails"), claim(words, "holds", "Light-FMP, one pass")]
    found = entry(ledger.make("lightfmp", gatherer(lightfmp_fig3=claims)), "4.5-2")
    assert found.verdict == "fails" and len(found.claims) == 2


def test_papers_that_number_alike_are_kept_apart():
    """Both have a sentence abstract-1; each gets its own findings and its own claims."""
    words = SAID["lers"]["abstract-1"].words
    book = ledger.make(gatherer=gatherer(lers_table5=[claim(words, "fails", "x")]))
    one, two = (e for e in book.entries if e.sentence.id == "abstract-1")
    assert (one.sentence.title, two.sentence.title) == ("Light-FMP", "LERS")
    assert not one.claims and two.by_runs == "fails"
    assert "MagPrune" in two.findings[0].computed + two.findings[0].says
    assert not set(one.findings) & set(two.findings)
    assert [row[1].split(",")[0] for row in runs_table(book).plain] == ["LERS"]
    alone = ledger.make("lers", gatherer())
    assert {e.sentence.paper for e in alone.entries} == {"lers"}


def test_words_match_in_parts_and_by_named_fragments():
    own = sentences.Sentence("x", "§1", "Light-FMP’s gates, being small, are fast.", match=("quick gates",))
    assert own.quoted_by("light-fmp's gates … are fast")
    assert own.quoted_by("These are quick gates indeed")
    assert not own.quoted_by("gates … are slow")


def test_claims_that_judge_no_sentence_are_kept_apart():
    stray = claim("nobody wrote this", "holds")
    book = ledger.make("lightfmp", gatherer(lightfmp_table3=[stray]))
    assert book.unmatched() == [("lightfmp_table3", stray)]


def test_the_committed_records_judge_and_every_claim_finds_its_sentence(real):
    assert real.unmatched() == []
    waiting = {i for i in ledger.JUDGES if real.evidence[i].reason == ledger.NO_RECORDS}
    assert not waiting & {"lightfmp_table3", "lightfmp_fig3", "lightfmp_fig2c"}
    for item in set(ledger.JUDGES) - waiting:
        evidence = real.evidence[item]
        assert evidence.records and evidence.claims and not evidence.reason, item
        assert evidence.digest != Evidence(item, records=evidence.records[:-1]).digest


def test_tables_hold_every_sentence_once(real):
    shown = [t.plain for t in (runs_table(real), paper_table(real), open_table(real))]
    told = [tuple(row[:2]) for rows in shown for row in rows]
    assert sorted(told) == sorted((s.words, f"{s.title}, {s.place}") for s in EVERY)
    assert summary_table(real).plain[-1][2] == str(len(EVERY))
    failing = runs_table(real, "does not hold").plain
    assert len(failing) == sum(e.route == "runs" and e.verdict == "fails" for e in real.entries)


def _runs(arm, parameters, speed, kept):
    return [
        {"backbone": "dnn", "arm": arm, "fields_kept": kept, "test_auc": 0.7, "test_logloss": 0.5,
         "parameters": parameters, "IT": speed + noise} for noise in (-0.1, 0, 0.1)
    ]  # fmt: skip


@pytest.mark.parametrize(("speed", "verdict"), [(5.0, "holds"), (10.0, "fails")])
def test_faster_means_beyond_two_standard_errors(speed, verdict):
    arm = "Light-FMP, as printed"
    reference = pd.DataFrame([*_runs(BASE, 100, 10.0, 39), *_runs(arm, 60, speed, 20)])
    rows = [
        {"backbone": "dnn", "arm": arm, "against": BASE, "metric": m, "difference": d, "low": d - 0.01,
         "high": d + 0.01, "prune_ratio": 0.5} for m, d in (("auc", -0.02), ("logloss", 0.03))
    ]  # fmt: skip
    found = {c.words: c for c in further.on_backbones(reference, pd.DataFrame(rows))}
    assert found["enabling faster inference"].verdict == verdict
    assert found["our framework produces a compact model"].verdict == "holds"
    assert "40% to 40% fewer" in found["our framework produces a compact model"].found
    assert found["without sacrificing accuracy"].verdict == "fails"


def test_gates_are_judged_by_ratio():
    names = [f"C{i}" for i in range(1, 27)]
    rows = [
        {"arm": "Light-FMP, as printed", "prune_ratio": ratio, "kept_fields": tuple(range(20)),
         "gates": [1.0] * 13 + [0.0] * 13} for ratio in (0.25, 0.5)
    ]  # fmt: skip
    binary, share, pruned = further.on_gates(pd.DataFrame(rows), names)
    assert binary.verdict == "holds"
    assert share.verdict == "part"  # half open fits τ = .5 alone
    # C21 and C22 are among the last six, C8, C9, C17 and C18 are not; by chance 3 in 95 of 100 draws
    assert pruned.verdict == "fails" and pruned.found.startswith("2 to 2 of 6")
