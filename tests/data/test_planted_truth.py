"""Planted data: what was planted can be found again, and nothing else."""

import json

import numpy as np
import pytest

from lfmp_core.data import PlantedSettings, PrepareSettings, prepare_named, write_planted
from lfmp_core.data.planted import CRITEO_SIZES, NAMES, blocks, integer_values, make_plan
from lfmp_core.errors import LfmpError, UnknownName


def test_sizes_are_criteos():
    assert len(CRITEO_SIZES) == 39 and sum(CRITEO_SIZES) == 1_086_810
    full = make_plan(PlantedSettings(scale=1.0)).sizes
    assert full.tolist() == list(CRITEO_SIZES)


def test_integer_values_stay_apart_when_discretised():
    values = integer_values(223)
    buckets = np.where(values > 2, np.floor(np.log(np.maximum(values, 1)) ** 2), values)
    # 1 and 2 are shared with ln_squared's own buckets 1 and 2; from 3 on each value has a bucket of its own
    assert len(np.unique(buckets)) == 223


def test_same_seed_same_bytes_and_rate(tmp_path):
    settings = PlantedSettings(rows=70_000, seed=3)
    first = write_planted(tmp_path / "a", settings, progress=False).read_bytes()
    assert first == write_planted(tmp_path / "b", settings, progress=False).read_bytes()
    lines = first.splitlines()
    assert len(lines) == 70_000 and all(line.count(b"\t") == 39 for line in lines[:1000])
    assert np.mean([line[:1] == b"1" for line in lines]) == pytest.approx(0.25, abs=0.01)
    # the first rows do not depend on how many follow
    fewer = write_planted(tmp_path / "c", PlantedSettings(rows=40_000, seed=3), progress=False).read_bytes()
    assert first.startswith(fewer[: 32_768 * 100])


def test_truth_is_complete(planted):
    truth = planted.schema.truth
    assert len(truth["informative"]) == 10 and len(truth["redundant"]) == 6 and len(truth["noise"]) == 23
    assert {*truth["informative"], *truth["redundant"], *truth["noise"]} == set(NAMES)
    assert set(truth["redundant"].values()) <= set(truth["informative"])
    assert all(len(pair) == 2 and set(pair) <= set(truth["informative"]) for pair in truth["interactions"])
    assert json.loads(json.dumps(truth)) == truth


def _information(values, clicks):
    """Standardised chi-square of a field and the click: about normal(0, 1) for a noise field."""
    count = np.bincount(values)
    keep = count >= 5
    expected = count[keep] * clicks.mean()
    seen = np.bincount(values, clicks)[keep]
    chi_square = np.sum((seen - expected) ** 2 / (expected * (1 - clicks.mean())))
    return (chi_square - keep.sum()) / np.sqrt(2 * keep.sum())


def test_planted_fields_are_recoverable_by_a_univariate_test():
    plan = make_plan(PlantedSettings(rows=65_536, interaction_share=0.2, seed=1))
    parts = list(blocks(plan))
    clicks = np.concatenate([labels for labels, _ in parts]).astype(float)
    score = [_information(np.concatenate([v[f] for _, v in parts]), clicks) for f in range(39)]
    signal = {*plan.informative, *plan.redundant}
    noise = [score[f] for f in range(39) if f not in signal]
    assert max(noise) < 4
    assert min(score[f] for f in plan.informative) > 20
    assert min(score[f] for f in plan.redundant) > 10


def test_redundant_field_follows_its_source():
    plan = make_plan(PlantedSettings(rows=20_000))
    _, values = next(blocks(plan))
    for field, (source, mapped) in plan.redundant.items():
        assert 0.88 < np.mean(values[field] == mapped[values[source]]) < 1.0


def test_noise_has_large_and_small_vocabularies(planted):
    sizes = planted.schema.truth["sizes"]
    noise = [sizes[name] for name in planted.schema.truth["noise"]]
    assert min(noise) <= 10 and max(noise) == max(sizes.values())


def test_linear_model_learns_the_default_set(tmp_path):
    sklearn = pytest.importorskip("sklearn.linear_model")
    sparse = pytest.importorskip("scipy.sparse")
    from sklearn.metrics import roc_auc_score

    dataset = prepare_named("planted", PrepareSettings(), tmp_path / "d", progress=False)
    n, m = dataset.schema.num_ids, 39

    def one_hot(split):
        rows = dataset.split(split)
        ones = np.ones(rows.ids.size, np.float32)
        at = np.arange(0, rows.ids.size + 1, m)
        return sparse.csr_matrix((ones, np.asarray(rows.ids).ravel(), at), (len(rows), n)), rows.labels

    model = sklearn.LogisticRegression(C=0.1, max_iter=200, tol=1e-3).fit(*one_hot("train"))
    test, labels = one_hot("test")
    auc = roc_auc_score(labels, model.decision_function(test))
    assert 0.72 < auc < dataset.schema.truth["oracle_auc"]


def test_unknown_and_impossible_settings():
    with pytest.raises(UnknownName, match="informative"):
        PlantedSettings(informativ=3)
    with pytest.raises(LfmpError, match="exceed 39"):
        PlantedSettings(informative=30, redundant=12)
