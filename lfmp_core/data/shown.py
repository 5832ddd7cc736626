"""Tables of data sets in a terminal. A name is shown as it is: not read as markup, not cut."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from ..errors import visible
from .schema import SPLITS


def console() -> Console:
    """A terminal for text of users, in which `[red]` and `:smile:` are names like others."""
    return Console(markup=False, emoji=False, highlight=False)


def lined(title: str | None = None) -> Table:
    """An empty table with a rule under its head."""
    return Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False)


def fields_text(fields: Sequence[dict[str, Any]]) -> Table:
    """A row for each field of `describe_dataset`; long names go on in the next line."""
    table = lined()
    table.padding, table.show_edge = 0, False  # nine columns in 80 letters
    table.add_column("field", overflow="fold", min_width=14)
    table.add_column("kind", no_wrap=True)
    for heading in ("ids", "threshold", "distinct", "kept"):
        table.add_column(heading, justify="right", no_wrap=True)
    for split in SPLITS:
        table.add_column(f"unseen\n{split} %", justify="right", no_wrap=True)
    for field in fields:
        numbers = (f"{field[key]:,}" for key in ("size", "threshold", "distinct", "kept"))
        unseen = (f"{100 * field['unseen'][s]:.2f}" for s in SPLITS)
        table.add_row(visible(field["name"]), field["kind"], *numbers, *unseen)
    return table
