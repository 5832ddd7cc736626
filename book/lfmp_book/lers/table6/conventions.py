"""What two conventions change: what Recall is divided by, and which items a ranking leaves out."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from lfmp_core.metrics import NDCG20, RECALL20

from ...claims.claim import Prose
from ...claims.pending import NOT_YET
from ...show.html import HtmlTable, Spread, table
from ...show.words import number
from ..scores.blocks import tau
from .page import ordered


class Convention(NamedTuple):
    """One figure worked out in two ways.

    Attributes:
        title: of the change. said: it in words. one, other: columns of `results.frame`. names: what they
            are called.
    """

    title: str
    said: str
    one: str
    other: str
    names: tuple[str, str]


_NDCG, _RECALL = f"test_{NDCG20.name}", f"test_{RECALL20.name}"
_LEFT_OUT = ("train", "train and validation")
CONVENTIONS = (
    Convention(
        "Recall, divided",
        "Recall@20 divided by |T| instead of min(|T|, 20)",
        _RECALL,
        f"{_RECALL}_whole",
        ("÷ min(|T|, 20)", "÷ |T|"),
    ),
    Convention(
        "Recall, masked",
        "Recall@20 of rankings without validation items",
        _RECALL,
        f"{_RECALL}_unseen",
        _LEFT_OUT,
    ),
    Convention(
        "NDCG, masked",
        "NDCG@20 of rankings without validation items",
        _NDCG,
        f"{_NDCG}_unseen",
        _LEFT_OUT,
    ),
)


def titled_runs(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Title and runs of each data set and recommender; see `table6.page.completed`."""
    found = frame.groupby(["name", "network"], sort=False)
    return [(f"{name}, {network}", own) for (name, network), own in found]


def convention_table(title: str, own: pd.DataFrame) -> HtmlTable:
    """Each cell's figures by both conventions, and by how much the second is larger.

    Args:
        title: of the block. own: its runs.
    """
    rows = []
    for t, arm in ordered(own):
        runs = own[(own.arm == arm) & (own.budget == t)]
        if not len(runs):
            continue
        row: dict = {("", "t"): f"{t:.0%}", ("", "method"): arm}
        for convention in CONVENTIONS:
            one, other = (Spread.over(runs, key) for key in (convention.one, convention.other))
            row[convention.title, convention.names[0]] = one
            row[convention.title, convention.names[1]] = other
            row[convention.title, "change"] = change(runs, convention)
        rows.append(row)
    data = pd.DataFrame(rows)
    data.columns = pd.MultiIndex.from_tuples(data.columns)
    formats: dict = {column: "+.2%" for column in data.columns if column[1] == "change"}
    note = (
        "Change: of the mean, from the first to the second. Masked: the pairs whose items are left out of a "
        "user's ranking; train alone is LERS' code, with validation items among the candidates."
    )
    caption = f"{title}: test Recall@20 and NDCG@20 by two conventions"
    return table(data, caption=caption, formats=formats, group=("", "t"), note=note)


def change(runs: pd.DataFrame, convention: Convention) -> float | None:
    """Relative change of the mean from one convention to the other; None where the first is 0 or unknown."""
    one, other = runs[convention.one].mean(), runs[convention.other].mean()
    return other / one - 1 if one and one == one and other == other else None


def orders(frame: pd.DataFrame) -> list[dict]:
    """Of each block and convention: the least, median and largest change, and Kendall's τ of the arms' order
    by both; 1: the same order."""
    found = []
    for title, own in titled_runs(frame):
        cells = [runs for _, runs in own.groupby(["budget", "arm"], sort=False)]
        for convention in CONVENTIONS:
            changes = pd.Series([change(runs, convention) for runs in cells], dtype=float).dropna()
            if not len(changes):
                continue
            one, other = ([runs[key].mean() for runs in cells] for key in (convention.one, convention.other))
            found.append(
                {
                    "runs on": title,
                    "convention": convention.title,
                    "least": changes.min(),
                    "median": changes.median(),
                    "most": changes.max(),
                    "cells": len(cells),
                    "τ of their order": tau(one, other) if len(cells) > 1 else None,
                    "best stays": one.index(max(one)) == other.index(max(other)),
                }
            )
    return found


def orders_table(frame: pd.DataFrame, title: str) -> HtmlTable | Prose:
    """`orders` as a table, or a line that there are no runs."""
    rows = orders(frame)
    if not rows:
        return Prose((f"{title}: {NOT_YET}.",))
    data = pd.DataFrame(rows)
    data["best stays"] = data["best stays"].map({True: "yes", False: "no"})
    formats = {**dict.fromkeys(("least", "median", "most"), "+.2%"), "τ of their order": "+.2f"}
    note = "Changes of means. Cells: methods at each sparsity; τ is 1 where both order them alike."
    caption = f"{title}: what each convention changes"
    return table(data, caption=caption, formats=formats, group="runs on", note=note)


def told(frame: pd.DataFrame, sets: Sequence[str]) -> tuple[str, ...]:
    """How far each convention moves the numbers on some sets, and whether it moves the order of methods."""
    found = pd.DataFrame(orders(frame[frame.name.isin(sets)]))
    said = []
    for convention in CONVENTIONS if len(found) else ():
        rows = found[found.convention == convention.title]
        several = rows[rows.cells > 1]
        kept = int((several["τ of their order"] == 1).sum())
        order = (
            f"; the order of methods stays in {kept} of {number(len(several), 'block')} that "
            f"{'has' if len(several) == 1 else 'have'} more than one"
        )
        said.append(
            f"**{convention.said}**: {rows.least.min():+.1%} to {rows.most.max():+.1%} over "
            f"{number(int(rows.cells.sum()), 'cell')}{order * bool(len(several))}."
        )
    return tuple(said)
