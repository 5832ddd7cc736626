"""Figures of a search: how it gets on, and where its scores lie."""

import pandas as pd
from matplotlib.figure import Figure

from ..show.curves import bare
from .grids import SPACE, TITLES
from .search import NAMES, SEARCH

PALETTE = ("#0072b2", "#b3261e", "#8a6100", "#7b3fa0", "#0b6e4f", "#222222", "#d55e00", "#6b6b6b")


def progress_picture(frame: pd.DataFrame) -> Figure:
    """Best validation AUC so far by trial: a panel for each set and backbone, a line for each method.

    Args:
        frame: see `trials`.
    """
    own = frame[frame.best.notna()]
    panels = list(own.groupby(["dataset", "backbone"], sort=False))
    figure = Figure(figsize=(9, 0.5 + 2.9 * len(panels)), layout="constrained")
    for axis, ((name, backbone), part) in zip(
        figure.subplots(len(panels), 1, squeeze=False).flat, panels, strict=True
    ):
        for i, (arm, search) in enumerate(part.groupby("arm", sort=False)):
            style = ("-", "--", ":")[i // len(PALETTE) % 3]
            axis.plot(search.trial, search.best, color=PALETTE[i % len(PALETTE)], lw=1.5, ls=style, label=arm)
        axis.axvline(
            (part.drawn != "TPE").groupby(part.arm).sum().max() + 0.5, color="#9aa0a6", lw=0.8, ls=":"
        )
        bare(
            axis,
            xlabel="trial",
            ylabel="best validation AUC",
            title=f"{name}, {TITLES.get(backbone, backbone)}",
        )
        # a first trial may be as good as chance, and would flatten all that follows
        later = part[part.trial > 2].best
        if len(later):
            axis.set_ylim(bottom=later.min() - 0.05 * (later.max() - later.min()))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(frameon=False, fontsize=7.5, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def scatter_picture(frame: pd.DataFrame) -> Figure:
    """How far a trial stays below its search's best, against each hyper-parameter; a row for each set.

    Args:
        frame: see `trials`.
    """
    own = frame[frame.score.notna()]
    gap = own.groupby(SEARCH).score.transform("max") - own.score
    sets = list(own.dataset.unique())
    figure = Figure(figsize=(9, 0.4 + 2.7 * len(sets)), layout="constrained")
    for axes, name in zip(
        figure.subplots(len(sets), len(SPACE), squeeze=False, sharey="row"), sets, strict=True
    ):
        for axis, (key, interval) in zip(axes, SPACE.items(), strict=True):
            for backbone, colour in zip(own.backbone.unique(), PALETTE, strict=False):
                part = own[(own.dataset == name) & (own.backbone == backbone)]
                place = part.index
                axis.scatter(part[key], -gap[place], s=9, color=colour, alpha=0.4, lw=0,
                             label=TITLES.get(backbone, backbone))  # fmt: skip
                best = part[part.chosen]
                axis.scatter(best[key], [0.0] * len(best), s=26, marker="|", color=colour)
            bare(axis, xlabel=NAMES[key], xscale="log" if interval.log else "linear")
            axis.set_xlim(interval.low, interval.high)
            axis.set_yscale("symlog", linthresh=0.001)
        axes[0].set_ylabel(f"{name}: AUC − best")
        axes[-1].legend(frameon=False, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return figure
