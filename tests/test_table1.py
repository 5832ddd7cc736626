"""The data-set page: descriptions fit the pinned references, and counts fit each other."""

import numpy as np
import pytest

from lfmp_book.evidence import datasets
from lfmp_book.lightfmp import table1
from lfmp_book.sets import planted_ref
from lfmp_core.data.cli import describe_dataset
from lfmp_core.experiments.executor import cut_to, open_dataset

NAMES = [ref.name for ref in table1.SETS.values()]


@pytest.mark.parametrize("ref", table1.SETS.values(), ids=NAMES)
def test_descriptions_are_those_of_the_sets_that_runs_are_planned_on(ref):
    pinned = datasets.pinned(datasets.description(ref.name))
    cut = ref.settings.get("rows")
    assert ref == (cut_to(pinned, cut) if cut else pinned)


@pytest.mark.parametrize("name", NAMES)
def test_descriptions_agree_with_themselves(name):
    described = datasets.description(name)
    assert described["name"] == name and len(described["fingerprint"]) == 64
    assert described["num_fields"] == len(described["fields"])
    assert described["num_ids"] == sum(f["size"] for f in described["fields"])
    shares = [described["positives"][s] / described["rows"][s] for s in ("train", "val", "test")]
    assert max(shares) - min(shares) < 0.001  # stratified
    for field in described["fields"]:
        for split, rows in described["rows"].items():
            assert field["top"][split] + round(field["unseen"][split] * rows) <= rows


def test_avazus_caveat_is_counted():
    said = str(table1.commonest("avazu", "hour"))
    assert "10,199 of 33,977 rows (30.0%)" in said and "42 values" in said


def test_auc_error_against_draws():
    """Two thousand draws of two exponential classes, for which the formula is exact."""
    draw, n, p = np.random.default_rng(0), 120, 60
    negative, positive = draw.exponential(1, size=(2000, n, 1)), draw.exponential(3, size=(2000, 1, p))
    aucs = (positive > negative).mean(axis=(1, 2))
    assert aucs.mean() == pytest.approx(0.75, abs=0.005)
    assert datasets.auc_error(0.75, p, n) == pytest.approx(aucs.std(), rel=0.05)


def test_commonest_value_is_counted_by_split(tmp_path, monkeypatch):
    monkeypatch.setenv("LFMP_HOME", str(tmp_path))
    dataset = open_dataset(planted_ref(1500))
    described = describe_dataset(dataset)
    ids = np.array(dataset.split("test").ids)
    for column, field in enumerate(described["fields"]):
        known = ids[:, column][ids[:, column] > field["offset"]]
        counts = np.bincount(known - field["offset"], minlength=2)
        assert field["top"]["test"] == counts[1]
    assert "planted (this run)" in str(table1.main_table(described))
