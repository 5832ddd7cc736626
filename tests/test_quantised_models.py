"""Models with tables in few bits: saved, loaded, exported, cut; damaged ones are refused."""

import json

import numpy as np
import pytest
import torch
from few_bits import FORMS, WAYS, form
from safetensors.torch import load_file, save_file
from test_compression_laws import SIZES as FIELDS
from test_compression_laws import D as DIM
from test_compression_laws import ids_of_all, small

from lfmp_core import quantise_
from lfmp_core.efficiency import export_onnx
from lfmp_core.embeddings.quantised import QuantisedTable
from lfmp_core.errors import DataError, LfmpError
from lfmp_core.models import build_model, load_model, save_model
from lfmp_core.models.backbone import REGISTRY
from lfmp_core.surgery import CutPlan, cut, plan_fields


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


@pytest.mark.parametrize(("name", "bits", "per"), [(name, *WAYS[i % 6]) for i, name in enumerate(FORMS)])
def test_models_are_exported(name, bits, per, tmp_path):
    """The graph unpacks what it has gathered; a table's operations are the same under any backbone, and an
    export costs seconds, so the lightest backbone has them all."""
    onnxruntime = pytest.importorskip("onnxruntime")
    model, ids = rounded_model("dnn", name, bits, per), ids_of_all(9)
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
