"""The verdicts under other protocols: what is run, where an arm stands among draws, what turns."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from lfmp_book.evidence import results
from lfmp_book.evidence.frames import COMPARED, FINAL, framed
from lfmp_book.evidence.results import ALL_FIELDS, RANDOM_FIELDS
from lfmp_book.lightfmp import chance_grids, control_grids, passes_grids, rows_grids
from lfmp_book.lightfmp.robustness import page, strip, variants
from lfmp_book.lightfmp.robustness.answer import answer
from lfmp_book.show.figures import Picture
from lfmp_core.experiments.record import Record
from lfmp_core.experiments.spec import plain
from lfmp_core.experiments.store import Store


def test_no_two_cells_share_a_draw():
    seeds = [set(chance_grids.fresh_draws(cell)) for cell in chance_grids.CELLS]
    assert {len(own) for own in seeds} == {20}
    assert all(not a & b for a, b in combinations(seeds, 2))


def test_passes_are_searched_with_the_rate_for_each_arm_that_pretrains():
    few, many, whole = passes_grids.searched("reference")
    assert {c["pretrain_passes"] for c in few.candidates} == {1, 2, 4, 16, 64, 125}
    assert {c["pretrain_passes"] for c in many.candidates} == {1, 2, 4}
    assert [{c["learning_rate"] for c in g.candidates} for g in (few, many)] == 2 * [
        {c["learning_rate"] for c in whole.candidates}
    ]
    assert [arm.method_settings.mask.gate_linear for arm in few.arms] == [True, False]  # the printed one not
    assert passes_grids.passes_within(2_000) == list(passes_grids.PASSES)
    assert passes_grids.passes_within(10_000) == [1, 2, 4, 16]  # 40 steps each
    assert passes_grids.passes_within(10**6) == [1]


def test_a_number_of_passes_by_itself_is_a_candidate_of_the_search(tmp_path):
    """Its trials are those of the search, so that they are run once."""
    store = Store(tmp_path)
    few = passes_grids.searched("reference", ["deepfm"])[0]
    alone, _ = passes_grids.each_number("reference")
    assert {spec.id for spec in alone.plan(store)} < {spec.id for spec in few.plan(store)}


def test_choice_and_weights_part_at_what_the_search_chose(tmp_path):
    store = Store(tmp_path)
    few = passes_grids.searched("reference", ["dnn"])[0]
    fresh, random = passes_grids.choice_and_weights("reference", few, ["dnn"])
    assert fresh.plan(store) == [] and fresh.lacking(store) == len(fresh.seeds)
    for spec in few.plan(store):
        best = (spec.training["learning_rate"], spec.method_settings["pretrain_passes"]) == (0.001, 4)
        store.put(Record(spec=spec, metrics={"val_auc": 0.7 + 0.1 * best}))
    for grid in (fresh, random):
        plan = grid.plan(store)
        own = [spec.method_settings for spec in plan]
        assert {(s["pretrain_passes"], s["pretrain_learning_rate"]) for s in own} == {(4, 0.001)}
        assert len({spec.training["learning_rate"] for spec in plan}) == len(grid.candidates) == 4
        assert {grid.arm_of(spec) for spec in plan} == {grid.arms[0].label}
    assert {s["keep_weights"] for s in (spec.method_settings for spec in fresh.plan(store))} == {False}
    still = plain(random.arms[0].method_settings)["mask"]
    assert still["multipliers"] == "fixed" and still["learning_rate"] < 1e-9


def test_the_control_keeps_as_many_fields_as_are_real():
    criteo, draws, *_ = control_grids.control("reference")
    assert {arm.budget.share for arm in criteo.arms} == {0.0, 0.5} and len(draws.seeds) == 20
    assert "shadows" in criteo.dataset.settings


def test_rows_of_the_curve_are_those_of_its_sets():
    sizes = {(g.dataset.name, rows_grids.curve_rows(g.dataset)) for g in rows_grids.curve("reference")}
    assert sizes == {(name, rows) for name, many in rows_grids.ROWS.items() for rows in many}


def test_places_by_hand():
    """Of twenty draws .70 … .719 the arm at .7155 is better than sixteen."""
    cell = {"dataset": "criteo", "backbone": "deepfm", "budget": 0.5}
    draws = [{**cell, "arm": RANDOM_FIELDS, "seed": s, "test_auc": 0.7 + s / 1000} for s in range(20)]
    own = [{**cell, "arm": "GBDT", "seed": s, "test_auc": auc} for s, auc in enumerate((0.715, 0.716))]
    told = {**cell, "arm": "GBDT", "against": RANDOM_FIELDS, "metric": "auc", "seeds": 2, "contents": ""}
    told |= {"difference": 0.006, "low": 0.004, "high": 0.008, "ids": []}
    found = strip.places(framed([*own, *draws], FINAL), framed([told], COMPARED))
    assert (found.percentile.item(), found.outcome.item()) == (80.0, "better")
    assert found.auc.item() == pytest.approx(0.7155) and len(found.draws.item()) == 20
    assert "80" in repr(strip.strip_table(found, found)) and Picture(strip.strip(found), "").png()


def made_up(shift=0.0):
    """A comparison for every variant and verdict, ± .002 about what the verdict's place says."""
    frames = {item: [] for item in variants.ITEMS}
    for v in variants.variants():
        for place, verdict in enumerate(variants.VERDICTS):
            pair = v.pair(verdict)
            if pair is not None:
                d = 0.01 * (place - 1) + shift
                own = {"dataset": v.dataset, "backbone": v.backbone, "budget": v.budget, "rows": v.rows}
                own |= {
                    "arm": pair[0],
                    "against": pair[1],
                    "metric": "auc",
                    "seeds": 3,
                    "ids": [],
                    "contents": f"{v.name}, {verdict}",
                    "freedom": np.inf,
                }
                frames[v.item].append({**own, "difference": d, "low": d - 0.002, "high": d + 0.002})
    found = {}
    for item, rows in frames.items():
        frame = framed([], COMPARED) if not rows else pd.DataFrame(rows)
        keys = ["dataset", "backbone", "budget", "rows", "arm", "against"]
        found[item] = frame.drop_duplicates(keys) if rows else frame
    return found


def test_every_variant_has_its_verdicts():
    found = variants.verdict_rows(made_up())
    asked = [(v, w) for v in variants.variants() for w in variants.VERDICTS if v.pair(w)]
    assert len(found) == len(asked) > 90 and not found.duplicated(["doubt", "variant", "verdict"]).any()
    place = {verdict: i for i, verdict in enumerate(variants.VERDICTS)}
    said = found.verdict.map(place)
    assert np.allclose(found.difference, 0.01 * (said - 1))
    assert set(found.outcome[said == 0]) == {"worse"} and set(found.outcome[said == 2]) == {"better"}
    assert set(found.outcome[said == 1]) == {"undecided"}  # ± .002 about 0 is more than ± .001
    assert "Holm" in page.main_table(found)._repr_html_() and Picture(page.picture(found), "").png()


def test_other_comparisons_give_other_answers():
    own, other = (answer(variants.verdict_rows(made_up(shift))) for shift in (0.0, 0.05))
    assert len(own.sentences) == len(variants.VERDICTS) == len(other.sentences)
    assert all(a != b for a, b in zip(own.sentences, other.sentences, strict=True))
    assert "Not run yet" not in own.sure
    some = variants.verdict_rows(made_up()).query("doubt in ('starting point', 'seeds', 'number of draws')")
    part = answer(some)
    assert len(part.sentences) == 4  # of no change yet: whether pretrained weights help
    assert "Not run yet: passes: searched on validation; passes: 1 pass; " in part.sure
    few = variants.verdict_rows(made_up()).query("variant != 'Criteo, 30,000 rows'")
    assert "Not run yet: rows: Criteo, 30,000 rows (lfmp run lightfmp_rows" in answer(few).sure
    assert "lfmp run lightfmp_control --profile reference)." in part.sure
    nothing = variants.verdict_rows({item: framed((), COMPARED).assign(rows=None) for item in variants.ITEMS})
    assert "no answer yet" in repr(answer(nothing))


def test_a_run_that_two_arms_share_stands_under_both(tmp_path):
    store = Store(tmp_path)
    few = passes_grids.searched("quick", ["deepfm"])[0]
    alone, _ = passes_grids.each_number("quick")
    grids = [few, alone]
    while new := [s for g in grids for s in g.plan(store) if store.get(s) is None]:
        for spec in {s.id: s for s in new}.values():
            store.put(
                Record(spec=spec, metrics={"val_auc": 0.7 - spec.method_settings["pretrain_passes"] / 100})
            )
    arms = [arm for arm, record in results.finals(grids, store) if record.spec.seed == 0]
    assert sorted(arms) == sorted([passes_grids.FEW, passes_grids.PRINTED, *(a.label for a in alone.arms)])
    assert ALL_FIELDS not in arms
