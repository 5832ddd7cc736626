"""Batch normalisation and Mish in one: what torch's two operations say in double precision."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from lfmp_core.embeddings.norm_mish import norm_mish


def plain(x, norm):
    return functional.mish(norm(x))


def made(rows, width, dtype=torch.float32):
    g = torch.Generator().manual_seed(0)
    norm = nn.BatchNorm1d(width)
    norm.weight.data.uniform_(-1, 3, generator=g)
    norm.bias.data.uniform_(-2, 2, generator=g)
    x = torch.randn(rows, width, generator=g) * 3 + 5 * torch.randn(width, generator=g)
    return x.to(dtype), norm, torch.randn(rows, width, generator=g).to(dtype)


def everything(x, norm, grad, function):
    """Result, gradients and running statistics, of a copy."""
    norm, x = copy.deepcopy(norm).to(x.dtype if x.dtype == torch.float64 else torch.float32), x.clone()
    out = function(x.requires_grad_(), norm)
    out.backward(grad)
    found = (out.detach(), x.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var)
    return [t.double() for t in found], norm.num_batches_tracked.item()


@pytest.mark.parametrize("rows", [5, 127, 1000])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 2e-6), (torch.bfloat16, 6e-3)])
def test_follows_the_formulas(rows, dtype, near):
    """Value, three gradients, running statistics; bfloat16 is rounded to 8 bits where it is stored."""
    x, norm, grad = made(rows, 19, dtype)
    ours, counted = everything(x, norm, grad, norm_mish)
    exact, _ = everything(x.double(), norm, grad.double(), plain)
    assert counted == 1
    for one, other in zip(ours, exact, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=near * other.abs().max().item())


def test_any_size_of_number():
    """mish(u) is u far above zero and 0 far below, where e^u would overflow or vanish."""
    norm = nn.BatchNorm1d(1)
    norm.weight.data.fill_(1e2)
    x = torch.linspace(-1, 1, 101).unsqueeze(1).requires_grad_()
    out = norm_mish(x, norm)
    out.sum().backward()
    u = plain(x.detach().double(), copy.deepcopy(norm).double())
    assert torch.allclose(out.double(), u, rtol=0, atol=1e-4) and torch.isfinite(x.grad).all()
    assert abs(out[0].item()) < 1e-30 and out[-1].item() == pytest.approx(171.5, abs=0.1)


def test_as_torch_where_no_loop_fits():
    """In evaluation, in double precision; one row has no batch statistics and takes the running ones."""
    x, norm, _ = made(10, 4)
    assert torch.equal(norm_mish(x.double(), norm.double()), plain(x.double(), norm))
    norm = norm.float().eval()
    assert torch.equal(norm_mish(x, norm), plain(x, norm))
    before = norm.running_mean.clone()
    assert torch.equal(norm_mish(x[:1], norm.train()), plain(x[:1], norm.eval()))
    assert torch.equal(norm.running_mean, before)


def test_threads_agree():
    x, norm, grad = made(700, 33)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            found.append(everything(x, norm, grad, norm_mish)[0])
        finally:
            torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
