"""The time of single calls, by a clock that a test turns; programs that torch exports."""

import numpy as np
import pytest
import torch

from lfmp_core.data import Rows
from lfmp_core.efficiency import exported_program, latencies, percentiles, program_scorer
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.training import predict


class Clock:
    """Stands still but for what calls take."""

    def __init__(self):
        self.now, self.asked = 0.0, []

    def __call__(self):
        return self.now

    def call(self, name, seconds):
        def one():
            self.asked.append(name)
            self.now += seconds

        return one


def test_calls_go_round_and_the_first_are_not_counted():
    clock = Clock()
    calls = [clock.call("a", 1.0), clock.call("b", 3.0)]
    assert latencies(calls, 4, warm_up=1, clock=clock) == [3, 1, 3, 1]
    assert clock.asked == ["a", "b", "a", "b", "a"]
    assert latencies(calls, 1, warm_up=0, clock=clock) == [1]


def test_nothing_to_time_is_refused():
    for calls, count in (([], 1), ([lambda: None], 0)):
        with pytest.raises(ValueError, match="at least one"):
            latencies(calls, count)


def test_percentiles_by_hand():
    """1 to 101: a hundredth is one step. Of two calls, p95 lies at .95 of the way."""
    assert percentiles([*range(1, 102)][::-1]) == {"p50": 51, "p95": 96, "p99": 100}
    assert percentiles([0.0, 1.0])["p95"] == pytest.approx(0.95)
    assert percentiles([2.0], (10,)) == {"p10": 2.0}


@pytest.mark.parametrize("scalars", [(), (1,)])
def test_a_program_gives_the_models_logits(scalars):
    """Of one row and of several, with values of scalar fields and without."""
    sizes, rng = (5, 1 if scalars else 4, 3), np.random.default_rng(0)
    settings = BackboneSettings.model_validate({"name": "deepfm", "embedding_dim": 4, "hidden": (6,)})
    model = build_model(settings, sizes, scalars, seed=0).eval()
    starts = np.cumsum([0, *sizes[:-1]])
    ids = (rng.integers(0, sizes, (7, 3)) + starts).astype(np.int32)
    values = rng.normal(size=(7, 1)).astype(np.float32) if scalars else None
    rows = Rows(ids, np.zeros(7, np.uint8), values)
    program = exported_program(model)
    with torch.inference_mode():
        for count in (1, 7):
            given = [torch.from_numpy(part[:count]) for part in (ids, values) if part is not None]
            found = program(*given).numpy()
            np.testing.assert_allclose(found, predict(model, rows)[:count], rtol=1e-6, atol=1e-7)
    score, count = program_scorer(program, rows, 2, batches=3)
    score()
    assert count == 6
