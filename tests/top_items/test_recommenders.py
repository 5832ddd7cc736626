"""Propagation, LightGCN, NeuMF and their losses against dense formulas written out."""

import numpy as np
import pytest
import torch

from lfmp_core.data.interactions import Interactions
from lfmp_core.models import neumf
from lfmp_core.models.graph import Graph, propagate
from lfmp_core.models.lightgcn import LightGCN, LightGCNSettings
from lfmp_core.models.neumf import NeuMF, NeuMFSettings
from lfmp_core.training.pair_losses import bpr, info_nce

USERS, ITEMS = 7, 9


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    return Interactions.of_pairs(
        rng.integers(0, 6, 25), rng.integers(0, 8, 25), USERS, ITEMS
    )  # two lone nodes


def dense(pairs):
    a = torch.zeros(USERS + ITEMS, USERS + ITEMS)
    for user, item in zip(pairs.users().tolist(), pairs.items.tolist(), strict=True):
        a[user, USERS + item] = a[USERS + item, user] = 1
    scale = a.sum(1).clamp(min=1).rsqrt()
    return scale[:, None] * a * scale


def test_one_edge_by_hand():
    """User 0 took items 0 and 1, user 1 item 1: the edge (0, 1) has 1/√(2·2), (0, 0) and (1, 1) 1/√2."""
    graph = Graph(Interactions.of_pairs([0, 0, 1], [0, 1, 1], 2, 2))
    found = graph.product(torch.eye(4))
    root = 0.5**0.5
    expected = [[0, 0, root, 0.5], [0, 0, 0, root], [root, 0, 0, 0], [0.5, root, 0, 0]]
    torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize("layers", [0, 1, 2, 4])
@pytest.mark.parametrize("few", [False, True])
def test_propagation_and_its_gradient_are_those_of_the_dense_product(pairs, layers, few):
    rows = torch.tensor([15, 2, 9, 0]) if few else None
    e = torch.randn(USERS + ITEMS, 5, generator=torch.Generator().manual_seed(0))
    ours, theirs = e.clone().requires_grad_(), e.clone().requires_grad_()
    a, layer = dense(pairs), theirs
    total = theirs
    for _ in range(layers):
        layer = a @ layer
        total = total + layer
    expected = total / (layers + 1)
    expected = expected if rows is None else expected[rows]
    found = propagate(Graph(pairs), ours, layers, rows)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def lightgcn(pairs, **settings):
    generator = torch.Generator().manual_seed(0)
    return LightGCN(LightGCNSettings(embedding_dim=4, **settings), Graph(pairs), USERS, generator=generator)


@pytest.mark.parametrize("kind", ["lightgcn", "neumf"])
def test_scores_of_all_items_are_those_of_pairs(pairs, kind):
    if kind == "lightgcn":
        model = lightgcn(pairs)
    else:
        settings = NeuMFSettings(embedding_dim=4, hidden=(6, 3))
        model = NeuMF(settings, USERS, ITEMS, generator=torch.Generator().manual_seed(0))
    users = torch.tensor([5, 0, 3])
    every = torch.arange(ITEMS)
    expected = torch.stack([model.pair(user.expand(ITEMS), every) for user in users])
    torch.testing.assert_close(model.scorer()(users), expected, rtol=1e-5, atol=1e-6)


def test_blocks_of_items_meet_without_a_seam(monkeypatch):
    """Whatever the block, its last one shorter or of one item; within the rounding of a sum."""
    settings = NeuMFSettings(embedding_dim=4, hidden=(6, 5, 3))
    model = NeuMF(settings, USERS, ITEMS, generator=torch.Generator().manual_seed(0)).eval()
    users, every = torch.arange(USERS), torch.arange(ITEMS)
    expected = torch.stack([model.pair(user.expand(ITEMS), every) for user in users])
    score = model.scorer()
    for block in (1, 4, ITEMS, 2 * ITEMS):
        monkeypatch.setattr(neumf, "BLOCK", block)
        found = score(users)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
        assert not found.requires_grad and torch.equal(found, score(users))


def test_a_loss_of_pairs_moves_only_what_it_can_reach(pairs):
    """The gradient of LightGCN's table is that of autograd through the dense formula."""
    model = lightgcn(pairs, layers=2)
    users, taken, other = torch.tensor([0, 1, 1]), torch.tensor([1, 2, 3]), torch.tensor([4, 4, 5])
    bpr(model.pair(users, taken), model.pair(users, other)).backward()
    e = model.embeddings().detach().clone().requires_grad_()
    a = dense(pairs)
    v = (e + a @ e + a @ a @ e) / 3
    s = lambda items: (v[users] * v[USERS + items]).sum(1)
    torch.log1p((s(other) - s(taken)).exp()).mean().backward()
    found = torch.cat([model.users.weight.grad, model.items.weight.grad])
    torch.testing.assert_close(found, e.grad)


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_info_nce_and_its_gradient_are_those_of_the_formula(rows):
    v = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    ours, theirs = v.clone().requires_grad_(), v.clone().requires_grad_()
    unit = theirs / theirs.norm(dim=1, keepdim=True)
    expected = (torch.logsumexp(unit @ unit.T / 0.2, 1) - 1 / 0.2).mean()
    found = info_nce(ours, 0.2, rows)
    (3 * found).backward()
    (3 * expected).backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


def test_bpr_by_hand():
    """Margins of 0 and ln 3: (ln 2 + ln(4/3)) / 2."""
    taken, other = torch.tensor([[1.0], [np.log(3.0)]]), torch.tensor([[1.0], [0.0]])
    assert bpr(taken, other).item() == pytest.approx((np.log(2) + np.log(4 / 3)) / 2)


def test_neumf_by_hand():
    """One dimension, all weights one: h p q + b, and a network of ReLU(p' + q') twice."""
    model = NeuMF(NeuMFSettings(embedding_dim=1, hidden=(2,)), 1, 1, generator=torch.Generator())
    with torch.no_grad():
        for name, value in zip(model.tables(), (2.0, 3.0, 0.5, 0.25), strict=True):
            getattr(model, name).weight.fill_(value)
        model.product.weight.fill_(10)
        model.product.bias.fill_(1)
        for linear in model.network.linears:
            linear.weight.fill_(1)
    assert model.pair(torch.tensor([0]), torch.tensor([0])).item() == pytest.approx(10 * 6 + 1 + 2 * 0.75)
