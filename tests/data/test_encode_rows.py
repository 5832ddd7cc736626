"""New raw rows become the ids that the same rows have in the prepared data set."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from raw_log import as_csv, log

from lfmp_core.data import Dataset, PlantedSettings, PrepareSettings, own_table, prepare, write_planted
from lfmp_core.data.raw_rows import KeptValues, RowEncoder, values_by_field
from lfmp_core.data.schema import SPLITS
from lfmp_core.data.sources import CRITEO_CATEGORIES, CRITEO_INTEGERS, get_source
from lfmp_core.errors import DataError, LfmpError

IN_ORDER = PrepareSettings(split="in_order", shares=(2, 1, 1), threshold=2)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    folder, rows = tmp_path_factory.mktemp("own"), log()
    rows.to_parquet(folder / "log.parquet", index=False)
    kinds = {"views": "integer", "price": "scalar"}
    source = own_table(folder / "log.parquet", "clicked", kinds=kinds, multi={"tags": "flags:2"})
    return prepare(source, folder / "data", IN_ORDER, progress=False), rows


def prepared(dataset):
    """All rows in the file's order."""
    parts = [dataset.split(split) for split in SPLITS]
    values = None if parts[0].values is None else np.concatenate([p.values for p in parts])
    return np.concatenate([p.ids for p in parts]), values


FORMS = {
    "frame": lambda rows, folder: rows,
    "frame of texts": lambda rows, folder: as_csv(rows).astype(object).map(
        lambda v: None if v is None or v is pd.NaT or v != v else str(v)
    ),
    "other order, more columns": lambda rows, folder: rows[rows.columns[::-1]].assign(more=1),
    "no label": lambda rows, folder: rows.drop(columns="clicked"),
    "arrow": lambda rows, folder: pa.Table.from_pandas(rows),
    "categories": lambda rows, folder: rows.astype({"city": "category", "user_id": "Int32"}),
    "csv": lambda rows, folder: as_csv(rows).to_csv(folder / "rows.csv", index=False) or folder / "rows.csv",
    "tsv": lambda rows, folder: as_csv(rows).to_csv(folder / "rows.tsv", sep="\t") or folder / "rows.tsv",
    "parquet": lambda rows, folder: rows.to_parquet(folder / "r.parquet") or str(folder / "r.parquet"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_encoded_is_prepared(form, own, tmp_path):
    dataset, rows = own
    encoded = dataset.encode(FORMS[form](rows, tmp_path))
    ids, values = prepared(dataset)
    assert np.array_equal(encoded.ids, ids) and encoded.ids.dtype == np.int32
    assert np.array_equal(encoded.values, values)
    first = [field.offset for field in dataset.schema.fields]
    assert encoded.unseen == {
        field.name: int((ids[:, f] == first[f]).sum())
        for f, field in enumerate(dataset.schema.fields)
        if field.kind != "scalar"
    }
    assert encoded.unseen["user_id"] > 0 and set(encoded.unseen) > {"tags=x", "tags=y", "views"}
    assert len(encoded.rows) == len(rows)


@pytest.mark.parametrize("numeric", ["ln_squared", "log2", "scalar"])
def test_published_rows_are_read_by_their_fields_names(numeric, tmp_path):
    """Criteo's format: no rules of one's own are stored, and floats of pandas are whole numbers again."""
    text = write_planted(tmp_path / "text", PlantedSettings(rows=600), progress=False)
    settings = IN_ORDER.model_copy(update={"numeric": numeric})
    dataset = prepare(get_source("planted").at(text), tmp_path / "data", settings, progress=False)
    assert dataset.schema.reading is None
    rows = pd.read_csv(text, sep="\t", header=None, names=["label", *CRITEO_INTEGERS, *CRITEO_CATEGORIES])
    encoded = dataset.encode(rows)
    ids, values = prepared(dataset)
    assert np.array_equal(encoded.ids, ids)
    assert np.array_equal(encoded.values, values) if numeric == "scalar" else encoded.values is None


def test_what_is_not_read_need_not_be_there(own):
    dataset, rows = own
    names = dataset.schema.field_names
    read = [names.index("price"), names.index("tags=y")]
    vocabulary = values_by_field(dataset.vocabulary(), dataset.schema)
    encoder = RowEncoder(dataset.schema, vocabulary, read)
    assert encoder.columns == ["price", "tags"]
    encoded = encoder.encode(rows[["tags", "price"]])
    ids, values = prepared(dataset)
    first = [field.offset for field in dataset.schema.fields]
    assert np.array_equal(encoded.ids[:, read], ids[:, read])
    assert (np.delete(encoded.ids, read, 1) == np.delete(first, read)).all()
    assert np.array_equal(encoded.values, values) and set(encoded.unseen) == {"tags=y"}


def test_one_row_and_none(own):
    dataset, rows = own
    assert dataset.encode(rows.iloc[5:6]).ids.tolist() == [prepared(dataset)[0][5].tolist()]
    none = dataset.encode(rows.iloc[:0].astype({"tags": object}).drop(columns="tags").assign(tags=""))
    assert len(none) == 0 and none.ids.shape[1] == dataset.schema.num_fields
    assert set(none.unseen.values()) == {0}


def test_look_up_one_by_one_and_together_agree():
    kept = pa.array([f"v{k}" for k in range(1000)])
    few, many = pa.array(["v3", "w", "v999"]), pa.array([f"v{k}" for k in range(-5, 1200)])
    assert KeptValues(kept).local(few).tolist() == [4, 0, 1000]
    local = KeptValues(kept).local(many)
    assert local.tolist() == [KeptValues(kept).local(many.slice(k, 1))[0] for k in range(len(many))]


def test_refusals_name_the_column(own, tmp_path):
    dataset, rows = own
    for change, said in (
        (lambda r: r.rename(columns={"city": "citty"}), "no column 'city'.* mean 'citty'"),
        (lambda r: r.drop(columns=["city", "price"]), "no column 'city', 'price'"),
        (lambda r: pd.concat([r, r[["city"]]], axis=1), "two columns 'city'"),
        (lambda r: r.assign(price="dear"), "line 1, column price: 'dear' is no finite number"),
        (lambda r: r.assign(views=[*r.views[1:], 1.5]), "line 400, column views: '1.5' is no integer"),
        (lambda r: r.assign(city=[{"a": 1}] * len(r)), "column city: a column of struct"),
        (lambda r: [1, 2], "can't be read from a list"),
    ):
        with pytest.raises(DataError, match=said):
            dataset.encode(change(rows))
    (tmp_path / "empty.csv").write_text("user_id,city,paid,views,price,day,tags\n")
    with pytest.raises(DataError, match="no rows"):
        dataset.encode(tmp_path / "empty.csv")
    (tmp_path / "gap.csv").write_text("user_id,city,paid,views,price,day,tags\n1,,,3,,,\n\n1,,,3,,,\n")
    with pytest.raises(DataError, match=r"gap.csv, line 3: an empty line"):
        dataset.encode(tmp_path / "gap.csv")
    with pytest.raises(DataError, match=r"nowhere.csv: there is no such file"):
        dataset.encode(tmp_path / "nowhere.csv")
    arrays = Dataset.from_arrays([[0], [1]] * 20, [0, 1] * 20, field_sizes=[2])
    with pytest.raises(LfmpError, match="no vocabulary"):
        arrays.encode(rows)


def test_rules_of_reading_change_no_fingerprint(own, tmp_path):
    """What a schema says of reading is kept beside the data, not part of what they are."""
    dataset, _ = own
    assert dataset.schema.reading.label == "clicked"
    assert dataset.schema.reading.several["tags=x"].value == "x"
    bare = dataset.schema.model_copy(update={"reading": None})
    assert "reading" not in bare.model_dump(mode="json")
    bare.write(tmp_path / "schema.json")
    assert type(dataset.schema).read(tmp_path / "schema.json").fingerprint == dataset.schema.fingerprint
