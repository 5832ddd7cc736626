"""What `python -m benchmarks.epochs` measured: an epoch from a prepared folder to a saved model."""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import pandas as pd

from ..evidence.rounds import Ratio, Rounds, made_table, shown
from ..show.html import HtmlTable, table
from .performance import targets_table
from .speed import entry_named, peer_of

COMMAND = "make bench-epoch BENCH='--out book/performance/epochs.json'"
PARTS = {"read": "read s", "build": "build s", "fit": "fit s", "seconds": "whole s"}


def epoch_rows(group: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each contender: medians of its epochs' parts, and how many times ours it takes."""
    ours = Rounds.of(entry_named(group["entries"], "ours"), "epoch")
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


def floor_seconds(group: Mapping[str, Any]) -> float:
    """The least time of an epoch's steps and its evaluation in float32, at the rates measured beside it."""
    batch, parts = group["made"]["batch"], group["floors"]
    steps, scored = (math.ceil(group["rows"][split] / batch) for split in ("train", "val"))
    return steps * sum(parts["train"]["fp32"].values()) + scored * sum(parts["infer"]["fp32"].values())


def goals_in_seconds(group: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> str:
    """What each goal asks for in seconds, beside the floor and what was measured."""
    ours, sentences = Rounds.of(entry_named(group["entries"], "ours"), "epoch"), []
    for target in targets:
        peer = peer_of(group["entries"], target)
        if peer is not None:
            asked = Rounds.of(peer, "epoch").median / target["ratio"]
            sentences.append(
                f"{target['text']}: {target['ratio']:g} times {peer['name']} is {asked:.1f} s; the floor of "
                f"the epoch in float32 is {floor_seconds(group):.1f} s; measured {ours.median:.1f} s."
            )
    return " ".join(sentences)


def epoch_table(group: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> HtmlTable:
    """Every contender of a model."""
    rows, stamp = epoch_rows(group), group["made"]
    sizes = group["shape"]["sizes"]
    formats = {words: ".1f" for words in PARTS.values()}
    return table(
        rows,
        caption=f"{group['title']}: an epoch from a prepared folder to a saved model",
        formats={**formats, "× ours": shown, "saved MiB": ",.0f", "MiB": ",.0f", "validation AUC": ".4f"},
        note=f"Generated rows in Criteo's format, {group['rows']['train']:,} trained on once and "
        f"{group['rows']['val']:,} evaluated; {len(sizes)} fields, {sum(sizes):,} ids, "
        f"batches of {stamp['batch']:,}, {stamp['threads']} threads. Medians over so many processes. Imports "
        "are left out; what a library imports or loads on first use is not. Fit: shuffling, training, "
        "evaluation and saving, in the library's own `fit`. Saved: of ours all that training can go on from, "
        "of the peers the weights. Ratios are medians over rounds, with the lowest and the highest. "
        + goals_in_seconds(group, targets),
    )


def tables(results: Mapping[str, Any]) -> list[HtmlTable]:
    """Targets, contenders, and where the figures come from; or how to get them."""
    groups = results["groups"].values()
    if not groups:
        lacking = f"A whole epoch: not measured yet; run: {COMMAND}"
        return [table(pd.DataFrame({"contender": []}), caption=lacking)]
    found = [epoch_table(group, results["targets"]) for group in groups]
    return [targets_table(results), *found, made_table(results)]
