"""What the texts of a file of one's own meant, kept in the schema so that new rows are read the same way."""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..settings import Settings
from .canonical import MISSING, Canonical
from .columns import Column
from .multi import LIST_SEPARATOR, first_of, flag_of

if TYPE_CHECKING:
    from .schema import Field

_REMEDY = "Correct the value; only a missing one may be left empty"


class Several(Settings):
    """A field of a column of several values a row; see `multi`.

    Attributes:
        column: of the file. separator: between the values of a text; lists have one of their own.
        value: the field is 1 where this is among them, else 0; None: the field is the first of them.
    """

    column: str
    separator: str
    value: str | None = None


class ReadingRules(Settings):
    """How rows of one's own were read. What publishers write needs none: a column is a field, by its name.

    Attributes:
        label: the column of clicks, which new rows don't need.
        missing: the texts that stand for no value.
        several: by name, the fields that are no columns of their own.
    """

    label: str = ""
    missing: tuple[str, ...] = MISSING
    several: dict[str, Several] = {}

    @classmethod
    def of(cls, options: Mapping[str, Any], columns: Iterable[Column]) -> "ReadingRules":
        """Of the options of `own_table` and the fields that came of them."""
        several = {}
        for column in columns:
            if (how := options["multi"].get(column.column)) is not None:
                value = None if how == "first" else column.name.removeprefix(f"{column.column}=")
                one = Several(column=column.column, separator=options["separator"], value=value)
                several[column.name] = one
        return cls(label=options["label"], missing=tuple(options["missing"]), several=several)

    @property
    def canonical(self) -> Canonical:
        """Texts to those of their values."""
        return Canonical(self.missing)

    def column_of(self, field: "Field") -> str:
        """The file's column that a field is read from."""
        own = self.several.get(field.name)
        return field.name if own is None else own.column

    def column(self, field: "Field", lists: Collection[str]) -> Column:
        """A field as it is read.

        Args:
            lists: columns whose values are lists, joined by LIST_SEPARATOR.
        """
        own = self.several.get(field.name)
        if own is None:
            return Column(field.name, field.kind, field.name, None, _REMEDY)
        separator = LIST_SEPARATOR if own.column in lists else own.separator
        derive = first_of(separator, self.canonical) if own.value is None else flag_of(separator, own.value)
        return Column(field.name, field.kind, own.column, derive, _REMEDY)
