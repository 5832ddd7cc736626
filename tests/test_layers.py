"""Law 7: each layer's forward equals numbers written out by hand, and the fast forms equal the plain ones."""

from itertools import combinations

import numpy as np
import pytest
import torch
from sized import sized

from lfmp_core.axes import FieldAxis
from lfmp_core.models import BackboneSettings, build_model, kernels
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.models.cin import CHUNK, CIN, LONGEST
from lfmp_core.models.layers import MLP, Dropout, fm, fm_plain
from lfmp_core.models.product import InnerProduct, OuterProduct


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# e_1 = (1, 2), e_2 = (3, −1)
TWO_FIELDS = torch.tensor([[[1.0, 2.0], [3.0, -1.0]]])


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


def hand_made_cin():
    """Two layers of two maps over two fields."""
    cin = CIN(2, (2, 2), generator=seeded())
    cin.weights[0].data = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [-1.0, 2.0]]])
    cin.weights[1].data = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[2.0, -1.0], [1.0, 0.0]]])
    cin.biases[0].data = torch.tensor([0.5, -1.0])
    cin.biases[1].data = torch.tensor([0.0, 2.0])
    return cin


def test_cin_by_hand():
    """Products d = 1: e1e1 = 1, e1e2 = 3, e2e2 = 9; d = 2: 4, −2, 1.

    X¹_1 = 1·e1e1 + (2 + 3)·e1e2 + 4·e2e2 + 0.5 = (52.5, −1.5); X¹_2 = (1 − 1)·e1e2 + 2·e2e2 − 1 = (17, 1).
    X²_1 = X¹_1 e1 + X¹_2 e2 = (52.5 + 51, −3 − 1) = (103.5, −4).
    X²_2 = 2 X¹_1 e1 − X¹_1 e2 + X¹_2 e1 + 2 = (105 − 157.5 + 17 + 2, −6 − 1.5 + 2 + 2) = (−33.5, −3.5).
    Sums over d: 51, 18, 99.5, −37.
    """
    cin = hand_made_cin()
    assert cin.plain(TWO_FIELDS).tolist() == [[51.0, 18.0, 99.5, -37.0]]
    assert cin(TWO_FIELDS).tolist() == [[51.0, 18.0, 99.5, -37.0]]


def test_cin_single_layer_by_hand():
    """One layer goes by the Gram matrix [5 1; 1 10]: 1·5 + (2 + 3)·1 + 4·10 + 2·0.5 = 51, 2·10 − 2·1 = 18."""
    cin, whole = CIN(2, (2,), generator=seeded()), hand_made_cin()
    cin.weights[0].data, cin.biases[0].data = whole.weights[0].data, whole.biases[0].data
    assert cin(TWO_FIELDS).tolist() == [[51.0, 18.0]]


MOST = LONGEST * CHUNK  # rows of a chunk whose rows have few products, as here


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("sizes", [(4,), (4, 3), (4, 3, 5), (2, 3, 4, 3)], ids=str)
@pytest.mark.parametrize(("rows", "dim"), [(1, 3), (MOST // 3 + 1, 3), (2 * (MOST // 5) + 7, 5), (3, 1)])
def test_fast_cin_equals_the_formula(rows, dim, sizes, dtype):
    """Output and every gradient, for batches of one row, of a chunk and a row, of two chunks and a rest."""
    tolerance = 1e-9 if dtype is torch.float64 else 1e-5
    cin = CIN(6, sizes, generator=seeded(1)).to(dtype)
    for bias in cin.biases:
        bias.data.normal_(generator=seeded(2))
    e = torch.randn(rows, 6, dim, generator=seeded(3), dtype=torch.float64).to(dtype).requires_grad_()
    # other weights for each output, so that no gradient can hide behind a symmetric one
    weights = torch.randn(rows, sum(sizes), generator=seeded(4), dtype=torch.float64).to(dtype)
    found = []
    for forward in (cin.forward, cin.plain):
        out = forward(e)
        grads = torch.autograd.grad((out * weights).sum(), [e, *cin.parameters()])
        found.append([out, *grads])
    for fast, plain in zip(*found, strict=True):
        scale = max(1.0, plain.abs().max().item())
        assert (fast - plain).abs().max() / scale < tolerance


def out_and_gradients(cin, e):
    e = e.clone().requires_grad_()
    out = cin(e)
    weights = torch.randn(out.shape, generator=seeded(4))
    return [out, *torch.autograd.grad((out * weights).sum(), [e, *cin.parameters()])]


def test_cin_without_compiled_loops(monkeypatch):
    """What an accelerator runs, made to run here: tensor operations in the loops' place."""
    cin, e = CIN(6, (4, 3, 5), generator=seeded(1)), torch.randn(70, 6, 3, generator=seeded(3))
    compiled = out_and_gradients(cin, e)
    monkeypatch.setattr(torch.Tensor, "is_cpu", False, raising=False)
    monkeypatch.setattr("lfmp_core.models.kernels.run_kernel", None)  # the loops would fail
    for a, b in zip(compiled, out_and_gradients(cin, e), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_cin_on_two_threads():
    """Threads share the rows out and make chunks longer, nothing else: the same numbers."""
    cin = CIN(6, (4, 3, 5), generator=seeded(1)).double()
    e = torch.randn(400, 6, 3, generator=seeded(3), dtype=torch.float64)
    single = out_and_gradients(cin, e)
    torch.set_num_threads(2)
    try:
        double = out_and_gradients(cin, e)
    finally:
        torch.set_num_threads(1)
    for a, b in zip(single, double, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-10)


def test_cin_refuses_second_derivatives():
    """Its backward pass is no graph: an error instead of a wrong number."""
    cin = CIN(2, (2, 2), generator=seeded())
    e = TWO_FIELDS.clone().requires_grad_()
    (grad,) = torch.autograd.grad(cin(e).square().sum(), e, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


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


@pytest.mark.parametrize(("p", "level"), [(0.1, 26), (0.5, 128), (0.9, 230)])
def test_dropout_survival_and_scale(p, level):
    """256,000 entries: a share 1 − level/256 survives (within five deviations), divided by that share."""
    x = torch.full((1000, 256), 3.0)
    out = Dropout(p, seeded()).train()(x)
    share = 1 - level / 256
    survived = (out != 0).float().mean().item()
    assert abs(survived - share) < 5 * (share * (1 - share) / x.numel()) ** 0.5
    assert torch.allclose(out[out != 0], torch.tensor(3 / share))
    # no column is favoured: eight entries share one 64-bit draw, and its top byte must not be lame
    by_byte = (out != 0).float().view(-1, 8).mean(0)
    assert (by_byte - share).abs().max() < 5 * (share * (1 - share) / 32000) ** 0.5


def test_dropout_noise_comes_from_its_generator():
    x = torch.ones(7, 5)
    a, b, c = (Dropout(0.5, seeded(s)).train()(x) for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)
    layer = Dropout(0.5, seeded(1)).train()
    assert not torch.equal(layer(x), layer(x))
    state = torch.get_rng_state()
    layer(x)
    assert torch.equal(state, torch.get_rng_state())  # the default generator stays untouched


def test_dropout_is_absent_at_zero_and_in_evaluation():
    x = torch.randn(4, 3)
    assert Dropout(0.0).train()(x) is x
    assert Dropout(0.7, seeded()).eval()(x) is x
    for p in (1.0, -0.1, 0.999):
        with pytest.raises(ValueError, match=str(p)):
            Dropout(p)


def test_dropout_gradient_takes_the_same_mask():
    x = torch.ones(50, 8, requires_grad=True)
    out = Dropout(0.5, seeded()).train()(x)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


@pytest.mark.parametrize("p", [0.0, 0.3])
def test_rectified_dropout_is_relu_then_dropout(p):
    """The fused pass gives the plain layers' numbers and gradients for the same noise, bit for bit."""
    x = torch.randn(37, 21, generator=seeded())
    weights = torch.randn(37, 21, generator=seeded(1))
    found = []
    for fused in (True, False):
        layer, leaf = Dropout(p, seeded(2)).train(), x.clone().requires_grad_()
        out = layer.rectified(leaf * 1) if fused else layer(torch.relu(leaf))
        (out * weights).sum().backward()
        found.append((out.detach(), leaf.grad))
    assert torch.equal(found[0][0], found[1][0]) and torch.equal(found[0][1], found[1][1])
    assert (found[0][0] == 0).float().mean() > 0.4


def test_rectified_dropout_in_bfloat16_rounds_once():
    """In bfloat16 the fused pass stores the nearest of x·scale for what survives, and zeros elsewhere."""
    x = torch.randn(40, 9, generator=seeded()).bfloat16().requires_grad_()
    out = Dropout(0.25, seeded(1)).train().rectified(x * 1)
    exact = (x.detach().float() * (256 / 192)).bfloat16()
    assert out.dtype == torch.bfloat16 and torch.equal(out[out > 0], exact[out > 0])
    assert 0.3 < (out > 0).float().mean() < 0.45  # half are positive, three quarters of those survive
    out.sum().backward()
    assert torch.equal(x.grad, (out.detach() > 0).bfloat16() * torch.tensor(256 / 192).bfloat16())


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


@pytest.mark.parametrize("sizes", [(5,), (5, 4), (6, 5, 4)])
def test_cin_in_bfloat16_is_close_and_cin_without_is_exact(sizes):
    """8 bits: within one per cent of the exact maps and gradients (measured .3 %), and not equal to them."""
    cin = CIN(7, sizes, generator=seeded())
    found = []
    for half in (False, True):
        leaf = torch.randn(11, 7, 3, generator=seeded(1)).requires_grad_()
        cin.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            out = cin(leaf)
        out.square().sum().backward()
        found.append([out.detach(), leaf.grad, *(p.grad.clone() for p in cin.parameters())])
    assert all(t.dtype == torch.float32 for t in found[1])
    for exact, rounded in zip(*found, strict=True):
        assert (exact - rounded).norm() <= 0.01 * exact.norm()
    assert len(sizes) == 1 or not torch.equal(found[0][0], found[1][0])


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
