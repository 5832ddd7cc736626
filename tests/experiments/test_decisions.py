"""Better, worse, equal, undecided: by hand, as laws, and as rates of error over many simulated tables."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from lfmp_core import metrics
from lfmp_core.errors import LfmpError
from lfmp_core.experiments import decisions
from lfmp_core.experiments.decisions import Contrast, contrast_of, decide
from lfmp_core.experiments.stats import resample
from lfmp_core.metrics import AUC, LOG_LOSS, NDCG20

MARGIN = 0.001


def outcomes(contrasts, **given):
    found = decide(contrasts, MARGIN, **given)
    assert found.comparisons == len(contrasts) == len(found.by_name)
    return {name: one.outcome for name, one in found.by_name.items()}


@pytest.mark.parametrize("module", [decisions, metrics])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


def test_equals_gain_nothing():
    """Not −0 either, which would be printed."""
    for metric in (AUC, LOG_LOSS):
        assert math.copysign(1, metric.gain(0.5, 0.5)) == 1
        assert metric.gain(0.75, 0.5) == metric.sign * 0.25


def test_adjusted_p_are_those_of_holm_by_hand():
    """.005 · 4, .01 · 3, .03 · 2, and .04 · 1, which may not come out below the one before it."""
    p = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    found = decide({name: Contrast(norm.isf(own / 2), 1.0) for name, own in p.items()}, MARGIN).by_name
    assert [found[name].p for name in "abcd"] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [found[name].outcome for name in "abcd"] == ["better", "undecided", "undecided", "better"]
    assert (found["d"].low, found["a"].low) == pytest.approx(
        [norm.isf(own / 2) - norm.isf(0.025 / left) for own, left in ((0.005, 4), (0.01, 3))]
    )


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (0.0001, 0.0005, "better"),  # of no matter, but there
        (-0.0300, -0.0001, "worse"),
        (-0.0005, 0.0009, "equal"),
        (-0.0009, 0.0011, "undecided"),
        (-0.0300, 0.0001, "undecided"),
    ],
)
def test_one_comparison_is_read_from_its_interval(low, high, outcome):
    contrast = Contrast((low + high) / 2, (high - low) / 2 / norm.isf(0.025))
    [decision] = decide({"": contrast}, MARGIN).by_name.values()
    assert decision.outcome == outcome and (decision.low, decision.high) == pytest.approx((low, high))


def test_the_same_is_equal_and_never_better():
    assert outcomes({"same": Contrast(0.0, 0.0), "sum": Contrast(1e-17, 1e-18)}) == dict.fromkeys(
        ("same", "sum"), "equal"
    )
    assert outcomes({"sure": Contrast(-0.002, 0.0)}) == {"sure": "worse"}
    assert outcomes({}) == {}


contrast = st.builds(
    Contrast,
    st.floats(-0.01, 0.01),
    st.floats(1e-5, 0.01),
    st.sampled_from([2.0, 4.0, 30.0, math.inf]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(contrast, min_size=1, max_size=6))
def test_what_an_outcome_means_for_its_interval(several):
    table = dict(enumerate(several))
    found = decide(table, MARGIN).by_name
    for name, one in found.items():
        alone = table[name].interval(1 - 0.95)
        assert one.low <= alone[0] and alone[1] <= one.high  # adjusting takes nothing off
        if alone[0] < 0 < alone[1]:  # a tie
            assert one.outcome in ("equal", "undecided")
        if one.outcome == "equal":
            assert one.low > -MARGIN and one.high < MARGIN
        elif one.outcome == "undecided":
            assert one.low <= 0 <= one.high and (one.low <= -MARGIN or one.high >= MARGIN)
        else:
            assert (one.low > 0) if one.outcome == "better" else (one.high < 0)
        if one.outcome != "undecided":  # what a table says, its comparison alone says too
            assert outcomes({0: table[name]})[0] in (one.outcome, "better", "worse")
        mirrored = decide({k: c._replace(gain=-c.gain) for k, c in table.items()}, MARGIN).by_name[name]
        swapped = {"better": "worse", "worse": "better"}
        assert mirrored.outcome == swapped.get(one.outcome, one.outcome)


@pytest.mark.parametrize("truth", ["all the same", "half the same", "at the margin"])
def test_a_table_is_wrong_in_one_of_twenty_at_most(truth):
    """Twelve arms held against one baseline, 500 times; without adjusting, far more tables are wrong."""
    count, tables, error = 12, 500, MARGIN / 4
    gains = {"all the same": 0.0, "half the same": 0.01, "at the margin": MARGIN}[truth] * np.ones(count)
    gains[: count // 2 if truth == "half the same" else 0] = 0
    rng, wrong, alone = np.random.default_rng(0), 0, 0
    for _ in range(tables):
        # the baseline's own error is shared: each pair is correlated by a half
        found = gains + error * (rng.normal(size=count) + rng.normal()) / math.sqrt(2)
        contrasts = {i: Contrast(gain, error) for i, gain in enumerate(found)}

        def false(outcome, i):
            return (
                outcome == "equal" if gains[i] >= MARGIN else gains[i] == 0 and outcome in ("better", "worse")
            )

        wrong += any(false(outcome, i) for i, outcome in outcomes(contrasts).items())
        if truth != "at the margin":
            alone += any(false(outcomes({0: c})[0], i) for i, c in contrasts.items())
    assert wrong / tables <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / tables)
    assert truth == "at the margin" or alone / tables > 0.15


def test_half_of_the_arms_that_differ_leave_the_rest_more_room():
    """Holm, not Bonferroni: what is found no longer counts."""
    clear = {i: Contrast(0.1, 0.001) for i in range(9)}
    close = Contrast(norm.isf(0.04 / 2) * 0.01, 0.01)
    assert outcomes({**clear, "close": close})["close"] == "better"
    assert outcomes({**{i: Contrast(0, 0.001) for i in range(9)}, "close": close})["close"] == "undecided"


def bootstrap(rng, seeds, own, units, draws=400):
    """Two arms as `resample` has them: means of their seeds, one noise of the units, draws of n − 1 seeds."""
    runs = [rng.normal(0.7, own, seeds) for _ in range(2)]
    shift = rng.normal(0, units)  # of their difference, by the units at hand
    found = []
    for values, sign in zip(runs, (0.5, -0.5), strict=True):
        pick = rng.integers(0, seeds, (draws, seeds - 1))
        found.append(np.append(values.mean(), values[pick].mean(axis=1)) + sign * shift)
    noise = np.append(0, rng.normal(0, units, draws))
    return found[0] + noise / 2, found[1] - noise / 2, runs


@pytest.mark.parametrize(("own", "units"), [(1.0, 0.0), (1.0, 1.0), (0.1, 1.0)])
def test_the_interval_of_few_seeds_covers_what_it_promises(own, units):
    """Three seeds whose spread is all, as large as, or nothing beside that of the units."""
    rng, covered, normal = np.random.default_rng(0), 0, 0
    tries = 1000
    for _ in range(tries):
        a, b, runs = bootstrap(rng, 3, own, units)
        found = contrast_of(a, b, AUC, runs)
        low, high = found.interval(0.05)
        covered += low < 0 < high
        low, high = found._replace(freedom=math.inf).interval(0.05)
        normal += low < 0 < high
    assert covered / tries >= 0.95 - 2.5 * math.sqrt(0.05 * 0.95 / tries)
    assert covered / tries < 0.985  # nor is it wider than it need be
    assert own < 1 or units or normal / tries < 0.92


def test_a_contrast_is_of_draws_of_shared_units():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 2000)
    better, worse = (labels * strength + rng.normal(size=2000) for strength in (2.0, 1.0))
    for metric in (AUC, LOG_LOSS):
        drawn = resample(labels, {"a": [better], "b": [worse]}, metric, 400, 0, resample_seeds=True)
        found = contrast_of(drawn["a"], drawn["b"], metric)
        assert found.gain > 0 and found.gain == pytest.approx(abs(drawn["a"][0] - drawn["b"][0]))
        assert found.error == pytest.approx(np.std(drawn["a"][1:] - drawn["b"][1:], ddof=1))
        assert outcomes({"": contrast_of(drawn["b"], drawn["a"], metric)}) == {"": "worse"}
    users = rng.random((500, 2))
    drawn = resample(None, {"a": [users], "b": [users]}, NDCG20, 50, 0, resample_seeds=True)
    assert outcomes({"": contrast_of(drawn["a"], drawn["b"], NDCG20)}) == {"": "equal"}


def test_degrees_of_freedom_by_hand():
    """s² = 5 of the draws; of three seeds s² = 3 each: 25 / (2 · 1²/2) = 25; of no spread, ∞."""
    ours = np.array([0.0, *np.tile([math.sqrt(5), -math.sqrt(5)], 5000)])
    spread = [math.sqrt(3), 0.0, -math.sqrt(3)]
    found = contrast_of(ours, np.zeros(10_001), AUC, (spread, spread))
    assert found.error == pytest.approx(math.sqrt(5), rel=1e-3)
    assert found.freedom == pytest.approx(25, rel=1e-3)
    assert contrast_of(ours, np.zeros(10_001), AUC, ([1.0, 1.0], [2.0, 2.0])).freedom == math.inf
    with pytest.raises(LfmpError, match="train two seeds of each"):
        contrast_of(ours, np.zeros(10_001), AUC, (spread, [1.0]))
