"""Times are held against each other where they were taken on one processor."""

import pandas as pd

from lfmp_book.evidence.processors import SCORING, TIMES, UNSCORED, UNTIMED, on_one_processor, untimed
from lfmp_book.lightfmp.view import View


def runs(*cpus, dataset="criteo", arm="a"):
    rows = {"dataset": dataset, "backbone": "deepfm", "arm": arm, "budget": 0.5, "cpu": list(cpus)}
    rows |= {"timed": "", "test_auc": 0.7}
    return pd.DataFrame({**rows, **{name: [float(k + 1) for k in range(len(cpus))] for name in TIMES}})


def test_times_of_another_processor_than_most_are_left_out_block_by_block_and_cell_by_cell():
    """In each block by itself: here four of six, there both; a cell that lacks one seed's time has none."""
    blocks = runs("x", "x", "x"), runs("x", "y", arm="b"), runs("y", arm="c"), runs("y", "y", dataset="avazu")
    found = on_one_processor(pd.concat(blocks, ignore_index=True))
    for name in TIMES:
        assert found[name].isna().tolist() == [False] * 3 + [True] * 3 + [False] * 2
        assert found[name].dropna().tolist() == [1.0, 2.0, 3.0, 1.0, 2.0]
    assert found.test_auc.notna().all()
    assert untimed(found) == f" {UNTIMED}" and untimed(on_one_processor(runs("x", "x"))) == ""
    assert on_one_processor(runs()).empty


def test_seconds_of_scoring_are_of_one_kind_of_loops():
    """What training took stays."""
    both = pd.concat([runs("x", arm="a"), runs("x", "x", arm="b")], ignore_index=True)
    found = on_one_processor(both.assign(timed=["", "new", "new"]))
    for name in TIMES:
        assert found[name].isna().tolist() == [name in SCORING, False, False]
    assert untimed(found) == f" {UNSCORED}"


def test_a_time_of_another_processor_is_no_case():
    """Neither quicker nor slower, and no figure is shown; what it predicts is compared all the same."""
    every = pd.concat(
        [runs("x", "x", arm="all fields"), runs("x", "x", arm="b"), runs("y", "y", arm="c")],
        ignore_index=True,
    ).assign(TT=[10.0, 11.0, 2.0, 2.1, 1.0, 1.1], PT=0.0, CT=[10.0, 11.0, 2.0, 2.1, 1.0, 1.1], epochs=2)
    view = View(on_one_processor(every), pd.DataFrame({"dataset": []}))
    assert view.below("Criteo", "b", "all fields") is True and view.took("Criteo", "b")
    assert view.below("Criteo", "c", "all fields") is None and view.took("Criteo", "c") == ""
    assert view.ratio("Criteo", "c") is None and view.mean("Criteo", "c", "test_auc") == 0.7
