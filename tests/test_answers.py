"""Answer boxes: numbers of the records that they are given, no others, and none without records."""

import re

import pandas as pd
import pytest

from lfmp_book.evidence import results
from lfmp_book.evidence.frames import COMPARED, framed
from lfmp_book.evidence.outcomes import mean_of, outcome_counts, outcomes, sure
from lfmp_book.evidence.results import ALL_FIELDS, RANDOM_FIELDS
from lfmp_book.ledger import answer as of_both
from lfmp_book.ledger import ledger
from lfmp_book.lers import (
    fig2,
    fig2_answer,
    fig2_pairs,
    fig5,
    fig5_answer,
    fig6,
    fig6_answer,
    fig7,
    fig7_answer,
    search,
    search_answer,
)
from lfmp_book.lers.grids import SMALLER, SMALLER_IN_BYTES
from lfmp_book.lers.scores.answer import PLAIN, of_their_size
from lfmp_book.lers.table5 import answer as table5_answer
from lfmp_book.lers.table5 import page as table5
from lfmp_book.lers.table6 import answer as table6_answer
from lfmp_book.lers.table6 import page as table6
from lfmp_book.lers.table7 import answer as table7_answer
from lfmp_book.lers.table7 import page as retain
from lfmp_book.lightfmp import (
    fig2a,
    fig2a_answer,
    fig2b_answer,
    fig2c_answer,
    fig2d_answer,
    open_answer,
    open_questions,
    recovery,
    recovery_answer,
    table3_answer,
)
from lfmp_book.lightfmp.table2 import answer as table2_answer
from lfmp_book.show.answer import MOST, Answer, waiting
from lfmp_book.speed import answer as speed_answer
from lfmp_book.speed import level_speed
from lfmp_book.speed.speed import load_figures
from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.store import store_for
from lfmp_core.metrics import LOG_LOSS

NONE = framed((), COMPARED)


def kept(item):
    reference = results.reference_frame(item)
    return reference, results.known_comparisons(item, reference)[0]


def shifted(compared):
    """The same comparisons with every arm better by 0.05 in AUC, and so in log-loss."""
    by = compared.metric.map({"auc": 0.05, "logloss": -0.05}).to_numpy()
    return compared.assign(**{c: compared[c] + by for c in ("difference", "low", "high")})


def slower(reference):
    """The same runs with other seconds and epochs."""
    return reference.assign(PT=reference.PT * 3 + 1, TT=reference["TT"] * 2)


def changed(compared):
    return open_questions.changes(list(compared.arm.unique()))


COMPARING = {
    "lightfmp_table2": table2_answer.answer,
    "lightfmp_table3": lambda _, c: table3_answer.answer(c, "lightfmp_table3", "backbone"),
    "lightfmp_fig2b": lambda _, c: fig2b_answer.answer(c),
    "lightfmp_fig3": fig2c_answer.answer,
    "lightfmp_fig2d": lambda _, c: fig2d_answer.answer(c),
    "lightfmp_open_questions": lambda r, c: open_answer.answer(r, c, changed(c), open_questions.base_of),
}


@pytest.mark.parametrize("item", COMPARING)
def test_other_comparisons_give_other_numbers(item):
    reference, compared = kept(item)
    own, other = COMPARING[item](reference, compared), COMPARING[item](reference, shifted(compared))
    assert 2 <= len(own.sentences) <= MOST and own.sure
    assert len(own.sentences) == len(other.sentences)
    assert all(a != b for a, b in zip(own.sentences, other.sentences, strict=True) if re.search(r"\d\.\d", a))
    nothing = COMPARING[item](reference[:0], NONE)
    assert "There is no answer yet" in repr(nothing) and not re.search(r"\d\.\d", repr(nothing))


def test_other_seconds_give_other_numbers():
    reference = fig2a.on_criteo(results.reference_frame("lightfmp_table2"))
    own, other = (repr(fig2a_answer.answer(frame)) for frame in (reference, slower(reference)))
    assert own != other and "109,711" in own
    assert "no answer yet" in repr(fig2a_answer.answer(reference[:0]))


def test_other_choices_give_other_numbers():
    frame = recovery.of_reference()
    worst = frame.assign(recall=frame.recall / 2)
    assert recovery_answer.answer(frame).sentences[0] != recovery_answer.answer(worst).sentences[0]
    assert "no answer yet" in repr(recovery_answer.answer(frame[:0]))


def test_answers_on_compressed_tables():
    reference = table5.reference()
    compared, _ = results.known_comparisons(table5.ITEM, reference)
    told = table5_answer.answer(reference, compared)
    assert len(told.sentences) == MOST and "18 comparisons" in told.sentences[3]
    one = compared[compared.dataset == "avazu"]
    one.attrs = compared.attrs
    assert table5_answer.answer(reference, one).sentences != told.sentences
    assert "no answer yet" in repr(table5_answer.answer(reference[:0], NONE))


def test_pages_without_records_show_no_number():
    """Of collaborative filtering: what is said of no record, and of all there are."""
    reference = table6.reference()
    compared, _ = results.known_comparisons(table6.ITEM, reference)
    empty = reference[:0]
    for told in (table6_answer.answer(empty, NONE), table6_answer.of_conventions(empty)):
        assert "no answer yet" in repr(told) and not re.search(r"\d\.\d|\d %", repr(told))
    nothing = {task: empty for task in retain.HALVES}
    for told in (
        fig5_answer.answer(fig5.reference()[:0], NONE),
        fig7_answer.answer(fig7.reference()[:0], NONE),
        table7_answer.answer(nothing),
    ):
        assert "no answer yet" in repr(told) and not re.search(r"\d\.\d|\d %", repr(told))
    printed = {task: own.assign(stale=False) for task, own in retain.of_paper().items()}
    assert table7_answer.answer(printed).sentences == retain.answer(printed).sentences
    if len(compared):
        assert "no answer yet" not in repr(table6_answer.answer(reference, compared))


def test_other_trainings_give_other_numbers():
    decays = fig6.reference()
    lucky = decays.assign(val_auc=decays.val_auc + 0.1 * (decays.l2 == decays.l2.max()))
    assert fig6_answer.answer(decays).sentences != fig6_answer.answer(lucky).sentences
    curves = fig2.curves(fig2.grids("reference"), store_for("reference"))
    turned = curves.assign(magnitude=-curves.magnitude)
    pairs = fig2_pairs.reference()
    assert fig2_answer.answer(curves, pairs).sentences[0] != fig2_answer.answer(turned, pairs).sentences[0]
    told = [fig2_answer.answer(curves, own).sentences for own in (pairs, pairs.assign(kept=1 - pairs.kept))]
    assert told[0][:-1] == told[1][:-1] and told[0][-1] != told[1][-1]
    assert len(fig2_answer.answer(curves, pairs[:0]).sentences) == len(told[0]) - 2
    trials = search.trials(get_item(search.ITEM).grids("reference"), store_for("reference"))
    assert (
        search_answer.answer(trials).sentences != search_answer.answer(trials[trials.arm == "QR"]).sentences
    )
    for told in (
        fig6_answer.answer(decays[:0]),
        fig2_answer.answer(curves[:0], pairs),
        search_answer.answer(trials[:0]),
    ):
        assert "no answer yet" in repr(told)


def test_the_count_of_sentences_is_the_ledgers():
    book = ledger.make("lers")
    one, both = of_both.of_ledger(book), of_both.of_ledger(ledger.make())
    assert len(one.sentences) == 2 and len(both.sentences) == 3
    holds = sum(e.verdict == "holds" for e in book.entries)
    assert f"LERS**, {len(book.entries)} sentences: {holds} hold, " in one.sentences[0]
    assert "slips" in of_both.of_audit().sentences[0]


NO_RUNS = {"runs": {}}


def test_targets_met_are_counted():
    results_ = load_figures("cpu")
    strict = {
        **results_,
        "targets": [{**t, "ratio": 1e9} for t in results_["targets"] if t["versus"] != "whole"],
    }
    none = {"groups": {}}
    count = len(results_["targets"])
    said = lambda found, level: speed_answer.answer(found, none, none, level).sentences[0]
    assert said(results_, NO_RUNS).startswith(f"**{count} of {count} ") and "missed" not in said(
        results_, NO_RUNS
    )
    assert said(strict, NO_RUNS).startswith("**0 of ")
    run = {"seconds": 80.0, "metrics": {"ndcg20": level_speed.printed_level()}}
    assert said(results_, {"runs": {"2": run}}).startswith(f"**{count + 1} of {count + 1} ")
    for worse in ({"seconds": 91.0}, {"metrics": {"ndcg20": 0.146}}):
        late = said(results_, {"runs": {"2": {**run, **worse}}})
        assert late.startswith(f"**{count} of {count + 1} ") and late.endswith(
            f"missed: {level_speed.TARGET}."
        )


def test_a_whole_epoch_has_goals_of_its_own():
    """Half of the peer's seconds keeps a goal of 2 and misses one of 3."""
    entries = [
        {"name": name, "role": role, "epochs": [1], "epoch": {"seconds": [[seconds]]}}
        for name, role, seconds in (("ours", "ours", 4.0), ("Peer", "peer", 8.0), ("Other", "peer", 4.4))
    ]
    goals = [{"text": f"{r} ×", "group": "g", "measure": "epoch", "versus": "peer", "ratio": r, "of": "Peer"}
             for r in (2.0, 3.0)]  # fmt: skip
    epochs = {"groups": {"g": {"title": "DeepFM", "entries": entries}}, "targets": goals}
    results_ = load_figures("cpu")
    count = len(results_["targets"])
    pairs = {"groups": {"g": {"entries": entries, "targets": [{**goals[1], "measure": "epoch"}]}}}
    both = speed_answer.answer(results_, epochs, pairs, NO_RUNS).sentences[0]
    assert both.startswith(f"**{count + 1} of {count + 3} ") and both.endswith("missed: 3.0 × and 3.0 ×.")
    first, *_, last = speed_answer.answer(results_, epochs, {"groups": {}}, NO_RUNS).sentences
    assert first.startswith(f"**{count + 1} of {count + 2} ") and first.endswith("missed: 3.0 ×.")
    assert last.endswith("an epoch of DeepFM: ours 4.0 s, Peer 8.0 s and Other 4.4 s.")


# ---- what they are made of


def compared(*rows):
    head = {"dataset": "criteo", "backbone": "dnn", "budget": 0.5, "seeds": 3, "metric": "auc"}
    return pd.DataFrame(
        [
            {**head, "arm": arm, "against": other, "difference": d, "low": d - reach, "high": d + reach}
            for arm, other, d, reach in rows
        ]
    )


def test_outcomes_are_adjusted_for_all_comparisons_together():
    """One interval clear of 0 at 95 % is no longer clear beside nineteen others."""
    alone = compared(("a", ALL_FIELDS, 0.010, 0.009))
    many = compared(("a", ALL_FIELDS, 0.010, 0.009), *((f"b{i}", ALL_FIELDS, 0.0, 0.009) for i in range(19)))
    assert outcomes(alone, (ALL_FIELDS,)).outcome.tolist() == ["better"]
    assert set(outcomes(many, (ALL_FIELDS,)).outcome) == {"undecided"}
    tight = compared(("a", ALL_FIELDS, 0.0, 0.0004), ("b", ALL_FIELDS, -0.02, 0.001), ("c", "other", 9, 1))
    found = outcomes(tight, (ALL_FIELDS,))
    assert found.outcome.tolist() == ["equal", "worse"]
    assert outcome_counts(found, "set") == "1 equal, 1 worse of 2 sets"
    assert mean_of(found) == "mean -0.0100, -0.0200 to +0.0000" and mean_of(found[:1]) == "+0.0000"
    assert "13,715 test rows of Criteo; 3 seeds a cell" in sure(found)
    assert "all 2 comparisons together (Holm)" in sure(found) and "another training" not in sure(found)
    assert "Samples, not the papers' full sets" in sure(found)
    lists = found.assign(dataset="gowalla", metric="ndcg20", seeds=1)
    assert sure(lists).startswith("29,858 users of ")
    assert "; 1 seed a cell; with one, no interval covers another training." in sure(lists)
    assert sure(lists).endswith("The papers' own data, whole.")


def test_a_method_is_held_against_a_plain_table_of_its_size():
    """QR's bytes are those of its numbers; PEP's rows also say where theirs are, a tenth more."""
    cell = {"dataset": "criteo", "backbone": "dnn", "budget": 0.5, "parameters": 1000.0}
    sizes = {"QR": 4000.0, "PEP": 4400.0, SMALLER: 4000.0, SMALLER_IN_BYTES: 4400.0}
    reference = pd.DataFrame([{**cell, "arm": arm, "bytes": size} for arm, size in sizes.items()])
    pairs = [(arm, other, 0.01, 0.001) for arm in ("QR", "PEP") for other in PLAIN]
    found = of_their_size(compared(*pairs), reference)
    assert dict(zip(found.arm, found.against, strict=True)) == {"QR": SMALLER, "PEP": SMALLER_IN_BYTES}


def test_of_log_loss_less_is_better():
    own = compared(("a", RANDOM_FIELDS, -0.01, 0.001)).assign(metric="logloss")
    assert outcomes(own, (RANDOM_FIELDS,), LOG_LOSS).outcome.tolist() == ["better"]


def test_a_box_escapes_and_stresses():
    box = Answer(("**1 < 2** of <b>",), "so & so")
    assert box._repr_html_() == (
        '<div class="lfmp-answer"><p><strong>1 &lt; 2</strong> of &lt;b&gt;</p>'
        '<p class="lfmp-sure"><strong>How sure.</strong> so &amp; so</p></div>'
    )
    assert repr(waiting("lfmp run x")).endswith("are not all made yet (lfmp run x).")
    with pytest.raises(AssertionError):
        Answer(())
