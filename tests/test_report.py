"""What pages compute from records: hand-made frames with known answers."""

from itertools import combinations
from math import isnan
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lfmp_book.claims.claim import share_verdict
from lfmp_book.evidence import results
from lfmp_book.evidence.differences import difference_table
from lfmp_book.evidence.draws import Draws
from lfmp_book.evidence.stamps import contents
from lfmp_book.lightfmp import fig3, table3
from lfmp_book.lightfmp.fig3_claims import PAPER_KEPT
from lfmp_book.show.figures import Picture
from lfmp_core.budget import Budget
from lfmp_core.errors import LfmpError
from lfmp_core.metrics import AUC, LOG_LOSS


def test_share_verdict():
    assert [share_verdict(c) for c in ([True, True], [True, False], [False], [])] == [
        "holds",
        "part",
        "fails",
        "untestable",
    ]


def test_expected_jaccard_is_the_mean_over_all_choices():
    """Counted out: all pairs of 2-element subsets of 5."""
    subsets = [set(c) for c in combinations(range(5), 2)]
    counted = np.mean([len(a & b) / len(a | b) for a in subsets for b in subsets])
    assert fig3.expected_jaccard(5, 2) == pytest.approx(counted)
    assert fig3.expected_jaccard(4, 4) == 1


def test_mean_jaccard_by_hand():
    # {0,1},{1,2}: 1/3; {0,1},{0,1}: 1; {1,2},{0,1}: 1/3
    assert fig3.mean_jaccard([(0, 1), (1, 2), (0, 1)]) == pytest.approx(5 / 9)
    assert isnan(fig3.mean_jaccard([(0, 1)]))


def _frame(arms, kept=(0, 1), ratio=0.5):
    """Two backbones, two seeds; test AUC and seconds by arm."""
    rows = []
    for backbone in ("xdeepfm", "dnn"):
        for arm, (auc, ct) in arms.items():
            for seed in (0, 1):
                gated = arm.startswith("Light")
                rows.append(
                    {
                        "backbone": backbone,
                        "arm": arm,
                        "budget": 0.0 if arm == "all fields" else ratio,
                        "seed": seed,
                        "test_auc": auc + 0.001 * seed,
                        "test_logloss": 1 - auc,
                        "PT": 0.0,
                        "CT": ct,
                        "TT": ct,
                        "epochs": 2,
                        "kept_fields": kept,
                        "log_alpha": [3.0, 2.0, 1.0, 0.0] if gated else None,
                        "id": f"{backbone}-{arm}-{seed}",
                    }
                )
    return pd.DataFrame(rows)


def _compared(differences, ratio=0.5, loss=None):
    """(backbone, arm, against) → (difference, low, high) in AUC; log-loss mirrors it, or is `loss`."""
    rows = []
    for (b, a, other), (d, low, high) in differences.items():
        head = {"backbone": b, "arm": a, "against": other, "budget": ratio}
        rows.append({**head, "metric": "auc", "difference": d, "low": low, "high": high})
        d, low, high = loss or (-d, -high, -low)
        rows.append({**head, "metric": "logloss", "difference": d, "low": low, "high": high})
    return pd.DataFrame(rows)


ARM = "Light-FMP, as printed"


@pytest.mark.parametrize(
    ("xdeepfm", "dnn", "verdict"),
    [
        ((0.01, 0.005, 0.02), (0.002, 0.001, 0.004), "holds"),
        ((0.01, 0.005, 0.02), (0.002, -0.001, 0.004), "undecided"),  # the interval holds 0
        ((0.01, 0.005, 0.02), (-0.002, -0.004, -0.001), "part"),
        ((-0.01, -0.02, -0.005), (0.0005, 0.0001, 0.0009), "fails"),  # a gain under 0.001 is marginal
    ],
)
def test_table3_accuracy_claim_follows_the_intervals(xdeepfm, dnn, verdict):
    frame = _frame({"all fields": (0.75, 10.0), ARM: (0.76, 5.0), "random fields": (0.74, 5.0)})
    compared = _compared(
        {
            ("xdeepfm", ARM, "all fields"): xdeepfm,
            ("dnn", ARM, "all fields"): dnn,
            ("xdeepfm", ARM, "random fields"): (0.02, 0.01, 0.03),
            ("dnn", ARM, "random fields"): (0.02, -0.01, 0.03),
        }
    )
    accuracy, seconds, twin = table3.claims(frame, compared)
    assert accuracy.verdict == verdict
    assert seconds.verdict == "holds" and "xDeepFM × 0.50 (measured 0.50, an epoch 0.50);" in seconds.found
    assert twin.verdict == "undecided" and "1 of 2 backbones, 1 can't be told" in twin.found


def test_table3_accuracy_claim_needs_log_loss_too():
    frame = _frame({"all fields": (0.75, 10.0), ARM: (0.76, 5.0), "random fields": (0.74, 5.0)})
    against = ("all fields", "random fields")
    better = {(b, ARM, other): (0.02, 0.01, 0.03) for b in ("xdeepfm", "dnn") for other in against}
    assert table3.claims(frame, _compared(better))[0].verdict == "holds"
    assert table3.claims(frame, _compared(better, loss=(-0.002, -0.004, 0.001)))[0].verdict == "undecided"
    assert table3.claims(frame, _compared(better, loss=(0.002, 0.001, 0.004)))[0].verdict == "fails"


def test_table3_time_claim_fails_when_nothing_is_saved():
    frame = _frame({"all fields": (0.75, 10.0), ARM: (0.76, 9.0), "random fields": (0.74, 5.0)})
    compared = _compared(
        {("dnn", ARM, "all fields"): (0.0, -0.1, 0.1), ("dnn", ARM, "random fields"): (0, -1, 1)}
    )
    assert table3.claims(frame, compared)[1].verdict == "fails"


def test_improvements_are_signed_so_that_positive_is_better():
    frame = _frame({"all fields": (0.75, 10.0), ARM: (0.765, 5.0)})
    text = repr(table3.improvement_table(frame))
    # AUC .7655/.7505, log-loss .235/.25, time 5/10
    assert "+2.00" in text and "+6.00" in text and "+50.00" in text
    # the printed and the recomputed improvement of the paper's DNN row
    assert "+1.42" in text and "+50.21" in text


def test_main_table_puts_the_paper_beside_its_own_arms_only():
    frame = _frame({"all fields": (0.75, 10.0), ARM: (0.765, 5.0), "random fields": (0.74, 5.0)})
    lines = repr(table3.main_table(frame, frame)).splitlines()
    by_arm = {arm: next(x for x in lines if x.startswith("DNN") and arm in x) for arm in frame.arm.unique()}
    assert "0.7737" in by_arm["all fields"] and "0.7847" in by_arm[ARM]
    assert "0.7" not in by_arm["random fields"].split("random fields")[1].split("±")[0].replace("0.7405", "")


def test_main_table_shows_arms_that_only_this_run_has():
    reference = _frame({"all fields": (0.75, 10.0)})
    run = _frame({"all fields": (0.71, 1.0), "Light-FMP, 1,598 rows": (0.69, 1.0)})
    lines = repr(table3.main_table(reference, run, 2)).splitlines()
    assert [x.split()[0] for x in lines[3:7]] == ["xDeepFM", "xDeepFM", "DNN", "DNN"]
    assert "0.69" in lines[4] and "0.75" in lines[3] and "0.71" in lines[3]


def test_differences_say_what_they_come_to():
    compared = _compared(
        {("dnn", ARM, "all fields"): (0.01, -0.01, 0.02), ("dnn", ARM, "random fields"): (0.01, 0.004, 0.016)}
    )
    (row,) = [x for x in repr(difference_table(compared)).splitlines() if x.startswith("dnn")]
    assert row.count("undecided") == 1 and row.index("undecided") < row.index("+0.0040")
    assert row.rstrip().endswith("better") and "all 2 comparisons" in repr(difference_table(compared))


def test_fig3_claims_judge_stability_and_the_named_fields():
    names = [*PAPER_KEPT, *(f"X{i}" for i in range(31))]
    theirs, others = tuple(range(8)), tuple(range(8, 16))
    frame = _frame({"all fields": (0.75, 10.0), ARM: (0.76, 5.0)}, kept=theirs, ratio=0.75)
    compared = _compared({("xdeepfm", ARM, "random fields"): (0.02, 0.01, 0.03)}, ratio=0.75)
    stable, named, twin, quarter = fig3.claims(frame[frame.backbone == "dnn"], compared, names)
    assert (stable.verdict, named.verdict, twin.verdict) == ("holds", "holds", "holds")
    assert quarter.verdict == "untestable"  # no run at τ = .25
    mixed = frame[frame.backbone == "dnn"].copy()
    mixed["kept_fields"] = [theirs, others] * (len(mixed) // 2)
    stable, named, *_ = fig3.claims(mixed, compared, names)
    assert (stable.verdict, named.verdict) == ("fails", "undecided")  # none of eight is no less than chance


def test_each_arm_is_held_against_the_right_cell():
    """All fields and itself at τ = 0, random fields at its own τ, others where they are planned; by hand."""
    auc = {  # a decoy at every ratio at which a wrong look-up could find one
        ("all fields", 0.0): 0.9,
        ("all fields", 0.5): 0.1,
        ("random fields", 0.0): 0.2,
        ("random fields", 0.5): 0.7,
        ("small", 0.0): 0.3,
        ("small", 0.5): 0.65,
        ("Original", 0.0): 0.85,
        ("mine", 0.0): 0.88,
        ("mine", 0.5): 0.8,
    }
    runs = {("dnn", *cell): (f"{cell}",) for cell in auc}
    values = {("dnn", *cell): np.full(5, score) for cell, score in auc.items()}
    drawn = Draws("d", runs, {AUC: values, LOG_LOSS: values})
    plans = [SimpleNamespace(label=arm, budget=Budget(t)) for arm, t in auc]
    rows = results.comparisons([SimpleNamespace(arms=plans)], [drawn], against=("small", "Original"))
    found = {
        (row["arm"], row["budget"], row["against"]): row["difference"]
        for row in rows
        if row["metric"] == "auc"
    }
    expected = {
        "all fields": 0.8 - 0.9,
        "random fields": 0.8 - 0.7,
        "itself at τ = 0": 0.8 - 0.88,
        "small": 0.8 - 0.65,
        "Original": 0.8 - 0.85,
    }
    assert {other: found["mine", 0.5, other] for other in expected} == pytest.approx(expected)
    assert found["mine", 0.0, "all fields"] == pytest.approx(0.88 - 0.9)
    assert ("mine", 0.0, "itself at τ = 0") not in found and ("all fields", 0.0, "all fields") not in found


def test_comparisons_of_other_records_are_refused(tmp_path, monkeypatch):
    def records(**logits):
        cell = {"dataset": "criteo", "backbone": "deepfm", "budget": 0.5, "stale": False, "test_auc": 0.7}
        cell |= {"one_training": False, "seed": 0}
        return pd.DataFrame(
            {"id": list(logits), "arm": list(logits), "logits": list(logits.values()), **cell}
        )

    monkeypatch.setattr(results, "project_root", lambda: tmp_path)
    with pytest.raises(LfmpError, match="lfmp compare some_item"):
        results.load_comparisons("some_item", records(a="1"))
    row = {"dataset": "criteo", "backbone": "deepfm", "budget": 0.5, "arm": "a", "against": "b"}
    row |= {"ids": ["a", "b"], "metric": "auc", "difference": 0.1, "low": 0.0, "high": 0.2, "seeds": 1}
    results.save_comparisons("some_item", [row])
    assert len(results.load_comparisons("some_item", records(b="2", a="1"))) == 1
    with pytest.raises(LfmpError, match="other records"):
        results.load_comparisons("some_item", records(a="1", c="3"))
    own = contents(["a", "b"], {"a": "1", "b": "2"})
    results.save_comparisons("some_item", [{**row, "contents": own}])
    assert len(results.load_comparisons("some_item", records(b="2", a="1"))) == 1
    with pytest.raises(LfmpError, match="other records"):  # one was replaced under its id
        results.load_comparisons("some_item", records(a="1", b="9"))
    lonely = records(a="1", b="2", c="3")  # a stale one, without a partner to be compared with
    assert len(results.load_comparisons("some_item", lonely.assign(stale=[False, False, True]))) == 1
    with pytest.raises(LfmpError, match="other records"):
        results.load_comparisons("some_item", lonely)


def test_pictures_are_the_same_bytes_twice():
    frame = _frame({"all fields": (0.75, 10.0), ARM: (0.76, 5.0)})
    assert Picture(table3.picture(frame), "dots").png() == Picture(table3.picture(frame), "dots").png()
    html = Picture(fig3.gate_heatmap(frame, list("abcd")), 'a "quoted" word')._repr_html_()
    assert 'alt="a &quot;quoted&quot; word"' in html
