"""Fewer training rows, where a grid would not fit the hours at hand; validation and test rows stay."""

from dataclasses import dataclass, field

from ..errors import check_name
from ..settings import digest
from .dataset import Dataset, Rows
from .schema import SPLITS


def thinned_fingerprint(fingerprint: str, rows: int) -> str:
    """Fingerprint of a data set cut to `rows` training rows, from that of the whole."""
    return digest({"base": fingerprint, "train_rows": rows}, 64)


def thinned(dataset: Dataset, rows: int) -> Dataset:
    """The data set with `rows` of its training rows, drawn by class without replacement.

    The draw is that of `pretrain_rows` with seed 0. Ids stay those of the whole: its vocabulary was counted
    on all training rows.

    Raises:
        DataError: there are fewer training rows than asked for.
    """
    schema = dataset.schema
    kept = dataset.split("train").take(dataset.pretrain_rows(rows, 0)[0])
    changed = {
        "rows": {**schema.rows, "train": rows},
        "positives": {**schema.positives, "train": int(kept.labels.sum())},
        "source": {**schema.source, "train_rows": rows},
        "fingerprint": thinned_fingerprint(schema.fingerprint, rows),
    }
    return ThinnedDataset(dataset.folder, schema.model_copy(update=changed), dataset, kept)


@dataclass(frozen=True)
class ThinnedDataset(Dataset):
    """What `thinned` gives: the training rows in memory, all else from `base`."""

    base: Dataset
    kept: Rows = field(repr=False, compare=False)

    def split(self, name: str) -> Rows:
        """Rows of "train", "val" or "test"."""
        check_name(name, SPLITS, "split")
        return self.kept if name == "train" else self.base.split(name)

    def vocabulary(self):
        """Kept values of the whole data set; their counts are over all of its training rows."""
        return self.base.vocabulary()

    def verify(self) -> None:
        """Check the data set that the rows were drawn from."""
        self.base.verify()
