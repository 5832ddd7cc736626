"""Compressed tables: the laws of a table, over all of them, and their formulas by hand."""

import numpy as np
import pytest
import torch

from lfmp_core.efficiency import export_onnx
from lfmp_core.embeddings import TABLES, build_table, table_factory, table_spec
from lfmp_core.embeddings.dhe import DHETable, primes_between
from lfmp_core.embeddings.hashing import PRIME
from lfmp_core.errors import LfmpError
from lfmp_core.models import BackboneSettings, build_model, load_model, save_model
from lfmp_core.surgery import cut, plan_fields
from lfmp_core.training import Trainer, TrainingSettings

SIZES, DIM = (7, 3, 110, 2, 50, 40), 8
N = sum(SIZES)
SPECS = {
    "full": {"name": "full"},
    "hashing": {"name": "hashing", "buckets": 20},
    "universal": {"name": "hashing", "buckets": 20, "hash": "universal"},
    "qr": {"name": "qr", "remainders": 15},
    "tt_rec": {"name": "tt_rec", "ranks": (5, 3)},
    "tt_cached": {"name": "tt_rec", "ranks": (5, 3), "cache_rows": 10},
    "dhe": {"name": "dhe", "hashes": 12, "hidden": (9, 7)},
    "dhe_literal": {"name": "dhe", "hashes": 12, "hidden": (9,), "linear_output": False},
    "memcom": {"name": "memcom", "buckets": 20, "bias": True},
    "mixed_dimension": {"name": "mixed_dimension", "dims": (8, 8, 1, 8, 2, 3)},
}
COMPRESSED = [name for name in SPECS if name != "full"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def made(name, seed=0):
    """A table of the matrix, every parameter away from 0 and 1 so that nothing is hidden."""
    table = build_table(SPECS[name], SIZES, DIM, generator(seed))
    if name == "tt_cached":
        table.populate(torch.arange(N))
    with torch.no_grad():
        for parameter in table.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator(seed + 1)) * 0.3)
    return table


def some_ids(dtype=torch.int32):
    return torch.randint(0, N, (50, 6), generator=generator(5)).to(dtype)


def plainly(table, ids):
    """The vectors of ids [k], id by id, straight from the formula."""
    own = dict(table.named_parameters())
    rows = []
    for i in ids.tolist():
        match table_spec(table):
            case {"name": "full"}:
                rows.append(own["weight"][i])
            case {"name": "hashing", "hash": "universal"}:
                a, c = table.constants.tolist()
                rows.append(own["weight"][(a * (i + 1) + c) % PRIME % 20])
            case {"name": "hashing"}:
                rows.append(own["weight"][i % 20])
            case {"name": "qr"}:
                rows.append(own["remainder"][i % 15] * own["quotient"][i // 15])
            case {"name": "memcom"}:
                rows.append(own["shared"][i % 20] * own["scale"][i] + own["shift"][i])
            case {"name": "mixed_dimension", "dims": dims}:
                f = int(np.searchsorted(np.cumsum(SIZES), i, side="right"))
                start = sum(n * d for n, d in zip(SIZES[:f], dims, strict=False))
                start += (i - sum(SIZES[:f])) * dims[f]
                row = own["weight"][start : start + dims[f]]
                if dims[f] < DIM:
                    p = sum(d * DIM for d in dims[:f] if d < DIM)
                    row = row @ own["projection"][p : p + dims[f] * DIM].view(dims[f], DIM)
                rows.append(row)
            case {"name": "tt_rec"} if table.cached is not None and i in table.cached:
                rows.append(own["cache"][table.cached.tolist().index(i)])
            case {"name": "tt_rec"}:
                n2, n3 = table.row_split[1:]
                slices = zip(table.cores, (i // (n2 * n3), i // n3 % n2, i % n3), strict=True)
                rows.append(torch.einsum("zar,rbs,scz->abc", *(core[k] for core, k in slices)).flatten())
            case {"name": "dhe"}:
                a, b, p = table.constants.long().tolist()
                hashes = [(x * (i + 1) + y) % z % 10**6 for x, y, z in zip(a, b, p, strict=True)]
                rows.append(torch.tensor([2 * h / (10**6 - 1) - 1 for h in hashes]))
    out = torch.stack(rows)
    if isinstance(table, DHETable):
        for k, linear in enumerate(table.linears):
            out = linear(out)
            if k < len(table.norms):
                mean, var = out.mean(0), out.var(0, unbiased=False)
                norm = table.norms[k]
                out = (out - mean) / (var + norm.eps).sqrt() * norm.weight + norm.bias
                out = out * torch.log1p(out.exp()).tanh()
    return out


@pytest.mark.parametrize("name", SPECS)
def test_vectors_and_gradients_are_those_of_the_formula(name):
    table, ids = made(name).train(), some_ids()
    factors = torch.randn(*ids.shape, DIM, generator=generator(9))
    distinct, slot = ids.unique(return_inverse=True)
    expected = plainly(table, distinct)[slot]
    actual = table(ids)
    assert torch.allclose(actual, expected, atol=1e-5)
    wanted = torch.autograd.grad((expected * factors).sum(), list(table.parameters()))
    found = torch.autograd.grad((actual * factors).sum(), list(table.parameters()))
    for key, a, b in zip(dict(table.named_parameters()), wanted, found, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4), key


@pytest.mark.parametrize("name", SPECS)
def test_weight_view_equals_forward(name):
    table, ids = made(name).eval(), some_ids()
    assert table.weight_view().shape == (N, DIM)
    assert torch.allclose(table.weight_view()[ids.long()], table(ids), atol=1e-6)
    with torch.inference_mode():
        assert torch.allclose(table.weight_view()[ids.long()], table(ids), atol=1e-6)
    assert torch.equal(table(ids), table(ids.long()))


@pytest.mark.parametrize("name", SPECS)
def test_counts_are_what_is_stored(name):
    table = made(name)
    spec = dict(SPECS[name])
    kind = TABLES[spec.pop("name")]
    stored = sum(p.numel() for p in table.parameters())
    assert table.num_parameters() == stored
    if name != "full":
        assert type(table).count(SIZES, DIM, kind.settings_type(**spec)) == stored
    sides = {
        "universal": 2 * 8,
        "tt_cached": 10 * 8,
        "dhe": 3 * 12 * 4 + 2 * 16 * 4 + 2 * 8,
    }  # hash constants, running statistics
    if name in sides:
        assert table.num_bytes() == 4 * stored + sides[name]
    elif name != "dhe_literal":
        assert table.num_bytes() == 4 * stored


@pytest.mark.parametrize("name", SPECS)
def test_same_seed_same_bits(name):
    tables = [build_table(SPECS[name], SIZES, DIM, generator(s)).eval() for s in (1, 1, 2)]
    views = [table.weight_view() for table in tables]
    assert torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])
    assert build_table(table_spec(tables[0]), SIZES, DIM, generator(1)).eval().weight_view().equal(views[0])


@pytest.mark.parametrize("name", COMPRESSED)
def test_strange_ids_are_refused(name):
    table = made(name).eval()
    for bad in (-1, N):
        with pytest.raises(IndexError):
            table(torch.tensor([[0, bad]]))
        with torch.no_grad(), pytest.raises(IndexError):
            table(torch.tensor([[0, bad]]))


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_cut_is_refused_with_the_remedy(name):
    settings = BackboneSettings(name="deepfm", embedding_dim=DIM, hidden=(4,))
    model = build_model(settings, SIZES, seed=0, table=table_factory(**named(name)))
    with pytest.raises(LfmpError, match="for the kept fields alone"):
        cut(model, plan_fields(model, (0, 2)))
    if name not in ("memcom", "mixed_dimension"):
        with pytest.raises(LfmpError, match="can't be scaled"):
            model.table.scale_fields(torch.ones(len(SIZES)))


def named(name):
    spec = dict(SPECS[name])
    return {"name": spec.pop("name"), "settings": spec}


@pytest.mark.parametrize("name", ["memcom", "mixed_dimension"])
def test_fields_are_scaled_where_that_is_possible(name):
    table, factors = made(name), torch.tensor([2.0, 0.0, 0.5, 1.0, -1.0, 3.0])
    before = table.weight_view().detach().clone()
    table.scale_fields(factors)
    each = factors.repeat_interleave(torch.tensor(SIZES)).unsqueeze(1)
    assert torch.allclose(table.weight_view(), before * each, atol=1e-6)


@pytest.mark.parametrize("name", ["hashing", "qr", "tt_cached", "dhe", "memcom", "mixed_dimension"])
def test_saved_and_exported_models_score_alike(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    settings = BackboneSettings(name="deepfm", embedding_dim=DIM, hidden=(4,))
    model = build_model(settings, SIZES, seed=0, table=table_factory(**named(name))).eval()
    offsets = torch.tensor([0, *SIZES[:-1]]).cumsum(0)
    ids = (torch.rand(33, 6, generator=generator()) * torch.tensor(SIZES)).int() + offsets.int()
    logits = model(ids)
    loaded = load_model(save_model(model, tmp_path / "model")).eval()
    assert torch.equal(loaded(ids), logits)
    session = onnxruntime.InferenceSession(export_onnx(model, tmp_path / "model.onnx"))
    assert np.allclose(session.run(None, {"ids": ids.numpy()})[0], logits.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_learns(name, planted):
    """Half of the parameters, and far better than chance (.5) all the same."""
    options = {"dhe": {"hashes": 64}}.get(name, {})
    factory = table_factory(name, 0.0 if name == "full" else 0.5, options)
    settings = BackboneSettings(name="deepfm", embedding_dim=8, hidden=(16,))
    model = build_model(settings, planted.schema.field_sizes, seed=0, table=factory)
    training = TrainingSettings(learning_rate=0.01, batch_size=256, epochs=3)
    history = Trainer(model, planted.split("train"), training, seed=0, validation=planted.split("val")).fit()
    assert max(h["val_auc"] for h in history) > 0.72


def filled(spec, sizes, dim, **values):
    """A table with these parameters."""
    table = build_table(spec, sizes, dim, generator()).eval()
    with torch.no_grad():
        for key, value in values.items():
            table.get_parameter(key).copy_(torch.tensor(value))
    return table


def test_rows_by_hand():
    def view(*arguments, **values):
        return filled(*arguments, **values).weight_view().tolist()

    assert view({"name": "hashing", "buckets": 2}, (3, 2), 1, weight=[[1.0], [2]]) == [
        [1],
        [2],
        [1],
        [2],
        [1],
    ]
    halves = {"remainder": [[1.0], [2]], "quotient": [[10.0], [20], [30]]}
    assert view({"name": "qr", "remainders": 2}, (3, 2), 1, **halves) == [[10], [20], [20], [40], [30]]
    parts = {"shared": [[1.0, 2], [3, 4]], "scale": [[1.0], [2], [3]]}
    assert view({"name": "memcom", "buckets": 2}, (1, 2), 2, **parts) == [[1, 2], [6, 8], [3, 6]]
    parts = {"weight": [1.0, 2, 3, 4, 5, 6, 7], "projection": [10.0, 100]}
    assert view({"name": "mixed_dimension", "dims": (2, 1)}, (2, 3), 2, **parts) == [
        [1, 2], [3, 4], [50, 500], [60, 600], [70, 700],
    ]  # fmt: skip


def test_dhe_by_hand():
    """h: 2·1+3 = 5; 500,002·2+3 = 1,000,007 leaves 4 of p; 1,000,001 < p leaves 1 of M."""
    table = build_table(
        {"name": "dhe", "hashes": 2, "hidden": (1,), "batch_norm": False}, (2,), 1, generator()
    )
    table.constants.copy_(torch.tensor([[2, 500_002], [3, 3], [1_000_003, 1_000_003]]))
    codes = table.codes(torch.tensor([0, 1]))
    expected = [[2 * 5 / 999_999 - 1, 2 * 500_005 / 999_999 - 1], [2 * 7 / 999_999 - 1, 2 * 4 / 999_999 - 1]]
    assert torch.allclose(codes, torch.tensor(expected), atol=1e-7)
    table.constants.copy_(torch.tensor([[1, 1], [1_000_000, 0], [1_000_003, 1_000_003]]))
    assert table.codes(torch.tensor([0]))[0, 0] == pytest.approx(2 * 1 / 999_999 - 1)
    with torch.no_grad():
        for parameter, value in zip(table.parameters(), (1.0, 0.0, 2.0, 1.0), strict=True):
            parameter.fill_(value)
        table.linears[0].weight.copy_(torch.tensor([[1.0, 0.0]]))
    # mish(−1) = −tanh(ln(1 + 1/e)) = −.30340
    assert table(torch.tensor([0])).item() == pytest.approx(1 - 2 * 0.30340, abs=1e-4)


def test_codes_are_spread_evenly_and_tell_ids_apart():
    assert len(primes_between(1_000_003, 2_059_181)) == 74_518
    table = build_table({"name": "dhe", "hashes": 64, "hidden": (1,)}, (5_000_000,), 1, generator())
    ids = torch.tensor([*range(1000), *range(4_999_000, 5_000_000)])
    codes = table.codes(ids)
    a, b, p = table.constants.long()
    exact = (a * (ids.unsqueeze(1) + 1) + b) % p % 1_000_000
    assert torch.allclose(codes, (exact.double() * 2 / 999_999 - 1).float(), atol=1e-7)
    assert len(codes.unique(dim=0)) == 2000
    assert codes.min() < -0.99 and codes.max() > 0.99


def test_rows_are_remembered_until_the_table_learns():
    table, ids = made("dhe").eval(), some_ids()
    asked = []
    rows = table.rows
    table.rows = lambda ids: asked.append(len(ids)) or rows(ids)
    with torch.inference_mode():
        first = table(ids)
    with torch.no_grad():
        assert torch.equal(table(ids), first)
        table(torch.arange(N))
    assert asked == [ids.unique().numel(), N - ids.unique().numel()]
    optimizer = torch.optim.SGD(table.parameters(), 0.1)
    table(ids).sum().backward()
    optimizer.step()
    with torch.no_grad():
        assert torch.allclose(table(ids), rows(torch.arange(N))[ids.long()], atol=1e-6)
        assert not torch.allclose(table(ids), first)
