"""LERS's Table 3: the paper's data sets for collaborative filtering, those at hand, and this run's."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from lfmp_core.data.interactions.shown import describe_interactions
from lfmp_core.experiments.executor import open_pairs
from lfmp_core.experiments.spec import plain

from ..evidence import published
from ..evidence.datasets import Described, description, interactions_table, pinned
from ..show.comparison import ResultColumn, comparison
from ..show.html import HtmlTable, Stack, table

COUNTS = ("users", "items", "interactions")
# the paper's name, or ours → the name of its description
SETS = {"Yelp2018": "yelp2018", "Gowalla": "gowalla", "Amazon-Book (KGAT)": "kgat-amazon-book"}


def described_sets() -> dict[str, dict[str, Any]]:
    """Descriptions of the sets at hand, by the paper's name."""
    return {name: description(kept) for name, kept in SETS.items()}


def counted(sets: Mapping[str, Described]) -> pd.DataFrame:
    """A row a set: users, items, interactions of all splits, and the share of pairs that aren't observed.

    Args:
        sets: by the paper's name, or another; see `data.interactions.shown.describe_interactions`.
    """
    rows = []
    for name, described in sets.items():
        users, items = described["num_users"], described["num_items"]
        pairs = sum(described["pairs"].values())
        rows.append((name, users, items, pairs, 1 - pairs / (users * items)))
    return pd.DataFrame(rows, columns=["dataset", *COUNTS, "sparsity"])


def splits(run: Described) -> Stack:
    """Pairs, users and items of each split, set by set; the last is this run's."""
    sets = [*described_sets().items(), (f"{run['name']} (this run)", run)]
    return Stack(tuple(interactions_table({**described, "name": name}) for name, described in sets))


def check_sources() -> HtmlTable:
    """Prepare the sets from LFMP_DATA and compare them with their descriptions.

    Raises:
        DataError: LFMP_DATA is not set, or a set has another fingerprint than its description.
    """
    rows = []
    for name, described in described_sets().items():
        found = describe_interactions(open_pairs(pinned(described)))
        same = plain(found) == plain(dict(described))
        rows.append({"set": name, "fingerprint": found["fingerprint"][:16], "as described": same})
    return table(pd.DataFrame(rows), caption="Prepared from LFMP_DATA")


def printed_row(name: str) -> dict[str, Any]:
    """The paper's row of a set; empty of another."""
    row = published.printed_table("lers_table3").set_index("dataset").to_dict("index").get(name, {})
    return {key: value / 100 if key == "sparsity" else value for key, value in row.items()}


def _only(key: str) -> Callable[..., Any]:
    return lambda runs, _: runs[key].item()


def main_table(here: pd.DataFrame) -> HtmlTable:
    """Paper | here.

    Args:
        here: see `counted`.
    """
    columns = [ResultColumn(key, key, of=_only(key)) for key in (*COUNTS, "sparsity")]
    names = dict.fromkeys([*published.printed_table("lers_table3").dataset, *here.dataset])
    formats: dict[Any, Any] = {(side, "sparsity"): ".2%" for side in ("paper", "here")}
    formats |= {(side, key): ",.0f" for side in ("paper", "here") for key in COUNTS}
    note = "Sparsity: the share of pairs that are not observed, 1 − interactions / (users · items)."
    return comparison(
        [(name,) for name in names],
        {"dataset": "set"},
        columns,
        printed_row,
        {"here": here},
        formats=formats,
        caption="Users, items and interactions",
        note=note,
    )
