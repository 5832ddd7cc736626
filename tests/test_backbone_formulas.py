"""Each backbone equals its paper's formula, written out with NumPy."""

from itertools import combinations

import numpy as np
import pytest
import torch
from layers import seeded
from sized import sized

from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.models.backbone import REGISTRY

SIZES = (3, 2, 4)
SCALARS = (1,)
IDS = np.array([[0, 4, 5], [2, 3, 8]], dtype=np.int32)
VALUES = np.array([[-0.5], [2.0]], dtype=np.float32)


def numpy_mlp(state, x):
    k = 0
    while f"deep.linears.{k + 1}.weight" in state:
        x = np.maximum(x @ state[f"deep.linears.{k}.weight"].T + state[f"deep.linears.{k}.bias"], 0)
        k += 1
    return (x @ state[f"deep.linears.{k}.weight"].T + state[f"deep.linears.{k}.bias"])[:, 0]


def numpy_logits(name, product, state, scalar):
    """The backbone's formula with loops, from its weights alone."""
    factor = np.ones((2, 3))
    if scalar:
        factor[:, 1] = VALUES[:, 0]
    e = state["table.weight"][IDS] * factor[:, :, None]
    flat = e.reshape(2, -1)
    logits = np.full(2, state["bias"])
    if name in ("wide_deep", "deepfm", "xdeepfm"):
        logits += (state["linear.weight"][IDS][:, :, 0] * factor).sum(1)
    if name == "pnn":
        products = np.empty((2, 3))
        for p, (i, j) in enumerate(combinations(range(3), 2)):
            for b in range(2):
                kernel = state["product.kernel"][p] if product == "outer" else np.eye(e.shape[2])
                products[b, p] = e[b, i] @ kernel @ e[b, j]
        return logits + numpy_mlp(state, np.concatenate([flat, products], 1))
    if name == "deepfm":
        logits += [sum(e[b, i] @ e[b, j] for i, j in combinations(range(3), 2)) for b in range(2)]
    if name == "xdeepfm":
        below, pooled = e, []
        for k in range(2):
            weight, bias = state[f"cin.weights.{k}"], state[f"cin.biases.{k}"]
            maps = np.zeros((2, len(weight), e.shape[2]))
            for h in range(len(weight)):
                for i in range(weight.shape[1]):
                    for j in range(3):
                        maps[:, h] += weight[h, i, j] * below[:, i] * e[:, j]
                maps[:, h] += bias[h]
            below = maps
            pooled.append(maps.sum(2))
        logits += (np.concatenate(pooled, 1) @ state["cin_out.weight"].T)[:, 0]
    if name == "dcn_mix":
        x = flat
        for l in range(3):
            down, core, up = (state[f"cross.{part}.{l}"] for part in ("down", "core", "up"))
            rank, mixed = core.shape[1], x
            for k, gate in enumerate(state["cross.gates"]):
                own = slice(k * rank, (k + 1) * rank)
                code = np.tanh(np.tanh(x @ down[:, own]) @ core[k].T)
                mixed = mixed + (x @ gate)[:, None] * flat * (code @ up[own] + state[f"cross.biases.{l}"])
            x = mixed
        flat = x
    return logits + numpy_mlp(state, flat)


CASES = [(name, "inner") for name in REGISTRY] + [("pnn", "outer")]


@pytest.mark.parametrize("scalar", [False, True], ids=["ids", "scalars"])
@pytest.mark.parametrize(("name", "product"), CASES)
def test_backbone_is_its_formula(name, product, scalar):
    settings = sized(name, embedding_dim=2, hidden=(4, 3), cin=(2, 3), product=product)
    model = build_model(settings, SIZES, SCALARS if scalar else (), seed=0)
    # biases and first-order weights start at zero; of unit size, three cross layers multiply rounding errors
    # as they multiply the numbers: any order of the sums is up to 1e-3 off
    for parameter in model.parameters():
        parameter.data.normal_(std=0.5, generator=seeded(parameter.numel()))
    state = {k: v.numpy().astype(np.float64) for k, v in model.state_dict().items()}
    values = torch.from_numpy(VALUES) if scalar else None
    logits = model(torch.from_numpy(IDS), values).detach().numpy()
    expected = numpy_logits(name, product, state, scalar)
    assert np.abs(expected[0] - expected[1]) > 1e-2  # the rows differ, so that a constant can't pass
    assert logits == pytest.approx(expected, abs=2e-6, rel=1e-6)


def test_scalar_fields_multiply():
    """Doubling a scalar value is doubling its field's vector and first-order weight; 0 removes the field."""
    model = build_model(BackboneSettings(name="deepfm", embedding_dim=2, hidden=(3,)), SIZES, SCALARS, seed=0)
    model.linear.weight.data.normal_(generator=seeded())
    ids, one = torch.from_numpy(IDS), torch.ones(2, 1)
    doubled = build_model(model.settings, SIZES, SCALARS, seed=0)
    doubled.load_state_dict(model.state_dict())
    for table in (doubled.table, doubled.linear):
        table.scale_fields(torch.tensor([1.0, 2.0, 1.0]))
    assert torch.allclose(model(ids, 2 * one), doubled(ids, one), atol=1e-7)
    assert not torch.allclose(model(ids, 2 * one), model(ids, one), atol=1e-4)
    closed = model(ids, one, torch.tensor([1.0, 0.0, 1.0]), gate_linear=True)
    assert torch.allclose(model(ids, 0 * one), closed, atol=1e-7)


def test_rows_of_another_width_are_refused():
    model = build_model(BackboneSettings(name="dnn", embedding_dim=2, hidden=(3,)), SIZES, SCALARS, seed=0)
    ids = torch.from_numpy(IDS)
    with pytest.raises(ValueError, match="rows of 2 ids given to a model of rows of 3"):
        model(ids[:, :2], torch.ones(2, 1))
    with pytest.raises(ValueError, match="rows of 2 values given to a model of rows of 1"):
        model(ids, torch.ones(2, 2))
