"""Fewer training rows: a stratified draw of the same rows, the rest untouched."""

import numpy as np
import pytest

from lfmp_core.data.thinned import thinned
from lfmp_core.errors import DataError
from lfmp_core.experiments.executor import cut_to, open_dataset
from lfmp_core.experiments.lightfmp import planted as planted_ref


def test_a_thinned_set_is_a_stratified_part_of_the_training_rows(planted):
    whole, small = planted.split("train"), thinned(planted, 500)
    rows = small.split("train")
    chosen = planted.pretrain_rows(500, 0)[0]
    assert len(rows) == small.schema.rows["train"] == 500
    assert np.array_equal(rows.ids, whole.ids[chosen]) and np.array_equal(rows.labels, whole.labels[chosen])
    assert int(rows.labels.sum()) == round(500 * whole.labels.mean()) == small.schema.positives["train"]
    for split in ("val", "test"):
        assert np.array_equal(small.split(split).ids, planted.split(split).ids)
    assert small.schema.field_sizes == planted.schema.field_sizes
    with pytest.raises(DataError, match="asked of"):
        thinned(planted, len(whole) + 1)


def test_a_reference_opens_what_it_says():
    whole = planted_ref(2_000)
    ref = cut_to(whole, 300)
    opened = open_dataset(ref)
    assert len(opened.split("train")) == 300
    assert opened.schema.fingerprint == ref.fingerprint not in ("", whole.fingerprint)
    assert cut_to(whole, 301).fingerprint != ref.fingerprint
