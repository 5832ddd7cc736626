"""DCN-Mix: the cross layers' numbers, their gates, and what the settings add to records."""

import math

import numpy as np
import pytest
import torch

from lfmp_core.errors import UnknownName
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.models.dcn_mix import CrossMix, crossed
from lfmp_core.surgery import plan_fields

SIZES = (7, 3, 11)


def cross(num_fields=3, dim=2, layers=2, experts=2, rank=3, gate="linear"):
    sizes = {"layers": layers, "experts": experts, "rank": rank, "gate": gate}
    layer = CrossMix(num_fields, dim, **sizes, generator=torch.Generator().manual_seed(0))
    for bias in layer.biases:
        bias.data.normal_(generator=torch.Generator().manual_seed(1))
    return layer


def model_of(**sizes):
    settings = BackboneSettings(name="dcn_mix", embedding_dim=2, hidden=(4,), **sizes)
    return build_model(settings, SIZES, seed=0)


def test_one_layer_by_hand():
    """x₀ = (1, 2), Vᵀx = 1, C = 2, U = (1, 3), b = (0, 1), G = ½·1 + ¼·2 = 1."""
    layer = cross(num_fields=2, dim=1, layers=1, experts=1, rank=1)
    with torch.no_grad():
        layer.down[0].copy_(torch.tensor([[1.0], [0.0]]))
        layer.core[0].fill_(2)
        layer.up[0].copy_(torch.tensor([[1.0, 3.0]]))
        layer.biases[0].copy_(torch.tensor([0.0, 1.0]))
        layer.gates.copy_(torch.tensor([[0.5, 0.25]]))
    code = math.tanh(2 * math.tanh(1))  # .9093
    expected = [1 * code + 1, 2 * (3 * code + 1) + 2]
    assert torch.allclose(layer(torch.tensor([[1.0, 2.0]])), torch.tensor([expected]))
    assert np.allclose(expected, [1.9093, 9.4556], atol=1e-4)


@pytest.mark.parametrize(("half", "near"), [(0, 1e-6), (1, 8e-3), (2, 8e-3)])
@pytest.mark.parametrize("threads", [1, 2])
def test_one_pass_follows_the_formula(half, near, threads):
    """x₀ ⊙ (mixed + w bᵀ) + x and its five gradients, as autograd has them in double precision.

    In bfloat16: nothing, the products, and the gates' sum too, which softmax leaves in single precision.
    """
    g = torch.Generator().manual_seed(0)
    shapes = ((300, 21), (300, 21), (300,), (21,), (300, 21))
    given = [torch.randn(shape, generator=g) for shape in shapes]
    given[1 : 1 + half] = [t.bfloat16() for t in given[1 : 1 + half]]
    above = torch.randn(300, 21, generator=g)

    def everything(inputs, function):
        inputs = [t.clone().requires_grad_() for t in inputs]
        out = function(*inputs)
        out.backward(above.to(out))
        return [t.double() for t in (out.detach(), *[i.grad for i in inputs])]

    def plain(start, mixed, weight, bias, x):
        return start * (mixed + weight.unsqueeze(1) * bias) + x

    torch.set_num_threads(threads)
    try:
        ours = everything(given, crossed)
    finally:
        torch.set_num_threads(1)
    exact = everything([t.double() for t in given], plain)
    for one, other in zip(ours, exact, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=near * other.abs().max().item())


@pytest.mark.parametrize("gate", ["linear", "softmax"])
def test_formula_expert_by_expert(gate):
    """Σ_k G_k [x₀ ⊙ (U_k tanh(C_k tanh(V_kᵀ x)) + b)] + x as a sum over experts, in double precision."""
    layer = cross(gate=gate).double()
    start = torch.randn(5, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    x = start.numpy()
    for down, core, up, bias in zip(layer.down, layer.core, layer.up, layer.biases, strict=True):
        gates = x @ layer.gates.detach().numpy().T
        if gate == "softmax":
            gates = np.exp(gates) / np.exp(gates).sum(1, keepdims=True)
        following = x.copy()
        for k in range(2):
            v = down.detach().numpy()[:, 3 * k : 3 * k + 3]
            u = up.detach().numpy()[3 * k : 3 * k + 3]
            code = np.tanh(np.tanh(x @ v) @ core[k].detach().numpy().T)
            expert = start.numpy() * (code @ u + bias.detach().numpy())
            following += gates[:, k : k + 1] * expert
        x = following
    assert np.allclose(layer(start).detach().numpy(), x, atol=1e-12)


def test_softmax_gates_differ_from_linear_ones():
    start = torch.randn(5, 6)
    assert not torch.allclose(cross()(start), cross(gate="softmax")(start))


def test_sizes_are_those_of_the_settings():
    settings = BackboneSettings(
        name="dcn_mix", embedding_dim=2, hidden=(4,), cross_layers=2, experts=3, rank=5
    )
    model = build_model(settings, SIZES, seed=0)
    f, layer = 6, 6 * 15 + 3 * 25 + 15 * 6 + 6
    deep = (f * 4 + 4) + (4 + 1)
    assert model.num_parameters() == sum(SIZES) * 2 + 1 + 3 * f + 2 * layer + deep
    with pytest.raises(UnknownName, match="unknown gate"):
        BackboneSettings(name="dcn_mix", gate="relu")


def test_a_cut_shrinks_every_cross_weight():
    """V loses rows, U columns, b and the gates entries; C belongs to no field."""
    settings = BackboneSettings(
        name="dcn_mix", embedding_dim=2, hidden=(4,), cross_layers=1, experts=2, rank=3
    )
    plan = plan_fields(build_model(settings, SIZES, seed=0), (0, 2))
    shapes = {name.split("cross.")[1]: plan.shape(name) for name in plan.shapes if "cross." in name}
    assert shapes == {
        "gates": (2, 4),
        "down.0": (4, 6),
        "core.0": (2, 3, 3),
        "up.0": (6, 4),
        "biases.0": (4,),
    }


def test_defaults_of_later_settings_are_not_in_records():
    """Records made before DCN-Mix keep their ids."""
    later = {"cross_layers", "experts", "rank", "gate"}
    assert not later & set(BackboneSettings(name="deepfm").model_dump())
    assert BackboneSettings(name="dcn_mix", rank=8).model_dump()["rank"] == 8
