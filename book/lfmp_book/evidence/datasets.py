"""What is known of the reference data sets where the data itself is not."""

import json
from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.data import SOURCES
from lfmp_core.data.discretise import TRANSFORMS
from lfmp_core.errors import LfmpError
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.settings import project_root

from ..show.html import HtmlTable, table

TITLES = {
    "criteo": "Criteo",
    "avazu": "Avazu",
    "ml-1m": "MovieLens-1M",
    "gowalla": "Gowalla",
    "yelp2018": "Yelp2018",
    "kgat-amazon-book": "Amazon-Book (KGAT)",
}
Described = Mapping[str, Any]  # what `lfmp data describe --json` prints


def description(name: str) -> dict[str, Any]:
    """The description kept under book/datasets, as `lfmp data describe FOLDER --json` printed it.

    Raises:
        LfmpError: there is none of that name.
    """
    path = project_root() / "book" / "datasets" / f"{name}.json"
    if not path.exists():
        have = ", ".join(sorted(p.stem for p in path.parent.glob("*.json"))) or "none"
        raise LfmpError(f"no description of {name!r} is kept (there are: {have})")
    return json.loads(path.read_text())


def fields(described: dict[str, Any]) -> tuple[list[str], list[int]]:
    """Names and numbers of ids of a described set's fields."""
    return [f["name"] for f in described["fields"]], [f["size"] for f in described["fields"]]


def sources_table() -> HtmlTable:
    """What `lfmp data prepare` knows."""
    rows = [
        {"name": s.name, "what": s.title, "files": ", ".join(s.files), "rows of the full set": s.rows}
        for s in SOURCES.values()
    ]
    formats = {"rows of the full set": ",.0f"}
    return table(pd.DataFrame(rows), caption="Sources that lfmp data prepare knows", formats=formats)


def fields_table(described: dict[str, Any]) -> HtmlTable:
    """One row a field: kind, distinct values in the counted rows, ids kept, share of unseen values."""
    columns = {"name": "field", "kind": "kind", "distinct": "distinct values", "kept": "kept", "size": "ids"}
    rows = pd.DataFrame(described["fields"])
    data = rows[list(columns)].rename(columns=columns)
    for split in ("train", "test"):
        data[f"unseen in {split}"] = [f["unseen"][split] for f in described["fields"]]
    formats = dict.fromkeys(("unseen in train", "unseen in test"), ".1%")
    return table(data, caption=f"Fields of {described['name']}", formats=formats)


def interactions_table(described: dict[str, Any]) -> HtmlTable:
    """One row a split: pairs, how many users and items have any, how popular the items of pairs are."""
    rows = [
        {
            "split": split,
            "pairs": pairs,
            "users": described["users"][split]["with_pairs"],
            "items": described["items"][split]["with_pairs"],
            "pairs a user (median)": described["users"][split]["median"],
            "pairs an item (median)": described["items"][split]["median"],
            "popularity (mean)": described["popularity"][split]["mean"],
            "popularity (9 in 10 below)": described["popularity"][split]["ninth_decile"],
        }
        for split, pairs in described["pairs"].items()
    ]
    users, items = described["num_users"], described["num_items"]
    caption = f"{described['name']}: {users:,} users, {items:,} items"
    medians, means = ("pairs a user (median)", "pairs an item (median)"), ("popularity (mean)",)
    formats = dict.fromkeys((*medians, *means), ",.1f") | {"popularity (9 in 10 below)": ",.0f"}
    note = "Popularity: training pairs of a pair's item."
    return table(pd.DataFrame(rows), caption=caption, formats=formats, note=note)


def discretisations(largest: int) -> Figure:
    """Id of each integer 0 … largest under the two discretisations."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    axis = figure.subplots()
    x = np.arange(largest + 1)
    for rule, label in (("log2", "⌈log₂ x⌉ (LERS, printed)"), ("ln_squared", "⌊(ln x)²⌋ (LERS, coded)")):
        axis.step(x, TRANSFORMS[rule](x), where="post", label=label)
    axis.set(xscale="symlog", xlabel="x", ylabel="value after discretisation")
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def pinned(described: Described) -> DatasetRef:
    """The reference to a described set, as it would be pinned for runs on all of its rows."""
    name, settings, fingerprint = (described[key] for key in ("name", "settings", "fingerprint"))
    return DatasetRef(name=name, settings=settings, fingerprint=fingerprint)


def total(described: Described) -> int:
    """Rows of all splits."""
    return sum(described["rows"].values())


def title(name: str) -> str:
    """A set's name on pages."""
    return TITLES.get(name, name)


def test_rows(name: str) -> int:
    """Test rows of a set, as its description counts them."""
    return int(description(name)["rows"]["test"])


def holds_interactions(name: str) -> bool:
    """Whether a set holds pairs of users and items."""
    return "pairs" in description(name)


def test_units(name: str) -> int:
    """Test rows of a set, or its users with test items."""
    if holds_interactions(name):
        return int(description(name)["users"]["test"]["with_pairs"])
    return test_rows(name)


def tested_on(name: str) -> str:
    """What a set's tests are of: its rows, or its users."""
    kind = "users" if holds_interactions(name) else "test rows"
    return f"{test_units(name):,} {kind} of {title(name)}"


def rows_used(ref: DatasetRef, described: Described) -> dict[str, int]:
    """Rows of each split that reference runs use: the described set's, or as many as they are cut to."""
    return {**described["rows"], **ref.settings.get("rows", {})}


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC on so many rows of each class.

    (A(1−A) + (p−1)(A/(2−A) − A²) + (n−1)(2A²/(1+A) − A²)) / pn, rooted; J. A. Hanley and B. J. McNeil, The
    meaning and use of the area under a ROC curve, 1982.
    """
    above, below = auc / (2 - auc) - auc**2, 2 * auc**2 / (1 + auc) - auc**2
    spread = auc * (1 - auc) + (positives - 1) * above + (negatives - 1) * below
    return sqrt(spread / (positives * negatives))
