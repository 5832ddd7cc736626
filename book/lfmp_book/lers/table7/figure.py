"""What a method keeps in click prediction against what it keeps in collaborative filtering."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from ...show.curves import bare
from ..scores.blocks import METHODS, SHARES
from .page import MEANS, means_of
from .view import CLICKS, LISTS

PALETTE = ("#0072b2", "#b3261e", "#8a6100", "#7b3fa0", "#0b6e4f", "#222222", "#d55e00")
COLOURS = dict(zip(METHODS, PALETTE, strict=True))


def kept_in_both(
    frames: Mapping[str, pd.DataFrame], t: float, columns: Mapping[str, str] = MEANS
) -> pd.DataFrame:
    """Mean ratio of each method in both tasks at one sparsity; without those that lack one.

    Args:
        frames: see `page.ratios`, by task. columns: of it, by task, see `page.means_of`.
    """
    means = {}
    for task, column in columns.items():
        own = frames[task]
        means[task] = own[own.budget == t].groupby("method", sort=False)[column].mean()
    return pd.DataFrame(means).dropna()


def picture(sides: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """A panel for each side and sparsity, a point for each method: up and right is what keeps most in both
    tasks.

    Args:
        sides: such as "paper" and "reference" → `page.ratios`, by task; one in which no method has runs of
            both tasks is left out, and where one set has none, the other stands alone (`page.means_of`).
    """
    shown = {
        f"{side}{f', {name}' * bool(name)}": (frames, columns)
        for side, frames in sides.items()
        for name, columns in means_of(frames)
    }
    figure = Figure(figsize=(11, 0.3 + 3.5 * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), len(SHARES), squeeze=False)
    for row, (side, (frames, columns)) in zip(panels, shown.items(), strict=True):
        for axis, t in zip(row, SHARES, strict=True):
            for method, point in kept_in_both(frames, t, columns).iterrows():
                place, colour = (point[CLICKS], point[LISTS]), COLOURS[str(method)]
                axis.scatter(*place, s=36, color=colour)
                axis.annotate(
                    str(method), place, xytext=(5, 4), textcoords="offset points", fontsize=8, color=colour
                )
            bare(axis, title=f"{side}, t = {t:.0%}")
            axis.margins(x=0.25, y=0.12)
            axis.locator_params(axis="x", nbins=4)
        row[0].set_ylabel("NDCG@20 over Original's")
    for axis in panels[-1]:
        axis.set_xlabel("AUC over Original's")
    return figure
