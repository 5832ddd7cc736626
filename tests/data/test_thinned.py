"""Fewer rows of a split: a stratified draw of the same rows, the rest untouched."""

import numpy as np
import pytest

from lfmp_book.sets import planted_ref as planted_ref
from lfmp_core.data.thinned import set_aside, thinned
from lfmp_core.errors import DataError, UnknownName
from lfmp_core.experiments.executor import cut_to, open_dataset


def test_a_thinned_set_is_a_stratified_part_of_the_training_rows(planted):
    whole, small = planted.split("train"), thinned(planted, {"train": 500})
    rows = small.split("train")
    chosen = planted.pretrain_rows(500, 0)[0]
    assert len(rows) == small.schema.rows["train"] == 500
    assert np.array_equal(rows.ids, whole.ids[chosen]) and np.array_equal(rows.labels, whole.labels[chosen])
    assert int(rows.labels.sum()) == round(500 * whole.labels.mean()) == small.schema.positives["train"]
    for split in ("val", "test"):
        assert np.array_equal(small.split(split).ids, planted.split(split).ids)
    assert small.schema.field_sizes == planted.schema.field_sizes
    with pytest.raises(DataError, match="asked of"):
        thinned(planted, {"train": len(whole) + 1})


def test_the_test_rows_are_never_cut(planted):
    with pytest.raises(UnknownName, match="'test'"):
        thinned(planted, {"test": 10})


def test_a_reference_opens_what_it_says():
    whole = planted_ref(2_000)
    whole_rows = open_dataset(whole).schema.rows
    ref = cut_to(whole, {"train": 300, "val": 50})
    opened = open_dataset(ref)
    assert [len(opened.split(s)) for s in ("train", "val", "test")] == [300, 50, whole_rows["test"]]
    assert opened.schema.rows == {"train": 300, "val": 50, "test": whole_rows["test"]}
    assert opened.schema.positives["val"] == int(opened.split("val").labels.sum()) > 0
    assert opened.schema.fingerprint == ref.fingerprint not in ("", whole.fingerprint)
    assert cut_to(whole, {"train": 300, "val": 51}).fingerprint != ref.fingerprint


def test_rows_set_aside_and_the_rest_are_the_training_rows(planted):
    """Each row once, clicks in both as in the whole; validation and test rows stay."""
    whole = planted.split("train")
    rest, aside = set_aside(planted, 400, seed=3)
    rows = rest.split("train")
    assert len(aside) == 400 and len(rows) == rest.schema.rows["train"] == len(whole) - 400
    assert int(aside.labels.sum()) == round(400 * whole.labels.mean())
    assert rest.schema.positives["train"] == whole.labels.sum() - aside.labels.sum()

    def sorted_rows(*parts):
        every = np.concatenate([np.column_stack([part.labels, part.ids]) for part in parts])
        return every[np.lexsort(every.T)]

    assert np.array_equal(sorted_rows(rows, aside), sorted_rows(whole))
    for split in ("val", "test"):
        assert np.array_equal(rest.split(split).ids, planted.split(split).ids)
    other, _ = set_aside(planted, 400, seed=4)
    assert len({d.schema.fingerprint for d in (planted, rest, other)}) == 3
    with pytest.raises(DataError, match="Leave some"):
        set_aside(planted, len(whole), seed=3)
