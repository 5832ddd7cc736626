"""What a prepared dataset is: its fields, their id ranges, its rows and how it was made."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import SerializeAsAny, field_validator

from ..errors import DataError
from ..settings import Settings
from .notices import Notice
from .preparation import PrepareSettings
from .reading import ReadingRules
from .sealed import read_sealed, write_sealed

SPLITS = ("train", "val", "test")
Kind = Literal["categorical", "integer", "scalar"]


def check_both_classes(split: str, rows: int, clicks: int) -> None:
    """Refuse rows that have no AUC.

    Raises:
        DataError: they are all clicks or all none, or there are none at all.
    """
    if not 0 < clicks < rows:
        raise DataError(
            f"the {split} rows can't be ranked: {clicks:,} of {rows:,} are clicks",
            remedy="Prepare the data again with a larger share for them: --shares TRAIN,VAL,TEST",
        )


class Field(Settings):
    """One input column.

    Local id 0 (global id `offset`) is the unseen-value id; the others are sorted by falling count, ties by
    value, so that hot rows of an embedding table lie together. A scalar field has two ids: 0 missing,
    1 present, and its value is (sign(x) log(1+|x|) - mean) / std with both taken over the training rows.
    """

    name: str
    kind: Kind
    size: int
    offset: int
    threshold: int
    distinct: int
    kept: int
    mean: float | None = None
    std: float | None = None

    @property
    def constant(self) -> bool:
        """All training rows look the same in it: one value, or none that is seen often enough."""
        return self.kind != "scalar" and (self.distinct <= 1 or not self.kept)


class Schema(Settings):
    """Everything a model or a page needs to know of a dataset without opening its arrays."""

    later: ClassVar[frozenset[str]] = frozenset({"notices", "reading"})

    name: str
    fields: tuple[Field, ...]
    rows: dict[str, int]
    positives: dict[str, int]
    settings: SerializeAsAny[PrepareSettings]
    source: dict[str, Any]
    fingerprint: str
    truth: dict[str, Any] | None = None
    notices: tuple[Notice, ...] = ()
    reading: ReadingRules | None = None

    @field_validator("settings", mode="before")
    @classmethod
    def _of_its_set(cls, settings: Any) -> Any:
        return PrepareSettings.read(settings) if isinstance(settings, dict) else settings

    @field_validator("rows", "positives")
    @classmethod
    def _of_every_split(cls, counts: dict[str, int]) -> dict[str, int]:
        if set(counts) != set(SPLITS):
            raise ValueError(f"needs a number for each of {', '.join(SPLITS)}")
        return counts

    @property
    def num_fields(self) -> int:
        """m."""
        return len(self.fields)

    @property
    def num_ids(self) -> int:
        """n, all fields together, unseen-value ids included."""
        return sum(field.size for field in self.fields)

    @property
    def field_sizes(self) -> tuple[int, ...]:
        return tuple(field.size for field in self.fields)

    @property
    def field_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def scalar_columns(self) -> tuple[int, ...]:
        """Indices of the scalar fields: column j of `Rows.values` belongs to field scalar_columns[j]."""
        return tuple(i for i, field in enumerate(self.fields) if field.kind == "scalar")

    def check_learnable(self) -> None:
        """Refuse a data set on which no model can be trained, stopped early and tested.

        Raises:
            DataError: a split lacks clicks, or has nothing else.
        """
        for split in SPLITS:
            check_both_classes(split, self.rows[split], self.positives[split])

    @classmethod
    def read(cls, path: Path) -> "Schema":
        """Read schema.json.

        Raises:
            DataError: it is absent or no schema.
        """
        return read_sealed(path, cls, ("num_items", "Open interactions with InteractionData.load"))

    def write(self, path: Path) -> None:
        """Write schema.json, with a digest of what it says."""
        write_sealed(path, self)
