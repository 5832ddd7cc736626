"""What a method's page is made from, beside docstrings, settings and records."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..show.drawing import Drawing

Kind = Literal["fields", "table", "bits", "control"]
KINDS: dict[Kind, str] = {
    "fields": "What chooses fields or their values",
    "table": "What makes the table smaller",
    "bits": "What follows any of them",
    "control": "What they are held against",
}


@dataclass(frozen=True)
class Entry:
    """One page.

    Attributes:
        title: as people call it. kind: of `KINDS`. drawing: makes its drawing.
        formula: in TeX. good: by its form, whatever records say: where it suits and where it does not.
        methods, tables: what it is, by the names of the two registries.
        arms: its labels in the records that the guide knows. cites: keys of the bibliography.
        pages: notebooks that show more of it.
    """

    title: str
    kind: Kind
    drawing: Callable[[], Drawing]
    formula: str
    good: str
    methods: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


TABLE2, TABLE5 = "lightfmp_table2_overall", "lers_table5_ctr"
WALK, OTHER_WALK = "lightfmp_walkthrough", "lers_walkthrough"
