"""Plain arrays held against what a data set must be, and described as one."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..bounds import whole_numbers
from ..errors import DataError, check_name
from .arrays import fingerprint_of
from .preparation import PrepareSettings
from .schema import SPLITS, Field, Schema
from .splits import StratifiedRuns

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray | None]  # ids, labels, values


class GivenArrays(NamedTuple):
    """The arrays of one call of `Dataset.from_arrays`, which says what they are."""

    ids: Any
    labels: Any
    field_sizes: Sequence[int]
    local: bool
    values: Any
    scalar_fields: Sequence[int]


def schema_and_parts(
    given: GivenArrays,
    name: str,
    names: Sequence[str] | None,
    splits: Mapping[str, Any] | None,
    shares: tuple[int, int, int],
    seed: int,
) -> tuple[Schema, dict[str, Arrays]]:
    """The schema of a data set, and its arrays by split, read-only copies; see `Dataset.from_arrays`.

    Raises:
        DataError: they are no data set.
    """
    sizes = whole_numbers("field_sizes", given.field_sizes, at_least=1)
    scalars = whole_numbers("scalar_fields", given.scalar_fields, at_least=0, below=len(sizes))
    if sum(sizes) > np.iinfo(np.int32).max:
        raise DataError(f"{sum(sizes):,} ids do not fit 32 bits")
    fields = _fields(sizes, scalars, names)
    ids, labels = _ids(given, fields), _labels(given.labels)
    values = _values(given.values, scalars)
    for what, array in (("ids", ids), ("values", values)):
        if array is not None and len(array) != len(labels):
            raise DataError(f"{len(array):,} rows of {what} and {len(labels):,} labels")
    settings = PrepareSettings(split="random" if splits is None else "given", shares=shares, seed=seed)
    rows = _drawn(labels, settings) if splits is None else _named(splits, len(labels))
    parts: dict[str, Arrays] = {
        split: (ids[at], labels[at], None if values is None else values[at]) for split, at in rows.items()
    }
    digests = {}
    for split, arrays in parts.items():
        for what, array in zip(("ids", "labels", "values"), arrays, strict=True):
            if array is not None:
                array.flags.writeable = False
                digests[f"{split}/{what}"] = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
    schema = Schema(
        name=name,
        fields=fields,
        rows={split: len(part[1]) for split, part in parts.items()},
        positives={split: int(part[1].sum(dtype=np.int64)) for split, part in parts.items()},
        settings=settings,
        source={"format": "arrays"},
        fingerprint=fingerprint_of(settings, fields, digests),
    )
    return schema, parts


def _fields(
    sizes: tuple[int, ...], scalars: tuple[int, ...], names: Sequence[str] | None
) -> tuple[Field, ...]:
    own = [f"field {f}" for f in range(len(sizes))] if names is None else [str(name) for name in names]
    if len(own) != len(sizes) or len(set(own)) < len(own):
        raise DataError(f"{len(set(own))} different names for {len(sizes)} fields")
    offsets = np.cumsum([0, *sizes]).tolist()
    return tuple(
        Field(
            name=own[f],
            kind="scalar" if f in scalars else "categorical",
            size=size,
            offset=offsets[f],
            threshold=1,
            distinct=size - 1,
            kept=size - 1,
        )
        for f, size in enumerate(sizes)
    )


def _ids(given: GivenArrays, fields: tuple[Field, ...]) -> np.ndarray:
    """int32 [N, m], each its field's."""
    ids = np.asarray(given.ids)
    if ids.ndim != 2 or ids.shape[1] != len(fields):
        raise DataError(f"ids of shape {ids.shape} where rows of {len(fields)} fields belong")
    if ids.dtype.kind not in "iu":
        raise DataError(f"ids are {ids.dtype}, not whole numbers")
    offsets = np.array([field.offset for field in fields], np.int64)
    first = np.zeros_like(offsets) if given.local else offsets
    last = first + [field.size - 1 for field in fields]
    if len(ids) and ((ids.min(0) < first) | (ids.max(0) > last)).any():
        row, f = np.argwhere((ids < first) | (ids > last))[0].tolist()
        remedy = None
        if not given.local and not ((ids < 0) | (ids > last - offsets)).any():
            remedy = "Where ids count from 0 in each field, pass local=True"
        raise DataError(
            f"{ids[row, f]} in row {row} (from 0), where {first[f]} to {last[f]} may stand",
            column=fields[f].name,
            remedy=remedy,
        )
    own = ids.astype(np.int32)
    if given.local:
        own += offsets.astype(np.int32)
    return own


def _labels(given: Any) -> np.ndarray:
    """uint8 [N] of 0 and 1."""
    labels = np.asarray(given)
    if labels.ndim != 1:
        raise DataError(f"labels of shape {labels.shape} where one a row belongs")
    wrong = np.flatnonzero((labels != 0) & (labels != 1))
    if len(wrong):
        raise DataError(f"label {labels[wrong[0]]!s} in row {wrong[0]} (from 0): it must be 0 or 1")
    return labels.astype(np.uint8)


def _values(given: Any, scalars: tuple[int, ...]) -> np.ndarray | None:
    """float32 [N, s], finite; None without scalar fields."""
    if given is None and not scalars:
        return None
    values = np.asarray([] if given is None else given)
    if values.ndim != 2 or values.shape[1] != len(scalars):
        raise DataError(f"values of shape {values.shape} where rows of {len(scalars)} scalar fields belong")
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0, 0])
        raise DataError(f"a scalar value in row {row} (from 0) is not a finite number")
    return values


def _drawn(labels: np.ndarray, settings: PrepareSettings) -> dict[str, np.ndarray]:
    assigned = StratifiedRuns(settings.seed, settings.shares).assign(labels)
    return {split: np.flatnonzero(assigned == number) for number, split in enumerate(SPLITS)}


def _named(splits: Mapping[str, Any], rows: int) -> dict[str, np.ndarray]:
    """Rows of each split, from index arrays, masks or ranges."""
    seen, found = np.zeros(rows, dtype=bool), {split: np.empty(0, np.int64) for split in SPLITS}
    for split, given in splits.items():
        at = np.asarray(given)
        if at.dtype == bool and at.shape == (rows,):
            at = np.flatnonzero(at)
        if at.ndim != 1 or (at.size and at.dtype.kind not in "iu"):
            raise DataError(f"the {split} rows must be row numbers, or a mask of {rows:,}")
        at = at.astype(np.int64)
        if at.size and (at.min() < 0 or at.max() >= rows):
            raise DataError(f"the {split} rows reach from {at.min()} to {at.max()}, and there are {rows:,}")
        if seen[at].any() or len(np.unique(at)) < len(at):
            raise DataError(f"a row of {split} is in two splits, or twice in one")
        seen[at] = True
        found[check_name(split, SPLITS, "split")] = at
    return found
