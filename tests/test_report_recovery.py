"""Recovery of planted fields: precision, recall and verdicts counted by hand."""

from itertools import combinations
from math import isnan
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lfmp_book.evidence import results
from lfmp_book.evidence.results import RANDOM_FIELDS
from lfmp_book.lightfmp import recovery, recovery_figures
from lfmp_book.lightfmp.truth import PlantedTruth, chance_limit, scored, truth_of
from lfmp_book.show.figures import Picture
from lfmp_core.budget import Budget
from lfmp_core.data import PlantedSettings
from lfmp_core.errors import LfmpError
from lfmp_core.experiments import reach
from lfmp_core.experiments.executor import prepared
from lfmp_core.experiments.items import Arm, Grid
from lfmp_core.experiments.spec import DatasetRef, plain

# informative 0 1 2, redundant 3, noise 4 … 7
EIGHT = PlantedTruth(8, frozenset({0, 1, 2}), frozenset({3}), 1.0)


def test_precision_and_recall_by_hand():
    found = scored((0, 1, 3, 5), (), EIGHT)
    assert found["precision"] == 2 / 4 and found["recall"] == 2 / 3
    assert found["useful_precision"] == 3 / 4 and found["useful_recall"] == 3 / 4
    assert isnan(found["ranking"])


def test_ranking_counts_pairs_of_informative_and_noise():
    # 0 beats all four, 1 beats none, 2 ties with two and beats two; the redundant field has no say
    scores = (9.0, 0.0, 5.0, 99.0, 5.0, 5.0, 1.0, 1.0)
    assert scored((0,), scores, EIGHT)["ranking"] == pytest.approx((4 + 0 + 3) / 12)
    assert scored((0,), (1.0,) * 8, EIGHT)["ranking"] == 0.5


def test_the_limit_of_chance_is_that_of_all_choices():
    """Counted out: 4 of 8 fields, 3 informative."""
    recalls = np.sort([scored(c, (), EIGHT)["recall"] for c in combinations(range(8), 4)])
    assert chance_limit(EIGHT, 4) == pytest.approx(recalls[int(np.ceil(0.95 * len(recalls))) - 1])
    # one of thirty: 29 of 30 random choices miss it
    assert chance_limit(PlantedTruth(30, frozenset({0}), frozenset(), 1.0), 1) == 0


def test_truth_needs_no_rows(planted):
    """What the settings say is what was written down beside the rows."""
    settings = PlantedSettings(rows=8_000, signal=3.0, scale=0.005)
    generated = truth_of(DatasetRef(name="planted", settings={"planted": plain(settings)}))
    assert generated == truth_of(prepared(planted.folder))
    assert len(generated.informative) == 10 and len(generated.redundant) == 6
    names = [planted.schema.field_names[f] for f in sorted(generated.informative)]
    assert sorted(names) == sorted(planted.schema.truth["informative"])


def test_rows_without_a_truth_are_refused(monkeypatch):
    monkeypatch.setattr(reach, "open_dataset", lambda _: SimpleNamespace(schema=SimpleNamespace(truth=None)))
    with pytest.raises(LfmpError, match="nothing was planted in mine"):
        truth_of(DatasetRef(name="mine", settings={"prepared": "somewhere"}))


# ---- frames


def frame(recalls, kept=20):
    """arm → recall by (signal, seed); ten of 39 fields are informative and 20 are kept."""
    ref = DatasetRef(name="planted", settings={"planted": plain(PlantedSettings(redundant=0))})
    limit = chance_limit(truth_of(ref), kept)
    rows = []
    for arm, by_signal in recalls.items():
        sized = recovery._SIZED.match(arm)
        for signal, values in by_signal.items():
            for seed, recall in enumerate(values):
                rows.append(
                    {
                        "arm": arm, "seed": seed, "signal": signal, "redundant": 0, "reference": ref,
                        "case": f"signal {signal}, no redundant", "recall": recall,
                        "precision": recall / 2, "useful_recall": recall, "useful_precision": recall / 2,
                        "ranking": float("nan") if arm == RANDOM_FIELDS else recall, "chance": kept / 39,
                        "limit": limit, "PT": 1.0, "kept_fields": tuple(range(kept)),
                        "id": f"{arm}{signal}{seed}",
                        "variant": sized[1] if sized else "",
                        "rows": int(sized[2].replace(",", "")) if sized else 0,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


FRAME = frame(
    {
        "GBDT": {0.5: (0.7, 0.9), 3: (1.0, 1.0)},
        "Lasso": {0.5: (0.8, 0.7), 3: (1.0, 0.9)},
        "PCA": {0.5: (0.5, 0.4), 3: (0.5, 0.6)},
        RANDOM_FIELDS: {0.5: (0.5, 0.5), 3: (0.6, 0.5)},
        recovery.LITERAL: {0.5: (0.5, 0.5), 3: (0.5, 0.5)},
        "Light-FMP, as printed, 2,000 × 25": {0.5: (0.5, 0.5), 3: (0.5, 0.5)},
        recovery.REPAIRED: {0.5: (0.7, 0.6), 3: (0.9, 0.8)},
    }
)


def test_one_with_the_best_or_within_two_standard_errors():
    """Lasso − GBDT over four pairs: .1, −.2, 0, −.1; mean −.05, deviation .129."""
    best = recovery.to_best(recovery.shown_selectors(FRAME))
    assert best.difference["GBDT"] == 0
    assert best.difference["Lasso"] == pytest.approx(-0.05)
    assert best.error["Lasso"] == pytest.approx(0.1291, abs=1e-4)
    assert best.outcome["Lasso"] == "undecided" and best.outcome["PCA"] == "worse"
    text = repr(recovery.main_table(FRAME, "x"))
    lasso, gbdt = (next(x for x in text.splitlines() if x.startswith(n)) for n in ("Lasso", "GBDT"))
    assert "-0.05 ± 0.13 undecided" in lasso and "best" in gbdt
    assert "precision is 0.50 at most" in text and "recall 0.51" in text


def test_with_a_single_pair_only_equals_tie():
    one = recovery.to_best(frame({"A": {3: (1.0,)}, "B": {3: (1.0,)}, "C": {3: (0.9,)}}))
    assert one.outcome.to_dict() == {"A": "undecided", "B": "undecided", "C": "worse"}


def test_above_chance_means_in_each_run():
    """95 of 100 random choices find at most 7 of 10."""
    assert FRAME.limit.iloc[0] == pytest.approx(0.7)
    assert recovery.beats_chance(FRAME[FRAME.signal == 3]) == {
        "GBDT": True, "Lasso": True, "PCA": False, recovery.LITERAL: False,
        "Light-FMP, as printed, 2,000 × 25": False, recovery.REPAIRED: True,
    }  # fmt: skip
    assert not any(recovery.beats_chance(FRAME[FRAME.signal == 0.5]).values())
    rows = repr(recovery.case_table(FRAME)).splitlines()
    assert rows[3].endswith("0 of 5") and rows[4].endswith("3 of 5")
    assert recovery.mostly_above_chance(FRAME)


def test_answers_name_the_best_what_is_level_with_it_and_the_sizes():
    best, weak, strong, size = recovery.recovery_in_words(FRAME).sentences
    assert best == (
        "Most informative fields (0.90) are found by **GBDT**; not to be told apart from that: Lasso (0.85); "
        "Light-FMP, repaired, 2,000 × 25 (0.75)."
    )
    assert weak == "Signal 0.5, no redundant: 0 of 5 selectors are above chance in each seed."
    assert strong.endswith(
        "3 of 5 selectors are above chance in each seed, all but PCA; Light-FMP, as printed."
    )
    # repaired − as printed: .2, .1, .4, .3
    assert "2,000 rows: repaired 0.75, as printed 0.50, difference +0.25 ± 0.13" in size


def test_claims_by_hand():
    literal, repaired = recovery.claims(FRAME)
    assert (literal.verdict, repaired.verdict) == ("undecided", "undecided")
    assert (str(literal.tally), str(repaired.tally)) == (
        "0 of 2 hold, 2 undecided", "1 of 2 hold, 1 undecided"
    )  # fmt: skip
    assert literal.where == "§4.5 (Light-FMP, as printed)" and "by chance 0.51" in literal.found


def test_two_names_of_one_choice_both_show():
    arms = [Arm(name, "m", Budget(0.5), {"k": k}) for name, k in (("A", 1), ("B", 1), ("C", 2))]
    grid = Grid("x", "quick", DatasetRef(name="planted"), [{"name": "dnn"}], arms, {}, (0,))
    ref = DatasetRef(name="planted", settings={"planted": plain(PlantedSettings(redundant=0))})
    informative = sorted(truth_of(ref).informative)
    choices = pd.DataFrame(
        [{"arm": arm, "reference": ref, "seed": 0, "kept_fields": kept, "scores": (), "PT": 0.0, "id": arm}
         for arm, kept in (("A", tuple(informative[:5])), ("C", tuple(informative)))]
    )  # fmt: skip
    found = recovery.with_truth(choices, [grid])
    assert found[["arm", "recall", "precision"]].values.tolist() == [
        ["A", 0.5, 1],
        ["B", 0.5, 1],
        ["C", 1, 1],
    ]
    assert found.case.unique().tolist() == ["signal 1.8, no redundant"]


def test_without_records_the_page_says_so():
    empty = recovery.with_truth(results.choice_frame([], None), [])
    for shown in (
        recovery.main_table(empty, "x"),
        recovery.case_table(empty),
        recovery.recovery_in_words(empty),
    ):
        assert "no reference records yet" in repr(shown)
    assert recovery.claims(empty) == []


def test_the_quick_grid_has_a_twin_and_every_sentence_of_the_paper_its_arm():
    made = recovery.of_reference()
    if not len(made):
        assert "lfmp run planted_recovery" in made.attrs["reason"]
    assert recovery.at_hand(made).startswith(f"reference: {made.id.nunique()} of ")
    arms = [arm.label for grid in recovery.get_item(recovery.ITEM).grids("quick") for arm in grid.arms]
    assert {recovery.LITERAL, recovery.REPAIRED, recovery.ONE_PASS, RANDOM_FIELDS} <= set(arms)


def test_pictures_are_the_same_bytes_twice():
    for draw in (recovery_figures.recall_heatmap, recovery_figures.size_figure):
        assert Picture(draw(FRAME), "words").png() == Picture(draw(FRAME), "words").png()
