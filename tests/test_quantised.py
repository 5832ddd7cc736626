"""Tables in few bits: their rounding by hand, their laws in every form, in every backbone and recommender."""

import json
from itertools import product

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_compression_laws import LEARNING, SERVED, N, generator, ids_of_all, plain, small
from test_compression_laws import SIZES as FIELDS
from test_compression_laws import D as DIM
from torch import nn

from lfmp_core import quantise_
from lfmp_core.budget import NOTHING, Budget
from lfmp_core.data import InteractionData
from lfmp_core.efficiency import export_onnx
from lfmp_core.embeddings import FullTable
from lfmp_core.embeddings.compressed import NotByField
from lfmp_core.embeddings.packed import Packed
from lfmp_core.embeddings.pair import PairTable
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.errors import DataError, LfmpError, UnknownName
from lfmp_core.experiments import stamp
from lfmp_core.experiments.spec import DatasetRef, RunSpec
from lfmp_core.methods import get_method
from lfmp_core.models import BackboneSettings, build_model, load_model, save_model
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.models.recommenders import RECOMMENDERS, build_recommender, recommender_settings
from lfmp_core.surgery import CutPlan, cut, plan_fields
from lfmp_core.tasks import Clicks, TopItems
from lfmp_core.training import TrainingSettings, predict
from lfmp_core.training.pairs import PairTrainingSettings

WAYS = list(product((2, 4, 8), ("field", "row")))
TRAINED_ONLY = ("thresholded", "masked", "candidates")
FORMS = {name: make for name, make in (LEARNING | SERVED).items() if name not in TRAINED_ONLY}


def form(name):
    """A trained table of that form, in evaluation mode."""
    table = FORMS[name]()
    if name == "tt_cached":
        table.populate(torch.arange(N))
    return table.eval()


def of_weight(weight, sizes, bits=4, per="field"):
    full = FullTable(sizes, weight.shape[1], std=0, generator=generator())
    full.weight.data = weight.clone()
    return QuantisedTable.of(full, bits, per)


# ----------------------------------------------------------------------------------------------- the rounding


def test_rows_by_hand():
    """Two bits: steps of 1 from 0 to 3, codes from the lowest bits on; a field of one value has no step."""
    table = of_weight(torch.tensor([[0.0, 1.2], [2.0, 3.0], [5.0, 5.0]]), (2, 1), bits=2)
    packed = table.inner.weight
    assert packed.codes.tolist() == [0b11_10_01_00, 0] and packed.scale.tolist() == [[1, 0], [0, 5]]
    assert table(torch.tensor([[1, 2], [0, 1]])).tolist() == [[[2, 3], [5, 5]], [[0, 1], [2, 3]]]
    assert table.weight_view().tolist() == [[0, 1], [2, 3], [5, 5]]
    assert (table.num_parameters(), table.num_bytes()) == (6, 2 + 2 * 2 * 4)


def test_rows_of_their_own_scale_by_hand():
    """Four bits: steps of 1 and of 2; three codes fill a byte and a half of the field's."""
    weight = torch.tensor([[0.0, 7, 15], [-10, 20, 0.9]])
    table = of_weight(weight, (2,), bits=4, per="row")
    packed = table.inner.weight
    assert packed.scale.tolist() == [[1, 0], [2, -10]] and packed.scale.dtype == torch.float16
    assert packed.codes.tolist() == [0x70, 0x0F, 0x5F]  # 0, 7, 15 and 0, 15, 5
    assert table.weight_view().tolist() == [[0, 7, 15], [-10, 20, 0]]
    assert (table.num_parameters(), table.num_bytes()) == (6, 3 + 2 * 2 * 2)


def test_pruned_rows_by_hand():
    """(5 · · 6), nothing, (· 8 · ·) in eight steps of .2 and of 0: only what is stored has a code."""
    mask = torch.tensor([[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]).bool()
    weight = torch.tensor([[5.0, 9, 9, 6], [9] * 4, [9, 8, 9, 9]])
    table = QuantisedTable.of(SparseTable.of(weight, mask, (3,)), bits=2)
    assert table.inner.values.codes.tolist() == [0b11_01_00]  # steps of 1 from 5: 5, 6, 8
    assert table(torch.arange(3)).tolist() == [[5, 0, 0, 6], [0] * 4, [0, 8, 0, 0]]
    index = 3 * 2 + 4 * 4  # masks and starts
    assert (table.num_parameters(), table.num_bytes()) == (3, 1 + 8 + index)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3], ids=str)
@pytest.mark.parametrize(("bits", "per"), WAYS)
def test_no_number_moves_by_more_than_half_a_step(bits, per, scale):
    """|w − ŵ| ≤ s/2 for every number, and steps are as short as the type of the scales allows."""
    sizes, dim = (40, 1, 300), 13
    weight = scale * torch.randn(sum(sizes), dim, generator=generator())
    weight[5] = 0.25 * scale  # a row of one value
    table = of_weight(weight, sizes, bits, per)
    groups = sizes if per == "field" else [1] * sum(sizes)
    step = table.inner.weight.scale[:, 0].double()
    away = (weight.double() - table.weight_view().double()).abs()
    for own, rows, s in zip(away.split(groups), weight.double().split(groups), step.tolist(), strict=True):
        rounding = 2.0**-24 * rows.abs().max()  # of the float32 sum itself
        assert own.max() <= s / 2 + rounding
        exact = (rows.max() - rows.min()) / (2**bits - 1)
        if per == "field":
            assert exact <= s <= exact * (1 + 2**-15)
        elif scale == 1:  # float16 rounds an offset and a step by 2⁻¹⁰ at most, where it is not subnormal
            assert exact <= s <= (exact + 2**-10 * rows.abs().max() / (2**bits - 1)) * (1 + 2**-10)


@pytest.mark.parametrize(("bits", "share"), [(8, 0.25), (4, 0.125), (2, 0.0625)])
def test_bytes_are_as_stated(bits, share):
    """Of a plain table: b/32 of its bytes, and 8 for each field or 4 for each row."""
    plain_bytes = 4 * 65 * 16
    weight = torch.randn(65, 16, generator=generator())
    assert of_weight(weight, (60, 5), bits).num_bytes() == share * plain_bytes + 2 * 8
    assert of_weight(weight, (60, 5), bits, "row").num_bytes() == share * plain_bytes + 65 * 4
    # fields begin at a byte: 7 rows of 3 codes are 21, 3 rows 9
    codes = sum(-(-numbers * bits // 8) for numbers in (21, 9))
    assert of_weight(weight[:10, :3], (7, 3), bits).num_bytes() == codes + 2 * 8


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dim", [1, 3, 10, 16, 17, 32])
@pytest.mark.parametrize(("bits", "per"), WAYS)
def test_loops_and_tensor_operations_say_the_same(bits, per, dim, threads):
    """To the last bit, of any shape and order of ids, for plain and for pruned rows."""
    sizes = (50, 1, 20)
    weight = torch.randn(sum(sizes), dim, generator=generator())
    mask = torch.rand(weight.shape, generator=torch.Generator().manual_seed(1)) < 0.4
    mask[3] = False
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for table in (
            of_weight(weight, sizes, bits, per),
            QuantisedTable.of(SparseTable.of(weight, mask, sizes), bits, per),
        ):
            dense = table.weight_view()
            for ids in (
                torch.randint(0, 71, (40, 3), generator=generator()),
                torch.tensor([[0, 50, 51], [49, 50, 70]], dtype=torch.int32),
                torch.arange(70, -1, -1),
                torch.tensor(50),
                torch.zeros(0, 3, dtype=torch.int32),
            ):
                assert torch.equal(table(ids), dense[ids.long()])
                packed = Packed.compiled
                Packed.compiled = lambda *_: False
                try:
                    assert torch.equal(table(ids), dense[ids.long()])
                finally:
                    Packed.compiled = packed
    finally:
        torch.set_num_threads(before)


# ---------------------------------------------------------------------------------------------- every form


@pytest.mark.parametrize(("bits", "per"), WAYS)
@pytest.mark.parametrize("name", FORMS)
def test_every_form_keeps_the_laws_of_a_table(name, bits, per):
    """Laws 3 and 4; the vectors are those of the form with rounded numbers, near the trained ones."""
    table = form(name)
    rounded = QuantisedTable.of(table, bits, per)
    ids = ids_of_all()
    vectors = rounded(ids)
    assert vectors.shape == (24, 3, DIM) and not rounded.training
    assert torch.allclose(rounded.weight_view()[ids.long()], vectors, atol=1e-6)
    assert rounded.num_parameters() == table.num_parameters()
    stored = sum(t.numel() * t.element_size() for t in rounded.state_dict().values())
    assert rounded.num_bytes() == stored
    if bits == 8:
        assert torch.allclose(vectors, table(ids), atol=0.02) and not torch.equal(vectors, table(ids))


def test_factors_are_rounded_each_by_itself():
    """A row of QR is the product of two rounded ones, of a hashed table the rounded one."""
    qr, hashed = form("qr"), form("hashing")
    first, second = (of_weight(w.detach(), (len(w),)).weight_view() for w in (qr.remainder, qr.quotient))
    i = torch.arange(N)
    assert torch.equal(QuantisedTable.of(qr).weight_view(), first[i % 4] * second[i // 4])
    rows = of_weight(hashed.weight.detach(), (5,)).weight_view()
    assert torch.equal(QuantisedTable.of(hashed)(i), rows[i % 5])


def test_a_pair_is_two_rounded_tables():
    pair = form("sparse_pair")
    rounded = QuantisedTable.of(pair, 4)
    assert type(rounded) is PairTable
    parts = [QuantisedTable.of(part, 4).weight_view() for part in (pair.first, pair.second)]
    i = torch.arange(N)
    assert torch.equal(rounded(i), parts[0][i % 4] + parts[1][i // 4])


@pytest.mark.parametrize("name", ["full", "sparse", "ragged", "field_columns", "mixed_dimension"])
def test_fields_are_scaled_where_rows_are_stored(name):
    rounded, factors = QuantisedTable.of(form(name), 4), torch.tensor([2.0, 0.5, -1.0])
    before = rounded.weight_view()
    rounded.scale_fields(factors)
    each = factors.repeat_interleave(torch.tensor(FIELDS)).unsqueeze(1)
    assert torch.allclose(rounded.weight_view(), before * each, atol=1e-6)
    assert torch.allclose(rounded(torch.arange(N)), before * each, atol=1e-6)


def test_what_can_not_be_scaled_says_why():
    with pytest.raises(NotByField, match="scale, then round"):
        QuantisedTable.of(plain(), 4, "row").scale_fields(torch.ones(3))
    with pytest.raises(NotByField, match="rounded qr table"):
        QuantisedTable.of(form("qr"), 4).scale_fields(torch.ones(3))


@pytest.mark.parametrize("name", TRAINED_ONLY)
def test_what_is_still_trained_is_not_rounded(name):
    with pytest.raises(LfmpError, match="can't be rounded: it is still trained"):
        QuantisedTable.of(LEARNING[name]())


def test_refusals():
    with pytest.raises(LfmpError, match="rounded already"):
        QuantisedTable.of(QuantisedTable.of(plain()))
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(LfmpError, match="not finite"):
            of_weight(torch.tensor([[1.0, wrong]]), (1,))
    large = torch.tensor([[0.0, 40_000.0]])
    with pytest.raises(LfmpError, match="take per='field'"):
        of_weight(large, (1,), 8, "row")
    assert of_weight(large, (1,), 8).weight_view()[0].tolist() == pytest.approx([0, 40_000], rel=1e-5)
    for bits, per in ((3, "field"), (4, "column"), (True, "row")):
        with pytest.raises(LfmpError, match="bits are 2, 4 or 8"):
            QuantisedTable.of(plain(), bits, per)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_vectors_have_the_type_of_the_model(dtype):
    """Scales and codes keep their own, whatever a model is brought to."""
    for per in ("field", "row"):
        table = QuantisedTable.of(plain().to(dtype), 4, per)
        there = QuantisedTable.of(plain(), 4, per).to(dtype)
        for made in (table, there):
            assert made(torch.arange(N)).dtype == made.weight_view().dtype == dtype
            kept = {torch.uint8, torch.float32 if per == "field" else torch.float16}
            assert {p.dtype for p in made.parameters()} == kept


# ------------------------------------------------------------------------------------------ every backbone


def rounded_model(backbone, name, bits=4, per="field"):
    model = build_model(small(backbone, DIM), FIELDS, seed=0).eval()
    model.table = QuantisedTable.of(form(name), bits, per)
    return model


SERVED_WAYS = [
    (name, backbone, *WAYS[(i + j) % len(WAYS)])
    for i, name in enumerate(FORMS)
    for j, backbone in enumerate(REGISTRY)
]


@pytest.mark.parametrize(("name", "backbone", "bits", "per"), SERVED_WAYS)
def test_models_are_saved_and_loaded(name, backbone, bits, per, tmp_path):
    """Law 2, in every form and every backbone; and the counts of a model."""
    model, ids = rounded_model(backbone, name, bits, per), ids_of_all()
    folder = save_model(model, tmp_path / "model")
    loaded = load_model(folder).eval()
    assert torch.equal(loaded(ids), model(ids)) and model(ids).std() > 0
    stored = load_file(folder / "model.safetensors")
    assert loaded.num_bytes() == model.num_bytes() == sum(t.nbytes for t in stored.values())
    with_plain = build_model(model.settings, FIELDS, seed=0)
    with_plain.table = form(name)
    assert loaded.num_parameters() == model.num_parameters() == with_plain.num_parameters()


@pytest.mark.parametrize(("name", "backbone", "bits", "per"), SERVED_WAYS[::5])
def test_models_are_exported(name, backbone, bits, per, tmp_path):
    """The graph unpacks what it has gathered. An exporter meets a table's own operations in any backbone."""
    onnxruntime = pytest.importorskip("onnxruntime")
    model, ids = rounded_model(backbone, name, bits, per), ids_of_all(9)
    session = onnxruntime.InferenceSession(export_onnx(model, tmp_path / "model.onnx"))
    for rows in (ids, ids[:1], ids_of_all(40)):
        (logits,) = session.run(None, {"ids": rows.numpy()})
        assert np.allclose(logits, model(rows).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize(("bits", "per"), WAYS)
@pytest.mark.parametrize("backbone", REGISTRY)
def test_masked_equals_cut(backbone, bits, per, tmp_path):
    """Law 1 of what is served: fields of the codes are cut, whole bytes or not; then saved and loaded."""
    model, ids = build_model(small(backbone, 5), (7, 3, 11, 5), seed=0).eval(), None
    quantise_(model, bits, per)
    ids = torch.stack([k + torch.arange(16) % n for k, n in ((0, 7), (7, 3), (10, 11), (21, 5))], 1)
    for kept in ((0, 2), (1, 3), (2,), (0, 1, 2, 3)):
        plan = CutPlan.model_validate_json(plan_fields(model, kept).model_dump_json())
        one = cut(model, plan)
        gate = torch.zeros(4).index_fill(0, torch.tensor(kept), 1.0)
        assert torch.allclose(one(ids), model(ids, None, gate, gate_linear=True), atol=1e-6)
        sizes = [(7, 3, 11, 5)[f] for f in kept]
        codes = sum(-(-5 * n * bits // 8) for n in sizes)
        assert one.table.num_bytes() == codes + (8 * len(kept) if per == "field" else 4 * sum(sizes))
        assert torch.equal(load_model(save_model(one, tmp_path / "model")).eval()(ids), one(ids))


def test_a_gate_is_folded_into_the_steps():
    model, z = quantise_(build_model(small("deepfm", 5), (7, 3), seed=0).eval(), 8), torch.tensor([0.3, 0.9])
    ids = torch.tensor([[1, 8], [6, 9]])
    assert torch.allclose(cut(model, [0, 1], gate=z)(ids), model(ids, None, z), atol=1e-6)


@pytest.mark.parametrize(("name", "why"), [("qr", "kept fields alone"), ("sparse", "removed already")])
def test_a_form_says_why_it_can_not_be_cut(name, why):
    with pytest.raises(LfmpError, match=f"no field can be cut where the table.inner is a .*{why}"):
        plan_fields(rounded_model("dnn", name), [0, 2])


@pytest.mark.parametrize("name", ["full", "sparse", "ragged", "qr"])
def test_damaged_content_is_refused(name, tmp_path):
    """Codes can't be wrong; scales, runs and what they are runs of can."""
    folder = save_model(rounded_model("dnn", name, per="row"), tmp_path / "model")
    head, tensors = json.loads((folder / "model.json").read_text()), load_file(folder / "model.safetensors")

    def refused(table, weights):
        text = json.dumps(head | {"parts": {"table": table}})
        (folder / "model.json").write_text(text)
        save_file(weights, folder / "model.safetensors")
        with pytest.raises(DataError, match="no whole model"):
            load_model(folder)

    table = head["parts"]["table"]
    scale = next(key for key in tensors if key.endswith(".scale"))
    codes = next(key for key in tensors if key.endswith(".codes"))
    refused(table, tensors | {scale: torch.full_like(tensors[scale], torch.nan)})
    refused(table, tensors | {codes: tensors[codes][:-1].clone()})
    refused(table | {"bits": 8}, tensors)
    refused(table | {"bits": 5}, tensors)
    refused(table | {"per": "field"}, tensors)
    refused(table | {"of": table["of"] | {"kind": "quantised"}}, tensors)
    if table["runs"]:
        moved = [table["runs"][0] + 2, table["runs"][1] - 2, *table["runs"][2:]]
        refused(table | {"runs": moved}, tensors)


# ------------------------------------------------------------------------------------------ in one's own code


class Foreign(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.user, self.item = nn.Embedding(50, 16, **options), nn.Embedding(90, 10, **options)

    def forward(self, user, item):
        return self.user(user).sum(-1) + self.item(item).sum(-1)


def test_embeddings_of_a_foreign_model():
    torch.manual_seed(0)
    model, ids = Foreign().eval(), torch.tensor([[0, 3], [49, 1]])
    before = model.item.weight.detach().clone()
    model.item.requires_grad_(False)  # what is frozen can be rounded
    assert quantise_(model, 8, where="item") is model
    assert type(model.user) is nn.Embedding and type(model.item) is QuantisedTable
    assert (model.item(torch.arange(90)) - before).abs().max() <= model.item.inner.weight.scale[0, 0] / 2
    again = quantise_(Foreign(), 8, where=["item"])
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.eval()(ids, ids), model(ids, ids))
    with pytest.raises(LfmpError, match=r"'item': a QuantisedTable .* rounded already"):
        quantise_(model, where="item")
    with pytest.raises(UnknownName, match="did you mean 'user'"):
        quantise_(model, where="usr")
    for options in ({"padding_idx": 0}, {"max_norm": 1.0}):
        with pytest.raises(LfmpError, match=next(iter(options))):
            quantise_(Foreign(**options))


def test_first_order_weights_are_rounded_where_they_are_named(tmp_path):
    model = build_model(small("deepfm", DIM), FIELDS, seed=0).eval()
    nn.init.normal_(model.linear.weight, generator=generator())
    assert type(quantise_(model).linear) is FullTable
    quantise_(model, 8, where="linear")
    assert model.linear.num_bytes() == N + 3 * 8
    small_one, ids = cut(model, [0, 2]), ids_of_all()
    gate = torch.tensor([1.0, 0, 1])
    assert torch.allclose(small_one(ids), model(ids, None, gate, gate_linear=True), atol=1e-6)
    assert torch.equal(load_model(save_model(model, tmp_path / "model")).eval()(ids), model(ids))


# ------------------------------------------------------------------------------------------------- the method


@pytest.fixture(scope="module")
def clicks(planted):
    backbone = BackboneSettings(name="deepfm", embedding_dim=4, hidden=(8,))
    return Clicks(planted, backbone, TrainingSettings(learning_rate=0.01, batch_size=256, epochs=1))


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.RandomState(3)
    users, items = np.nonzero(rng.uniform(size=(30, 40)) < 0.3)
    return InteractionData.from_pairs(users, items, num_users=30, num_items=40)


@pytest.mark.parametrize(
    ("method", "budget", "settings"),
    [
        ("no_selection", NOTHING, {}),
        ("magprune", Budget(0.5, "numbers"), {}),
        ("table", Budget(0.5, "numbers"), {"table": "qr"}),
        ("smaller_dense", Budget(0.5, "bytes"), {}),
        ("random_fields", Budget(0.5), {}),
    ],
)
def test_a_method_and_then_few_bits(method, budget, settings, clicks):
    """The outcome is that of the method, rounded: what it removed stays removed."""
    own = {"bits": 8, "per": "row", "method": method, "method_settings": settings}
    outcome = get_method("quantise").run(clicks, budget, 1, settings=own)
    alone = get_method(method).run(clicks, budget, 1, settings=settings)
    expected = QuantisedTable.of(alone.model.table, 8, "row")
    assert outcome.kept_fields == alone.kept_fields
    assert torch.equal(outcome.model.table.weight_view(), expected.weight_view())
    assert outcome.details["table_bytes"] == [alone.model.table.num_bytes(), expected.num_bytes()]
    assert outcome.sizes()["embedding_parameters"] == alone.sizes()["embedding_parameters"]
    assert outcome.details.get("sparsity") == alone.details.get("sparsity")
    rows = clicks.dataset.split("val")
    assert np.allclose(predict(outcome.model, rows), predict(alone.model, rows), atol=0.05)


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_every_table_of_a_recommender(name, pairs):
    """By the method, and by hand; scores of all items are near those of the whole tables."""
    settings = recommender_settings({"name": name, "embedding_dim": 8})
    task = TopItems(pairs, settings, PairTrainingSettings(batch_size=64, epochs=1, patience=1))
    outcome = get_method("quantise").run(task, seed=1, settings={"bits": 8})
    model = get_method("no_selection").run(task, seed=1).model
    assert all(type(table) is QuantisedTable for table in outcome.model.tables().values())
    scores, users = model.eval().scorer()(torch.arange(30)), torch.arange(30)
    assert outcome.model.num_parameters() == model.num_parameters()
    assert torch.allclose(outcome.model.eval().scorer()(users), scores, atol=0.05)
    assert torch.equal(outcome.model.scorer()(users), quantise_(model, 8).scorer()(users))
    assert set(task.evaluate(outcome.model, "test").metrics) == set(task.evaluate(model, "test").metrics)
    fresh = build_recommender(settings, task.pairs, seed=0)
    assert outcome.model.num_bytes() < fresh.num_bytes()


def test_what_can_not_be_asked_for():
    quantise = get_method("quantise").settings_type
    for wrong, said in (
        ({"method": "lasoo"}, "did you mean 'lasso'"),
        ({"method": "quantise"}, "can't be rounded again"),
        ({"bits": 3}, "bits is 3: it must be 2, 4 or 8"),
        ({"per": "rows"}, "did you mean 'row'"),
    ):
        with pytest.raises(LfmpError, match=said):
            quantise(**wrong)


def test_what_trains_is_in_the_stamp():
    """A change of the inner method, of its tables, or of the rounding makes a record stale."""
    spec = RunSpec(
        item="bits",
        profile="quick",
        role="final",
        dataset=DatasetRef(name="criteo", settings={}, fingerprint="x"),
        backbone={"name": "deepfm"},
        method="quantise",
        method_settings={"bits": 4, "method": "magprune", "sparsity": 0.5},
        training={},
        seed=0,
    )
    alone = spec.model_copy(update={"method": "magprune", "method_settings": {"sparsity": 0.5}})
    added = {"method:quantise", "table:quantised"}
    assert set(stamp.components(spec)) == set(stamp.components(alone)) | added
    assert len(set(stamp.components(spec))) == len(stamp.components(spec))
