"""What `python -m benchmarks.scale` measured: seconds and memory of preparing and training, by rows."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ..evidence.rounds import kept_figures, made_table
from ..show.figures import Picture
from ..show.html import HtmlTable, Stack, table
from ..show.words import listed
from .large_tables import StepTime, large_tables_knob

COMMAND = "python -m benchmarks.scale --millions {} --out book/performance/scale.json"
SIZES = (1_000_000, 10_000_000, 40_000_000)  # that the page asks for
STEPS = {"prepare": "preparing", "train": "training"}
COLOURS = {"prepare": "#2a6f97", "train": "#a44a3f"}
WORDS = "Seconds and highest memory of preparing and of one epoch of training, by rows."


def scale_figures() -> dict[str, Any]:
    """The committed figures; no sizes where there is no file."""
    return kept_figures("scale", "sizes")


def model_bytes(one: Mapping[str, Any]) -> int:
    """Weights and both of Adam's moments, float32."""
    return 12 * one["train"]["parameters"]


def scale_rows(results: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each size: seconds, rows a second and MiB of each step."""
    found = []
    for one in results["sizes"].values():
        prepared, trained = one["prepare"], one["train"]
        found.append(
            {
                "rows": one["rows"],
                "GB of text": one["text_bytes"] / 1e9,
                "prepare s": prepared["seconds"],
                "prepared rows/s": round(one["rows"] / prepared["seconds"]),
                "prepare MiB": prepared["peak_bytes"] / 2**20,
                "ids": prepared["ids"],
                "epoch s": trained["fit_seconds"],
                "trained rows/s": round(trained["train_rows"] / trained["fit_seconds"]),
                "train MiB": trained["peak_bytes"] / 2**20,
                "of it model MiB": model_bytes(one) / 2**20,
                "validation AUC": trained["val_auc"],
            }
        )
    return pd.DataFrame(found)


def scale_table(results: Mapping[str, Any]) -> HtmlTable:
    """Every size that was measured, how seconds and memory grew, and what is missing."""
    if not results["sizes"]:
        return table(pd.DataFrame({"rows": []}), caption=missing(results))
    ones = list(results["sizes"].values())
    threads = listed(sorted({str(one["made"]["threads"]) for one in ones}))
    batch = listed(sorted({f"{one['batch']:,}" for one in ones}))
    return table(
        scale_rows(results),
        caption="Generated rows in Criteo's format, prepared and learnt from once",
        formats={
            "GB of text": ".2f", "prepare s": ".1f", "prepare MiB": ",.0f", "ids": ",.0f", "epoch s": ".1f",
            "train MiB": ",.0f", "of it model MiB": ",.0f", "validation AUC": ".4f",
        },
        note=f"One run a size, each step in a process of its own, {threads} threads; DeepFM, dense Adam, "
        f"batches of {batch}, an epoch with its validation. MiB: the highest memory of the process itself, "
        "imports included; pages of files that it maps are the system's, which takes them back. More rows "
        "bring more values above the threshold: the model grows with the ids, not with the rows. "
        + said(results),
    )  # fmt: skip


def growth(results: Mapping[str, Any], name: str) -> tuple[float, float]:
    """From the smallest size to the largest: the power of the rows by which seconds grew, and the ratio of
    the memory that is not the model's."""
    ones = list(results["sizes"].values())
    first, last = ones[0], ones[-1]
    seconds = "fit_seconds" if name == "train" else "seconds"
    power = math.log(last[name][seconds] / first[name][seconds]) / math.log(last["rows"] / first["rows"])
    own = [one[name]["peak_bytes"] - (model_bytes(one) if name == "train" else 0) for one in (first, last)]
    return power, own[1] / own[0]


def scale_picture(results: Mapping[str, Any]) -> Figure:
    """Seconds and memory against rows, with straight proportion and what the machine has."""
    ones = list(results["sizes"].values())
    rows = [one["rows"] for one in ones]
    figure = Figure(figsize=(9.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, words in STEPS.items():
        seconds = [one[name]["fit_seconds" if name == "train" else "seconds"] for one in ones]
        left.plot(rows, seconds, "o-", color=COLOURS[name], label=words)
        left.plot(rows, [seconds[0] * r / rows[0] for r in rows], ":", color=COLOURS[name], lw=1)
        right.plot(
            rows, [one[name]["peak_bytes"] / 1e9 for one in ones], "o-", color=COLOURS[name], label=words
        )
    right.plot(rows, [model_bytes(one) / 1e9 for one in ones], "x--", color="0.5", label="of it the model")
    limit = min(one["made"]["hardware"]["memory"] for one in ones) / 1e9
    right.axhline(limit, color="black", lw=0.8)
    right.text(rows[0], limit, f"the machine's {limit:.0f} GB", va="bottom", fontsize=8)
    for axis, words in ((left, "seconds (dotted: in proportion)"), (right, "GB, highest")):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("rows")
        axis.set_ylabel(words)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8, loc="upper left" if axis is left else "center right")
    right.set_ylim(top=3 * limit)
    return figure


def missing(results: Mapping[str, Any]) -> str:
    """Sizes that were not measured, with the command that does; empty: all were."""
    left = [rows for rows in SIZES if str(rows) not in results["sizes"]]
    if not left:
        return ""
    millions = " ".join(f"{rows / 1e6:g}" for rows in left)
    told = listed([f"{rows:,}" for rows in left])
    return f"Not measured yet: {told} rows. The command: `{COMMAND.format(millions)}`."


def said(results: Mapping[str, Any]) -> str:
    """How time and memory grew, in a sentence or two; what is missing."""
    parts = []
    if len(results["sizes"]) > 1:
        sizes = [one["rows"] for one in results["sizes"].values()]
        parts.append(f"From {sizes[0]:,} to {sizes[-1]:,} rows:")
        told = []
        for name, words in STEPS.items():
            power, ratio = growth(results, name)
            beside = " beside the model" if name == "train" else ""
            told.append(f"{words} takes rows^{power:.2f} seconds and × {ratio:.2f} the memory{beside}")
        parts.append(f"{listed(told)}.")
    return " ".join([*parts, missing(results)]).strip()


def page(results: Mapping[str, Any]) -> Stack:
    """All that is known of scale, and tables larger than any that was measured."""
    parts: list[Any] = [scale_table(results)]
    if results["sizes"]:
        parts += [Picture(scale_picture(results), WORDS, wide=True)]
        parts += [made_table({"groups": {f"{one['rows']:,} rows": one for one in results["sizes"].values()}})]
    return Stack((*parts, large_tables_knob(StepTime.of(results))))
