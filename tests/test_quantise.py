"""Few bits for one's own model, and as the last step of any method."""

import numpy as np
import pytest
import torch
from test_compression_laws import SIZES as FIELDS
from test_compression_laws import D as DIM
from test_compression_laws import N, generator, ids_of_all, small
from torch import nn

from lfmp_core import quantise_
from lfmp_core.budget import NOTHING, Budget
from lfmp_core.data import InteractionData
from lfmp_core.embeddings import FullTable
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.errors import LfmpError, UnknownName
from lfmp_core.experiments import stamp
from lfmp_core.experiments.spec import DatasetRef, RunSpec
from lfmp_core.methods import get_method
from lfmp_core.models import BackboneSettings, build_model, load_model, save_model
from lfmp_core.models.recommenders import RECOMMENDERS, build_recommender, recommender_settings
from lfmp_core.surgery import cut
from lfmp_core.tasks import Clicks, TopItems
from lfmp_core.training import TrainingSettings, predict
from lfmp_core.training.pairs import PairTrainingSettings


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
