"""xDeepFM's CIN: by hand, and its compiled loops against the formula."""

import pytest
import torch
from layers import TWO_FIELDS, seeded

from lfmp_core.models.cin import CHUNK, CIN, LONGEST


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


@pytest.mark.parametrize("sizes", [(5,), (5, 4), (6, 5, 4)])
def test_cin_in_bfloat16_is_close_and_cin_without_is_exact(sizes):
    """8 bits: within one per cent of the exact maps and gradients (measured .3 %), and not equal to them.

    The same gradients where the backward pass is within autocast too.
    """
    cin = CIN(7, sizes, generator=seeded())
    found = []
    for half, within in ((False, False), (True, False), (True, True)):
        leaf = torch.randn(11, 7, 3, generator=seeded(1)).requires_grad_()
        cin.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            out = cin(leaf)
        with torch.autocast("cpu", torch.bfloat16, enabled=within):
            out.square().sum().backward()
        found.append([out.detach(), leaf.grad, *(p.grad.clone() for p in cin.parameters())])
    assert all(t.dtype == torch.float32 for t in found[1])
    exact_ones, rounded_ones, within_ones = found
    assert all(map(torch.equal, rounded_ones, within_ones))
    for exact, rounded in zip(exact_ones, rounded_ones, strict=True):
        assert (exact - rounded).norm() <= 0.01 * exact.norm()
    assert len(sizes) == 1 or not torch.equal(found[0][0], found[1][0])
