"""Trainers on rows that are drawn anew, and what their bits are compared by."""

import numpy as np
import torch
from sized import sized

from lfmp_core.data import Rows
from lfmp_core.models import build_model

SIZES = (5, 3, 7, 4)


def make_rows(count, seed=0):
    """Rows whose click depends on the first field, enough to learn from."""
    rng = np.random.default_rng(seed)
    local = rng.integers(0, SIZES, (count, len(SIZES)))
    labels = rng.random(count) < np.where(local[:, 0] < 2, 0.8, 0.2)
    return Rows((local + np.cumsum([0, *SIZES[:-1]])).astype(np.int32), labels.astype(np.uint8))


def make_model(name="xdeepfm", dropout=0.0, seed=3):
    settings = sized(name, embedding_dim=3, hidden=(6,), cin=(3, 2), dropout=dropout)
    return build_model(settings, SIZES, seed=seed)


def weights(trainer):
    modules = {"model": trainer.model, "objective": trainer.objective}
    return {f"{k}.{n}": v.clone() for k, m in modules.items() for n, v in m.state_dict().items()}


def assert_same_bits(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert torch.equal(a[key], b[key]), key


TRAIN, VALIDATION = make_rows(70, seed=1), make_rows(80, seed=2)
