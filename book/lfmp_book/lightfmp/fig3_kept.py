"""In how many seeds each field is kept: as a picture, and as a table to sort."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from ..show.drawing import Drawing
from ..show.html import HtmlTable, table
from .fig3_claims import PAPER_KEPT, PAPER_PRUNED

STEP, LEFT = 18, 210


def kept_counts(frame: pd.DataFrame) -> list[tuple[str, float, Counter[int], int]]:
    """(arm, prune ratio, field → seeds that keep it, seeds) of every cell that removes fields."""
    found = []
    pruned = frame[(frame.budget > 0) & frame.log_alpha.notna()]
    for arm in pruned.arm.unique():
        for ratio, runs in pruned[pruned.arm == arm].groupby("budget"):
            found.append(
                (arm, float(ratio), Counter(f for kept in runs.kept_fields for f in kept), len(runs))
            )
    return found


def kept_strip(frame: pd.DataFrame, names: Sequence[str]) -> Drawing:
    """A column a field, a row an arm and ratio; a square's area says in what share of the seeds it is kept.

    Args:
        frame: see `results.frame`. names: of the fields.
    """
    cells = kept_counts(frame)
    always = sum(count == seeds for *_, own, seeds in cells for count in own.values())
    some = sum(len(own) for *_, own, _ in cells)
    kept, pruned = (", ".join(n for n in names if n in said) for said in (PAPER_KEPT, PAPER_PRUNED))
    drawing = Drawing(
        "Fields kept, in how many seeds",
        f"Of {some} fields that some seed of a row keeps, {always} are kept by every seed of it. Above: "
        f"those that the paper names as kept ({kept or 'none'}) and as pruned ({pruned or 'none'}).",
        LEFT + STEP * len(names) + 10,
        118 + STEP * len(cells),
        wide=True,
    )
    for f, name in enumerate(names):
        drawing.text(LEFT + STEP * f + 4, 42, name, kind="note", turned=True)
    for y, said, group, shape in (
        (56, "the paper: kept", PAPER_KEPT, "m-4 4l4-8 4 8z"),
        (74, "the paper: pruned", PAPER_PRUNED, "m-4-4l4 8 4-8z"),
    ):
        drawing.text(LEFT - 14, y + 4, said, "end", "note")
        kind = "learnt" if group is PAPER_KEPT else "shared"
        drawing.glyphs(kind, shape, [(LEFT + STEP * f, y) for f, name in enumerate(names) if name in group])
    places: dict[float, list[tuple[float, float]]] = {}
    for row, (arm, ratio, own, seeds) in enumerate(cells):
        y = 100 + STEP * row
        drawing.text(LEFT - 14, y + 4, f"{arm}, τ = {ratio:g}", "end")
        for f, count in sorted(own.items()):
            places.setdefault(count / seeds, []).append((LEFT + STEP * f, y))
    for share, at in sorted(places.items()):
        drawing.squares("always" if share == 1 else "sometimes", round(14 * share**0.5), at)
    return drawing


def kept_table(frame: pd.DataFrame, names: Sequence[str]) -> HtmlTable:
    """A row a field, most often kept first: in how many seeds, and what the paper says of it."""
    cells = kept_counts(frame)
    totals = [sum(own[f] / seeds for *_, own, seeds in cells) for f in range(len(names))]
    said = {**dict.fromkeys(PAPER_KEPT, "kept"), **dict.fromkeys(PAPER_PRUNED, "pruned")}
    rows = [
        {
            "field": names[f],
            "the paper": said.get(names[f]),
            **{f"{arm}, τ = {ratio:g}": f"{own[f]} of {seeds}" for arm, ratio, own, seeds in cells},
        }
        for f in sorted(range(len(names)), key=lambda f: -totals[f])
    ]
    return table(
        pd.DataFrame(rows),
        caption="Seeds that keep each field",
        note="The paper: what §4.5 names as kept at every ratio, or as pruned at every ratio.",
    )
