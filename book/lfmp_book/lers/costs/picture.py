"""Time and memory of each method as bars, as Figures 3 and 4 have them."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...show.curves import bare
from .measured import EDGE, SERVE, SERVER, TRAIN, MeasuredCosts
from .page import PLACES, STAGES

MEMORY = {"packages": "#c8c8c8", "metadata": "#e0b050", "work": "#2a6f97"}
LEGEND = {"packages": "packages", "metadata": "metadata", "work": "model at its height"}
TIME = "#5b8c5a"
_COMPARED = ("step", "score")


def picture(costs: MeasuredCosts, task: str) -> Figure:
    """A row for each stage on the server and at the edge; left milliseconds, right megabytes."""
    groups = [(stage, profile) for stage in (TRAIN, SERVE) for profile in (SERVER, EDGE)]
    shown = {key: costs.cases(task, *key) for key in groups}
    shown = {key: own[own.kind.isin(_COMPARED) & (own.samples > 0)] for key, own in shown.items()}
    shown = {key: own for key, own in shown.items() if len(own)}
    heights = [len(own) + 2 for own in shown.values()] or [1]
    figure = Figure(figsize=(9.5, 0.24 * sum(heights) + 0.5), layout="constrained")
    axes = figure.subplots(len(heights), 2, squeeze=False, height_ratios=heights)
    for (left, right), ((stage, profile), own) in zip(axes, shown.items(), strict=False):
        _draw_times(left, own, f"{STAGES[stage]}, {PLACES[profile]}")
        _draw_memory(right, own, profile)
    handles, labels = axes[-1][1].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, ncols=3, frameon=False, fontsize=8, loc="outside lower right")
    return figure


def _names(own: pd.DataFrame) -> list[str]:
    plain = ("train", "as stored")
    return [m if p in plain else f"{m}, {p}" for m, p in zip(own.method, own.phase, strict=True)]


def _draw_times(axis: Axes, own: pd.DataFrame, title: str) -> None:
    places, times = range(len(own)), own.seconds * 1e3
    spread = [times - own.low * 1e3, own.high * 1e3 - times]
    axis.errorbar(times, places, xerr=spread, fmt="o", color=TIME, ms=4, lw=1.2)
    axis.set_xscale("log")
    axis.grid(axis="x", which="both", lw=0.3, color="#dddddd")
    axis.set_yticks(places, _names(own), fontsize=7.5)
    axis.invert_yaxis()
    axis.set_title(title, fontsize=9, loc="left")
    axis.set_xlabel("ms: median and quartiles", fontsize=7.5)
    axis.tick_params(axis="x", which="both", labelsize=7)
    bare(axis)


def _draw_memory(axis: Axes, own: pd.DataFrame, profile: str) -> None:
    places, start = range(len(own)), pd.Series(0.0, index=own.index)
    # on the server no more than one process holds the maps: there the paper counts a GPU's memory
    parts = MEMORY if profile == EDGE else {"work": MEMORY["work"]}
    for part, colour in parts.items():
        size = own[part].fillna(0)
        axis.barh(places, size, left=start, color=colour, height=0.7, label=LEGEND[part])
        start += size
    axis.set_yticks(places, [""] * len(own))
    axis.invert_yaxis()
    axis.set_xlabel("MB of memory", fontsize=7.5)
    axis.tick_params(axis="x", labelsize=7.5)
    bare(axis)
