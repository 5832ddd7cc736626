"""Raw rows in, the trained model's own scores out: every backbone, every table, every way of making it small.

What can be wrong about a model in a folder is in its weights and parts; what can be wrong about raw rows is
in the encoder; both are in every cell of the matrix. An exporter meets the operations of a backbone, of a
table and of a form, each of which is in one graph at least.
"""

import json

import numpy as np
import pytest
import torch
from scipy.special import expit
from sized import sized

from lfmp_core import quantise_
from lfmp_core.data.raw_rows import RowEncoder, values_by_field
from lfmp_core.data.schema import SPLITS
from lfmp_core.efficiency import graph_logits, open_graph
from lfmp_core.embeddings import TABLES, table_factory
from lfmp_core.embeddings.sparse import SparseTable
from lfmp_core.errors import LfmpError
from lfmp_core.models import REGISTRY, build_model, load_model, save_model
from lfmp_core.serving.folder import Served, load_served, save_served
from lfmp_core.surgery import cut
from lfmp_core.training import predict

DIM, KEPT = 8, (0, 3, 4, 6)
FORMS = ("whole", "masked", "cut", "pruned", "quantised")
SETTINGS = {"qr": {"remainders": 4}, "hashing": {"buckets": 9}, "memcom": {"buckets": 9, "bias": True}}
SETTINGS |= {"tt_rec": {"ranks": (3, 2)}, "dhe": {"hashes": 6, "hidden": (5,)}, "full": {"std": 0.5}}


def made(backbone, table, form, schema):
    """An untrained model in which nothing is zero or equal to another."""
    settings = sized(backbone, embedding_dim=DIM, hidden=(6,), cin=(4,), init_std=0.5)
    own = SETTINGS.get(table) or {"dims": tuple(2 + f % 5 for f in range(schema.num_fields))}
    if form == "cut" and table == "mixed_dimension":
        own = {"dims": tuple(own["dims"][f] for f in KEPT)}
    fields = KEPT if form == "cut" and table != "full" else None
    model = build_model(
        settings,
        schema.field_sizes,
        schema.scalar_columns,
        seed=5,
        table=table_factory(table, settings=own),
        fields=fields,
    )
    generator = torch.Generator().manual_seed(1)
    for parameter in model.table.parameters():
        parameter.data.normal_(std=0.25 if table == "dhe" else 0.5, generator=generator)
    for parameter in model.parameters():
        if not parameter.any():
            parameter.data.normal_(std=0.3, generator=generator)
    model.eval()
    if form == "cut" and table == "full":
        return cut(model, KEPT).eval()
    if form == "masked":
        gate = torch.linspace(0.1, 1, schema.num_fields)
        if table == "full":  # of other tables only kept fields can be cut, and no gate be folded
            return cut(model, range(schema.num_fields), gate, gate_linear=True).eval()
        model.linear = None if model.linear is None else scaled(model.linear, gate)
    if form == "pruned":
        weight = model.table.weight_view().detach()
        kept = torch.rand(weight.shape, generator=generator) < 0.5
        model.table = SparseTable.of(weight, kept, schema.field_sizes)
    return quantise_(model, 4) if form == "quantised" else model


def scaled(table, gate):
    table.scale_fields(gate)
    return table


def truth(model, data):
    """Probabilities of the model, by its own ids of all prepared rows in the file's order."""
    return expit(np.concatenate([predict(model, data.split(split)) for split in SPLITS]).astype(np.float64))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("backbone", REGISTRY)
def test_raw_rows_get_the_models_scores(backbone, table, form, own, tmp_path):
    model, schema = made(backbone, table, form, own.data.schema), own.data.schema
    loaded = load_model(save_model(model, tmp_path / "model")).eval()
    encoder = RowEncoder(schema, values_by_field(own.data.vocabulary(), schema), loaded.columns.tolist())
    served = Served(tmp_path, None, schema, loaded, encoder)
    done = served.predict(own.rows[encoder.columns])
    expected = truth(model, own.data)
    assert np.allclose(done.scores, expected, rtol=0, atol=1e-6) and expected.std() > 1e-3
    assert len(encoder.fields) == (len(KEPT) if form == "cut" else schema.num_fields)


LONGEST = max(len(REGISTRY), len(TABLES), len(FORMS))
DIAGONAL = [
    (list(REGISTRY)[k % len(REGISTRY)], list(TABLES)[k % len(TABLES)], FORMS[k % len(FORMS)])
    for k in range(LONGEST)
]


@pytest.mark.parametrize(("backbone", "table", "form"), DIAGONAL)
def test_folder_and_graph_agree_with_the_model(backbone, table, form, own, tmp_path):
    """Whole rows, one alone, and wrong ids, which a graph reads as unseen and the model refuses."""
    model, schema = made(backbone, table, form, own.data.schema), own.data.schema
    served = save_served(model, own.data, tmp_path / "served")
    expected = truth(model, own.data)
    done = load_served(tmp_path / "served").predict(own.file)
    assert np.allclose(done.scores, expected, rtol=0, atol=1e-6)
    assert served.card.agreement <= 1e-5 * max(1, np.abs(np.log(expected / (1 - expected))).max())

    session, encoded = open_graph(tmp_path / "served" / "model.onnx"), served.encode(own.rows)
    for rows in (encoded.rows[:1], encoded.rows[:7], encoded.rows):
        assert np.allclose(expit(graph_logits(session, rows)), expected[: len(rows)], rtol=0, atol=1e-5)
    wrong, unseen = np.array(encoded.ids[:9]), np.array(encoded.ids[:9])
    place = model.columns.tolist()[1]
    offset = schema.fields[place].offset
    wrong[:, place] = [-1, offset - 1, offset + schema.fields[place].size, schema.num_ids, 2**31 - 1] + 4 * [
        -5
    ]
    unseen[:, place] = offset
    values = None if encoded.values is None else encoded.values[:9]
    feeds = [{"ids": ids.astype(np.int64), "values": values} for ids in (wrong, unseen)]
    got, meant = (session.run(None, feed)[0] for feed in feeds)
    assert np.array_equal(got, meant)
    with pytest.raises(LfmpError):
        model(torch.from_numpy(wrong), torch.from_numpy(values))


def test_a_model_of_other_rows_is_refused(own, planted, tmp_path):
    model = made("dnn", "full", "cut", own.data.schema)
    with pytest.raises(LfmpError, match="rows of 8 fields that are not those of planted"):
        save_served(model, planted, tmp_path / "served")
    assert not (tmp_path / "served").exists()


def test_damaged_folders_are_refused(own, tmp_path):
    folder = tmp_path / "served"
    save_served(made("dnn", "full", "whole", own.data.schema), own.data, folder)
    card = json.loads((folder / "card.json").read_text())
    for name in card["files"]:
        path = folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + b"!")
        with pytest.raises(LfmpError, match=f"{name}: this file is not as it was written"):
            load_served(folder)
        path.unlink()
        with pytest.raises(LfmpError, match=f"{name}: this file is missing"):
            load_served(folder)
        path.write_bytes(whole)
    for text in ("{", "[]", json.dumps(card | {"digest": 3}), json.dumps(card | {"more": 1})):
        (folder / "card.json").write_text(text)
        with pytest.raises(LfmpError, match="not the card of a served model"):
            load_served(folder)
    with pytest.raises(LfmpError, match="no served model here"):
        load_served(tmp_path / "elsewhere")
