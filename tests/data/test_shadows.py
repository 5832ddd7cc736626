"""Shadow fields: as their fields in every count, as nothing in what they foretell."""

import numpy as np
import pytest

from lfmp_core.budget import Budget
from lfmp_core.data import SPLITS, is_shadow, with_shadows
from lfmp_core.data.shadows import SUFFIX, shadow_fingerprint
from lfmp_core.errors import DataError, UnknownName
from lfmp_core.methods import get_method
from lfmp_core.models import BackboneSettings
from lfmp_core.tasks import Clicks
from lfmp_core.training import TrainingSettings


def local(dataset, split, name):
    """Values of a field counted from its own first id."""
    f = dataset.schema.field_names.index(name)
    return np.asarray(dataset.split(split).ids[:, f]) - dataset.schema.fields[f].offset


def test_fields_stay_and_twins_have_their_counts(planted):
    both = with_shadows(planted, 5)
    names = planted.schema.field_names
    assert sorted(both.schema.field_names) == sorted([*names, *(n + SUFFIX for n in names)])
    assert is_shadow(both.schema).sum() == 39
    for split in SPLITS:
        assert np.array_equal(both.split(split).labels, planted.split(split).labels)
        for name in names:
            own, twin = local(planted, split, name), local(both, split, name + SUFFIX)
            assert np.array_equal(local(both, split, name), own)
            assert np.array_equal(np.bincount(twin), np.bincount(own))


def test_one_numbering(planted):
    """Each field's ids start where the one before it ends, and its rows stay inside."""
    schema = with_shadows(planted, 5).schema
    starts = np.cumsum([0, *schema.field_sizes])
    assert [f.offset for f in schema.fields] == starts[:-1].tolist()
    assert schema.num_ids == 2 * planted.schema.num_ids and schema.num_fields == 78
    ids = np.asarray(with_shadows(planted, 5).split("train").ids)
    assert ids.dtype == np.int32
    assert (ids >= starts[:-1]).all() and (ids < starts[1:]).all()


def _z(rows, clicks):
    """Standardised χ² of a column and the clicks, over values of five rows or more: N(0, 1) for noise."""
    count, seen = np.bincount(rows), np.bincount(rows, clicks)
    keep = count >= 5
    expected = count[keep] * clicks.mean()
    chi = np.sum((seen[keep] - expected) ** 2 / (expected * (1 - clicks.mean())))
    return (chi - keep.sum()) / np.sqrt(2 * keep.sum())


def test_twins_know_nothing(planted):
    """Neither of the clicks nor of their own field nor of another twin."""
    both, truth = with_shadows(planted, 5), planted.schema.truth
    clicks = np.asarray(both.split("train").labels, dtype=float)
    names = planted.schema.field_names
    twins = np.array([_z(local(both, "train", name + SUFFIX), clicks) for name in names])
    assert abs(twins.mean()) < 0.6 and twins.max() < 5
    informative = [_z(local(both, "train", name), clicks) for name in truth["informative"]]
    assert min(informative) > 5
    for name in names[:13]:
        own = local(both, "train", name) == 1
        assert abs(_z(local(both, "train", name + SUFFIX), own.astype(float))) < 6
    copy, source = next(iter(truth["redundant"].items()))
    twin = (local(both, "train", source + SUFFIX) == 1).astype(float)
    assert _z(local(both, "train", copy), (local(both, "train", source) == 1).astype(float)) > 100
    assert abs(_z(local(both, "train", copy + SUFFIX), twin)) < 6


def test_truth_calls_them_noise(planted):
    truth = with_shadows(planted, 5).schema.truth
    assert truth["informative"] == planted.schema.truth["informative"]
    assert set(truth["noise"]) == {
        *planted.schema.truth["noise"],
        *(name + SUFFIX for name in planted.schema.field_names),
    }


def test_seed_decides(planted, planted_scalar):
    first, again, other = with_shadows(planted, 1), with_shadows(planted, 1), with_shadows(planted, 2)
    assert first.schema == again.schema
    for split in SPLITS:
        assert np.array_equal(first.split(split).ids, again.split(split).ids)
    name = "C3" + SUFFIX
    assert not np.array_equal(local(first, "train", name), local(other, "train", name))
    assert first.schema.field_names != other.schema.field_names
    prints = {d.schema.fingerprint for d in (planted, first, other, with_shadows(planted_scalar, 1))}
    assert len(prints) == 4 and all(len(p) == 64 for p in prints)
    assert first.schema.fingerprint == shadow_fingerprint(planted.schema.fingerprint, 1)
    first.verify()


def test_order_favours_neither_kind(planted):
    """Over 200 seeds a field stands before its twin about as often as behind it."""
    first = 0
    for seed in range(200):
        names = with_shadows(planted, seed).schema.field_names
        first += names.index("I1") < names.index("I1" + SUFFIX)
    assert 70 < first < 130


def test_splits_are_made_when_asked_for(planted):
    both = with_shadows(planted, 5)
    assert not both.made
    subset, rest = both.pretrain_rows(500, 3)
    assert list(both.made) == ["train"]
    for own, base in zip((subset, rest), planted.pretrain_rows(500, 3), strict=True):
        assert np.array_equal(own, base)
    rows = both.split("train")
    assert rows is both.split("train") and not rows.ids.flags.writeable
    with pytest.raises(UnknownName, match="split 'valid'"):
        both.split("valid")


def test_vocabulary_names_every_id(planted):
    both = with_shadows(planted, 5)
    table, base = both.vocabulary().to_pandas(), planted.vocabulary().to_pandas()
    assert table.dtypes.equals(base.dtypes) and len(table) == 2 * len(base)
    assert table["id"].is_unique
    offsets = {f.name: f.offset for f in planted.schema.fields}
    for field in both.schema.fields:
        own = table[table["field"] == field.name]
        name = field.name.removesuffix(SUFFIX)
        original = base[base["field"] == name]
        assert own["value"].tolist() == original["value"].tolist()
        assert (own["id"] - field.offset).tolist() == (original["id"] - offsets[name]).tolist()


def test_scalar_values_move_with_their_ids(planted_scalar):
    both = with_shadows(planted_scalar, 5)
    scalars = both.schema.scalar_columns
    assert len(scalars) == 2 * len(planted_scalar.schema.scalar_columns) == 26
    rows, base = both.split("train"), planted_scalar.split("train")
    assert rows.values.shape == (len(base), 26) and rows.values.dtype == np.float32
    for f, name in enumerate(planted_scalar.schema.field_names[:13]):
        original = sorted(zip(local(planted_scalar, "train", name), base.values[:, f].tolist(), strict=True))
        for twin in (name, name + SUFFIX):
            column = scalars.index(both.schema.field_names.index(twin))
            own = list(zip(local(both, "train", twin), rows.values[:, column].tolist(), strict=True))
            assert sorted(own) == original
            moved = not np.array_equal(rows.values[:, column], base.values[:, f])
            assert moved == (twin != name)


def test_methods_take_it_for_any_data_set(planted_scalar):
    backbone = BackboneSettings(name="deepfm", embedding_dim=4, hidden=(8,))
    task = Clicks(with_shadows(planted_scalar, 5), backbone, TrainingSettings(batch_size=256, epochs=1))
    whole = get_method("no_selection").run(task, seed=0)
    assert whole.sizes()["embedding_parameters"] == 4 * 2 * planted_scalar.schema.num_ids
    light = get_method("light_fmp").run(
        task, Budget(0.5), 0, settings={"pretrain_rows": 500, "pretrain_passes": 1}
    )
    assert len(light.kept_fields) == 39


def test_shadows_of_shadows_are_refused(planted):
    with pytest.raises(DataError, match="has shadow fields already"):
        with_shadows(with_shadows(planted, 1), 2)
