"""Law 2 of recommenders: saved, loaded, the same scores; what can't be loaded again is refused and named."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from lfmp_core import quantise_
from lfmp_core.budget import Budget
from lfmp_core.embeddings import TABLES
from lfmp_core.errors import DataError, LfmpError
from lfmp_core.experiments.numerics import methods_on, pairs_of
from lfmp_core.experiments.tiny import planted_pairs
from lfmp_core.methods import get_method
from lfmp_core.models import load_recommender, save_recommender
from lfmp_core.models.factors import FactorSettings, MatrixFactorisation
from lfmp_core.models.lightgcn import LightGCN
from lfmp_core.models.recommenders import RECOMMENDERS
from lfmp_core.tasks import TopItems

COMPRESSIONS = [m for m in methods_on(TopItems) if "numbers" in get_method(m).removes and m != "quantise"]
SHORT = {
    "pep": {"rise_epochs": 1.0, "find_epochs": 2},
    "cerp": {"rise_epochs": 1.0, "find_epochs": 2},
    "optembed_d": {"search_epochs": 1, "evolution": {"generations": 1}},
}
OWN = {"dhe": {"hashes": 33}}


@torch.no_grad()
def scores(model):
    return model.eval().scorer()(torch.arange(model.num_users))


def check(model, folder):
    """What is loaded gives the same scores, to the last bit, and is what is served."""
    loaded = load_recommender(save_recommender(model, folder))
    assert torch.equal(scores(loaded), scores(model))
    assert type(loaded) is type(model.served()) and loaded.settings == model.served().settings
    assert {name: type(t) for name, t in loaded.tables().items()} == {
        name: type(t) for name, t in model.served().tables().items()
    }
    assert loaded.num_bytes() == model.served().num_bytes()
    users, items = torch.tensor([0, 5, 2]), torch.tensor([3, 3, 1])
    torch.testing.assert_close(loaded.pair(users, items), scores(model)[users, items], rtol=1e-5, atol=1e-6)
    return loaded


@pytest.fixture(params=list(RECOMMENDERS))
def task(request):
    return pairs_of(request.param).with_training(epochs=1)


@pytest.mark.parametrize("table", TABLES)
def test_loaded_gives_the_same_scores(task, table, tmp_path):
    settings = {"table": table, "tolerance": 0.3, "table_settings": OWN.get(table, {})}
    budget = Budget(0.0 if table == "full" else 0.5, "numbers")
    check(get_method("table").run(task, budget, 1, settings=settings).model, tmp_path / "model")


@pytest.mark.parametrize("method", [m for m in COMPRESSIONS if m != "table"])
def test_what_a_method_serves_survives_a_save(method, tmp_path):
    """Of NeuMF, whose tables are served as they are."""
    settings = {**SHORT.get(method, {})}
    if "tolerance" in get_method(method).settings_type.model_fields:
        settings["tolerance"] = 0.5
    task = pairs_of("neumf").with_training(epochs=1)
    check(
        get_method(method).run(task, Budget(0.5, "numbers"), 1, settings=settings).model, tmp_path / "model"
    )


@pytest.mark.parametrize(("bits", "per"), [(8, "row"), (4, "field"), (2, "row")])
def test_what_is_served_in_few_bits(task, bits, per, tmp_path):
    """Scales are float16 where the model is float32. Of LightGCN the factors are rounded: they are served."""
    model = quantise_(task.model(0).served(), bits, per)
    check(model, tmp_path / "model")
    whole = task.model(0).served()
    assert model.num_parameters() == whole.num_parameters()
    tables = sum(table.num_bytes() for table in whole.tables().values())
    saved = sum(4 * p.numel() for p in whole.parameters()) - model.num_bytes()
    assert saved > (1 - bits / 32 - (0.25 if per == "row" else 0.05)) * tables


def test_popularity_is_stored_in_one_number_an_item(tmp_path):
    task = pairs_of("mf")
    check(get_method("popularity").run(task, seed=1).model, tmp_path / "model")
    stored = load_file(tmp_path / "model" / "recommender.safetensors")
    assert sum(x.numel() for x in stored.values()) == task.dataset.num_items + 1


def test_lightgcn_is_served_by_its_vectors(tmp_path):
    model = pairs_of("lightgcn").model(0)
    assert model.training and model.served().training and model.training
    loaded = check(model, tmp_path / "model")
    assert isinstance(loaded, MatrixFactorisation) and type(model) is LightGCN
    assert torch.equal(torch.cat([loaded.users.weight, loaded.items.weight]), model.vectors())
    assert loaded.served() is loaded


def test_a_recommender_replaces_a_recommender_alone(tmp_path):
    model = pairs_of("mf").model(0)
    save_recommender(model, tmp_path / "model")
    save_recommender(pairs_of("neumf").model(0), tmp_path / "model")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").write_text("mine")
    with pytest.raises(DataError, match="notes"):
        save_recommender(model, tmp_path / "other")
    assert (tmp_path / "other" / "notes").read_text() == "mine"


class Mine(MatrixFactorisation):
    """Another class under a name that is taken."""


def test_what_would_be_loaded_as_something_else_is_refused(tmp_path):
    data = planted_pairs()
    model = Mine(FactorSettings(), data.num_users, data.num_items, generator=torch.Generator())
    with pytest.raises(LfmpError, match="Mine is not the recommender 'mf'"):
        save_recommender(model, tmp_path / "model")
    more = pairs_of("mf").model(0)
    more.extra = torch.nn.Linear(2, 2)
    with pytest.raises(LfmpError, match="extra"):
        save_recommender(more, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("fault", ["no head", "other sizes", "not served", "no weights", "unknown part"])
def test_a_damaged_folder_is_named(fault, tmp_path):
    folder = save_recommender(pairs_of("neumf").model(0), tmp_path / "model")
    path = folder / "recommender.json"
    head = json.loads(path.read_text())
    changes = {
        "other sizes": {"num_users": 3},
        "not served": {"recommender": {"name": "lightgcn", "embedding_dim": 16}},
        "unknown part": {"parts": {"tabel": {"kind": "sparse"}}},
    }
    path.write_text(json.dumps(head | changes.get(fault, {})))
    if fault == "no head":
        path.unlink()
    if fault == "no weights":
        save_file({"none": torch.zeros(1)}, folder / "recommender.safetensors")
    with pytest.raises(DataError, match=r"holds no whole recommender.*save_recommender"):
        load_recommender(folder)
