"""Adam on lists of rows is torch's Adam: the same weights, whatever a batch touches, lazily or not."""

import numpy as np
import pytest
import torch

from lfmp_core.embeddings import FullTable
from lfmp_core.embeddings.lookup import looked_up_by
from lfmp_core.experiments.spec import plain
from lfmp_core.models import BackboneSettings, build_model
from lfmp_core.training import Trainer, TrainingSettings, predict
from lfmp_core.training.row_adam import RowAdam, RowIndex


def _both(l2, steps, lazy, rows=40, dim=11, seed=0):
    """Two tables after the same sparse gradients: a few rows a step, some rows never, some every time."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(rows, dim, generator=generator)
    dense, own = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    adam, row_adam = torch.optim.Adam([dense], 0.01, weight_decay=l2), RowAdam(own, 0.01, l2, lazy=lazy)
    for step in range(steps):
        ids = torch.randint(0, rows - 5, (3, 4), generator=generator)
        ids[0, 0] = 7
        if step % 50 > 25:
            ids.fill_(7)  # all others wait for a long time
        target = torch.randn(3, 4, dim, generator=generator)
        adam.zero_grad()
        ((dense[ids] - target) ** 2).sum().backward()
        adam.step()
        ((row_adam.lookup(ids) - target) ** 2).sum().backward()
        row_adam.step()
        if not lazy:
            assert torch.allclose(dense, own, atol=2e-5), step
    return dense, own, adam.state[dense], row_adam


@pytest.mark.parametrize("lazy", [True, False])
@pytest.mark.parametrize("dim", [1, 11, 5000])
@pytest.mark.parametrize("l2", [0.0, 1e-5, 1e-2])
def test_weights_and_moments_are_those_of_dense_adam(l2, dim, lazy):
    steps = 500 if dim < 100 else 60
    dense, own, state, row_adam = _both(l2, steps, lazy, dim=dim)
    kept = row_adam.state()
    assert torch.allclose(dense, own, atol=2e-5)
    assert torch.allclose(state["exp_avg"], kept["exp_avg"], atol=1e-5)
    assert torch.allclose(state["exp_avg_sq"], kept["exp_avg_sq"], atol=1e-5)
    assert kept["step"] == state["step"] == steps


@pytest.mark.parametrize("rows", [1, 371, 373, 5000])
def test_every_row_moves_at_block_edges(rows):
    """Blocks hold 4,096 // 11 = 372 rows: first and last rows of blocks, touched or not, move alike."""
    start = torch.randn(rows, 11, generator=torch.Generator().manual_seed(0))
    dense, own = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    adam, row_adam = torch.optim.Adam([dense], 0.1, weight_decay=0.1), RowAdam(own, 0.1, 0.1, lazy=False)
    ids = torch.tensor([i for i in (0, 370, 371, 372, rows - 1) if i < rows])
    dense[ids].square().sum().backward()
    adam.step()
    row_adam.lookup(ids).square().sum().backward()
    row_adam.step()
    assert torch.allclose(dense, own, atol=1e-6)


def test_a_dense_gradient_beside_the_lookups_is_added():
    """An objective may differentiate the weight itself; a lazy table may have been stale, and refuses."""
    start = torch.arange(12.0).view(6, 2)
    dense, own = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    adam, row_adam = torch.optim.Adam([dense], 0.1), RowAdam(own, 0.1, 0.0, lazy=False)
    (dense[torch.tensor([1, 2])].sum() + (dense**2).sum()).backward()
    (row_adam.lookup(torch.tensor([1, 2])).sum() + (own**2).sum()).backward()
    adam.step()
    row_adam.step()
    assert torch.allclose(dense, own, atol=1e-6) and own.grad is None
    lazy = RowAdam(torch.nn.Parameter(start.clone()), 0.1, 0.0)
    (lazy.weight**2).sum().backward()
    with pytest.raises(RuntimeError, match="'dense'"):
        lazy.step()


def test_no_gradient_no_step():
    """As torch's Adam skips a parameter without gradient: no decay, no coasting, no count."""
    row_adam = RowAdam(torch.nn.Parameter(torch.ones(3, 2)), 0.1, 0.5, lazy=False)
    row_adam.step()
    assert torch.equal(row_adam.weight, torch.ones(3, 2)) and row_adam.steps == 0


def test_tables_with_the_same_ids_share_one_index():
    """The second lookup of a batch finds its distinct rows ready; another batch's are found anew."""
    index = RowIndex(5)
    ids = torch.tensor([[3, 1], [3, 4]])
    rows, slot = index(ids)
    assert rows.tolist() == [3, 1, 4] and slot.tolist() == [0, 1, 0, 2]
    assert index(ids)[0] is rows
    index.forget()
    again, _ = index(ids)
    assert again is not rows and again.tolist() == [3, 1, 4]
    assert index(torch.tensor([1, 1]))[0].tolist() == [1]


def test_only_rows_of_the_batch_move_until_the_table_is_read():
    weight = torch.nn.Parameter(torch.ones(6, 2))
    row_adam = RowAdam(weight, 0.1, 0.5)
    for _ in range(3):
        row_adam.lookup(torch.tensor([[2, 4, 2]])).sum().backward()
        row_adam.step()
    assert torch.equal(weight[[0, 1, 3, 5]], torch.ones(4, 2))
    row_adam.flush()
    # Adam divides a gradient that is decay alone by its own size: each step is about the learning rate
    assert torch.allclose(weight[[0, 1, 3, 5]], torch.full((4, 2), 0.7), atol=1e-2)


def test_a_row_looked_up_twice_gets_the_sum_of_its_gradients():
    weight = torch.nn.Parameter(torch.zeros(3, 1))
    row_adam = RowAdam(weight, 0.1, 0.0)
    (row_adam.lookup(torch.tensor([1, 1, 2])) * torch.tensor([[2.0], [3.0], [-1.0]])).sum().backward()
    row_adam.step()
    assert row_adam.state()["exp_avg"].flatten().tolist() == pytest.approx([0, 0.5, -0.1])
    assert weight.flatten().tolist() == pytest.approx([0, -0.1, 0.1], abs=1e-6)


def test_two_lookups_before_a_step_add_up():
    """As dense Adam has it: every looked-up row moves, a row in both gets the sum."""
    start = torch.arange(12.0).view(6, 2)
    dense, lazy = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    adam, row_adam = torch.optim.Adam([dense], 0.1, weight_decay=0.01), RowAdam(lazy, 0.1, 0.01)
    for _ in range(2):
        adam.zero_grad()
        (dense[torch.tensor([1, 2])].square().sum() + dense[torch.tensor([4, 2, 5])].sum()).backward()
        adam.step()
        first, second = row_adam.lookup(torch.tensor([1, 2])), row_adam.lookup(torch.tensor([4, 2, 5]))
        (first.square().sum() + second.sum()).backward()
        row_adam.step()
    row_adam.flush()
    assert torch.allclose(dense, lazy, atol=1e-6)


def test_a_trained_table_is_an_ordinary_one_again(planted):
    """Gradients asked for after lazy training reach the weight, not the trainer."""
    settings = TrainingSettings(batch_size=128, epochs=1, optimizer="lazy")
    model = build_model(BackboneSettings(name="dnn", hidden=(8,)), planted.schema.field_sizes, seed=0)
    rows = planted.split("train")[:300]
    Trainer(model, rows, settings, seed=0).fit()
    model(torch.tensor(rows.ids[:5])).sum().backward()
    assert model.table.weight.grad is not None


@pytest.mark.parametrize("name", ["deepfm", "pnn"])
def test_training_lazily_gives_the_scores_of_training_densely(name, planted):
    schema, rows = planted.schema, planted.split("train")[:2000]

    def logits(optimizer):
        model = build_model(
            BackboneSettings(name=name, embedding_dim=4, hidden=(8,)), schema.field_sizes, seed=0
        )
        settings = TrainingSettings(learning_rate=1e-3, batch_size=128, epochs=2, optimizer=optimizer)
        history = Trainer(model, rows, settings, seed=0, validation=planted.split("val")).fit()
        return predict(model, planted.split("val")), history[-1]["val_auc"]

    (dense, dense_auc), (lazy, lazy_auc) = logits("dense"), logits("lazy")
    assert np.abs(dense - lazy).max() < 2e-3
    assert abs(dense_auc - lazy_auc) < 1e-3


def test_resumed_lazy_training_equals_uninterrupted(planted, tmp_path):
    schema, rows = planted.schema, planted.split("train")[:1000]
    settings = TrainingSettings(batch_size=128, epochs=2, optimizer="lazy")

    def trainer(folder):
        model = build_model(BackboneSettings(name="deepfm", hidden=(8,)), schema.field_sizes, seed=0)
        return Trainer(model, rows, settings, seed=0, checkpoint=folder)

    whole = trainer(tmp_path / "whole")
    whole.fit()
    for stop in (3, 8, 11):
        trainer(tmp_path / "parts").fit(stop_at=stop)
    parts = trainer(tmp_path / "parts")
    parts.fit()
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, parts.model.state_dict()[key]), key


def test_a_setting_that_came_later_leaves_old_identities_alone():
    assert "optimizer" not in plain(TrainingSettings())
    assert plain(TrainingSettings(optimizer="lazy"))["optimizer"] == "lazy"
    assert TrainingSettings(**plain(TrainingSettings())) == TrainingSettings()


def test_rows_are_looked_up_by_another_only_inside_and_with_gradients():
    """A table is not written into, and another table's rows stay its own."""
    tables = [FullTable((5,), 2, std=1.0, generator=torch.Generator().manual_seed(0)) for _ in range(2)]
    ids, state = torch.tensor([3, 0, 3]), dict(vars(tables[0]))
    plain = [table.weight[ids] for table in tables]
    with looked_up_by({id(tables[0].weight): lambda ids: torch.zeros(len(ids), 2)}):
        assert not tables[0](ids).any() and torch.equal(tables[1](ids), plain[1])
        with torch.no_grad():
            assert torch.equal(tables[0](ids), plain[0])
        with pytest.raises(RuntimeError), looked_up_by({}):
            raise RuntimeError
        assert not tables[0](ids).any()
    assert torch.equal(tables[0](ids), plain[0]) and vars(tables[0]) == state
