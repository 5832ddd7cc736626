"""Frequency against magnitude in LERS's Fig. 2: chances of so few buckets, counted."""

from math import factorial

import pandas as pd
import pytest
from scipy.stats import spearmanr

from lfmp_book.lers import fig2 as lers_fig2
from lfmp_book.lers.fig2 import ALL, correlation


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_a_perfect_order_is_one_of_all(n):
    least = [2**k for k in range(n)]
    assert correlation(least, list(range(n))) == (pytest.approx(1), pytest.approx(1 / factorial(n)))
    rank, chance = correlation(least, list(range(n))[::-1])
    assert (rank, chance) == (pytest.approx(-1), pytest.approx(1))


def test_orders_by_hand():
    """Of four, one swap of neighbours: the perfect order and three such swaps reach it, 4 of 24."""
    assert correlation([1, 2, 4, 8], [1.0, 2.0, 4.0, 3.0]) == (pytest.approx(0.8), pytest.approx(4 / 24))
    # ties: of 0 0 1 the last place is as good as it gets, in 2 of 6 orders
    rank, chance = correlation([1, 2, 4], [0.0, 0.0, 1.0])
    assert chance == pytest.approx(2 / 6) and rank == pytest.approx(spearmanr([1, 2, 3], [0, 0, 1])[0])


def test_many_buckets_by_students_t():
    values = [1.0, 3.0, 2.0, 4.0, 6.0, 5.0, 8.0, 7.0]
    rank, chance = correlation(list(range(8)), values)
    expected = spearmanr(range(8), values, alternative="greater")
    assert (rank, chance) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))


def verdicts(*fields):
    """Of runs on Criteo whose fields have these magnitudes by bucket."""
    rows = []
    for seed in (0, 1):
        for k, sizes in enumerate((*fields, (1.0, 2.0, 3.0, 4.0, 5.0))):
            rows += [
                {"dataset": "criteo", "backbone": "deepfm", "sparsity": 0.5, "seed": seed, "l2": 0.1,
                 "field": ALL if k == len(fields) else f"C{k}", "least": 2**i, "rows": 1, "magnitude": size,
                 "kept": 0.5, "start": 9.0, "id": f"r{seed}"}
                for i, size in enumerate(sizes)
            ]  # fmt: skip
    return [claim.verdict for claim in lers_fig2.claims(pd.DataFrame(rows))]


def test_what_no_order_could_show_is_untestable():
    rising, falling = (1.0, 2.0, 3.0, 4.0), (4.0, 3.0, 2.0, 1.0)
    assert verdicts(rising)[0] == "holds" and verdicts(falling)[0] == "fails"
    assert verdicts(rising[:3])[0] == "untestable"  # one order of six is no less than 5 %
    assert verdicts((1.0, 1.0, 1.0, 1.0))[0] == "untestable"
    assert verdicts(rising, falling)[0] == "part" and verdicts(rising, rising[:3])[0] == "untestable"
    assert verdicts(rising)[2] == "untestable"  # the share kept is the same in all buckets
