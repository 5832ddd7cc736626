"""What `python -m benchmarks.epochs` measured: an epoch from a prepared folder to a saved model."""

from collections.abc import Mapping
from statistics import median
from typing import Any

import pandas as pd

from ..claims.claim import Prose
from ..evidence.rounds import Ratio, Rounds, made_table, shown
from ..show.html import HtmlTable, Stack, table
from .performance import targets_table

COMMAND = "make bench-epoch BENCH='--out book/performance/epochs.json'"
PARTS = {"read": "read s", "build": "build s", "fit": "fit s", "seconds": "whole s"}


def epoch_rows(group: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each contender: medians of its epochs' parts, and how many times ours it takes."""
    ours = Rounds.of(next(entry for entry in group["entries"] if entry["kind"] == "ours"), "epoch")
    rows = []
    for entry in group["entries"]:
        epochs = entry["epochs"]
        row: dict[str, Any] = {"contender": entry["name"], "processes": len(epochs)}
        if epochs:
            row |= {words: median(one[part] for one in epochs) for part, words in PARTS.items()}
            row |= {
                "× ours": Ratio.of(Rounds.of(entry, "epoch"), ours),
                "saved MiB": median(one["saved_bytes"] for one in epochs) / 2**20,
                "MiB": median(one["peak_mib"] for one in epochs),
                "validation AUC": median(one["val_auc"] for one in epochs),
            }
        rows.append(row | ({"failure": entry["error"]} if "error" in entry else {}))
    return pd.DataFrame(rows)


def epoch_table(group: Mapping[str, Any]) -> HtmlTable:
    """Every contender of a model."""
    rows, stamp = epoch_rows(group), group["made"]
    sizes = group["shape"]["sizes"]
    formats = {words: ".1f" for words in PARTS.values()}
    return table(
        rows,
        caption=f"{group['title']}: an epoch from a prepared folder to a saved model",
        formats={**formats, "× ours": shown, "saved MiB": ",.0f", "MiB": ",.0f", "validation AUC": ".4f"},
        note=f"{group['rows']:,} generated rows in Criteo's format, 8 in 10 trained on once and 1 in 10 "
        f"evaluated; {len(sizes)} fields, {sum(sizes):,} ids, batches of {stamp['batch']:,}, "
        f"{stamp['threads']} threads. Medians over so many processes, imports left out. Fit: "
        "shuffling, training, evaluation and saving, in the library's own `fit`. Saved: of ours all that "
        "training can go on from, of the peers the weights. Ratios are medians over rounds, with the lowest "
        "and the highest.",
    )


def tables(results: Mapping[str, Any]) -> list[HtmlTable]:
    """Targets, contenders, and where the figures come from."""
    groups = results["groups"].values()
    if not groups:
        return []
    return [targets_table(results), *(epoch_table(group) for group in groups), made_table(results)]


def page(results: Mapping[str, Any]) -> Stack | Prose:
    """The tables, or how to get them where nothing was measured yet."""
    found = tables(results)
    return Stack(tuple(found)) if found else Prose((f"no figures yet; run: {COMMAND}",))
