"""Figures of serving: ratios by hand, goals, what is said where cells, forms or all figures are missing."""

import pandas as pd
import pytest

from lfmp_book.claims.claim import Prose
from lfmp_book.speed import serving_accuracy, serving_answer, serving_goals, serving_speed, serving_tables
from lfmp_book.speed.serving_accuracy import accuracy_in_words, best_on_validation, loses
from lfmp_book.speed.serving_goals import GOALS, Goal, bounded_ratios, kept_in, limits_of_serving
from lfmp_book.speed.serving_speed import ORIGINAL, OWN, ServingCell, busy, cells_of, lacking, times_original

MADE = {
    "commit": "abc",
    "dirty": False,
    "hardware": {"cpu": "x", "cores": 2, "accelerator": ""},
    "packages": {},
    "started": "now",
    "threads": [1],
    "load": 0.5,
}
CUT, INT8, DHE = "fields cut, τ = 0.5", "int8", "DHE, 95%, rows kept within bytes"
NONE = {"groups": {}}


def form(name, **p50):
    """`own_1=[…]`: the rounds' p50 of one row by our scoring; p99 is twice as much."""
    cells: dict = {}
    for key, values in p50.items():
        runtime, batch = key.split("_")
        own = {"p50": values, "p95": values, "p99": [2 * v for v in values], "calls": [100] * len(values)}
        cells.setdefault(runtime, {}).setdefault("1", {})[batch] = own
    known = {
        "bytes": 1000,
        "table_bytes": 800,
        "embedding_parameters": 200,
        "macs": 100,
        "dim": 4,
        "fields": 6,
    }
    asked = {"sparsity": 0.0, "prune_ratio": 0.0, "keep": "none", "left_out": []}
    return {"name": name, "cells": cells, "load": {"folder": [1.0], "graph": []}, **known, **asked}


def group(*entries, title="DeepFM, small"):
    asked = {"batches": [1, 2048], "threads": [1], "runtimes": ["own", "onnxruntime"], "sparsity": 0.8}
    return {
        "title": title,
        "sizes": 6,
        "ids": 50,
        **asked,
        "made": MADE,
        "loads": [0.5],
        "entries": [*entries],
    }


@pytest.fixture
def results():
    """The second round is twice as slow for everybody."""
    original = form(ORIGINAL, own_1=[1.0, 2.0], own_2048=[10.0, 20.0], onnxruntime_1=[0.5, 0.5])
    cut = form(CUT, own_1=[0.5, 1.4], own_2048=[9.0, 19.0], onnxruntime_1=[0.25, 0.25])
    cut |= {"macs": 79, "prune_ratio": 0.5, "table_bytes": 400}
    dhe = form(DHE, own_1=[3.0, 6.0])
    dhe |= {"keep": "within", "kept_rows": 10, "kept_bytes": 500, "worked_out_per_row": 0.8}
    broken = {"name": INT8, "error": "died", "cells": {}, "load": {"folder": [], "graph": []}}
    return {"groups": {"deepfm": group(original, cut, dhe, broken | {"sparsity": 0.0, "keep": "none"})}}


@pytest.fixture
def compared():
    rows = [
        ("deepfm", CUT, "Light-FMP", -0.008, -0.01, -0.006, "worse"),
        ("deepfm", DHE, "DHE", 0.001, -0.002, 0.004, "undecided"),
    ]
    return pd.DataFrame(rows, columns=["group", "form", "arm", "difference", "low", "high", "outcome"])


def test_ratios_are_taken_round_by_round(results):
    """.5 / 1 and 1.4 / 2: the median lies between .5 and .7."""
    own = results["groups"]["deepfm"]
    found = times_original(own, CUT, ServingCell(OWN, 1, 1))
    assert (found.value, found.low, found.high) == (pytest.approx(0.6), 0.5, pytest.approx(0.7))
    assert times_original(own, CUT, ServingCell("onnxruntime", 1, 1)).value == 0.5
    assert times_original(own, DHE, ServingCell(OWN, 1, 1), "p99").value == 3


def test_what_was_not_timed_or_failed_has_no_ratio(results):
    own = results["groups"]["deepfm"]
    for name, cell in ((DHE, ServingCell(OWN, 1, 2048)), (INT8, ServingCell(OWN, 1, 1))):
        assert times_original(own, name, cell) is None
    assert times_original(own, CUT, ServingCell("torch", 1, 1)) is None
    assert len(list(cells_of(own))) == 4


def test_a_goal_is_kept_cell_by_cell(results):
    goal = Goal("deepfm", CUT, 0.6)
    ratios = bounded_ratios(results, goal, OWN)
    assert {cell.batch: round(ratio.value, 3) for cell, ratio in ratios.items()} == {1: 0.6, 2048: 0.925}
    assert kept_in(goal, ratios) == [True, False]
    assert bounded_ratios(NONE, goal, OWN) == {}


def test_goals_say_what_was_not_measured_and_what_limits(results, compared):
    shown = serving_goals.goals_table(results, compared)
    text = repr(shown)
    assert "1 of 2" in text and "holds in part" in text and "not measured" in text
    assert "xdeepfm: fields cut" in text  # a whole group is missing
    own = results["groups"]["deepfm"]
    limit = limits_of_serving(own, CUT)
    assert limit == "0.79 of the network's multiply-adds are left; 0.50 of the table's bytes"
    limit = limits_of_serving(own, DHE)
    assert "20% of the rows are kept: of each row scored 0.80 are not" in limit
    assert "with 2.0 times the multiply-adds of the whole model" in limit
    assert limits_of_serving(own, INT8) == ""


def test_faster_is_so_in_every_round(results):
    """2,048 rows: .9 and .95 of the original's time; one row by a form that is slower once: no."""
    own = results["groups"]["deepfm"]
    assert {cell.batch for cell in serving_goals.cells_ahead(own, CUT)} == {1, 2048}
    entry = next(one for one in own["entries"] if one["name"] == CUT)
    entry["cells"]["own"]["1"]["2048"]["p50"] = [9.0, 21.0]
    ahead = serving_goals.cells_ahead(own, CUT)
    assert ServingCell(OWN, 1, 2048) not in ahead and ServingCell(OWN, 1, 1) in ahead


def test_the_answer_counts_and_names(results, compared):
    found = serving_answer.answer(results, compared)
    text = repr(found)
    assert "**1 of 2 forms serve faster than the original**" in text and f"(DeepFM, {CUT})" in text
    assert "DeepFM 0.60 to 0.93 of the time, with 0.79 of the multiply-adds left" in text
    assert f"Clearly worse in AUC than their originals: {CUT} (deepfm); without runs: " in text
    lacking = text.split("without runs: ")[1].split("\n")[0]
    assert "int8 (deepfm)" in lacking and CUT not in lacking and "xdeepfm" not in lacking
    assert "int8 (deepfm)" in found.sure and "busy" not in found.sure
    results["groups"]["deepfm"]["loads"].append(2.6)
    assert busy(results["groups"]["deepfm"]) == 2.6
    assert "The machine was busy" in serving_answer.answer(results, compared).sure


def test_without_figures_the_page_says_how_to_get_them(compared):
    assert serving_speed.COMMAND in repr(serving_answer.answer(NONE, compared))
    for shown in (
        serving_answer.picture_or_command(NONE, compared),
        serving_tables.or_command(serving_goals.verdict_tables(NONE, compared)),
        serving_tables.or_command(serving_tables.group_tables(NONE, "deepfm")),
    ):
        assert isinstance(shown, Prose) and serving_speed.COMMAND in repr(shown)


def test_failures_and_what_was_too_slow_are_told(results):
    own = results["groups"]["deepfm"]
    own["entries"][2]["left_out"].append({"cell": ["own", "1", "2048"], "expected": 3.2})
    own["interrupted"] = True
    told = lacking(own)
    assert "broken off" in told and "Failed: int8." in told
    assert f"{DHE} (our scoring, 2,048 rows, 1 thread: 3 s expected)" in told
    assert told in repr(serving_tables.serving_times_table(own, 1))


def test_tables_show_bytes_with_the_rows_that_are_kept(results):
    text = repr(serving_tables.served_sizes_table(results["groups"]["deepfm"]))
    row = next(line for line in text.splitlines() if line.startswith(DHE))
    assert "those that fit" in row and "1.50" in row  # 1,000 and 500 bytes over 1,000
    assert len(serving_tables.tables(results)) == 4


def test_points_are_forms_with_an_accuracy_and_the_original(results, compared):
    found = {point.label: point for point in serving_answer.serving_points(results, compared, 1)}
    assert set(found) == {ORIGINAL, "τ = 0.5", DHE}
    assert found["τ = 0.5"].cost == pytest.approx(0.6) and found["τ = 0.5"].worth == pytest.approx(-8)
    assert found["τ = 0.5"].spread == pytest.approx(2) and found[ORIGINAL].worth == 0
    sized = {point.label: point for point in serving_answer.serving_points(results, compared, None)}
    assert sized[DHE].cost == 1.5
    assert serving_answer.picture(results, compared).axes


def test_a_form_loses_where_every_method_does(compared):
    assert loses(compared[compared.form == CUT]) is True and loses(compared[compared.form == DHE]) is False
    both = pd.concat([compared, compared.assign(outcome="undecided", arm="GBDT")])
    assert loses(both[both.form == CUT]) is False and loses(compared[:0]) is None
    assert (
        accuracy_in_words(compared[:1]) == "Light-FMP: -0.0080, worse"
        and accuracy_in_words(compared[:0]) == "–"
    )


def test_the_best_search_is_picked_on_validation_rows_among_those_that_cut():
    rows = [
        ("gates", 4, 0.9, 0.1),
        ("forest", 2, 0.8, 0.1),
        ("lasso", 2, 0.7, 0.9),
        ("random fields", 2, 0.85, 0),
    ]
    frame = pd.DataFrame(rows, columns=["arm", "fields_kept", "val_auc", "test_auc"])
    assert best_on_validation(frame) == "forest"
    assert best_on_validation(frame[:0]) == ""


def test_every_form_and_goal_is_one_that_is_measured():
    """What the page asks for by name is what the command makes."""
    serving_forms = pytest.importorskip("benchmarks.serving_forms")
    known = {key: {form.name for form in group.forms} for key, group in serving_forms.groups().items()}
    assert all(goal.form in known[goal.group] for goal in GOALS)
    assert all(set(forms) <= known[key] for key, forms in serving_accuracy.SOURCES.items())
    assert set(serving_goals.LERS_FORMS) <= known["deepfm"]
    assert all(ORIGINAL in names for names in known.values())
