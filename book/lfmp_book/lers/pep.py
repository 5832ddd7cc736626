"""PEP's thresholds: one for each number, as published, beside the single one of this book."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from ..show.curves import bare
from ..show.html import HtmlTable, table
from .studies.entrywise_thresholds import Path

COLOURS = ("#9aa0a6", "#1f77b4", "#dd8452", "#0b6e4f")


def paths_table(paths: Sequence[Path]) -> HtmlTable:
    """How far the thresholds went under each weight decay, and what moved them."""
    rows = [
        {
            "weight decay of s": path.decay,
            "s at the end, mean": path.mean[-1],
            "least": path.least[-1],
            "most": path.most[-1],
            "moved": path.moved,
            "of it by the loss": path.by_loss,
            "gradient from the loss": path.loss_share,
            "the single s": path.one[-1] if path.decay else None,
            "farthest from it": path.apart if path.decay else None,
            "numbers at zero": path.pruned,
        }
        for path in paths
    ]
    keys = ("s at the end, mean", "least", "most", "moved", "the single s", "farthest from it")
    formats: dict = dict.fromkeys(keys, ".3f")
    formats |= {"weight decay of s": "g", "numbers at zero": ".1%"}
    formats |= dict.fromkeys(("of it by the loss", "gradient from the loss"), ".2%")
    steps, start = len(paths[0].mean) - 1, paths[0].mean[0]
    note = (
        f"{steps} steps from s₀ = {start:g}. The single s: this book's threshold, which knows no loss. Of it "
        "by the loss: what of the movement that one lacks. Gradient from the loss: its share of the summed "
        "sizes of all entries' gradients."
    )
    return table(pd.DataFrame(rows), caption="PEP's thresholds under Adam", formats=formats, note=note)


def paths_picture(paths: Sequence[Path]) -> Figure:
    """s over the steps: all entries as a band, the single s dashed."""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    axis = figure.subplots()
    steps = range(len(paths[0].mean))
    for k, (path, colour) in enumerate(zip(paths, COLOURS, strict=False)):
        axis.fill_between(steps, path.least, path.most, color=colour, alpha=0.25, lw=0)
        # lines that lie on each other are seen by their widths
        axis.plot(steps, path.mean, color=colour, lw=7 - 2 * k, label=f"weight decay {path.decay:g}")
    axis.plot(steps, paths[-1].one, color="#222222", lw=1, ls="--", label="the single s")
    axis.legend(frameon=False, fontsize=9)
    bare(axis, xlabel="step", ylabel="s")
    return figure
