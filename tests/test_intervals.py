"""Intervals of few seeds are as wide as Student's t asks for; of one training they stay as drawn."""

import numpy as np
import pandas as pd
import pytest

from lfmp_book.evidence.intervals import bound, by_students_t
from lfmp_book.evidence.outcomes import contrasts


def made(ours, theirs, half, one_training=False):
    """Two arms by their AUCs, and their difference with so much of an interval either side."""
    cell = {"dataset": "criteo", "backbone": "deepfm", "budget": 0.5}
    runs = [
        {**cell, "arm": arm, "seed": k, "one_training": one_training, "test_auc": auc, "id": f"{arm}{k}"}
        for arm, own in (("a", ours), ("b", theirs))
        for k, auc in enumerate(own)
    ]
    gap = float(np.mean(ours) - np.mean(theirs))
    row = {**cell, "arm": "a", "against": "b", "metric": "auc"}
    row |= {"difference": gap, "low": gap - half, "high": gap + half, "seeds": min(len(ours), len(theirs))}
    return pd.DataFrame([{**row, "ids": [run["id"] for run in runs]}]), pd.DataFrame(runs)


def test_seeds_that_decide_leave_few_degrees_of_freedom():
    """Three seeds of .01 a side: s = .01·√(2/3), 4 degrees, 2.776 s and not 1.960; by hand."""
    ours, theirs = [0.71, 0.72, 0.73], [0.70, 0.71, 0.72]
    error = 0.01 * (2 / 3) ** 0.5
    [found] = by_students_t(*made(ours, theirs, 1.959964 * error)).itertuples()
    assert found.freedom == pytest.approx(4, rel=1e-5)
    assert (found.low, found.high) == pytest.approx((0.01 - 2.7764 * error, 0.01 + 2.7764 * error), abs=1e-6)
    [contrast] = contrasts(pd.DataFrame([found])).values()
    assert contrast.interval(0.05) == pytest.approx((found.low, found.high))
    assert contrast.error == pytest.approx(error, rel=1e-5)


def test_rows_that_decide_leave_it_as_it_was():
    [found] = by_students_t(*made([0.71, 0.7100001], [0.70, 0.7000001], 0.002)).itertuples()
    assert (found.low, found.high) == pytest.approx((0.008, 0.012), abs=1e-6) and found.freedom > 1e6
    assert bound(np.inf) == pytest.approx(1.959964)


def test_a_single_training_says_nothing_of_another():
    [found] = by_students_t(*made([0.71], [0.70, 0.72], 0.002)).itertuples()
    assert found.freedom == np.inf and found.high - found.low == pytest.approx(0.004)


def test_a_run_of_both_arms_counts_in_both():
    compared, runs = made([0.71, 0.73], [0.70, 0.72], 0.01)
    both = runs[runs.id == "a0"].assign(arm="b")
    runs = pd.concat([runs[runs.id != "b0"], both])
    compared.at[0, "ids"] = ["a0", "a0", "a1", "b1"]
    error = 0.01 / 1.959964
    parts = np.var([0.71, 0.73], ddof=1) / 2, np.var([0.71, 0.72], ddof=1) / 2
    [found] = by_students_t(compared, runs).itertuples()
    assert found.freedom == pytest.approx(max(error**2, sum(parts)) ** 2 / (parts[0] ** 2 + parts[1] ** 2))


def test_of_one_training_the_differences_decide():
    """Seeds .02 apart, differences of .010 and .012: s² = .002²/4, and one degree of freedom."""
    ours, theirs = [0.730, 0.712], [0.720, 0.700]
    error = 0.001
    [found] = by_students_t(*made(ours, theirs, 1.959964 * error, one_training=True)).itertuples()
    assert found.freedom == pytest.approx(1, rel=1e-5)
    assert found.high - found.low == pytest.approx(2 * 12.7062 * error, rel=1e-4)
    [apart] = by_students_t(*made(ours, theirs, 1.959964 * error)).itertuples()
    assert apart.freedom == pytest.approx(2, rel=0.1)
