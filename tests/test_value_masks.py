"""Values and dimensions that are removed for good: masks by hand, and what is served."""

import numpy as np
import pytest
import torch
from sized import sized
from torch.nn import functional

from lfmp_core.data import Rows
from lfmp_core.efficiency import export_onnx
from lfmp_core.embeddings import FullTable
from lfmp_core.embeddings.masked import (
    FixedWidths,
    MaskedRows,
    field_of_ids,
    leading,
    unit_step,
    widths_by_id,
)
from lfmp_core.embeddings.ragged import RaggedTable
from lfmp_core.errors import DataError, LfmpError
from lfmp_core.methods.gating.evolution import EvolutionSettings, evolve
from lfmp_core.methods.gating.optembed import OptEmbedSettings, Supernet
from lfmp_core.methods.gating.optfs import OptFSSettings, ValueGates
from lfmp_core.methods.gating.values import openness, remove_values
from lfmp_core.models import BackboneSettings, build_model, load_model, save_model
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.models.batch import ClickBatch
from lfmp_core.surgery import plan_fields

SIZES = (3, 2, 4)
# field 1 keeps nothing; widths of whole rows (OptFS), and of a field's leading dimensions (OptEmbed)
WHOLE = torch.tensor([4, 0, 4, 0, 0, 4, 4, 0, 4])
LEADING = torch.tensor([3, 0, 3, 0, 0, 1, 1, 0, 1])


def full(dim=4):
    return FullTable(SIZES, dim, std=1.0, generator=torch.Generator().manual_seed(0))


def all_rows():
    ids = torch.cartesian_prod(*(torch.arange(size) for size in SIZES)) + torch.tensor([0, 3, 5])
    return ids.int(), torch.arange(len(ids)).unsqueeze(1) / 12 - 1


# ------------------------------------------------------------------------------------------- ragged tables


def test_ragged_rows_by_hand():
    """Rows of 2, 0, 1 and 2 of 2 numbers; the index says where each starts."""
    weight = torch.tensor([[1.0, 2], [3, 4], [5, 6], [7, 8]])
    table = RaggedTable.pack(weight, torch.tensor([2, 0, 1, 2]), (3, 1))
    assert table.weight.tolist() == [[1.0], [2], [5], [7], [8]]
    assert table.starts.tolist() == [0, 2, 2, 3, 5]
    assert table.weight_view().tolist() == [[1, 2], [0, 0], [5, 0], [7, 8]]
    assert (table.num_parameters(), table.num_bytes()) == (5, 5 * 4 + 5 * 4)
    table.scale_fields(torch.tensor([10.0, 2.0]))
    assert table.weight_view().tolist() == [[10, 20], [0, 0], [50, 0], [14, 16]]


@pytest.mark.parametrize("widths", [WHOLE, LEADING, LEADING.clamp(min=1), WHOLE // 2], ids=str)
def test_ragged_rows_are_masked_rows(widths):
    """Law 4, by both ways of looking up; same gradients; the largest possible unit; counts as stored."""
    table, plain = RaggedTable.pack(full().weight, widths, SIZES), full()
    masked = plain.weight * leading(widths, 4)
    ids = torch.randint(0, 9, (5, 3), dtype=torch.int32)
    with torch.no_grad():
        assert torch.equal(table(ids), masked[ids.long()])
        assert torch.equal(table.weight_view()[ids.long()], table(ids))
    assert torch.equal(table(ids), masked[ids.long()])
    table(ids).square().sum().backward()
    masked[ids.long()].square().sum().backward()
    packed = RaggedTable.pack(plain.weight.grad, widths, SIZES)
    assert torch.allclose(table.weight.grad, packed.weight)
    assert table.unit == {4: 4, 3: 1, 2: 2}[int(widths.max())]
    assert table.num_parameters() == sum(p.numel() for p in table.parameters()) == widths.sum()
    assert table.num_bytes() == 4 * widths.sum() + 4 * 10


def test_ragged_tables_refuse():
    table = RaggedTable.pack(full().weight, WHOLE, SIZES)
    for wrong in (-1, 9):
        for grad in (True, False):
            with torch.set_grad_enabled(grad), pytest.raises((IndexError, RuntimeError)):
                table(torch.tensor([wrong]))
    with pytest.raises(ValueError, match="every row"):
        RaggedTable.pack(full().weight, 0 * WHOLE, SIZES)


def test_masked_rows_gate_what_is_looked_up():
    asked = []

    def gate(ids, e):
        asked.append(ids.numel())
        return ids.unsqueeze(-1).float()

    table = MaskedRows(full(), gate)
    ids = torch.tensor([[2, 4, 8], [0, 3, 5]])
    assert torch.equal(table(ids), full()(ids) * ids.unsqueeze(-1))
    assert asked == [6]
    assert torch.equal(table.weight_view()[ids], table(ids))
    assert table.num_parameters() == 36
    model = build_model(BackboneSettings(name="dnn", embedding_dim=4), SIZES, seed=0)
    model.table = table
    with pytest.raises(LfmpError, match="for training"):
        save_model(model, "never")


# --------------------------------------------------------------------------------------- masked and served


@pytest.mark.parametrize("widths", [WHOLE, LEADING], ids=["rows", "dimensions"])
@pytest.mark.parametrize("name", REGISTRY)
def test_masked_equals_served(name, widths, tmp_path):
    """Masked model, model without the numbers, the same saved and loaded, and exported: equal logits."""
    settings = sized(name, embedding_dim=4, hidden=(6,), cin=(4, 3), init_std=0.5)
    model = build_model(settings, SIZES, (2,), seed=0)
    if model.linear is not None:
        model.linear.weight.data.normal_(generator=torch.Generator().manual_seed(1))
        model.linear.weight.data[3:5] = 0  # the field that leaves takes its first-order weights along
    ids, values = all_rows()
    whole, table = model.num_parameters(), model.table
    model.table = MaskedRows(table, FixedWidths(widths, 4))
    masked = model.eval()(ids, values).detach()
    model.table = table
    served = remove_values(model, widths).eval()
    assert served.columns.tolist() == [0, 2]
    lost = ids.clone()
    lost[:, 1] = -1
    for grad in (True, False):
        with torch.set_grad_enabled(grad):
            assert torch.allclose(served(lost, values), masked, atol=1e-6)
    assert served.table.num_parameters() == widths.sum()
    assert served.num_parameters() < whole
    stored = served.state_dict().values()
    assert served.num_bytes() == sum(t.numel() * t.element_size() for t in stored)
    with pytest.raises(LfmpError, match="cut the fields first"):
        plan_fields(served, (0,))

    loaded = load_model(save_model(served, tmp_path / "model")).eval()
    assert torch.equal(loaded(ids, values), served(ids, values))
    if name == "dnn":
        onnxruntime = pytest.importorskip("onnxruntime")
        session = onnxruntime.InferenceSession(export_onnx(served, tmp_path / "model.onnx"))
        (logits,) = session.run(None, {"ids": ids.numpy(), "values": values.numpy()})
        assert np.allclose(logits, masked.numpy(), atol=1e-5)


def test_parts_that_no_one_knows_are_refused(tmp_path):
    model = build_model(BackboneSettings(name="dnn", embedding_dim=4), SIZES, seed=0)
    folder = save_model(remove_values(model, WHOLE), tmp_path / "model")
    head = folder / "model.json"
    head.write_text(head.read_text().replace('"ragged"', '"raged"'))
    with pytest.raises(DataError, match="did you mean 'ragged'"):
        load_model(folder)


def test_nothing_left_is_refused():
    model = build_model(BackboneSettings(name="dnn", embedding_dim=4), SIZES, seed=0)
    with pytest.raises(LfmpError, match="every value"):
        remove_values(model, 0 * WHOLE)


def test_openness_is_a_mean_over_occurrences():
    """Field 0 reads ids 0, 0, 1, 2 of margins 3, 3, −1, 2; field 1 is closed; field 2 reads ½, ½, 0, 1."""
    ids = np.array([[0, 3, 5], [0, 4, 5], [1, 3, 6], [2, 3, 7]], np.int32)
    margins = torch.tensor([3, -1, 2, -2, -0.1, 0.5, 0, 1, 9])
    assert np.allclose(openness(Rows(ids, np.zeros(4, np.uint8)), margins), [2, 0, 0.5])


# ------------------------------------------------------------------------------------------------- OptFS


def value_gates(**settings):
    return ValueGates(9, OptFSSettings(**settings), epoch_steps=10)


def test_temperature_grows_geometrically():
    """1, 2, 4, 8, 16 in five epochs of ten steps."""
    gates = value_gates(search_epochs=5, final_temperature=16)
    found = [gates.temperature_at(step) for step in (0, 9, 10, 20, 39, 40)]
    assert found == pytest.approx([1, 1, 2, 4, 8, 16])


def test_value_gates_by_hand():
    """g = σ(T c)/σ(½): 1 at the start; at T = 4, c = ½ it is .880797/.622459; the price is λ Σ σ(T c)."""
    gates = value_gates(search_epochs=2, final_temperature=4, regularisation=0.5)
    ids = torch.tensor([[0, 3, 5]])
    assert torch.allclose(gates.gate(ids, None), torch.ones(1, 3, 1))
    model = build_model(BackboneSettings(name="dnn", embedding_dim=4), SIZES, seed=0)
    model.table = MaskedRows(model.table, gates.gate)
    labels = torch.ones(1)
    for step, temperature, gate, price in ((0, 1, 1.0, 2.801067), (10, 4, 1.415029, 3.963586)):
        loss = gates(model, ClickBatch(ids, None, labels), step)
        assert torch.allclose(gates.gate(ids, None), torch.full((1, 3, 1), gate))
        rest = functional.binary_cross_entropy_with_logits(model(ids), labels)
        assert loss.item() == pytest.approx(rest.item() + price, abs=1e-5)
        gates.c.grad = None
        loss.backward()
        slope = torch.full((1, 1), 0.5 * temperature).sigmoid()
        untouched = 0.5 * temperature * slope * (1 - slope)  # λT σ'(T c)
        assert torch.allclose(gates.c.grad[[1, 2, 4, 6, 7, 8]], untouched.expand(6, 1))


# ----------------------------------------------------------------------------------------------- OptEmbed


def test_step_and_its_derivative_by_hand():
    x = torch.tensor([-1.5, -1, -0.7, -0.4, -0.1, 0, 0.1, 0.4, 1, 1.1], requires_grad=True)
    y = unit_step(x)
    assert y.tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.allclose(slope, torch.tensor([0, 0.4, 0.4, 0.4, 1.6, 2, 1.6, 0.4, 0.4, 0]))


def supernet(alpha=0.5, rate=0.1):
    settings = OptEmbedSettings(regularisation=alpha)
    return Supernet(SIZES, 4, settings, torch.Generator().manual_seed(0), rate)


def test_rows_open_above_their_fields_threshold():
    """‖(1, −1, 0, 0)‖₁ = 2 is not above 2; dimensions are a leading run, of 1 to 4 equally often."""
    net = supernet()
    net.thresholds.data = torch.tensor([[2.0], [1.9], [-1.0]])
    ids = torch.tensor([[0, 3, 5]]).repeat(4000, 1)
    e = torch.tensor([1.0, -1, 0, 0]).expand(4000, 3, 4)
    assert torch.allclose(net.margins(ids, e)[0].flatten(), torch.tensor([0, 0.1, 3.0]))
    mask = net.gate(ids, e)
    assert not mask[:, 0].any()
    widths = mask[:, 1:].sum(-1)
    assert torch.equal(mask[:, 1:], leading(widths, 4))
    counts = torch.bincount(widths.long().flatten(), minlength=5)
    assert counts[0] == 0 and (counts[1:] - 2000).abs().max() < 200
    assert field_of_ids(SIZES).tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]
    assert widths_by_id((3, 1, 2), SIZES).tolist() == [3, 3, 3, 1, 1, 2, 2, 2, 2]


def test_thresholds_follow_plain_descent():
    """With no row near its threshold the gradient is that of α Σ exp(−t): t = 0 + .1·.5·1."""
    net = supernet()
    model = build_model(BackboneSettings(name="dnn", embedding_dim=4), SIZES, seed=0)
    model.table.weight.data.fill_(1.0)
    model.table = MaskedRows(model.table, net.gate)
    net(model, ClickBatch(torch.tensor([[0, 3, 5]]), None, torch.ones(1)), 0).backward()
    net.after_step(0)
    assert torch.allclose(net.thresholds, torch.full((3, 1), 0.05))
    assert net.thresholds.grad is None and net.groups(0.1) == []


def test_evolution_finds_what_it_is_asked_for():
    """Widths 1 to 4 of six fields, nearest to a hidden vector; nothing is valued twice or out of range."""
    hidden, seen = (1, 4, 2, 3, 1, 4), []

    def fitness(widths):
        seen.append(widths)
        return -float(sum(abs(a - b) for a, b in zip(widths, hidden, strict=True)))

    settings = EvolutionSettings(mutated=10, crossed=10, parents=10, generations=30, mutation=0.2)
    found, best = evolve(fitness, 6, 4, settings, np.random.default_rng(0))
    assert found == hidden and best[-1] == 0 and len(best) == 31
    assert best == sorted(best) and best[0] < 0
    assert len(seen) == len(set(seen)) and {w for widths in seen for w in widths} == {1, 2, 3, 4}
    again = evolve(fitness, 6, 4, settings, np.random.default_rng(0))
    assert again == (found, best)
    settings = EvolutionSettings(generations=20, mutation=1)
    one, _ = evolve(lambda w: float(w[0]), 1, 4, settings, np.random.default_rng(0))
    assert one == (4,)


def test_evolution_draws_again_what_is_not_allowed():
    """Of four widths in 1..4 the sum may be 8, as of three in ten: generations are whole all the same."""
    seen = []

    def fitness(widths):
        seen.append(widths)
        return float(widths[0])

    settings = EvolutionSettings(mutated=6, crossed=6, parents=4, generations=3, mutation=0.5)
    found, best = evolve(fitness, 4, 4, settings, np.random.default_rng(0), allowed=lambda w: sum(w) <= 8)
    assert (
        all(sum(widths) <= 8 for widths in seen) and sum(found) <= 8 and found[0] == max(w[0] for w in seen)
    )
    assert len(seen[:12]) == 12 and best[0] == max(w[0] for w in seen[:12])
    with pytest.raises(LfmpError, match=r"2,400 vectors .* none"):
        evolve(fitness, 4, 4, settings, np.random.default_rng(0), allowed=lambda w: False)
