"""Tables of data sets in a terminal. A name is shown as it is: not read as markup, not cut."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
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


MANY = 40  # fields, of which one table has too many lines to be read


def fields_tables(fields: Sequence[dict[str, Any]], width: int) -> Iterator[Table]:
    """The fields of `describe_dataset`, a row each; many by kind, side by side in so wide a terminal."""
    if len(fields) <= MANY:
        yield fields_text(fields)
        return
    kinds: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for field in fields:
        kinds.setdefault((field["kind"], field["threshold"]), []).append(field)
    for (kind, threshold), own in kinds.items():
        yield _side_by_side(f"{len(own)} {kind}, threshold {threshold}", own, width)


def _side_by_side(title: str, fields: Sequence[dict[str, Any]], width: int) -> Table:
    """Name, ids and share of unseen values in the test rows, down one column of fields and on in the next."""
    cells = [
        (visible(field["name"]), f"{field['size']:,}", f"{100 * field['unseen']['test']:.2f}")
        for field in fields
    ]
    headings = ("field", "ids", "unseen test %")
    wide = sum(max(map(cell_len, column)) for column in zip(*cells, ("field", "ids", "unseen"), strict=True))
    beside = max(1, (width + 2) // (wide + 4))  # a blank within, two between
    rows = -(-len(cells) // beside)
    beside = -(-len(cells) // rows)
    table = lined(title)
    table.title_justify, table.padding, table.show_edge = "left", (0, 1, 0, 0), False
    for _ in range(beside):
        table.add_column(headings[0], overflow="fold")
        for heading in headings[1:]:
            table.add_column(heading.replace(" ", "\n", 1), justify="right", no_wrap=True)
    empty = ("",) * len(headings)
    for row in range(rows):
        along = (cells[at] if at < len(cells) else empty for at in range(row, beside * rows, rows))
        table.add_row(*(cell for three in along for cell in three))
    return table


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
