"""Shadow fields: beside every field a twin that is known to mean nothing.

A twin has its field's values, as often in each split, but shuffled over the rows. What share of the fields
that a selector keeps are twins is its false-discovery rate on any data, without knowing the truth; the idea
is Boruta's (Kursa and Rudnicki 2010).
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, check_name
from ..seeds import derive
from ..settings import digest
from .dataset import Dataset, Rows
from .schema import SPLITS, Schema

SUFFIX = " (shadow)"


def is_shadow(schema: Schema) -> np.ndarray:
    """Which fields are twins: bool [m]."""
    return np.array([name.endswith(SUFFIX) for name in schema.field_names])


def shadow_fingerprint(fingerprint: str, seed: int) -> str:
    """Fingerprint of a data set with shadows, from that of the data set without."""
    return digest({"base": fingerprint, "shadows": seed}, 64)


def shadow_order(num_fields: int, seed: int) -> np.ndarray:
    """Which field stands where: int [2m], position j holds field order[j] mod m, a twin where order[j] ≥ m.

    Args:
        num_fields: m, without twins. seed: of the shadows.
    """
    return np.random.default_rng(derive(seed, "shadows", "order")).permutation(2 * num_fields)


def with_shadows(dataset: Dataset, seed: int) -> Dataset:
    """The data set with a twin of every field: 2m fields, named `C1` and `C1 (shadow)`.

    Fields and twins stand in an order drawn from the seed, so that a rule that prefers the earlier of equals
    favours neither kind. Each split is made in memory when it is first asked for, 4 bytes a row and field:
    meant for some millions of rows, not for the full public sets.

    Raises:
        DataError: the data set has shadows already.
    """
    if is_shadow(dataset.schema).any():
        remedy = "Take the data set that they were made from"
        raise DataError("this data set has shadow fields already", file=dataset.folder, remedy=remedy)
    order = shadow_order(dataset.schema.num_fields, seed)
    return ShadowDataset(dataset.folder, _schema(dataset.schema, seed, order), dataset, seed, order)


def _schema(base: Schema, seed: int, order: np.ndarray) -> Schema:
    """Field order[j] of (fields, twins) becomes field j, with ids of its own in the one numbering."""
    fields, offset = [], 0
    for j in order.tolist():
        twin, f = divmod(j, base.num_fields)
        one = base.fields[f]
        fields.append(one.model_copy(update={"name": one.name + SUFFIX * twin, "offset": offset}))
        offset += one.size
    if offset > np.iinfo(np.int32).max:
        raise DataError(f"{offset} ids do not fit 32 bits", remedy="Raise the threshold")
    truth = base.truth
    if truth is not None:  # a twin depends on nothing, and nothing on it
        truth = {**truth, "noise": [*truth["noise"], *(name + SUFFIX for name in base.field_names)]}
    return base.model_copy(
        update={
            "fields": tuple(fields),
            "source": {**base.source, "shadows": seed},
            "fingerprint": shadow_fingerprint(base.fingerprint, seed),
            "truth": truth,
        }
    )


@dataclass(frozen=True)
class ShadowDataset(Dataset):
    """What `with_shadows` gives: a Dataset whose arrays come from another one's.

    Attributes:
        base: the data set without twins.
        seed: of the shuffles and of the fields' order.
        order: int [2m], field j is the base's field order[j] mod m, a twin where order[j] ≥ m.
    """

    base: Dataset
    seed: int
    order: np.ndarray
    made: dict[str, Rows] = field(default_factory=dict, repr=False, compare=False)

    def split(self, name: str) -> Rows:
        """Rows of "train", "val" or "test", in memory, read-only; made once."""
        check_name(name, SPLITS, "split")
        if name not in self.made:
            self.made[name] = self._make(name)
        return self.made[name]

    def _make(self, split: str) -> Rows:
        rows, base = self.base.split(split), self.base.schema
        ids = np.empty((len(rows), len(self.order)), np.int32)
        scalars = {f: column for column, f in enumerate(self.schema.scalar_columns)}
        of_base = {f: column for column, f in enumerate(base.scalar_columns)}
        values = None if rows.values is None else np.empty((len(rows), len(scalars)), np.float32)
        for j, (twin, f) in enumerate(divmod(k, base.num_fields) for k in self.order.tolist()):
            pick = self._shuffle(split, f, len(rows)) if twin else slice(None)
            ids[:, j] = np.asarray(rows.ids[:, f])[pick]
            ids[:, j] += self.schema.fields[j].offset - base.fields[f].offset
            if values is not None and j in scalars:
                assert rows.values is not None
                values[:, scalars[j]] = np.asarray(rows.values[:, of_base[f]])[pick]
        for array in (ids, values):
            if array is not None:
                array.setflags(write=False)
        return Rows(ids, rows.labels, values)

    def _shuffle(self, split: str, f: int, rows: int) -> np.ndarray:
        # a shuffle of its own for every field: twins of fields that repeat each other don't
        generator = np.random.default_rng(derive(self.seed, "shadows", split, f))
        return generator.permutation(rows)

    def vocabulary(self) -> pa.Table:
        """Kept values of fields and twins: columns field, value, count, id (global)."""
        table, parts, fields = self.base.vocabulary(), [], self.base.schema.fields
        starts = np.cumsum([0, *(one.kept for one in fields)]).tolist()
        places = {one.name: (one, start) for one, start in zip(fields, starts, strict=False)}
        for one in self.schema.fields:
            source, start = places[one.name.removesuffix(SUFFIX)]
            own = table.slice(start, source.kept)
            shift = pa.scalar(one.offset - source.offset, pa.int32())
            names = pa.array([one.name] * len(own), pa.string())
            own = own.set_column(0, table.schema.field("field"), names)
            parts.append(own.set_column(3, table.schema.field("id"), pc.add(own["id"], shift)))
        return pa.concat_tables(parts)

    def verify(self) -> None:
        """Recompute the base's fingerprint from its arrays; the twins follow from them and the seed."""
        self.base.verify()
