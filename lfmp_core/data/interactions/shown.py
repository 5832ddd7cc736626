"""Interactions described: how many pairs, of how many users and items, how they are spread."""

from typing import Any

import numpy as np
from rich.table import Table

from ..schema import SPLITS
from ..shown import lined
from .dataset import InteractionData


def describe_interactions(data: InteractionData) -> dict[str, Any]:
    """The schema with, per split, users and items that have pairs, how many, and how popular the items are.

    Popularity of an item: its training pairs. A split whose pairs are of more popular items than another's
    rewards other recommenders.
    """
    report = data.schema.model_dump(mode="json")
    total = sum(data.schema.pairs.values())
    report["density"] = total / (data.num_users * data.num_items)
    for side in ("users", "items"):
        report[side] = {split: _spread(_degrees(data, split, side)) for split in SPLITS}
    train = data.splits["train"].item_degrees()
    report["popularity"] = {split: _popularity(train[data.splits[split].items]) for split in SPLITS}
    return report


def splits_table(report: dict[str, Any]) -> Table:
    """A row for each split of `describe_interactions`."""
    table = lined()
    table.add_column("split")
    for heading in ("pairs", "users", "least/median/most", "items", "least/median/most"):
        table.add_column(heading, justify="right")
    for split in SPLITS:
        cells = [f"{report['pairs'][split]:,}"]
        for side in ("users", "items"):
            own = report[side][split]
            cells += [f"{own['with_pairs']:,}", f"{own['least']:,}/{own['median']:,g}/{own['most']:,}"]
        table.add_row(split, *cells)
    return table


def _degrees(data: InteractionData, split: str, side: str) -> np.ndarray:
    part = data.splits[split]
    return part.degrees() if side == "users" else part.item_degrees()


def _spread(degrees: np.ndarray) -> dict[str, Any]:
    """Of those with pairs."""
    own = degrees[degrees > 0]
    if not len(own):
        return {"with_pairs": 0, "least": 0, "median": 0.0, "most": 0}
    median = float(np.median(own))
    return {"with_pairs": len(own), "least": int(own.min()), "median": median, "most": int(own.max())}


def _popularity(of_pairs: np.ndarray) -> dict[str, float]:
    """Over a split's pairs, [pairs]."""
    if not len(of_pairs):
        return {"mean": 0.0, "median": 0.0, "ninth_decile": 0.0}
    median, ninth = np.quantile(of_pairs, [0.5, 0.9])
    return {"mean": float(of_pairs.mean()), "median": float(median), "ninth_decile": float(ninth)}
