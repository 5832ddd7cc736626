"""Backbones and tables of one's own: one small file, one registered name, and nothing else to change."""

import importlib
import sys
from unittest.mock import patch

import pytest
import torch

import lfmp_core
from lfmp_core.embeddings import TABLES, build_table
from lfmp_core.embeddings import register as register_table
from lfmp_core.embeddings.qr import QRSettings, QRTable
from lfmp_core.errors import LfmpError, UnknownName, WrongValue
from lfmp_core.experiments.executor import execute
from lfmp_core.experiments.search import TPE
from lfmp_core.experiments.spec import DatasetRef, RunSpec, plain
from lfmp_core.experiments.tiny import planted
from lfmp_core.methods import METHODS, get_method
from lfmp_core.methods.base import register as register_method
from lfmp_core.models import REGISTRY, BackboneSettings, DeepFMSettings, build_model, load_model
from lfmp_core.models import save_model as save
from lfmp_core.models.deepfm import DeepFM
from lfmp_core.models.lightgcn import LightGCN
from lfmp_core.models.recommenders import RECOMMENDERS
from lfmp_core.registry import Registry
from lfmp_core.surgery import cut, plan_fields
from lfmp_core.training.pairs import PairTrainingSettings
from lfmp_core.training.settings import TrainingSettings

SIZES = (7, 3, 11, 5)

AUTOINT = '''
"""AutoInt: attention between fields. Products are not normalised, so that a field of zeros adds nothing."""

import torch
from pydantic import Field
from torch import nn

from lfmp_core.models import Backbone, BackboneSettings, register
from lfmp_core.models.layers import MLP


class AutoIntSettings(BackboneSettings):
    """`heads` of the attention."""

    name: str = "autoint"
    heads: int = Field(2, ge=1)


@register("autoint", AutoIntSettings)
class AutoInt(Backbone):
    """logit = b + Σ_f w_{x_f} + linear([a_1 … a_m]), a = e + Σ_h (e Q_h)(e K_h)ᵀ e. Song et al. 2019."""

    def build(self, generator):
        shape = (self.settings.heads, self.settings.embedding_dim, self.settings.embedding_dim)
        self.query, self.key = (nn.Parameter(torch.empty(shape)) for _ in range(2))
        for weight in (self.query, self.key):
            nn.init.normal_(weight, std=0.3, generator=generator)
        self.out = MLP(self.deep_inputs(), (), generator=generator)

    def interact(self, e):
        one = e.unsqueeze(1)
        attention = (one @ self.query) @ (one @ self.key).transpose(2, 3)
        return self.out((e + (attention @ one).sum(1)).flatten(1))
'''


@pytest.fixture
def autoint(tmp_path, monkeypatch):
    """The module, made and imported as a reader's own file is."""
    (tmp_path / "autoint.py").write_text(AUTOINT)
    monkeypatch.syspath_prepend(tmp_path)
    with patch.dict(REGISTRY):
        yield importlib.import_module("autoint")
    del sys.modules["autoint"]


def test_a_backbone_with_a_parameter_of_its_own(autoint, tmp_path):
    settings = BackboneSettings(name="autoint", embedding_dim=4, heads=3, init_std=0.5)
    assert type(settings) is autoint.AutoIntSettings and settings == autoint.AutoIntSettings(**dict(settings))
    model = build_model(settings, SIZES, seed=0)
    assert model.query.shape == (3, 4, 4)
    ids = torch.tensor([[1, 7, 12, 22], [6, 9, 20, 25]])
    small = cut(model, plan_fields(model, [0, 2]))
    assert torch.allclose(small(ids), model(ids, gate=torch.tensor([1.0, 0, 1, 0]), gate_linear=True))
    again = load_model(save(small, tmp_path / "model"))
    assert type(again) is autoint.AutoInt and torch.equal(again(ids), small(ids))
    assert lfmp_core.AutoInt(SIZES, heads=1, embedding_dim=2).query.shape == (1, 2, 2)
    with pytest.raises(UnknownName, match="unknown AutoIntSettings parameter 'head'; did you mean 'heads'"):
        BackboneSettings(name="autoint", head=2)
    with pytest.raises(WrongValue, match="heads is 0: it must be at least 1"):
        autoint.AutoIntSettings(heads=0)


def test_a_run_of_it(autoint):
    """Its id has its own parameters, and of the others' none."""
    spec = RunSpec(
        item="own",
        profile="quick",
        role="search",
        dataset=DatasetRef(name="tiny"),
        backbone=autoint.AutoIntSettings(embedding_dim=2, heads=3),
        training={"epochs": 1, "batch_size": 500},
        method="no_selection",
        seed=0,
    )
    assert set(spec.backbone) == {"name", "embedding_dim", "dropout", "batch_norm", "init_std", "heads"}
    assert RunSpec.model_validate_json(spec.model_dump_json()).id == spec.id
    record, _ = execute(spec, dataset=planted())
    schema = planted().schema
    assert record.sizes["parameters"] == 3 * schema.num_ids + 2 * 3 * 4 + (2 * schema.num_fields + 1) + 1


def test_settings_of_an_older_time():
    """What six backbones once had together stays in their JSON, and is read whatever it says."""
    settings = DeepFMSettings(hidden=(8,))
    dumped = settings.model_dump(mode="json")
    assert (dumped["cin"], dumped["product"]) == ([64, 64, 64], "inner") and "rank" not in dumped
    assert (
        DeepFMSettings.model_validate(dumped) == settings == BackboneSettings.read(dumped | {"cin": [8, 8]})
    )
    for key, value in (("cin", [8, 8]), ("product", "outer")):
        with pytest.raises(UnknownName, match=f"unknown DeepFMSettings parameter '{key}'"):
            BackboneSettings.model_validate(dumped | {key: value})
    with pytest.raises(UnknownName, match="parameter 'heads'"):
        BackboneSettings.read(dumped | {"heads": 2})


@pytest.mark.parametrize("of", [TrainingSettings, PairTrainingSettings])
def test_a_renamed_setting_is_recorded_under_its_first_name(of):
    """Ids and JSON don't change with a name; either name is read, two at once are refused."""
    settings = of(min_metric_by_epoch=(0.5, 0.6))
    assert plain(settings)["floors"] == [0.5, 0.6] and "min_metric_by_epoch" not in plain(settings)
    assert settings.model_dump() == settings.parts() and settings.model_dump()["floors"] == (0.5, 0.6)
    assert "floors" not in plain(of()) and not of.model_fields.keys() & of.recorded.values()
    assert of(**plain(settings)) == of.model_validate_json(settings.model_dump_json()) == settings
    with pytest.raises(WrongValue, match="floors is the former name of min_metric_by_epoch: give one"):
        of.model_validate({**plain(settings), "min_metric_by_epoch": (0.5,)})
    tpe = TPE(space={}, median_pruning=True)
    assert plain(tpe)["hopeless"] is True and "median_pruning" not in plain(tpe)
    assert TPE.model_validate(plain(tpe)) == tpe and tpe.model_copy(update={"median_pruning": False}) != tpe


def test_a_table_of_ones_own(tmp_path):
    with patch.dict(TABLES):

        @register_table("halved", QRSettings)
        class Halved(QRTable):
            """Half of QR's vectors."""

            def rows(self, ids):
                return super().rows(ids) / 2

        table = build_table({"name": "halved", "remainders": 3}, SIZES, 4, torch.Generator())
        assert type(table) is Halved and Halved.kind == "halved" and QRTable.kind == "qr"
        model = lfmp_core.DeepFM(SIZES, embedding_dim=4, table=lambda *_: table)
        ids = torch.tensor([[1, 7, 12, 22]])
        loaded = load_model(save(model, tmp_path / "model"))
        assert type(loaded.table) is Halved and torch.equal(loaded(ids), model(ids))


@pytest.mark.parametrize(
    ("registry", "base", "name"),
    [(REGISTRY, DeepFM, "deepfm"), (TABLES, QRTable, "qr"), (RECOMMENDERS, LightGCN, "lightgcn")],
    ids=lambda value: getattr(value, "what", None),
)
def test_every_registry_refuses_alike(registry, base, name):
    """A second thing under a name, and a name that is not there."""
    before = dict(registry)
    with pytest.raises(LfmpError, match=f"^{registry.what} '{name}' is registered twice$"):
        registry.register(name, base.settings_type)(type("Another", (base,), {}))
    assert registry == before and registry[name] is base and base.kind == name
    with pytest.raises(UnknownName, match=f"^unknown {registry.what} '{name}s'; did you mean '{name}'"):
        registry[name + "s"]
    assert name + "s" not in registry and registry.get(name + "s") is None


def test_a_method_is_refused_alike():
    """Of methods, procedures are entered: the same one again is another method."""
    before = dict(METHODS)
    with pytest.raises(LfmpError, match=r"^method 'shark' is registered twice$"):
        register_method("shark")(METHODS["shark"].procedure)
    with pytest.raises(UnknownName, match=r"^unknown method 'sharks'; did you mean 'shark'"):
        get_method("sharks")
    assert before == METHODS


def test_the_same_thing_may_be_entered_again():
    one = Registry("thing")
    assert one.enter("a", "first") == one.enter("a", "first") == "first"
