"""LERS's Table 2: the paper's data sets for click prediction, those at hand, and this run's."""

from typing import Any

import pandas as pd

from lfmp_core.data.cli import describe_dataset
from lfmp_core.data.planted import CRITEO_SIZES
from lfmp_core.data.schema import SPLITS
from lfmp_core.experiments.executor import open_dataset
from lfmp_core.experiments.spec import plain

from ..claims.claim import Prose
from ..evidence import published
from ..evidence.datasets import Described, auc_error, description, pinned, rows_used, total
from ..show.html import HtmlTable, table
from . import grids as lers

# the paper's name, or ours → what reference runs are planned on, and the name of its description
SETS = {
    "Criteo": (lers.CRITEO, "criteo-threshold-2"),
    "Avazu": (lers.AVAZU, "avazu"),
    "MovieLens-1M": (lers.MOVIELENS, "ml-1m"),
}


def described_sets() -> dict[str, dict[str, Any]]:
    """Descriptions of the sets at hand, by the paper's name."""
    return {name: description(kept) for name, (_, kept) in SETS.items()}


def check_sources() -> HtmlTable:
    """Prepare the sets from LFMP_DATA and compare them with their descriptions.

    Raises:
        DataError: LFMP_DATA is not set, or a set has another fingerprint than its description.
    """
    rows = []
    for name, described in described_sets().items():
        found = describe_dataset(open_dataset(pinned(described)))
        same = plain(found) == plain(dict(described))
        rows.append({"set": name, "fingerprint": found["fingerprint"][:16], "as described": same})
    return table(pd.DataFrame(rows), caption="Prepared from LFMP_DATA")


def main_table(run: Described) -> HtmlTable:
    """Instances, features and fields: paper | here; the last row is this run's set.

    Args:
        run: see `data.cli.describe_dataset`.
    """
    printed = published.printed_table("lers_table2").set_index("dataset")
    rows = []
    for name, described in [*described_sets().items(), (f"{run['name']} (this run)", run)]:
        row: dict = {("", "set"): name}
        for part in ("instances", "features", "fields"):
            row["paper", part] = int(printed.loc[name, part]) if name in printed.index else None
        row["here", "instances"] = total(described)
        row["here", "features"], row["here", "fields"] = described["num_ids"], described["num_fields"]
        for heading in ("paper", "here"):
            known = row[heading, "instances"] is not None
            row["features for 1,000 instances", heading] = (
                1000 * row[heading, "features"] / row[heading, "instances"] if known else None
            )
        if name in printed.index:
            row["here of the paper", "instances"] = total(described) / int(printed.loc[name, "instances"])
            row["here of the paper", "features"] = described["num_ids"] / int(printed.loc[name, "features"])
        rows.append(row)
    data = pd.DataFrame(rows)
    data.columns = pd.MultiIndex.from_tuples(data.columns)
    formats: dict = {c: ",.0f" for c in data.columns if c[0] in ("paper", "here")}
    formats |= {c: ".1f" for c in data.columns if c[0].startswith("features for")}
    formats |= {c: ".2%" for c in data.columns if c[0] == "here of the paper"}
    note = "A feature is an id: one value of one field; each field has one more for rare and unseen values."
    return table(data, caption="Instances, features and fields", formats=formats, note=note)


def make_up_table(run: Described) -> HtmlTable:
    """What the paper does not print: the largest fields, positives, unseen values, the error of an AUC."""
    rows = []
    for described in [*described_sets().values(), run]:
        sizes = sorted((field["size"] for field in described["fields"]), reverse=True)
        unseen = [field["unseen"]["test"] for field in described["fields"]]
        clicks, count = described["positives"]["test"], described["rows"]["test"]
        rows.append(
            {
                "set": described["name"],
                "test rows": count,
                "positive": clicks / count,
                "distinct values": sum(field["distinct"] for field in described["fields"]),
                "ids kept": described["num_ids"],
                "in the 3 largest fields": sum(sizes[:3]) / sum(sizes),
                "unseen cells, test": sum(unseen) / len(unseen),
                "error of AUC": auc_error(0.75, clicks, count - clicks),
            }
        )
    shares = ("positive", "in the 3 largest fields", "unseen cells, test")
    formats = dict.fromkeys(shares, ".1%") | {"error of AUC": ".4f"}
    note = (
        "Distinct values: in the training rows, where they are counted. Unseen cells: share of all values of "
        "the test rows that were too rare or absent in training. Error of AUC: standard error of one AUC of "
        "0.75 on the test rows (Hanley and McNeil, 1982)."
    )
    return table(pd.DataFrame(rows), caption="What the sets are made of", formats=formats, note=note)


def settings_table() -> HtmlTable:
    """How the sets at hand are prepared for reference runs."""
    rows = []
    for name, (ref, kept) in SETS.items():
        described = description(kept)
        settings, used = described["settings"], rows_used(ref, described)
        rows.append(
            {
                "set": name,
                "kept from occurrences": settings["threshold"],
                "counted in": f"{settings['vocabulary_rows']} rows",
                "integers": settings["numeric"],
                "split": f"{settings['split']}, {':'.join(map(str, settings['shares']))}",
                "trained on": used["train"],
                "validated on": used["val"],
                "prepared": described["fingerprint"][:16],
                "as trained on": ref.fingerprint[:16],
            }
        )
    note = "The last two columns are fingerprints: of all rows, and of the set as it is cut."
    return table(pd.DataFrame(rows), caption="Preparation for the reference runs", note=note)


def threshold_table() -> HtmlTable:
    """Criteo with the least count of a kept value 4, as Light-FMP's pages have it, and 2, as LERS's have."""
    rows = []
    for kept in ("criteo", "criteo-threshold-2"):
        described = description(kept)
        row: dict = {"kept from occurrences": described["settings"]["threshold"], "ids": described["num_ids"]}
        for split in SPLITS:
            unseen = [field["unseen"][split] for field in described["fields"]]
            row[f"unseen cells, {split}"] = sum(unseen) / len(unseen)
        rows.append(row)
    formats = {f"unseen cells, {split}": ".1%" for split in SPLITS}
    return table(pd.DataFrame(rows), caption="The sample of Criteo under two thresholds", formats=formats)


def checks() -> Prose:
    """The printed counts held against what is known from elsewhere, and against the text."""
    printed = published.printed_table("lers_table2").set_index("dataset")
    criteo = printed.loc["Criteo"]
    same = sum(CRITEO_SIZES) == criteo.features and len(CRITEO_SIZES) == criteo.fields
    dense = {name: 16 * int(printed.features[name]) for name in printed.index}
    cells = published.lers_table5()
    original = cells[(cells.method == "Original") & (cells.backbone == "DeepFM")].set_index("dataset").params
    agree = all(abs(original[name] - count) <= 5000 for name, count in dense.items())
    rate = {name: 1000 * printed.features[name] / printed.instances[name] for name in printed.index}
    return Prose(
        (
            f"The field sizes of Criteo that AdaFS and AutoField print add up to {sum(CRITEO_SIZES):,} ids "
            f"in {len(CRITEO_SIZES)} fields: {'the' if same else 'not the'} features and fields of Table 2.",
            f"Times 16 dimensions the features are {dense['Criteo']:,} and {dense['Avazu']:,} numbers: "
            f"{'what' if agree else 'not what'} Table 5 prints as the size of the whole tables.",
            f"Table 2 has {rate['Criteo']:.0f} features for 1,000 instances of Criteo and "
            f"{rate['Avazu']:.0f} of Avazu, but it keeps values of Criteo from 10 occurrences on, of Avazu "
            "from 2.",
            "§6.1 cites the hypothesis that Criteo has the heavier tail, §6.3 says that Avazu's is more "
            "severe. Table 2 can't tell which: the two thresholds cut the tails at different places.",
        )
    )
