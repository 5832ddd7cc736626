"""Light-FMP's Table 1: the paper's data sets, those at hand, and this run's."""

import pandas as pd

from lfmp_core.data.cli import describe_dataset
from lfmp_core.data.schema import SPLITS
from lfmp_core.experiments.executor import open_dataset
from lfmp_core.experiments.spec import plain

from ..claims.claim import Prose
from ..evidence import published
from ..evidence.datasets import Described, auc_error, description, pinned, rows_used, total
from ..sets import AVAZU, CRITEO_SAMPLE
from ..show.html import HtmlTable, table
from .selection_grids import MOVIELENS
from .values import size

# the paper's name → what reference runs of this book are planned on
SETS = {"Criteo": CRITEO_SAMPLE, "Avazu": AVAZU, "MovieLens": MOVIELENS}
LABELS = {"criteo": "click", "avazu": "click", "ml-1m": "rating of 4 or 5"}


def check_sources() -> HtmlTable:
    """Prepare the sets from LFMP_DATA and compare them with their descriptions.

    Raises:
        DataError: LFMP_DATA is not set, or a set has another fingerprint than its description.
    """
    rows = []
    for ref in SETS.values():
        described = description(ref.name)
        found = describe_dataset(open_dataset(pinned(described)))
        same = plain(found) == plain(dict(described))
        rows.append({"set": ref.name, "fingerprint": found["fingerprint"][:16], "as described": same})
    return table(pd.DataFrame(rows), caption="Prepared from LFMP_DATA")


def main_table(run: Described) -> HtmlTable:
    """Rows for each split: paper | at hand; the last row is this run's set.

    Args:
        run: see `data.cli.describe_dataset`.
    """
    printed = published.printed_table("lightfmp_table1").set_index("dataset")
    rows = []
    for name, described in [*((n, description(r.name)) for n, r in SETS.items()), ("this run", run)]:
        row: dict = {("", "set"): name if name != "this run" else f"{run['name']} (this run)"}
        for part in ("total", *SPLITS, "pretrain"):
            row["paper", part] = printed.loc[name, part] if name in printed.index else None
        row["here", "set"] = described["name"]
        row["here", "total"] = total(described)
        row |= {("here", split): described["rows"][split] for split in SPLITS}
        used = rows_used(SETS[name], described) if name in SETS else described["rows"]
        row["here", "trained on"], row["here", "validated on"] = used["train"], used["val"]
        share = total(described) / size(name, "total").middle if name in printed.index else None
        row["here", "of the paper's"] = share
        rows.append(row)
    data = pd.DataFrame(rows)
    data.columns = pd.MultiIndex.from_tuples(data.columns)
    formats = {("here", "of the paper's"): ".2%"}
    return table(data, caption="Rows for each split", formats=formats)


def make_up_table(run: Described) -> HtmlTable:
    """What the paper does not print: fields, ids, share of positives, unseen values, error of an AUC."""
    rows = []
    for described in [*(description(ref.name) for ref in SETS.values()), run]:
        positives = {s: described["positives"][s] / described["rows"][s] for s in SPLITS}
        unseen = [field["unseen"]["test"] for field in described["fields"]]
        widest = max(described["fields"], key=lambda field: field["size"])
        counts = described["positives"]["test"], described["rows"]["test"]
        rows.append(
            {
                "set": described["name"],
                "fields": described["num_fields"],
                "ids": described["num_ids"],
                "most ids": f"{widest['name']}, {widest['size']:,}",
                **{f"positive, {s}": positives[s] for s in SPLITS},
                "unseen cells, test": sum(unseen) / len(unseen),
                "error of AUC": auc_error(0.75, counts[0], counts[1] - counts[0]),
            }
        )
    formats = dict.fromkeys([f"positive, {s}" for s in SPLITS], ".2%")
    formats |= {"unseen cells, test": ".1%", "error of AUC": ".4f"}
    note = (
        "Unseen cells: share of all values of the test rows that were seen too seldom in training. "
        "Error of AUC: standard error of one AUC of 0.75 on the test rows (Hanley and McNeil, 1982); paired "
        "differences of two models on the same rows are known better."
    )
    return table(pd.DataFrame(rows), caption="What the sets are made of", formats=formats, note=note)


def settings_table() -> HtmlTable:
    """How the sets at hand are prepared for reference runs."""
    rows = []
    for ref in SETS.values():
        described = description(ref.name)
        settings = described["settings"]
        rows.append(
            {
                "set": ref.name,
                "label": LABELS[ref.name],
                "kept from occurrences": settings["threshold"],
                "split": f"{settings['split']}, {':'.join(map(str, settings['shares']))}",
                "seed": settings["seed"],
                "prepared": described["fingerprint"][:16],
                "as trained on": ref.fingerprint[:16],
            }
        )
    note = "The last two columns are fingerprints: of all rows, and of the set with its training rows cut."
    return table(pd.DataFrame(rows), caption="Preparation for the reference runs", note=note)


def subset_table() -> HtmlTable:
    """The 2,000 rows of pretraining as a share of the training rows: paper and here."""
    rows = []
    for name, ref in SETS.items():
        subset, train = size(name, "pretrain").middle, size(name, "train").middle
        rows.append(
            {
                "set": name,
                "paper": subset / train,
                "here": subset / rows_used(ref, description(ref.name))["train"],
            }
        )
    formats = {"paper": ".3%", "here": ".2%"}
    return table(pd.DataFrame(rows), caption="2,000 rows as a share of the training rows", formats=formats)


def commonest(source: str, field: str) -> Prose:
    """How many rows carry the commonest value of a field."""
    described = description(source)
    found = next(f for f in described["fields"] if f["name"] == field)
    count, rows = sum(found["top"].values()), total(described)
    return Prose(
        (
            f"{source}: {count:,} of {rows:,} rows ({count / rows:.1%}) carry the commonest of the "
            f"{found['distinct']} values of `{field}`; if all were equally common, "
            f"{rows / found['distinct']:,.0f} would.",
        )
    )
