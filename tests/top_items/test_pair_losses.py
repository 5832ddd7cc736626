"""The two losses of pairs against dense formulas, and their numbers by hand."""

import math

import numpy as np
import pytest
import torch

from lfmp_core.data.interactions import Interactions
from lfmp_core.models.batch import PairBatch
from lfmp_core.models.graph import Graph
from lfmp_core.models.lightgcn import LightGCN, LightGCNSettings
from lfmp_core.models.neumf import NeuMF, NeuMFSettings
from lfmp_core.training import pair_losses
from lfmp_core.training.pair_losses import PairLogLoss, PairwiseLoss
from lfmp_core.training.pairs import PairTrainingSettings

USERS, ITEMS = 6, 7
# user 1 and item 2 stand there twice, item 4 as a negative twice
BATCH = PairBatch(torch.tensor([0, 1, 1]), torch.tensor([2, 2, 3]), torch.tensor([[4, 5], [4, 6], [0, 1]]))


@pytest.fixture
def pairs():
    rng = np.random.default_rng(3)
    return Interactions.of_pairs(rng.integers(0, USERS, 20), rng.integers(0, ITEMS, 20), USERS, ITEMS)


def lightgcn(pairs, layers=2):
    settings = LightGCNSettings(embedding_dim=4, layers=layers)
    generator = torch.Generator().manual_seed(0)
    model = LightGCN(settings, Graph(pairs), USERS, generator=generator)
    with torch.no_grad():
        for table in model.tables().values():
            table.weight.mul_(10)  # scores of some size
    return model


def dense(pairs, e, layers):
    """Mean of Âˡ E with Â written out."""
    a = torch.zeros(USERS + ITEMS, USERS + ITEMS)
    a[pairs.users(), USERS + pairs.items] = 1
    a += a.T.clone()
    scale = a.sum(1).clamp(min=1).rsqrt()
    a = scale[:, None] * a * scale
    total, layer = e, e
    for _ in range(layers):
        layer = a @ layer
        total = total + layer
    return total / (layers + 1)


def spread(v, temperature):
    """log Σ_j exp(v̂_i·v̂_j / τ) − 1/τ, its mean over i, one term after the other."""
    unit = [row / row.norm() for row in v]
    rows = [sum(torch.exp(a @ b / temperature) for b in unit) for a in unit]
    return sum(torch.log(row) - 1 / temperature for row in rows) / len(rows)


@pytest.mark.parametrize("l2,contrast", [(0.0, 0.0), (0.3, 0.0), (0.0, 0.7), (0.3, 0.7)])
def test_pairwise_loss_and_its_gradient_are_those_of_the_formula(pairs, l2, contrast):
    """BPR over all K negatives; L2 of every row as often as it is asked for; InfoNCE of distinct rows."""
    model = lightgcn(pairs)
    settings = PairTrainingSettings(l2=l2, contrast=contrast, temperature=0.4)
    found = PairwiseLoss(settings, torch.Generator())(model, BATCH, 0)
    found.backward()
    e = model.embeddings().detach().clone().requires_grad_()
    v = dense(pairs, e, 2)
    terms = [
        torch.log(1 + torch.exp(v[u] @ v[USERS + j] - v[u] @ v[USERS + i]))
        for u, i, js in zip(*(part.tolist() for part in BATCH), strict=True)
        for j in js
    ]
    asked = [0, 1, 1, *(USERS + i for i in (2, 2, 3)), *(USERS + j for j in (4, 5, 4, 6, 0, 1))]
    expected = sum(terms) / 6 + l2 / (2 * 3) * sum(e[row] @ e[row] for row in asked)
    expected = expected + contrast * spread(v[[0, 1, USERS + 2, USERS + 3]], 0.4)
    expected.backward()
    torch.testing.assert_close(found, expected)
    grad = torch.cat([model.users.weight.grad, model.items.weight.grad])
    torch.testing.assert_close(grad, e.grad, rtol=1e-4, atol=1e-6)


def test_rows_of_info_nce_are_capped_and_drawn_afresh(pairs, monkeypatch):
    """Of the batch's four distinct users and taken items three, another three in time, never a negative."""
    model, seen = lightgcn(pairs), []
    monkeypatch.setattr(pair_losses, "info_nce", lambda v, t: (seen.append(v.detach()), v.new_zeros(()))[1])
    settings = PairTrainingSettings(l2=0, contrast=1, contrast_rows=3)
    loss = PairwiseLoss(settings, torch.Generator().manual_seed(1))
    for step in range(20):
        loss(model, BATCH, step)
    allowed = [tuple(row) for row in model.vectors()[[0, 1, USERS + 2, USERS + 3]].tolist()]
    chosen = [frozenset(allowed.index(tuple(row)) for row in v.tolist()) for v in seen]
    assert {len(rows) for rows in chosen} == {3} and len(set(chosen)) == 4


def test_info_nce_by_hand():
    """Two orthogonal vectors: log(1 + e^{−1/τ}); two alike: log 2."""
    v = torch.tensor([[2.0, 0.0], [0.0, 0.5]])
    assert pair_losses.info_nce(v, 0.5).item() == pytest.approx(math.log(1 + math.exp(-2)))
    assert pair_losses.info_nce(v[[0, 0]], 0.5).item() == pytest.approx(math.log(2))


def test_info_nce_is_in_float32_whatever_autocast_says():
    v = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        half = pair_losses.info_nce(v)
    assert torch.equal(half, pair_losses.info_nce(v))


def test_log_loss_of_pairs_and_its_gradient_are_those_of_the_formula():
    """Taken pairs and negatives have a mean each; a user's row counts once for its K + 1 pairs."""
    settings = NeuMFSettings(embedding_dim=3, hidden=(5,))
    model = NeuMF(settings, USERS, ITEMS, generator=torch.Generator().manual_seed(0))
    PairLogLoss(PairTrainingSettings(l2=0.4))(model, BATCH, 0).backward()
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()

    def score(user, item):
        return model.pair(torch.tensor([user]), torch.tensor([item]))[0]

    users, taken, others = (part.tolist() for part in BATCH)
    of_taken = sum(torch.log(1 + torch.exp(-score(u, i))) for u, i in zip(users, taken, strict=True)) / 3
    of_others = sum(
        torch.log(1 + torch.exp(score(u, j))) for u, js in zip(users, others, strict=True) for j in js
    )
    rows = [(f"{part}_users", u) for part in ("gmf", "mlp") for u in users]
    rows += [
        (f"{part}_items", i) for part in ("gmf", "mlp") for i in [*taken, *BATCH.others.flatten().tolist()]
    ]
    l2 = 0.4 / (2 * 3) * sum(model.tables()[name].weight[row].square().sum() for name, row in rows)
    expected = of_taken + of_others / 6 + l2
    torch.testing.assert_close(PairLogLoss(PairTrainingSettings(l2=0.4))(model, BATCH, 0), expected)
    expected.backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6)


def test_log_loss_by_hand():
    """All scores 0: ln 2 of the taken pairs and ln 2 of the negatives, however many they are."""
    model = NeuMF(NeuMFSettings(embedding_dim=2, hidden=(2,)), USERS, ITEMS, generator=torch.Generator())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert PairLogLoss(PairTrainingSettings())(model, BATCH, 0).item() == pytest.approx(2 * math.log(2))
