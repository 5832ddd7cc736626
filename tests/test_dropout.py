"""Dropout: what survives, whose noise it is, and its rectified form."""

import pytest
import torch
from layers import seeded

from lfmp_core.models.layers import Dropout


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
