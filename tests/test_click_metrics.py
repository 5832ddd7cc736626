"""AUC and log-loss: by hand, as a library has them, and what they refuse."""

import numpy as np
import pytest

from lfmp_core.errors import LfmpError
from lfmp_core.training import auc, log_loss


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 0, 1, 1], [1, 2, 3, 4], 1.0),
        ([1, 1, 0, 0], [1, 2, 3, 4], 0.0),
        # pairs (click, other): .8 > .1, .8 > .4, .35 > .1, .35 < .4
        ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
        # 2 against 1, 2: 1 + ½; 1 against 1, 2: ½ + 0; of 4
        ([1, 1, 0, 0], [2, 1, 1, 2], 0.5),
        # 3 against 1, 3, 3: 1 + ½ + ½; 1 against them: ½; of 6
        ([1, 0, 0, 1, 0], [3, 1, 3, 1, 3], 2.5 / 6),
        ([0, 1, 0], [7, 7, 7], 0.5),
        ([1, 0], [-1e30, -2e30], 1.0),
    ],
)
def test_auc_by_hand(labels, scores, expected):
    assert auc(np.array(labels), np.array(scores, dtype=np.float64)) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("levels", [3, 50, 10**9])
def test_auc_is_sklearns(levels):
    """With many ties, some, and hardly any; in single precision as models score."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(levels)
    labels = (rng.random(5000) < 0.1).astype(np.uint8)
    scores = (rng.integers(0, levels, 5000) + levels / 4 * labels).astype(np.float32)
    assert auc(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)


def test_auc_refuses_what_has_none():
    for labels in ([0, 0, 0], [1, 1, 1], []):
        with pytest.raises(ValueError, match=f"{sum(labels)} clicks in {len(labels)} rows"):
            auc(np.array(labels), np.arange(len(labels)))
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="not finite"):
            auc(np.array([0, 1, 1]), np.array([0.1, bad, 0.2]))


@pytest.mark.parametrize("metric", [auc, log_loss])
def test_both_metrics_refuse_the_same(metric):
    labels, scores = np.array([0, 1, 1]), np.array([0.5, -1.0, 2.0])
    metric(labels, scores)
    wrong = [(labels, np.where(labels == 1, bad, scores), "not finite") for bad in (np.nan, np.inf, -np.inf)]
    wrong += [(labels * 2, scores, "neither 0 nor 1"), (labels - 1, scores, "neither 0 nor 1")]
    wrong += [(labels, scores[:2], "equal length"), (labels[:0], scores[:0], "needs")]
    for own, given, words in wrong:
        with pytest.raises(LfmpError, match=words):
            metric(own, given)


def test_log_loss_by_hand():
    """Logit log 3 is probability ¾; at ±1000 the loss is the logit's size or nothing, without overflow."""
    assert log_loss(np.array([1, 0]), np.array([np.log(3), np.log(3)])) == pytest.approx(
        (np.log(4 / 3) + np.log(4)) / 2
    )
    assert log_loss(np.array([1, 0]), np.zeros(2)) == pytest.approx(np.log(2))
    assert log_loss(np.array([1, 0]), np.array([1000.0, -1000.0])) == 0
    assert log_loss(np.array([0, 1, 1, 0]), np.array([1000.0, -1000, 0, 0])) == pytest.approx(
        500 + np.log(2) / 2
    )
    # of many single-precision logits the mean is taken in double precision
    same = np.full(1_000_000, 0.1, np.float32)
    assert log_loss(np.zeros(len(same), np.uint8), same) == pytest.approx(np.log1p(np.exp(0.1)), rel=1e-8)
