"""Preparation by numbers worked out by hand on twelve rows."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lfmp_core.data import Dataset, PrepareSettings, Rows, own_table, prepare
from lfmp_core.data.discretise import integer_keys, ln_squared, log2, signed_log
from lfmp_core.data.splits import Chronological, StratifiedRuns
from lfmp_core.errors import DataError, UnknownName

# shares 2:1:1 in file order: rows 0-5 train, 6-8 val, 9-11 test
CITY = ["b", "a", "a", "c", "b", "", "a", "z", "c", "b", "z", "z"]
AGE = ["0", "1", "2", "3", "5", "-1", "", "3", "5", "2", "90", "0"]
CLICK = ["1", "0", "0", "1", "0", "0", "1", "0", "0", "1", "0", "1"]
IN_ORDER = PrepareSettings(split="in_order", shares=(2, 1, 1), threshold=1)


def _table(tmp_path, name="rows.csv"):
    path = tmp_path / name
    lines = ["click,city,age", *(",".join(row) for row in zip(CLICK, CITY, AGE, strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


def _prepared(tmp_path, settings=IN_ORDER, **options):
    source = own_table(_table(tmp_path), "click", kinds={"age": "integer"})
    return prepare(source, tmp_path / "out", settings, progress=False, **options)


def _ids(dataset, field):
    return [(dataset.split(s).ids[:, field] - dataset.schema.fields[field].offset).tolist() for s in
            ("train", "val", "test")]  # fmt: skip


def test_ids_by_hand(tmp_path):
    dataset = _prepared(tmp_path)
    # train cities b a a c b "": counts a 2, b 2, "" 1, c 1 -> ids a 1, b 2, "" 3, c 4, anything else 0
    assert _ids(dataset, 0) == [[2, 1, 1, 4, 2, 3], [1, 0, 4], [2, 0, 0]]
    # train ages 0 1 2 3 5 -1 -> ln^2: 0 1 2 1 2 -1: 1 and 2 twice, -1 and 0 once -> 1:1 2:2 -1:3 0:4
    assert _ids(dataset, 1) == [[4, 1, 2, 1, 2, 3], [0, 1, 2], [2, 0, 4]]
    city, age = dataset.schema.fields
    assert (city.size, city.offset, city.distinct, city.kept) == (5, 0, 4, 4)
    assert (age.size, age.offset, age.distinct, age.kept) == (5, 5, 4, 4)
    assert dataset.schema.num_ids == 10
    assert dataset.schema.rows == {"train": 6, "val": 3, "test": 3}
    assert dataset.schema.positives == {"train": 2, "val": 1, "test": 2}
    words = dataset.vocabulary().to_pylist()
    assert words[0] == {"field": "city", "value": "a", "count": 2, "id": 1}
    assert [w["value"] for w in words if w["field"] == "age"] == ["1", "2", "-1", "0"]


def test_thresholds_by_hand(tmp_path):
    dataset = _prepared(tmp_path, IN_ORDER.model_copy(update={"threshold": 2, "numeric_threshold": 1}))
    assert _ids(dataset, 0) == [[2, 1, 1, 0, 2, 0], [1, 0, 0], [2, 0, 0]]
    assert _ids(dataset, 1)[0] == [4, 1, 2, 1, 2, 3]
    assert dataset.schema.fields[0].distinct == 4
    assert dataset.schema.fields[0].kept == 2


def test_vocabulary_of_all_rows_differs(tmp_path):
    dataset = _prepared(tmp_path, IN_ORDER.model_copy(update={"vocabulary_rows": "all", "threshold": 3}))
    # all rows: a 3, b 3, z 3, c 2, "" 1; kept at 3: a b z
    assert _ids(dataset, 0) == [[2, 1, 1, 0, 2, 0], [1, 3, 0], [2, 3, 3]]
    assert dataset.schema.fields[0].distinct == 5


def test_scalar_by_hand(tmp_path):
    dataset = _prepared(tmp_path, IN_ORDER.model_copy(update={"numeric": "scalar"}))
    x = np.sign([0, 1, 2, 3, 5, -1]) * np.log([1, 2, 3, 4, 6, 2])
    field = dataset.schema.fields[1]
    assert field.kind == "scalar" and field.size == 2 and dataset.schema.scalar_columns == (1,)
    assert field.mean == pytest.approx(x.mean(), abs=1e-6) and field.std == pytest.approx(x.std(), abs=1e-6)
    np.testing.assert_allclose(dataset.split("train").values[:, 0], (x - x.mean()) / x.std(), atol=1e-5)
    assert _ids(dataset, 1) == [[1] * 6, [0, 1, 1], [1, 1, 1]]
    assert dataset.split("val").values[0, 0] == 1.0


def test_discretisation_values():
    v = np.array([0, 1, 2, 3, 5, -1, 8, 9, 100])
    assert ln_squared(v).tolist() == [0, 1, 2, 1, 2, -1, 4, 4, 21]
    assert log2(v).tolist() == [0, 1, 2, 2, 3, -1, 3, 4, 7]
    assert integer_keys(pa.array(["5", "", "-1"]), "ln_squared").to_pylist() == ["2", "", "-1"]
    np.testing.assert_allclose(signed_log(np.array([-1.0, 0.0, 1.0])), [-np.log(2), 0, np.log(2)])


def test_runs_hold_exact_shares_in_each_class():
    labels = (np.arange(4000) % 4 == 0).astype(np.uint8)
    parts = StratifiedRuns(3, (8, 1, 1)).assign(labels)
    for label in (0, 1):
        of_class = parts[labels == label]
        for start in range(0, len(of_class), 100):
            assert np.bincount(of_class[start : start + 100], minlength=3).tolist() == [80, 10, 10]
    assert not np.array_equal(parts, StratifiedRuns(4, (8, 1, 1)).assign(labels))
    # block by block gives what one go gives
    streamed, rng = StratifiedRuns(3, (8, 1, 1)), np.random.default_rng(0)
    cuts = np.sort(rng.integers(0, 4000, 57))
    pieces = [streamed.assign(piece) for piece in np.split(labels, cuts)]
    np.testing.assert_array_equal(np.concatenate(pieces), parts)


def test_paper_shares():
    parts = StratifiedRuns(0, (72, 18, 10)).assign(np.zeros(2000, np.uint8))
    assert np.bincount(parts).tolist() == [1440, 360, 200]


def test_chronological_breaks_ties_by_file_order():
    time = np.array([5, 3, 5, 1, 5, 9])
    # first 3 rows by time: 1, 3, and the first 5
    splitter = Chronological([(5, 1), (9, 0)])
    parts = np.concatenate([splitter.assign(time[:3], time[:3]), splitter.assign(time[3:], time[3:])])
    assert parts.tolist() == [0, 0, 1, 0, 1, 2]


def test_time_column_cuts_by_quantile(tmp_path):
    path = tmp_path / "timed.csv"
    time = [7, 1, 4, 9, 2, 3, 8, 6]
    path.write_text("click,f,t\n" + "".join(f"{i % 2},x{i},{t}\n" for i, t in enumerate(time)))
    settings = PrepareSettings(split="chronological", shares=(2, 1, 1), threshold=1)
    dataset = prepare(own_table(path, "click", time="t"), tmp_path / "out", settings, progress=False)
    assert dataset.schema.field_names == ("f",)
    # train: times 1 2 3 4, rows 1 2 4 5 in file order -> values x1 x2 x4 x5, each once, ids by value
    assert _ids(dataset, 0)[0] == [1, 2, 3, 4]
    assert dataset.schema.rows == {"train": 4, "val": 2, "test": 2}
    assert dataset.split("val").labels.tolist() == [0, 1]


@pytest.mark.parametrize("numeric", ["ln_squared", "scalar"])
@pytest.mark.parametrize("split", ["random", "in_order"])
def test_blocks_and_threads_change_nothing(tmp_path, numeric, split):
    rng = np.random.default_rng(1)
    path = tmp_path / "many.csv"
    rows = zip(rng.integers(0, 2, 700), rng.zipf(1.5, 700) % 90, rng.normal(0, 9, 700).round(2), strict=True)
    path.write_text("y,c,x\n" + "".join(f"{y},c{c},{x}\n" for y, c, x in rows))
    settings = PrepareSettings(numeric=numeric, split=split, threshold=2)
    source = own_table(path, "y", kinds={"c": "categorical"})
    prints = set()
    for threads, block in ((1, 1 << 20), (2, 64), (3, 997)):
        dataset = prepare(
            source, tmp_path / "out", settings, progress=False, threads=threads, block_bytes=block
        )
        dataset.verify()
        prints.add((dataset.schema.fingerprint, (tmp_path / "out/schema.json").read_text()))
    assert len(prints) == 1


def test_parquet_and_csv_give_the_same_ids(tmp_path):
    table = {"click": [int(c) for c in CLICK], "city": [c or None for c in CITY]}
    pq.write_table(pa.table(table | {"age": [int(a) if a else None for a in AGE]}), tmp_path / "rows.parquet")
    source = own_table(tmp_path / "rows.parquet", "click", kinds={"age": "integer"})
    parquet = prepare(source, tmp_path / "p", IN_ORDER, progress=False)
    assert parquet.schema.fingerprint == _prepared(tmp_path).schema.fingerprint


def test_quoted_values_with_newlines_and_commas(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text('y,f\n0,"a,\nb"\n1,"say ""x"""\n0,c\n1,"a,\nb"\n0,c\n1,"a,\nb"\n')
    settings = PrepareSettings(split="in_order", shares=(1, 1, 1), threshold=1)
    for block in (5, 1 << 20):
        dataset = prepare(own_table(path, "y"), tmp_path / "o", settings, progress=False, block_bytes=block)
        assert [w["value"] for w in dataset.vocabulary().to_pylist()] == ["a,\nb", 'say "x"']
        assert _ids(dataset, 0) == [[1, 2], [0, 1], [0, 1]]


def test_kinds_are_inferred(tmp_path):
    path = tmp_path / "k.csv"
    rows = [f"{i % 2},{i},{i},{i / 7:.3f},w{i},{i % 5}" for i in range(100)]
    path.write_text("y,count,user_id,price,word,few\n" + "\n".join(rows) + "\n")
    dataset = prepare(own_table(path, "y"), tmp_path / "o", progress=False)
    kinds = {f.name: f.kind for f in dataset.schema.fields}
    wanted = ("integer", "categorical", "scalar", "categorical", "categorical")
    assert tuple(kinds.values()) == wanted


def test_pretrain_rows_keep_the_class_share(planted):
    subset, rest = planted.pretrain_rows(1000, seed=5)
    labels = planted.split("train").labels
    assert len(subset) == 1000 and len(subset) + len(rest) == len(labels)
    assert np.array_equal(np.union1d(subset, rest), np.arange(len(labels)))
    assert (np.diff(subset) > 0).all() and (np.diff(rest) > 0).all()
    assert abs(labels[subset].sum() - 1000 * labels.mean()) <= 0.5
    assert np.array_equal(subset, planted.pretrain_rows(1000, seed=5)[0])
    assert not np.array_equal(subset, planted.pretrain_rows(1000, seed=6)[0])
    with pytest.raises(DataError, match="Ask for fewer"):
        planted.pretrain_rows(10**9)


def test_rows_slice_and_take(tmp_path):
    rows = _prepared(tmp_path).split("train")
    assert len(rows[1:3]) == 2 and isinstance(rows[1:3], Rows)
    taken = rows.take(np.array([3, 0]))
    assert taken.labels.tolist() == [1, 1] and taken.ids.flags.writeable
    with pytest.raises(TypeError):
        rows[0]


def test_damaged_folders_are_refused(tmp_path):
    dataset = _prepared(tmp_path)
    ids = tmp_path / "out/train/ids.npy"
    whole = ids.read_bytes()
    ids.write_bytes(whole[:-4])
    with pytest.raises(DataError, match="not a whole array"):
        Dataset.load(tmp_path / "out")
    ids.write_bytes(whole[:-4] + b"\1\0\0\0")
    for opened in (lambda: Dataset.load(tmp_path / "out"), dataset.verify):
        with pytest.raises(DataError, match=r"may stand|not those that were prepared"):
            opened()
    ids.unlink()
    with pytest.raises(DataError, match="missing"):
        Dataset.load(tmp_path / "out")
    (tmp_path / "out/schema.json").write_text("{}")
    with pytest.raises(DataError, match="not a dataset's schema"):
        Dataset.load(tmp_path / "out")
    with pytest.raises(DataError, match="no prepared dataset"):
        Dataset.load(tmp_path / "nowhere")
    with pytest.raises(UnknownName):
        dataset.split("trian")
