"""Law 7: each layer's forward equals numbers written out by hand, and the fast forms equal the plain ones."""

from itertools import combinations

import pytest
import torch
from layers import TWO_FIELDS, seeded

from lfmp_core.axes import FieldAxis
from lfmp_core.models import kernels
from lfmp_core.models.layers import MLP, fm, fm_plain
from lfmp_core.models.product import InnerProduct, OuterProduct


def test_fm_by_hand():
    """Two fields: ⟨(1, 2), (3, −1)⟩ = 1. Three: −1 + 0 + 2 over the pairs; alone and zero vectors give 0."""
    assert fm(TWO_FIELDS).tolist() == [1.0]
    three = torch.tensor([[[1.0, 2.0], [3.0, -2.0], [0.0, -1.0]], [[0.0, 0.0], [0.0, 0.0], [5.0, 7.0]]])
    # ⟨e1,e2⟩ = 3 − 4 = −1, ⟨e1,e3⟩ = −2, ⟨e2,e3⟩ = 2
    assert fm(three).tolist() == [-1.0, 0.0]
    e = torch.randn(5, 4, 3, generator=seeded(), dtype=torch.float64)
    pairs = sum((e[:, i] * e[:, j]).sum(1) for i, j in combinations(range(4), 2))
    assert torch.allclose(fm(e), pairs, atol=1e-12)


def test_mlp_by_hand():
    """relu([1 −1; 2 1](3, 4) + (0.5, −1)) = (0, 9); relu(2·0 − 9 + 3) = 0, relu(9) = 9; 4·0 + 0.5·9 − 1."""
    mlp = MLP([FieldAxis((2,))], (2, 2), generator=seeded())
    weights = ([[1.0, -1.0], [2.0, 1.0]], [[2.0, -1.0], [0.0, 1.0]], [[4.0, 0.5]])
    biases = ([0.5, -1.0], [3.0, 0.0], [-1.0])
    for linear, weight, bias in zip(mlp.linears, weights, biases, strict=True):
        linear.weight.data, linear.bias.data = torch.tensor(weight), torch.tensor(bias)
    assert mlp(torch.tensor([[3.0, 4.0]])).tolist() == [3.5]


def test_mlp_normalises_before_the_relu_and_drops_after_it():
    """Column (1, 3) becomes (−1, 1)/√(1 + ε), the ReLU keeps the second; the output is not normalised."""
    mlp = MLP([FieldAxis((1,))], (1,), batch_norm=True, generator=seeded()).train()
    mlp.linears[0].weight.data.fill_(1)
    mlp.linears[1].weight.data.fill_(10)
    normal = 1 / (1 + mlp.norms[0].eps) ** 0.5
    assert mlp(torch.tensor([[1.0], [3.0]])).tolist() == pytest.approx([0, 10 * normal], abs=1e-5)
    wide = MLP([FieldAxis((4,))], (500,), dropout=0.5, generator=seeded()).train()
    seen = []
    wide.linears[1].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    wide.dropout.generator = seeded()
    wide(torch.ones(1, 4))
    wide.eval()(torch.ones(1, 4))
    dropped, whole = seen
    kept = dropped != 0
    assert 0.35 < kept[whole > 0].float().mean() < 0.65
    assert torch.equal(dropped[kept], 2 * whole[kept])


def test_inner_product_by_hand():
    """⟨e1,e2⟩, ⟨e1,e3⟩, ⟨e2,e3⟩ in this order."""
    e = torch.tensor([[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0]]])
    assert InnerProduct(3)(e).tolist() == [[1.0, 8.0, -4.0]]
    e = torch.randn(7, 5, 3, generator=seeded())
    gram = torch.einsum("bid,bjd->bij", e, e)
    i, j = torch.triu_indices(5, 5, 1)
    assert torch.allclose(InnerProduct(5)(e), gram[:, i, j], atol=1e-6)


def test_outer_product_by_hand():
    """e1ᵀ [1 2; 3 4] e2 = (1, 2)·(1·3 − 2, 3·3 − 4) = 1 + 2·5 = 11: the kernel is not transposed."""
    outer = OuterProduct(2, 2, generator=seeded())
    outer.kernel.data = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    assert outer(TWO_FIELDS).tolist() == [[11.0]]
    outer = OuterProduct(5, 3, generator=seeded())
    e = torch.randn(7, 5, 3, generator=seeded(1))
    i, j = torch.triu_indices(5, 5, 1)
    oracle = torch.einsum("bpx,pxy,bpy->bp", e[:, i], outer.kernel, e[:, j])
    assert torch.allclose(outer(e), oracle, atol=1e-5)
    assert OuterProduct(1, 3, generator=seeded())(e[:, :1]).shape == (7, 0)


def test_normalisation_is_folded_in_evaluation():
    """Without gradients the evaluated MLP makes one pass per layer, and gives what the layers give."""
    mlp = MLP([FieldAxis((5,))], (8, 6), batch_norm=True, generator=seeded())
    x = torch.randn(70, 5, generator=seeded(1))
    for _ in range(3):
        mlp(x)
    mlp.eval()
    for norm in mlp.norms:
        norm.weight.data.normal_(generator=seeded(2))
        norm.bias.data.normal_(generator=seeded(3))
    by_layers = mlp(x)
    assert by_layers.requires_grad
    with torch.inference_mode():
        assert torch.allclose(mlp(x), by_layers, atol=1e-5)


def test_fm_gradient_is_the_plain_formulas():
    e = torch.randn(9, 5, 3, generator=seeded())
    weights = torch.randn(9, generator=seeded(1))
    found = []
    for form in (fm, fm_plain):
        leaf = e.clone().requires_grad_()
        out = form(leaf)
        (out * weights).sum().backward()
        found.append((out.detach(), leaf.grad))
    for fast, plain in zip(*found, strict=True):
        assert torch.allclose(fast, plain, atol=1e-5)


def test_products_in_bfloat16_are_the_nearest():
    """Law 7 for the rounding: ties go to even, and what was stored is read back exactly."""
    x, y = torch.randn(6, 4, generator=seeded()), torch.randn(6, 3, generator=seeded(1))
    x[0, 0], y[0, 0] = 1.0, 1 + 2**-8  # half-way between 1 and 1 + 2⁻⁷: the even one is 1
    out = kernels.outer(x, y, torch.empty(6, 12, dtype=torch.bfloat16))
    exact = (x.unsqueeze(2) * y.unsqueeze(1)).flatten(1)
    assert torch.equal(out, exact.bfloat16()) and out[0, 0] == 1
    half, single = [[torch.zeros_like(x), torch.zeros_like(y)] for _ in range(2)]
    kernels.outer_backward(out, x, y, *half)
    kernels.outer_backward(out.float(), x, y, *single)
    assert torch.equal(half[0], single[0]) and torch.equal(half[1], single[1])
