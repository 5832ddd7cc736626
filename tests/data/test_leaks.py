"""Columns that hold the answer are named when rows are prepared, and what is said has the remedy."""

import numpy as np
import pandas as pd
import pytest

from lfmp_core.data import Dataset, PrepareSettings, own_table, prepare
from lfmp_core.data.leaks import leak_in_words, leaking, told_alone
from lfmp_core.data.schema import Field
from lfmp_core.training import auc

ROWS = 4000


def prepared(tmp_path, columns, clicked, **options):
    frame = pd.DataFrame({**columns, "clicked": clicked.astype(int)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    source = own_table(tmp_path / "t.csv", "clicked", **options)
    return prepare(source, tmp_path / "o", PrepareSettings(), progress=False)


@pytest.fixture
def log():
    """Clicks at random, columns that know nothing, and columns that hold them each in its own way."""
    rng = np.random.default_rng(0)
    clicked = rng.random(ROWS) < 0.3
    amount = np.where(clicked, rng.integers(100, 900, ROWS) / 7, 0).round(3)
    columns = {
        "city": rng.choice(["Rome", "Oslo", "Bern"], ROWS),
        "paid so far": rng.integers(1, 9000, ROWS) / 7,
        "order status": np.where(clicked, rng.choice(["shipped", "open"], ROWS), "none"),
        "refund": -amount,
        "opened": np.where(rng.random(ROWS) < 0.9, clicked, ~clicked),  # AUC of .9
    }
    return columns, clicked


def test_a_column_that_is_the_label_in_words_is_named_with_the_remedy(tmp_path, log):
    data = prepared(tmp_path, *log, kinds={"refund": "scalar"})
    warned = {n.field: str(n) for n in data.schema.notices if n.level == "warning"}
    assert warned.keys() == {"order status", "refund"}
    assert "order status: it alone tells the clicks of the val rows at an AUC of 1.0000" in str(warned)
    assert warned["order status"].endswith("leave it out: --drop 'order status'")
    alone = leaking(data.split("train"), data.split("val"), data.schema.fields)
    assert alone == {"order status": 1.0, "refund": 1.0}
    said = leak_in_words(data.schema, 0.99951, alone)
    assert said.startswith("An AUC of 0.9995 on validation rows is too good")
    assert "order status (1.0000), refund (1.0000)" in said
    assert said.endswith("--drop 'order status' --drop refund.")


def test_what_is_learnt_from_what_is_known_before_is_not_accused(tmp_path, log):
    columns, clicked = log
    data = prepared(tmp_path, {name: columns[name] for name in ("city", "paid so far", "opened")}, clicked)
    assert not [n for n in data.schema.notices if n.level == "warning"]
    assert leak_in_words(data.schema, 0.93, {}) == leak_in_words(data.schema, None, {}) == ""
    assert "None does alone" in leak_in_words(data.schema, 0.9996, {})


def test_told_alone_by_hand():
    """Rates of field 0: 1/2, 1, and of an id without rows that of all, 2/4; scores of 60 rows each way."""
    fields = [
        Field(name="f", kind="categorical", size=3, offset=0, threshold=1, distinct=2, kept=2),
        Field(name="x", kind="scalar", size=2, offset=3, threshold=1, distinct=1, kept=1, mean=0, std=1),
    ]
    local, labels = np.array([[1, 4]] * 3 + [[2, 4]], np.int32), np.array([1, 0, 0, 1], np.uint8)
    whole = Dataset.from_arrays(
        np.concatenate([local, np.array([[1, 4], [2, 4], [0, 4]] * 40, np.int32)]),
        np.concatenate([labels, np.array([0, 1, 1] * 40, np.uint8)]),
        [3, 2],
        values=np.concatenate([np.zeros(4), np.array([0.5, -0.5, 0.0] * 40)])[:, None],
        scalar_fields=[1],
        splits={"train": np.arange(4), "val": np.arange(4, 124)},
    )
    val = whole.split("val")
    found = told_alone(whole.split("train"), val, fields)
    rates = np.array([0.5, 1 / 3, 1.0])[val.ids[:, 0]]
    assert found == pytest.approx([auc(val.labels, rates), auc(val.labels, -val.values[:, 0])])
    assert found.tolist() == [1.0, 1.0]
    few = told_alone(whole.split("train"), val[:60], fields)  # 20 that are none
    assert few.tolist() == [0.5, 0.5]
