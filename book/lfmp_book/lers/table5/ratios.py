"""LERS's Table 5 as the paper compares it: AUC over that of Original."""

from itertools import product
from typing import Any

import pandas as pd

from ...claims.pending import NOT_YET
from ...show.html import HtmlTable, Spread, table
from ..scores.blocks import METHODS, SHARES, Cell
from ..scores.clicks import SETS, arm_of
from .page import SMALLER, TITLES, Which, block, cell_of, headed, printed_row


def retain_table(reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable:
    """AUC over that of Original: the paper's methods and the smaller dense table, its cells beside ours."""
    rows = []
    ours = {c: own for c in TITLES if len(own := block(run, SETS[0], c)) and headed(own) != "this run"}
    for t, method in product(SHARES, (*METHODS, SMALLER)):
        row: dict[tuple[str, str], Any] = {("", "t"): f"{t:.0%}", ("", "method"): method}
        means: dict[str, list[float]] = {"paper": [], "reference": []}
        for name, (network, title) in product(SETS, TITLES.items()):
            arm = arm_of(Cell(name, network, t), method)
            printed = printed_row(name, network, t, arm)
            found = {
                "paper": None if printed is None else float(printed["retain"]),
                "reference": Spread.over(cell_of(block(reference, name, network), t, arm), "retain"),
            }
            for side, value in found.items():
                row[f"{name}, {title}", side] = value
                means[side] += [float(value)] if network == "DCN" and value is not None else []
        for side, values in means.items():
            row["mean, DCN-Mix", side] = sum(values) / len(SETS) if len(values) == len(SETS) else None
        for network, own in ours.items():
            arm = arm_of(Cell(SETS[0], network, t), method)
            row[headed(own), TITLES[network]] = Spread.over(cell_of(own, t, arm), "retain", 3)
        rows.append(row)
    data = pd.DataFrame(rows)
    data.columns = pd.MultiIndex.from_tuples(data.columns)
    missing = [n for n in SETS if n not in set(reference.name)]
    note = "Paper: of the cells of its Table 5. TTRec: our arm with a cache on Avazu and at 95 %. "
    note += "".join(f"{n}: {NOT_YET}. " for n in missing)
    best: dict[Any, Which] = {c: "max" for c in data.columns if c[0]}
    caption = "Test AUC over that of Original"
    return table(data, caption=caption, highlight=best, group=("", "t"), note=note.strip())
