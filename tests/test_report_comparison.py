"""Paper | reference | this run, by hand-made frames."""

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from lfmp_book.show.comparison import ResultColumn, comparison, keys

BY = {"arm": "arm", "ratio": "τ"}
COLUMNS = (
    ResultColumn("auc", "AUC", best="max"),
    ResultColumn("seconds", "s", 1, best="min", sides=("paper", "ours")),
)


def runs(*rows):
    """(arm, ratio, auc, seconds) of each run."""
    return pd.DataFrame(rows, columns=["arm", "ratio", "auc", "seconds"])


OURS = runs(("a", 0.0, 0.7, 3.0), ("a", 0.0, 0.8, 5.0), ("a", 0.5, 0.6, 1.0), ("b", 0.0, 0.9, 9.0))
YOURS = runs(("c", 0.5, 0.5, 2.0), ("a", 0.0, 0.4, 7.0))


def printed(arm, ratio):
    return {"auc": 0.95, "seconds": 2.0} if (arm, ratio) == ("a", 0.0) else {}


def made(**given):
    sides = {"ours": OURS, "yours": YOURS}
    return comparison(keys(BY, OURS, YOURS), BY, COLUMNS, printed, sides, **given)


def test_rows_are_the_cells_of_all_frames_in_their_order():
    assert keys(BY, OURS, YOURS) == [("a", 0.0), ("a", 0.5), ("b", 0.0), ("c", 0.5)]
    assert keys(BY, OURS[:0]) == keys(BY) == []


def test_each_figure_stands_on_its_sides_and_is_the_mean_of_its_cell():
    shown = made()
    assert shown.header == [
        ["", "", "paper", "paper", "ours", "ours", "yours"],
        ["arm", "τ", "AUC", "s", "AUC", "s", "AUC"],
    ]
    deviations = f"{np.std([0.7, 0.8], ddof=1):.4f}", f"{np.std([3, 5], ddof=1):.1f}"
    assert shown.plain == [
        ["a", "0.0000", "0.9500", "2.0000", f"0.7500 ± {deviations[0]}", f"4.0 ± {deviations[1]}", "0.4000"],
        ["a", "0.5000", "–", "–", "0.6000", "1.0", "–"],
        ["b", "0.0000", "–", "–", "0.9000", "9.0", "–"],
        ["c", "0.5000", "–", "–", "–", "–", "0.5000"],
    ]  # fmt: skip


def test_the_best_of_a_side_is_bold_at_its_own_end_and_only_where_asked_for():
    def bold(shown):
        return {(i, j) for i, row in enumerate(shown.classes) for j, name in enumerate(row) if name == "best"}

    assert bold(made()) == {(0, 2), (0, 3), (2, 4), (1, 5), (3, 6)}
    assert bold(made(bold=("ours",))) == {(2, 4), (1, 5)}


def test_the_side_of_the_paper_has_a_heading_of_its_own_and_a_figure_may_stand_there_alone():
    figures = [
        ResultColumn("auc", "AUC", sides=("paper, %",)),
        ResultColumn("auc", "ours only", sides=("ours",)),
    ]
    shown = comparison([("a", 0.0)], BY, figures, printed, {"ours": OURS}, printed="paper, %")
    assert shown.header == [["", "", "paper, %", "ours"], ["arm", "τ", "AUC", "ours only"]]
    assert shown.plain[0][2] == "0.9500"


def test_decimals_are_those_of_the_figure_or_the_fewer_of_the_side():
    first = made(digits={"ours": 2}).plain[0]
    assert first[4].startswith("0.75 ±") and first[5].startswith("4.0 ±") and first[6] == "0.4000"


def test_a_heading_may_show_something_else_or_stand_beside_the_key():
    shown = made(head={"arm": lambda arm, ratio: arm.upper(), "kept": lambda arm, ratio: 1 - ratio})
    assert shown.header[1][:3] == ["arm", "τ", "kept"]
    assert [row[:3] for row in shown.plain[:2]] == [["A", "0.0000", "1.0000"], ["A", "0.5000", "0.5000"]]


def test_a_figure_of_its_own_is_made_of_the_runs_and_the_key_and_of_no_runs_is_none():
    count = ResultColumn("n", "runs", sides=("ours",), of=lambda cell, arm, ratio: f"{len(cell)} of {arm}")
    shown = comparison(keys(BY, OURS, YOURS), BY, [count], None, {"ours": OURS, "yours": YOURS})
    assert shown.header[0] == ["", "", "ours"]
    assert [row[2] for row in shown.plain] == ["2 of a", "1 of a", "1 of b", "–"]


def test_a_figure_that_a_run_of_the_cell_lacks_is_missing_and_never_the_best():
    lacking = OURS.assign(auc=[0.7, np.nan, np.nan, 0.9])
    shown = comparison(keys(BY, lacking), BY, COLUMNS[:1], None, {"ours": lacking})
    assert [row[2] for row in shown.plain] == ["–", "–", "0.9000"]
    assert [row[2] for row in shown.classes] == ["", "", "best"]


def test_sides_and_tables_without_runs_keep_their_columns():
    whole = made()
    none = comparison(keys(BY, OURS), BY, COLUMNS, printed, {"ours": OURS, "yours": OURS[:0]})
    assert none.header == whole.header and {row[6] for row in none.plain} == {"–"}
    empty = comparison([], BY, COLUMNS, printed, {"ours": OURS[:0], "yours": OURS[:0]}, group=("", "arm"))
    assert empty.header == whole.header and empty.plain == [] and "AUC" in repr(empty)


def test_stale_runs_are_marked():
    shown = comparison(keys(BY, OURS), BY, COLUMNS, None, {"ours": OURS.assign(stale=OURS.arm == "b")})
    assert [row[2].endswith(" °") for row in shown.plain] == [False, False, True] and "stale" in shown.note


def test_columns_are_frozen():
    with pytest.raises(FrozenInstanceError):
        COLUMNS[0].title = "other"
