"""LERS's Table 3: the paper's data sets for collaborative filtering, and those at hand."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from lfmp_core.data import InteractionData

from ..evidence import published
from ..show.comparison import Column, comparison
from ..show.html import Table

COUNTS = ("users", "items", "interactions")


def counted(sets: Mapping[str, InteractionData]) -> pd.DataFrame:
    """A row a set: users, items, interactions of all splits, and the share of pairs that aren't observed.

    Args:
        sets: by the paper's name, or another.
    """
    rows = []
    for name, data in sets.items():
        pairs = sum(data.schema.pairs.values())
        share = 1 - pairs / (data.num_users * data.num_items)
        rows.append((name, data.num_users, data.num_items, pairs, share))
    return pd.DataFrame(rows, columns=["dataset", *COUNTS, "sparsity"])


def printed(name: str) -> dict[str, Any]:
    """The paper's row of a set; empty of another."""
    row = published.load("lers_table3").set_index("dataset").to_dict("index").get(name, {})
    return {key: value / 100 if key == "sparsity" else value for key, value in row.items()}


def _only(key: str) -> Callable[..., Any]:
    return lambda runs, _: runs[key].item()


def main_table(here: pd.DataFrame) -> Table:
    """Paper | here.

    Args:
        here: see `counted`.
    """
    columns = [Column(key, key, of=_only(key)) for key in (*COUNTS, "sparsity")]
    names = dict.fromkeys([*published.load("lers_table3").dataset, *here.dataset])
    formats: dict[Any, Any] = {(side, "sparsity"): ".2%" for side in ("paper", "here")}
    formats |= {(side, key): ",.0f" for side in ("paper", "here") for key in COUNTS}
    note = "Sparsity: the share of pairs that are not observed, 1 − interactions / (users · items)."
    return comparison(
        [(name,) for name in names],
        {"dataset": "set"},
        columns,
        printed,
        {"here": here},
        formats=formats,
        caption="Users, items and interactions",
        note=note,
    )
