"""The formulas of the compression methods, by hand and against slower forms."""

import math

import pytest
import torch
from torch.nn import functional

from lfmp_core.embeddings import BudgetError, FullTable
from lfmp_core.methods.compression.autodim import CandidateTable, candidates, dims_within
from lfmp_core.methods.compression.cerp import complementary
from lfmp_core.methods.compression.deeplight import sparsity_at
from lfmp_core.methods.compression.dsl import exchange_entries
from lfmp_core.methods.compression.magnitude import largest_entries
from lfmp_core.methods.compression.optembed import width_at, width_bias
from lfmp_core.methods.compression.sseds import columns_within, entry_saliency
from lfmp_core.methods.compression.threshold import Threshold
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.models.batch import ClickBatch
from lfmp_core.training import Batches, to_batch


def model_for(dataset):
    schema = dataset.schema
    settings = BackboneSettings(name="deepfm", embedding_dim=8, hidden=(16,))
    return build_model(settings, schema.field_sizes, schema.scalar_columns, seed=0)


def test_largest_by_hand():
    scores = torch.tensor([[9.0, 1, 2], [3, 3, 3], [8, 7, 0]])
    assert largest_entries(scores, 3).tolist() == [[True, False, False], [False] * 3, [True, True, False]]
    # of the three equal ones the first two
    assert largest_entries(scores, 5).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, False],
    ]
    assert largest_entries(scores, 4, 1).tolist() == [
        [True, False, False],
        [True, False, False],
        [True, True, False],
    ]
    assert largest_entries(scores, 0).sum() == 0 and largest_entries(scores, 9).all()


@pytest.mark.parametrize("row_minimum", [0, 1, 3])
def test_largest_keeps_exactly_so_many_and_protects_rows(row_minimum):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 6, (50, 7), generator=generator).float()  # many ties
    for count in (row_minimum * 50, 151, 349, 350):
        mask = largest_entries(scores, count, row_minimum)
        assert mask.sum() == count and mask.sum(1).min() >= row_minimum
        ordered = scores.sort(1, descending=True).values
        rest = ordered[:, row_minimum:].flatten().sort(descending=True).values
        expected = ordered[:, :row_minimum].sum() + rest[: count - row_minimum * 50].sum()
        assert scores[mask].sum() == expected


def test_one_threshold_says_what_one_an_entry_says():
    """PEP as printed, one s an entry, Adam with weight decay on all, against the one s(t).

    Every s stays within .1 of it while the first tenth of the entries is pruned, and the masks agree.
    """
    generator = torch.Generator().manual_seed(0)
    v = (torch.randn(1000, 4, generator=generator) * 0.01).requires_grad_()
    rows = torch.randint(0, 1000, (8, 256, 10), generator=generator)
    effect = torch.randn(1000, generator=generator) * (torch.arange(1000) < 250)
    noise = torch.randn(8, 256, generator=generator)
    labels = (effect[rows].sum(2) + noise > 0).float()
    s, one = torch.full_like(v, -15.0).requires_grad_(), Threshold(-15.0, 0.02)
    groups = [{"params": [v], "lr": 1e-3}, {"params": [s], "lr": 0.02}]
    optimizer = torch.optim.Adam(groups, weight_decay=1e-4)
    for step in range(700):
        hat = v.sign() * torch.relu(v.abs() - s.sigmoid())
        logits = hat[rows[step % 8]].sum((1, 2))
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(logits, labels[step % 8]).backward()
        optimizer.step()
        one.advance()
    assert -5 < one.s < -4
    assert (s - one.s).abs().max() < 0.1
    pruned = v.abs() <= one.value()
    assert 0.05 < pruned.float().mean() < 0.15
    assert ((v.abs() <= s.sigmoid()) == pruned).float().mean() > 0.999


def test_cerp_regulariser_by_hand():
    """−Σ tanh²(100x): lowest where nothing is near zero, flat where nothing is."""
    e = torch.tensor([[0.0, 0.01], [-0.01, 1.0]], requires_grad=True)
    loss = complementary(e, 100.0)
    assert loss.item() == pytest.approx(-(2 * math.tanh(1) ** 2 + 1))
    loss.backward()
    slope = 200 * math.tanh(1) * (1 - math.tanh(1) ** 2)
    assert torch.allclose(e.grad, torch.tensor([[0.0, -slope], [slope, 0.0]]))


def test_deeplight_rises_as_printed():
    """R(1 − 0.99^{k/100}) reaches .99 R after 100 ln .01 / ln .99 = 45,821 steps."""
    for step in (0, 1_000, 20_000, 45_821):
        assert sparsity_at(step, 45_821, 0.9) == pytest.approx(0.9 * (1 - 0.99 ** (step / 100)), abs=1e-6)


def test_exchange_by_hand():
    """Half of four change places: the two smallest go, the two steepest free places of the batch come."""
    weight = torch.tensor([[5.0, 9.0], [0.1, -4.0], [-0.2, 3.0], [8.0, 7.0]])
    mask = torch.tensor([[1, 0], [1, 0], [1, 1], [0, 0]], dtype=torch.bool)
    rows = torch.tensor([0, 1, 2])
    grad = torch.tensor([[99.0, -2.0], [99.0, 3.0], [99.0, 99.0]])  # row 3 is not in the batch
    assert exchange_entries(weight, mask, rows, grad, 0.5) == 2
    assert mask.tolist() == [[True, True], [False, True], [False, True], [False, False]]
    assert weight[mask].tolist() == [5.0, 0.0, 0.0, 3.0]
    # a batch without free places changes nothing
    assert exchange_entries(weight, mask, torch.tensor([0]), torch.ones(1, 2), 0.5) == 0
    assert mask.sum() == 4


def test_saliency_is_the_gradient_of_a_mask(planted):
    """Against a finite difference of the loss in single entries of α."""
    model = model_for(planted).double().eval()
    model.table.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    rows = planted.split("train")[:64]
    ids, _, labels = to_batch(rows, slice(None))
    scores = entry_saliency(model, [ClickBatch(ids, None, labels.double())])

    def loss(f, d, by):
        alpha = torch.ones(39, 8, dtype=torch.float64)
        alpha[f, d] += by
        e = model.table(ids) * alpha
        logits = model.bias + model.linear(ids).sum((1, 2)) + model.interact(e)
        return functional.binary_cross_entropy_with_logits(logits, labels.double()).item()

    for f, d in ((0, 0), (7, 3), (38, 7)):
        slope = abs(loss(f, d, 1e-5) - loss(f, d, -1e-5)) / 2e-5
        assert scores[f, d].item() == pytest.approx(slope, rel=1e-4)
    assert isinstance(model.table, FullTable)


def test_columns_within_by_hand():
    """In order of score: (1,0) costs 100, (0,1) 5, (1,1) no longer fits, (0,0) does."""
    scores = torch.tensor([[1.0, 3.0], [4.0, 2.0]])
    assert columns_within(scores, (5, 100), 115).tolist() == [[True, True], [True, False]]
    assert columns_within(scores, (5, 100), 104).tolist() == [[False, False], [True, False]]
    assert columns_within(scores, (5, 100), 99).tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize(
    ("dim", "sparsity", "alpha"),
    [(64, 0.8, 1.08184), (64, 0.95, 1.45455), (32, 0.95, 2.66667), (16, 0.7, 1.22473), (16, 0.8, 1.44561)],
)
def test_biased_widths_have_the_wanted_mean(dim, sparsity, alpha):
    """LERS §5.2.2 by bisection; its code has 1.083 for 64 and .8. The law by hand: p_i ∝ α^{h−i}."""
    mean = (1 - sparsity) * dim
    assert width_bias(mean, dim) == pytest.approx(alpha, abs=1e-5)
    shares = [alpha ** (dim - i) for i in range(1, dim + 1)]
    assert sum(i * p for i, p in enumerate(shares, 1)) / sum(shares) == pytest.approx(mean, rel=1e-4)
    widths = width_at(alpha, dim)
    assert widths.mean() == pytest.approx(mean, rel=0.01) and widths.min() == 1


def test_no_bias_is_the_uniform_law():
    """OptEmbed's own: half the dimensions or more need no bias."""
    assert width_bias(8.5, 16) == width_bias(12, 16) == 1
    assert set(width_at(1.0, 4).tolist()) == {1, 2, 3, 4} and width_at(1.0, 4).mean() == 2.5


def test_dimensions_within_by_hand():
    """Candidates 1, 2, 4 of D = 4. A short row costs its map too: d·4 a field."""
    assert [candidates(d) for d in (1, 2, 10, 16)] == [(1,), (1, 2), (1, 2, 4, 8, 10), (1, 2, 4, 8, 16)]
    scores = torch.tensor([[-3.0, -2.0, -1.0], [-2.0, -5.0, -1.0]])
    sizes = (10, 100)
    assert dims_within(scores, (1, 2, 4), sizes, 4, 440) == (4, 4)
    # field 1 loses 1 for 300 numbers; field 0 would lose 1 for 20
    assert dims_within(scores, (1, 2, 4), sizes, 4, 439) == (4, 1)
    # of 144 numbers now: field 0 loses 1 for 12 (28 of 40 stay), or 2 for 26
    assert dims_within(scores, (1, 2, 4), sizes, 4, 143) == (1, 1)
    # 3 ids take 12 numbers at 4, but 14 at 2 with the map
    assert dims_within(torch.tensor([[-9.0, -1.1, -1.0]]), (1, 2, 4), (3,), 4, 11) == (1,)
    with pytest.raises(BudgetError, match="118"):
        dims_within(scores, (1, 2, 4), sizes, 4, 117)


def test_candidates_are_projected_normalised_and_mixed():
    table = CandidateTable((3, 4), 4, std=1.0, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[0, 3], [1, 4], [2, 6], [1, 5]])
    parts = [part.detach() for part in table.rows.weight.split([1, 2, 4], 1)]
    normal = []
    for part, weight in zip(parts, table.projections, strict=True):
        full = torch.stack([part[ids[:, f]] @ weight[f].detach() for f in range(2)], 1)
        normal.append((full - full.mean(0)) / (full.var(0, unbiased=False) + 1e-5).sqrt())
    table.mixture = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
    expected = torch.stack([normal[1][:, 0], (normal[0][:, 1] + normal[2][:, 1]) / 2], 1)
    assert torch.allclose(table(ids), expected, atol=1e-5)


def test_saliency_covers_every_batch(planted):
    """A mean over batches of absolute gradients, not the gradient of the mean."""
    model = model_for(planted)
    batches = Batches(planted.split("train")[:512], 256, 0)
    each = [entry_saliency(model, [batch]) for batch in batches.epoch(0)]
    assert torch.allclose(entry_saliency(model, batches.epoch(0)), sum(each) / 2)
