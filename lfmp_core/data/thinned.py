"""Fewer training or validation rows, where a grid would not fit the hours at hand; test rows stay."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DataError, check_name
from ..settings import digest
from .dataset import Dataset, Rows, stratified
from .schema import SPLITS


def thinned_fingerprint(fingerprint: str, rows: Mapping[str, int]) -> str:
    """Fingerprint of a data set whose splits are cut to `rows`, from that of the whole."""
    return digest({"base": fingerprint, "rows": dict(rows)}, 64)


def thinned(dataset: Dataset, rows: Mapping[str, int]) -> Dataset:
    """The data set with fewer rows of some splits, drawn by class without replacement, seed 0.

    Ids stay those of the whole: its vocabulary was counted on all training rows.

    Args:
        rows: how many to keep of "train" and of "val", either or both.

    Raises:
        UnknownName: another split is named.
        DataError: there are fewer rows than asked for.
    """
    schema, kept = dataset.schema, {}
    for split, count in rows.items():
        check_name(split, ("train", "val"), "split to cut")
        whole = dataset.split(split)
        kept[split] = whole.take(np.flatnonzero(stratified(np.asarray(whole.labels), count, 0, split)))
    return _with(dataset, kept, {"kept_rows": dict(rows)}, thinned_fingerprint(schema.fingerprint, rows))


def set_aside(dataset: Dataset, count: int, seed: int) -> tuple[Dataset, Rows]:
    """The data set without some of its training rows, and those rows, drawn by class without replacement.

    Raises:
        DataError: there are not more rows than that.
    """
    whole = dataset.split("train")
    drawn = stratified(np.asarray(whole.labels), count, seed, "training")
    if drawn.all():
        raise DataError(f"all {count} training rows are asked for aside", remedy="Leave some to learn from")
    what = {"aside": count, "seed": seed}
    fingerprint = digest({"base": dataset.schema.fingerprint, **what}, 64)
    rest = _with(dataset, {"train": whole.take(np.flatnonzero(~drawn))}, {"set_aside": what}, fingerprint)
    return rest, whole.take(np.flatnonzero(drawn))


def _with(dataset: Dataset, kept: dict[str, Rows], said: dict[str, Any], fingerprint: str) -> Dataset:
    """The data set with other rows in some splits; `said` tells of its source why."""
    schema = dataset.schema
    changed = {
        "rows": {**schema.rows, **{split: len(own) for split, own in kept.items()}},
        "positives": {**schema.positives, **{split: int(own.labels.sum()) for split, own in kept.items()}},
        "source": {**schema.source, **said},
        "fingerprint": fingerprint,
    }
    return ThinnedDataset(dataset.folder, schema.model_copy(update=changed), dataset, kept)


@dataclass(frozen=True)
class ThinnedDataset(Dataset):
    """What `thinned` and `set_aside` give: the rows drawn in memory, all else from `base`."""

    base: Dataset
    kept: dict[str, Rows] = field(repr=False, compare=False)

    def split(self, name: str) -> Rows:
        """Rows of "train", "val" or "test"."""
        check_name(name, SPLITS, "split")
        return self.kept[name] if name in self.kept else self.base.split(name)

    def vocabulary(self):
        """Kept values of the whole data set; their counts are over all of its training rows."""
        return self.base.vocabulary()

    def verify(self) -> None:
        """Check the data set that the rows were drawn from."""
        self.base.verify()
