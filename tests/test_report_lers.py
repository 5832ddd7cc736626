"""LERS's Table 5: made-up records with known answers, in whole, in part, and none."""

from dataclasses import replace
from itertools import product
from shutil import copyfile

import numpy as np
import pandas as pd
import pytest
from table5_runs import NETWORKS, drawn, framed, run

from lfmp_book.claims import pending, sentences
from lfmp_book.claims.cases import Case, cases_in_words, judge
from lfmp_book.evidence import frames, published, results
from lfmp_book.ledger import audit
from lfmp_book.lers import grids as lers
from lfmp_book.lers import quality
from lfmp_book.lers.scores.blocks import HIGH, METHODS, ORIGINAL, Cell
from lfmp_book.lers.scores.clicks import MeasuredClicks, PrintedClicks, arm_of, printed_of
from lfmp_book.lers.table5 import costs, figure, page
from lfmp_book.lers.table5.claims import TESTS, claims
from lfmp_book.lers.table5.overall import fruitless
from lfmp_book.lers.table5.ratios import retain_table
from lfmp_book.show.figures import Picture
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.store import Store, store_for
from lfmp_core.metrics import AUC, LOG_LOSS

NONE = frames.framed((), frames.COMPARED)


@pytest.fixture(scope="module")
def copied():
    """Records that say what the paper printed."""
    rows = []
    for r in published.lers_table5().dropna(subset="sparsity").itertuples():
        arm = arm_of(Cell(r.dataset, r.backbone, r.sparsity), r.method)
        rows += run(r.dataset, r.backbone, arm, r.sparsity, r.auc, test_logloss=r.logloss)
    return framed(rows)


def verdicts(frame, compared=None):
    """By sentence; nothing is left in doubt where no comparisons are given."""
    found, names = {}, sentences.load_sentences("lers")
    by_words = {s.words: s.id for s in names.values()}
    for claim in claims(frame, drawn(frame) if compared is None else compared):
        found[by_words[claim.words]] = claim.verdict
    return found


def test_records_like_the_paper_are_judged_like_the_paper(copied):
    """One rule for both: the printed cells as records give the printed cells' verdicts."""
    printed = {}
    for finding in audit.audit_findings("lers"):
        if finding.against == "Table 5" and finding.says in {test.rule for test in TESTS}:
            printed |= dict.fromkeys(finding.sentences, finding.verdict)
    measured = verdicts(copied)
    assert len(printed) > 30 and {i: measured[i] for i in printed} == printed


def test_every_claim_is_a_sentence_and_every_sentence_is_judged(copied):
    own = [s for s in sentences.load_sentences("lers").values() if "lers_table5" in s.items]
    found = claims(copied, drawn(copied))
    assert sorted(s.words for s in own) == sorted(c.words for c in found)
    named = [i for test in TESTS for i in test.sentences]
    assert len(named) == len(set(named)) and set(named) <= set(sentences.load_sentences("lers"))


def test_arms_beside_the_papers_rows():
    assert arm_of(Cell("Criteo", "DCN", 0.8), "TTRec") == "TT-Rec"
    assert arm_of(Cell("Avazu", "DCN", 0.8), "TTRec") == lers.CACHED
    assert printed_of(Cell("Criteo", "DCN", 0.95), "TT-Rec") is None
    assert printed_of(Cell("Criteo", "DCN", 0.5), "OptEmbed") is None  # no such row
    assert printed_of(Cell("Criteo", "DCN", 0.95), lers.OWN_SIZE) == "OptEmb"
    known = {arm_of(Cell("Criteo", "DCN", t), m) for t in (0.5, 0.95) for m in METHODS}
    assert known <= set(lers.LERS_METHODS)
    # Table 6 alone has the variant that searches dimensions without a mask of rows
    assert {a for arms in lers.KINDS.values() for a in arms} == {*page.ARMS, "OptEmbed-D"}


def test_a_table_of_another_size_than_asked_is_named():
    """One dimension of sixteen is a sixteenth; equal bytes are not asked for numbers."""
    rows = [(0.0, ORIGINAL, 0.0), (0.5, "QR", 0.4995), (0.5, "AutoDim", 0.86), (0.5, "AutoDim", 0.9)]
    rows += [(0.95, lers.SMALLER, 0.9375), (0.95, "PEP", 0.959), (0.95, lers.SMALLER_IN_BYTES, 0.875)]
    own = pd.DataFrame(rows, columns=["budget", "arm", "removed"])
    assert page.off_budget(own) == "AutoDim at 50% (88%), smaller dense at 95% (94%)"
    assert page.off_budget(own[:2]) == ""


def test_a_larger_table_that_fares_worse_is_named():
    """By more than .02 of AUC, against the best of the smaller ones; Original is no arm's larger table."""
    rows = [(0.0, ORIGINAL, 0.7), (0.5, "DHE", 0.65), (0.5, "DHE", 0.61), (0.8, "DHE", 0.74)]
    rows += [(0.95, "DHE", 0.75), (0.5, "QR", 0.735), (0.8, "QR", 0.754)]
    rows += [(0.5, "PEP", 0.75), (0.8, "PEP", 0.72), (0.95, "PEP", 0.745)]
    own = pd.DataFrame(rows, columns=["budget", "arm", "test_auc"])
    assert page.outgrown(own) == "DHE at 50% (0.630; 0.750 at 95%), PEP at 80% (0.720; 0.745 at 95%)"
    assert page.outgrown(own[own.arm == "QR"]) == ""


def test_scores_by_hand():
    printed = PrintedClicks()
    cell = Cell("Avazu", "DCN", 0.95)
    assert printed.ranked(cell)[0] == ("OptEmb", 0.7683) and printed.rank(cell, "PEP") == 7
    assert printed.rank(cell, "TTRec", LOG_LOSS) == 3
    assert printed.retain(cell, "PEP") == pytest.approx(0.7564 / 0.7759)
    assert printed.overall(0.95, "PEP") == pytest.approx((1 + 0.7564 / 0.7759) / 2)
    assert printed.better(Cell("Criteo", "DCN", 0.5), "PEP", "MagPrune") is False  # both .8113
    assert printed.value(Cell("Criteo", "DCN", 0.5), "OptEmb") is None


def test_one_set_alone_judges_what_it_can(copied):
    found = verdicts(copied[copied.dataset == "criteo"])
    assert found["6.1-1"] == "holds" and found["6.1-9"] == "holds"  # on Criteo alone
    assert found["6.1-2"] == found["6.3-5"] == found["6.3-7"] == "untestable"  # need Avazu
    assert found["7-4"] == "part"  # blocks of Criteo differ already
    assert found["7-8"] == "untestable"  # all of Criteo holds; Avazu could differ
    assert found["5.2-8"] == "untestable"


def test_a_set_that_is_still_being_run_is_not_shown(tmp_path):
    """The committed records of Avazu, whole and one run short."""
    kept = store_for("reference")
    (grid,) = lers.table5("reference", sets="avazu")
    for spec in [*grid.picks.plan(kept), *grid.plan(kept)]:
        target = Store(tmp_path).path(spec)
        target.parent.mkdir(exist_ok=True)
        copyfile(kept.path(spec), target)
    whole = page.reference(Store(tmp_path))
    assert whole.groupby("name").size().to_dict() == {"Avazu": 300}
    assert "Avazu: 300 reference runs of 19 arms, 3 seeds" in page.run_counts(whole)
    target.unlink()
    short = page.reference(Store(tmp_path))
    assert len(short) == 0
    assert "Avazu: 299 of 300 reference runs have ended; shown when all have" in page.run_counts(short)


def test_no_records_no_verdict(tmp_path):
    none = page.reference(Store(tmp_path))
    assert len(none) == 0 and set(verdicts(none, NONE).values()) == {"untestable"}
    assert page.run_counts(none).count(pending.NOT_YET) == 3
    shown = [
        page.main_table("Criteo", "DCN", none, NONE, none),
        page.main_table("MovieLens", "DCN", none, NONE, none),
        costs.cost_table("Avazu", "DCN", none), costs.findings(none, NONE), costs.retraining_table(none),
        figure.picture("Criteo", none), retain_table(none, none),
    ]  # fmt: skip
    assert all(pending.NOT_YET in repr(x) for x in shown)
    assert "0.8114" in repr(shown[0])  # the paper's column stays


def test_swapped_sets_swap_the_verdicts(copied):
    """With Avazu's runs called Criteo's, composition wins on Criteo at 95 % and pruning loses there."""
    swapped = copied.assign(dataset=copied.dataset.map({"criteo": "avazu", "avazu": "criteo"}))
    # TTRec's arm differs by set
    swapped["arm"] = swapped.arm.replace({"TT-Rec": "x", lers.CACHED: "TT-Rec"}).replace({"x": lers.CACHED})
    high = (swapped.budget == HIGH) & swapped.arm.isin(["TT-Rec", lers.CACHED])
    swapped.loc[high, "arm"] = lers.CACHED
    found = verdicts(swapped)
    assert (found["6.1-1"], found["6.1-2"]) == ("part", "fails") and found["6.1-8"] == "fails"


def timed(seconds, infer=None):
    """Both sets and backbones at each sparsity; seconds and inference seconds by arm."""
    rows = []
    for name in ("Criteo", "Avazu"):
        for network in NETWORKS:
            for t in (0.0, 0.5, 0.8, 0.95):
                planned = {ORIGINAL} if t == 0 else {arm.label for arm in lers.compressions("reference", t)}
                for arm, second in seconds.items():
                    if arm in planned:
                        own = {"TT": second, "CT": second, "IT": (infer or {}).get(arm, 5.0)}
                        for row in run(name, network, arm, t, 0.7):
                            noise = 1 + 0.001 * row["seed"]
                            rows.append({**row, **{key: value * noise for key, value in own.items()}})
    return framed(rows)


SECONDS = {ORIGINAL: 10, "QR": 9, "TT-Rec": 12, lers.CACHED: 12, "DHE": 14, "PEP": 20, "OptEmbed": 40,
           "CERP": 25, "MagPrune": 10, "AutoDim": 60}  # fmt: skip


def test_seconds_by_hand():
    found = verdicts(timed(SECONDS))
    assert found["4.1-1"] == "holds"  # 40 s against AutoDim's 60, at 50 and 80 %: it can't leave a twentieth
    assert found["4.2-5"] == "holds"  # MagPrune before PEP, OptEmbed, CERP
    assert found["7-1"] == "holds"  # TTRec, DHE, PEP, OptEmbed, CERP above 10 s
    assert found["7-5"] == "part"  # the median is 14: QR below, PEP above
    assert found["7-10"] == "holds"  # QR wins twice, TTRec and DHE once; they lose twice
    assert found["7-9"] == "undecided"  # all alike
    fast = dict.fromkeys(("QR", "TT-Rec", lers.CACHED, "DHE", "PEP", "MagPrune"), 4.0)
    assert verdicts(timed(SECONDS, fast))["7-9"] == "fails"
    slow = dict.fromkeys(("QR", "TT-Rec", lers.CACHED, "DHE", "PEP", "MagPrune"), 6.0)
    assert verdicts(timed(SECONDS, slow))["7-9"] == "holds"
    quick = timed({**SECONDS, "DHE": 8, "TT-Rec": 8, lers.CACHED: 8, "PEP": 8, "OptEmbed": 70})
    found = verdicts(quick)
    assert (found["4.1-1"], found["7-1"], found["7-5"]) == ("fails", "fails", "holds")


def retrained(**gains):
    """OptEmbed's runs of all blocks; gains by set and backbone as (seed, sparsity) → gain, 0 elsewhere."""
    rows = []
    for name, network, t in product(("Criteo", "Avazu"), NETWORKS, (0.5, 0.8, HIGH)):
        own = gains.get(name + network, lambda seed, t: 0.0)
        made = run(name, network, "OptEmbed", t, 0.75)
        rows += [{**row, "before": 0.75 - own(row["seed"], t)} for row in made]
        rows += run(name, network, ORIGINAL, 0.0, 0.75) if t == 0.5 else []
    return framed(rows)


def test_retraining_by_hand():
    """No gain anywhere but on Avazu with DCN is what §6.1 says."""
    assert verdicts(retrained())["6.1-17"] == "part"  # three pairs as said, no gain where one is
    clear = {"AvazuDCN": lambda seed, t: 0.01 + 0.001 * seed}
    assert verdicts(retrained(**clear))["6.1-17"] == "holds"
    others = {d + n: (lambda seed, t: 0.01) for d, n in product(("Criteo", "Avazu"), NETWORKS)} | {
        "AvazuDCN": lambda seed, t: 0.0
    }
    assert verdicts(retrained(**others))["6.1-17"] == "fails"
    own = retrained()
    assert "0.0000 ± 0.0000" in repr(costs.retraining_table(own[own.arm == "OptEmbed"]))


def test_a_gain_is_judged_over_seeds_each_the_mean_of_its_sparsities():
    """Seeds .000, .002, .004: mean .002, s .002, t interval ± 4.303 · .002/√3 = ± .00497 holds 0 and .001."""
    wide = fruitless(MeasuredClicks(retrained(AvazuDCN=lambda seed, t: 0.002 * seed), {}))
    assert [c.passed for c in wide] == [True, True, True, None]  # as nine runs it would be 3.5 errors above 0
    assert wide[-1].figure == "AUC +0.0020 (can't be told)"
    # sparsities 10 apart in each seed, their means .0020, .0021, .0022: clear
    apart = fruitless(MeasuredClicks(retrained(AvazuDCN=lambda seed, t: 0.002 + 1e-4 * seed + t - 0.75), {}))
    assert [c.passed for c in apart] == [True] * 4
    # .0004 to .0006: lies above 0, but under .001 is none
    small = fruitless(MeasuredClicks(retrained(CriteoDCN=lambda seed, t: 0.0004 + 1e-4 * seed), {}))
    assert small[1].passed is True
    single = retrained()
    assert {c.passed for c in fruitless(MeasuredClicks(single[single.seed == 0], {}))} == {None}


# ---- tables and the figure


def test_tables_hold_paper_reference_and_ties():
    rows = [*run("Criteo", "DCN", ORIGINAL, 0.0, 0.75), *run("Criteo", "DCN", "PEP", HIGH, 0.74, PT=5.0)]
    rows += run("Criteo", "DCN", page.SMALLER, HIGH, 0.73)
    frame = framed(rows)
    head = {"dataset": "criteo", "backbone": "dcn_mix", "budget": HIGH, "arm": "PEP", "metric": "auc"}
    pairs = pd.DataFrame([
        {**head, "against": ORIGINAL, "difference": -0.01, "low": -0.02, "high": 0.001},
        {**head, "against": page.SMALLER, "difference": 0.01, "low": 0.004, "high": 0.016},
    ])  # fmt: skip
    own = framed(run("planted", "DeepFM", ORIGINAL, 0.0, 0.6, seeds=1))
    pairs = page.with_outcomes(pairs, frame)
    table = page.main_table("Criteo", "DCN", frame, pairs, own)
    [line] = [x for x in repr(table).splitlines() if x.startswith("95%  PEP")]
    assert (
        "0.8114" in line
        and "0.7400 ± 0.0000" in line
        and "-0.0100 undecided" in line
        and "+0.0100 better" in line
    )
    assert "planted" not in repr(table)  # it has another backbone
    assert "this run (planted)" in repr(page.main_table("Criteo", "DeepFM", frame, pairs, own))
    cost = repr(costs.cost_table("Criteo", "DCN", frame))
    [line] = [x for x in cost.splitlines() if x.startswith("95%  PEP")]
    assert "0.83" in line and "0.950 ± 0.000" in line and "5.0 ± 0.0" in line
    told = repr(costs.findings(frame, pairs))
    assert "1 better of 1 comparison (better: PEP at 95%)" in told and "all 2 comparisons" in told
    many = pd.concat([pairs.iloc[:1].assign(arm=f"x{i}") for i in range(30)], ignore_index=True)
    assert "30 undecided of 30 comparisons" in repr(costs.findings(frame, page.with_outcomes(many, frame)))
    retain = [x for x in repr(retain_table(frame, own)).splitlines() if x.startswith("95%  PEP")]
    assert f"{0.7564 / 0.7759:.4f}" in retain[0] and f"{0.74 / 0.75:.4f}" in retain[0]


def points(rows):
    """Those of the figure's panel on Criteo and DCN."""
    [panel] = figure.front_panels("Criteo", framed(rows))
    return quality.points(panel, AUC)


def test_figure_marks_what_nothing_beats():
    rows = [*run("Criteo", "DCN", ORIGINAL, 0.0, 0.75), *run("Criteo", "DCN", "QR", 0.5, 0.76)]
    rows += [*run("Criteo", "DCN", "PEP", 0.5, 0.74), *run("Criteo", "DCN", "DHE", HIGH, 0.70)]
    found = points(rows).set_index("arm").front
    assert found.to_dict() == {ORIGINAL: False, "QR": True, "PEP": False, "DHE": True}
    made = figure.picture("Criteo", framed(rows))
    assert isinstance(made, Picture) and "QR 50%, DHE 95%" in made.words
    assert figure.picture("Criteo", framed(rows)).png() == made.png()
    assert len({quality.arm_style(arm) for arm in page.ARMS}) == len(page.ARMS)


def test_figure_has_room_for_what_is_not_far_below():
    """Far: ten interquartile ranges and .02 of AUC beneath the first quartile, and beaten by another."""
    rows = [*run("Criteo", "DCN", ORIGINAL, 0.0, 0.75), *run("Criteo", "DCN", "QR", 0.5, 0.752)]
    rows += [*run("Criteo", "DCN", "PEP", 0.5, 0.751), *run("Criteo", "DCN", "TT-Rec", 0.5, 0.735)]
    rows += [*run("Criteo", "DCN", "MagPrune", 0.5, 0.753)]
    low = [*run("Criteo", "DCN", "DHE", 0.5, 0.64)]
    assert not points(rows).far.any()
    # quartiles of the six: .7388 and .7518, so far is below .609
    assert not points([*rows, *run("Criteo", "DCN", "DHE", 0.5, 0.62)]).far.any()
    tight = [r for r in rows if r["arm"] != "TT-Rec"]
    found = points([*tight, *low]).set_index("arm")
    assert found.far.to_dict() == dict.fromkeys(found.index, False) | {"DHE": True}
    assert "DHE 50% at 0.640" in figure.picture("Criteo", framed([*tight, *low])).words
    smallest = [*tight, *run("Criteo", "DCN", "DHE", HIGH, 0.64)]
    assert not points(smallest).far.any()


def test_ratios_come_from_the_records(tmp_path):
    """From a store: AUC over Original's mean, table over Original's, OptEmbed's last fitness."""
    [search] = lers.table4("reference", sets="criteo", backbones="deepfm", trials=1)
    chosen = [a for a in search.arms if a.label in (ORIGINAL, "OptEmbed", "PEP")]
    grid = replace(search, item="lers_table5", arms=chosen, seeds=(0, 1), tpe=None)
    store = Store(tmp_path)
    for spec in grid.plan(store):
        arm = grid.arm_of(spec)
        details = {
            "cpu_seconds": {"CT": 1.0, "PT": 2.0},
            "history": [{}],
            "kept_fields": [0],
            "sparsity": 0.8,
        }
        if arm == "OptEmbed":
            details |= {"best_fitness": [0.70, 0.72], "finding_seconds": {"supernet": 1.5, "evolution": 0.5}}
        details |= {"inference_remembered": 0.5} if arm == "PEP" else {}
        auc = {ORIGINAL: 0.8, "OptEmbed": 0.76, "PEP": 0.6}[arm] + 0.02 * spec.seed
        metrics = {"val_auc": 0.73, "val_logloss": 0.5, "test_auc": auc, "test_logloss": 0.5}
        size = 100.0 if arm == ORIGINAL else 20.0
        sizes = {"embedding_parameters": size, "parameters": size, "bytes": 4 * size, "fields_kept": 1}
        phases = {"PT": 2.0, "CT": 1.0, "TT": 3.0, "IT": 4.0}
        store.put(Record(spec=spec, metrics=metrics, phases=phases, sizes=sizes, details=details))
    frame = page.completed(results.frame([grid], store), [grid], store).set_index(["arm", "seed"])
    assert frame.retain[ORIGINAL, 0] == pytest.approx(0.8 / 0.81)  # the mean over seeds
    assert frame.retain["PEP", 1] == pytest.approx(0.62 / 0.81)
    assert frame.removed.to_dict()["PEP", 0] == pytest.approx(0.8)
    assert frame.before["OptEmbed", 0] == 0.72 and np.isnan(frame.before["PEP", 0])
    assert frame.supernet["OptEmbed", 0] == 1.5 and frame.evolution["OptEmbed", 0] == 0.5
    assert np.isnan(frame.supernet["PEP", 0]) and np.isnan(frame.IT_remembered["OptEmbed", 0])
    assert frame.IT_remembered["PEP", 0] == 0.5
    assert set(frame.name) == {"Criteo"} and set(frame.network) == {"DeepFM"}


def test_cases_that_cannot_be_told():
    open_ = [Case("a", "x", None, "tied"), Case("a", "y", True, "so")]
    assert judge(open_) == "undecided" and cases_in_words(open_) == "a: x tied (can't be told), y so"
    assert judge([*open_, Case("b", "z", False)]) == "part"
    assert cases_in_words([Case("a", "x", None)]) == "a: records missing"
    many = [
        Case("a", "x", None, "tied"),
        Case("a", "y", True, "so"),
        Case("a", "z", False),
        Case("a", "w", None),
    ]
    assert cases_in_words(many) == "a: 1 of 2 (y), 1 missing, 1 can't be told"
