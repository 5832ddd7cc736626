"""Table 2, its shadows, its trade-off and Figure 2a: hand-made records with known answers."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lfmp_book.claims.cases import Case, all_of, cases_in_words, judge
from lfmp_book.claims.claim import Claim
from lfmp_book.claims.told import clearly_below
from lfmp_book.evidence import frames, results
from lfmp_book.lightfmp import fig2a, selectors
from lfmp_book.lightfmp.arms import OURS
from lfmp_book.lightfmp.table2 import checks as table2_checks
from lfmp_book.lightfmp.table2 import claims as on_table2
from lfmp_book.lightfmp.table2 import control, shadows
from lfmp_book.lightfmp.table2 import page as table2
from lfmp_book.lightfmp.view import RIVALS, View
from lfmp_book.show import pareto
from lfmp_book.show.html import Stack, table
from lfmp_core.data.shadows import is_shadow, shadow_order, with_shadows
from lfmp_core.experiments.items import SearchResult
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.metrics import LOG_LOSS

PRINTED, REPAIRED = OURS
ALL = ("all fields", *RIVALS, *OURS, "random fields")


def frame(cells, seeds=3):
    """(data set, arm) → {test_auc, PT, CT, ...}; the seeds differ by 1e-5 in AUC and 1e-3 in seconds."""
    rows = []
    for (name, arm), given in cells.items():
        for seed in range(seeds):
            row = {"dataset": name, "arm": arm, "seed": seed, "budget": 0.5, "test_auc": 0.75, "PT": 0.0,
                   "CT": 10.0, "IT": 50.0, "epochs": 2, "fields_kept": 4, "parameters": 100, "bytes": 400,
                   "kept_fields": (0, 1, 2, 3), "one_training": False, "id": f"{name}-{arm}-{seed}",
                   **given}  # fmt: skip
            row["test_auc"] += 1e-5 * seed
            row["CT"] += 1e-3 * seed
            row["test_logloss"] = 1 - row["test_auc"]
            rows.append(row | {"TT": row["PT"] + row["CT"]})
    return pd.DataFrame(rows)


def compared(cells):
    """(data set, arm, against) → (difference, low, high) in AUC; log-loss mirrors it."""
    rows = []
    for (name, arm, other), (d, low, high) in cells.items():
        head = {"dataset": name, "arm": arm, "against": other, "budget": 0.5}
        rows.append(head | {"metric": "auc", "difference": d, "low": low, "high": high})
        rows.append(head | {"metric": "logloss", "difference": -d, "low": -high, "high": -low})
    return pd.DataFrame(rows)


def verdicts(reference, against, words, arm=PRINTED):
    found = on_table2.claims(reference, against)
    return {c.verdict for c in found if words in c.words and c.arm in ("", arm)}


def test_the_control_shows_what_was_chosen_by_beside_what_came_out():
    """Two seeds at test .75; validation .90 and .92. All of its four kept are the fields themselves."""
    whole = tuple(map(int, np.flatnonzero(shadow_order(4, 0) < 4)))
    cells = {("criteo", "all fields"): {"kept_fields": tuple(range(8)), "fields_kept": 8, "val_auc": 0.76},
             ("criteo", "AdaFS, soft"): {"kept_fields": whole, "val_auc": 0.91},
             ("criteo", "random fields"): {"kept_fields": whole, "val_auc": 0.76}}  # fmt: skip
    runs = frame(cells, seeds=2)
    runs.loc[runs.arm == "AdaFS, soft", "val_auc"] = [0.90, 0.92]
    told = compared({("criteo", "AdaFS, soft", "all fields"): (-0.05, -0.06, -0.04)})
    told = told.assign(backbone="deepfm", seeds=2, ids=[[]] * 2, contents="")
    shown = control.control_table(runs, told)
    heads = [" ".join(filter(None, parts)) for parts in zip(*shown.header, strict=True)]
    row = dict(zip(heads, next(line for line in shown.plain if "AdaFS, soft" in line), strict=True))
    assert row["validation"].startswith("0.9100 ± 0.0141") and row["AUC"].startswith("0.7500")
    assert row["AUC − all fields"].endswith("worse") and row["AUC − random fields"] == "–"
    assert "that something learnt them" in shown.note
    assert "no reference records yet" in control.control_table(runs[:0], told[:0]).caption


def test_front_by_hand():
    # the third is dominated by the first (same cost), the fourth by the second (same worth)
    assert pareto.front([1, 2, 1, 3], [5, 7, 4, 7]).tolist() == [True, True, False, False]
    assert pareto.front([1, 1], [2, 2]).tolist() == [True, True]  # equals don't beat each other


def test_labels_keep_apart_and_inside():
    points = np.array([[100.0, 100.0], [104.0, 101.0], [98.0, 97.0], [395.0, 100.0]])
    sizes = np.full((4, 2), (60.0, 12.0))
    centres = pareto.place_labels(points, sizes, (0, 0, 400, 200))
    for i in range(4):
        assert (centres[i] - sizes[i] / 2 >= 0).all() and (centres[i] + sizes[i] / 2 <= (400, 200)).all()
        for j in range(i):
            assert (np.abs(centres[i] - centres[j]) >= sizes[i]).any()
            assert (np.abs(centres[i] - points[j]) >= sizes[i] / 2).any()


def test_labels_keep_off_what_is_to_be_avoided():
    """Free, the label lies right of its point; with a line there it goes where none of it is under it."""
    point, size, frame = np.array([[200.0, 100.0]]), np.array([[60.0, 12.0]]), (0, 0, 400, 200)
    line = np.stack([np.linspace(200, 400, 100), np.full(100, 100.0)], 1)

    def covered(centre: np.ndarray) -> bool:
        return bool((np.abs(centre - line) < size / 2).all(-1).any())

    assert covered(pareto.place_labels(point, size, frame)[0])
    assert not covered(pareto.place_labels(point, size, frame, line)[0])


def test_scaled_shrinks_a_fixed_pretraining_alone():
    own = frame({("criteo", a): {"PT": 20.0} for a in (PRINTED, "Light-FMP, stream", "OptFS")}, seeds=1)
    found = selectors.scaled("Criteo", own).set_index("arm")
    assert selectors.rows_share("Criteo") == pytest.approx(109_711 / 33e6)
    assert found["TT scaled"][PRINTED] == pytest.approx(10 + 20 * 109_711 / 33e6)
    assert found["TT scaled"]["OptFS"] == found["TT scaled"]["Light-FMP, stream"] == 30
    assert "TT scaled" not in selectors.scaled("planted", own)


def test_main_table_of_a_part_of_the_records():
    cells = {("criteo", "all fields"): {}, ("criteo", "Lasso"): {"CT": 5.0, "test_auc": 0.7512}}
    reference = pd.concat([frame(cells), frame({("criteo", "SFS"): {}}, seeds=1)])
    made = table2.main_table("Criteo", reference, frame({("planted", "MvFS"): {"test_auc": 0.6}}, seeds=1))
    rows = {row[0]: row for row in made.plain}
    head = [" ".join(filter(None, pair)) for pair in zip(*made.header, strict=True)]
    lasso = dict(zip(head, rows["Lasso"], strict=True))
    assert lasso["paper AUC"] == "0.7977" and lasso["reference AUC"].startswith("0.7512 ±")
    assert lasso["reference TT ×"] == "0.50 ± 0.00" and lasso["reference seeds"] == "3"
    assert lasso["this run (planted) AUC"] == "–"
    assert dict(zip(head, rows["SFS"], strict=True))["reference seeds"] == "1"
    assert dict(zip(head, rows["OptEmbed"], strict=True))["reference AUC"] == "–"  # the paper's row stays
    assert "1 to 3 seeds" in made.note
    empty = table2.main_table("Avazu", reference)
    assert (
        results.RANDOM_FIELDS not in [r[0] for r in empty.plain] and "no reference records yet" in empty.note
    )
    assert table2.run_counts(reference).splitlines()[1] == "MovieLens: no reference records yet"
    nothing = results.frame([], None)
    assert "no reference records yet" in repr(table2.picture("Avazu", table2.part(nothing, "Avazu")))
    got = selectors.arms_of(
        frame({("criteo", a): {} for a in ("random fields", PRINTED, "MvFS", "SFS", "PCA")})
    )
    assert got == ["PCA", "SFS", "MvFS", PRINTED, "random fields"]


def test_ids_and_clusters():
    both, lost = {"test_auc": 0.8}, {"test_auc": 0.7, "kept_fields": (0, 2, 3, 4)}
    reference = frame({("ml-1m", "PCA"): both, ("ml-1m", "Lasso"): lost}, seeds=2)
    rows = {row[0]: row for row in table2_checks.ids_table(reference).plain}
    assert rows["PCA"][1:3] == ["2 of 2", "2 of 2"] and rows["PCA"][4] == "–"
    assert rows["Lasso"][1:4] == ["2 of 2", "0 of 2", "–"] and rows["Lasso"][5] == "0.7163"
    paper, with_both, without = table2_checks.clusters(reference).sentences
    assert "0.7163 to 0.7185 (Lasso, OptEm, MvFS, OptFS, AdaFS) and 0.7979 to 0.8071" in paper
    assert with_both.startswith("2 of 4") and "AUC 0.8000 to 0.8000" in with_both
    assert without.startswith("2 of 4") and "AUC 0.7000 to 0.7000" in without


def choices(kept, m=5, name="criteo"):
    ref = DatasetRef(name=name, settings={"shadows": 0})
    ratio = 1 - len(kept) / (2 * m)
    return pd.DataFrame([{"dataset": name, "reference": ref, "arm": "Lasso", "budget": ratio, "seed": 0,
                          "kept_fields": tuple(kept)}])  # fmt: skip


def test_false_discoveries_by_hand():
    order = shadow_order(5, 0)
    twins, own = np.flatnonzero(order >= 5).tolist(), np.flatnonzero(order < 5).tolist()
    (none,) = shadows.false_discoveries(choices(own)).to_dict("records")
    assert (none["total"], none["kept"], none["shadows"], none["share"]) == (10, 5, 0, 0.0)
    # blindly 5 of 10: no twin in 1 of 252 draws, at most one in 26 of 252, so one is no less than chance
    assert none["limit"] == 1
    (two,) = shadows.false_discoveries(choices([*own[:3], *twins[:2]])).to_dict("records")
    assert (two["shadows"], two["share"]) == (2, 0.4)
    nothing = results.choice_frame([], None)
    shown = shadows.shadow_table(choices(own), nothing)
    assert shown.plain == [["Lasso", "0.00", "1 of 1"]] and "MovieLens, Avazu: no reference" in shown.note
    assert "no reference records yet" in repr(shadows.shadow_table(nothing, nothing))


def test_shadows_are_where_their_data_has_them(planted):
    m = planted.schema.num_fields
    assert (is_shadow(with_shadows(planted, 3).schema) == (shadow_order(m, 3) >= m)).all()


@pytest.mark.parametrize(
    ("passed", "verdict"),
    [
        ([True, True], "holds"),
        ([True, False], "part"),
        ([False], "fails"),
        ([True, None], "undecided"),
        ([False, None], "undecided"),
        ([True, False, None], "part"),  # no further record can change that
        ([], "untestable"),
    ],
)
def test_judge(passed, verdict):
    assert judge([Case("Criteo", "x", p, "a figure") for p in passed]) == verdict
    without = [Case("Criteo", "x", p, "a figure" * (p is not None)) for p in passed]  # records are missing
    assert judge(without) == (verdict if verdict != "undecided" else "untestable")


def test_said_names_what_is_missing():
    cases = [Case("Criteo", str(i), i < 2) for i in range(4)] + [Case("Avazu", "0", None)]
    assert cases_in_words(cases) == "Criteo: 2 of 4 (0, 1); Avazu: records missing"
    assert all_of(True, None) is None and all_of(False, None) is False and all_of(True, True) is True


def test_view_turns_differences_round_and_needs_two_seeds_to_call_a_mean_lower():
    view = View(frame({("avazu", "MvFS"): {}}), compared({("avazu", "MvFS", PRINTED): (0.02, 0.01, 0.04)}))
    assert view.gain("Avazu", PRINTED, "MvFS") == (-0.02, -0.04, -0.01)
    assert view.gain("Avazu", PRINTED, "MvFS", LOG_LOSS) == (-0.02, -0.04, -0.01)
    assert view.better("Avazu", PRINTED, "MvFS") is False and view.better("Avazu", "MvFS", PRINTED) is True
    assert view.better("Avazu", "MvFS", PRINTED, by=0.03) is None  # it may be as much
    assert view.better("Avazu", "MvFS", PRINTED, by=0.05) is False
    assert view.gain("Criteo", PRINTED, "MvFS") is None and view.below("Avazu", "MvFS", PRINTED) is None
    a, b = pd.Series([1.0, 1.2]), pd.Series([2.0, 2.2])
    assert clearly_below(a, b) is True and clearly_below(b, a) is False
    assert clearly_below(a, pd.Series([1.1, 1.3])) is False and clearly_below(a[:1], b) is None


def whole(auc, better, printed=None):
    """All ten rows of the paper's table and the twin on three sets; the same differences on each."""
    sets = ("criteo", "ml-1m", "avazu")
    cells = {(d, a): {"test_auc": auc.get(a, 0.75)} for d in sets for a in ALL}
    for d in sets:
        cells[d, PRINTED] |= printed or {}
    return frame(cells), compared({(d, m, ours): better for d in sets for m in ALL[:9] for ours in OURS})


def test_claims_on_accuracy_follow_means_and_intervals():
    best = whole({PRINTED: 0.76}, (-0.01, -0.02, -0.005))
    assert verdicts(*best, "achieves the best accuracy") == {"holds"}
    assert verdicts(*best, "significantly outperforms in accuracy") == {"holds"}
    tie = whole({PRINTED: 0.76}, (-0.01, -0.02, 0.001))  # the interval holds 0
    assert verdicts(*tie, "significantly outperforms in accuracy") == {"undecided"}
    small = whole({PRINTED: 0.7503}, (-0.0003, -0.0004, -0.0002))  # under 0.001 is marginal
    assert verdicts(*small, "significantly outperforms in accuracy") == {"fails"}
    # Criteo's gap to OptEmbed in the paper is 0.0021
    for gap, verdict in ((0.0010, "holds"), (0.0019, "part"), (0.0022, "fails")):
        lead = (gap, gap - 5e-5, gap + 5e-5)  # 0.0018 in log-loss
        assert verdicts(*whole({}, lead), "competitive accuracy") == {verdict}
    assert verdicts(*whole({}, (0.001, 0.0, 0.002)), "competitive accuracy") == {"undecided"}


def test_claims_on_time_take_pretraining_scaled():
    cells, against = whole({}, (0, -1, 1), {"PT": 30.0, "CT": 5.8})
    assert verdicts(cells, against, "60.84%") == {"holds"}
    assert verdicts(cells, against, "highest total training efficiency") == {"holds"}
    assert verdicts(cells, against, "60.84%", REPAIRED) == {"undecided"}  # as all fields, and as the others
    (found,) = {c.found for c in on_table2.claims(cells, against) if "60.84%" in c.words and c.arm == PRINTED}
    assert "time × 0.59 (measured 3.58)" in found


def test_a_missing_set_leaves_open_what_it_could_change():
    cells, against = whole({PRINTED: 0.76}, (-0.01, -0.02, -0.005))
    part = cells[cells.dataset != "avazu"], against[against.dataset != "avazu"]
    assert verdicts(*part, "achieves the best accuracy") == {"untestable"}
    assert verdicts(*part, "competitive accuracy") == {"holds"}
    nothing = results.frame([], None), frames.framed((), frames.COMPARED)
    assert {c.verdict for c in on_table2.claims(*nothing)} == {"untestable"}


def test_random_fields_spoil_a_trade_off_unless_they_take_longer():
    pairs = {(d, PRINTED, o): (0.01, 0.005, 0.02) for d in ("criteo", "ml-1m", "avazu") for o in ALL[::11]}
    cases = (
        (False, 15.0, "holds"),
        (True, 15.0, "part"),
        (True, 10.0, "undecided"),
        (True, 5.0, "holds"),
    )
    for lost, seconds, verdict in cases:
        cells, against = whole({PRINTED: 0.76}, (-0.01, -0.02, -0.005), {"CT": seconds})
        worse = {("avazu", PRINTED, "random fields"): (-0.01, -0.02, -0.005)} if lost else {}
        against = pd.concat([against, compared(pairs | worse)])
        assert verdicts(cells, against, "best accuracy-efficiency") == {verdict}


def test_arms_table_has_a_row_for_each_test():
    cells = [("a", "§1", PRINTED, "3", "holds"), ("b", "§2", PRINTED, "3", "holds")]
    cells.append(("a", "§1", REPAIRED, "4", "fails"))
    made = [Claim(w, place, "rule", found, verdict, arm=arm) for w, place, arm, found, verdict in cells]
    assert on_table2.arms_table(made).plain == [["a (§1); b (§2)", "rule", "holds: 3", "does not hold: 4"]]


def test_comparisons_are_known_set_by_set(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "comparisons_path", lambda item: tmp_path / "x.json")
    reference = frame({(name, arm): {} for name in ("criteo", "avazu") for arm in ("Lasso", "PCA")}, seeds=1)
    first, second = results.known_comparisons("x", reference)[1]
    assert "criteo were not compared yet; run: lfmp compare x" in first and "avazu" in second
    rows = [
        {"dataset": "criteo", "ids": ["criteo-Lasso-0", "criteo-PCA-0"]},
        {"dataset": "avazu", "ids": ["other"]},
    ]
    reference = reference.assign(backbone="xdeepfm")
    cell = {"backbone": "xdeepfm", "budget": reference.budget.iloc[0]}
    cell |= {"arm": "Lasso", "against": "PCA", "metric": "auc", "difference": 0.1, "low": 0.0, "high": 0.2}
    (tmp_path / "x.json").write_text(json.dumps([{**row, **cell, "seeds": 1} for row in rows]))
    known, missing = results.known_comparisons("x", reference)
    assert known.dataset.tolist() == ["criteo"] and "avazu were compared when others" in missing[0]
    assert results.known_comparisons("x", reference[:0])[1] == []
    alone = reference[reference.arm == "PCA"]  # a single arm has nothing to be held against
    assert results.known_comparisons("x", alone)[1] == []


def searched(name, seeds, rates, scores, chosen):
    """As much of a grid as the table of the search asks for."""
    candidates = tuple({"learning_rate": r} for r in rates)
    made = [SearchResult("xdeepfm", "Lasso", candidates, scores, chosen, chosen == 1)]
    return SimpleNamespace(dataset=DatasetRef(name=name), seeds=seeds, choices=lambda store: made)


def test_search_rows_keep_rates_that_choose_nothing_apart():
    grids = [
        searched("criteo", (0,), (3e-4, 1e-3), (0.7, 0.71), 1),
        searched("criteo", (), (1e-5,), (0.72,), 0),
    ]
    grids.append(searched("avazu", (0,), (3e-4, 1e-3), (None, None), None))
    (row,) = table2_checks.search_rows(grids, None).to_dict("records")
    assert row["scores"] == {3e-4: 0.7, 1e-3: 0.71, 1e-5: 0.72}
    assert (row["data"], row["chosen"], row["border"]) == ("Criteo", 1e-3, True)


def test_fig2a_states_what_the_paper_states_and_judges_pretraining_at_its_rows():
    paper = fig2a.stated()
    assert paper.PT["Light-FMP"] == 120 and paper.CT["OptEm"] == 7905.3 and np.isnan(paper.CT["AutoField"])
    assert paper.TT["Light-FMP"] == pytest.approx(0.6084 * 15_803)
    cells = {("criteo", a): {"PT": 2.0} for a in ("OptFS", "OptEmbed", "AutoField")}
    cells |= {("criteo", PRINTED): {"PT": 6.0, "CT": 4.0}, ("criteo", "all fields"): {}}
    reference = frame(cells)
    found = {c.words: c for c in fig2a.claims(reference) if c.arm == PRINTED}
    of = {
        k: next(c for w, c in found.items() if k in w)
        for k in ("120 seconds", "lowest continued", "remaining")
    }
    assert of["120 seconds"].verdict == "holds" and "(measured 3)" in of["120 seconds"].found
    assert of["lowest continued"].verdict == "holds" and of["remaining"].verdict == "untestable"
    made = fig2a.times_table(reference, reference[:0])
    optfs = next(row for row in made.plain if row[0] == "OptFS")
    assert optfs[-1] == "329,133"  # 109,711 · 6 / 2
    nothing = results.frame([], None)
    assert {c.verdict for c in fig2a.claims(nothing)} == {"untestable"}
    assert len(fig2a.picture({"reference": nothing, "this run": reference}).axes) == 2


def test_rules_part_rows_and_the_best_is_of_all():
    made = table(pd.DataFrame({"x": [1.0, 3.0, 2.0]}), rule=["a", "a", "b"], highlight={"x": "max"})
    assert made.starts == {2} and [row[0] for row in made.classes] == ["", "best", ""]
    both = Stack((made, made))
    assert both._repr_html_().count("<table") == 2 and repr(both).count("3.0000") == 2
