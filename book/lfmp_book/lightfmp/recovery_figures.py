"""Which planted fields the selectors find, drawn."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import hypergeom

from ..evidence.results import RANDOM_FIELDS
from ..show.curves import GREY, PRINTED, SUBSET, bare, label_ends
from .recovery import order, shown_selectors
from .truth import truth_of


def recall_heatmap(frame: pd.DataFrame) -> Figure:
    """Recall of the informative fields, a row a selector, a column a data set; white is chance."""
    own = shown_selectors(frame)
    arms = [arm for arm in order(own) if arm != RANDOM_FIELDS] + [RANDOM_FIELDS] * (
        RANDOM_FIELDS in own.arm.values
    )
    cases = list(own.sort_values(["signal", "redundant"]).case.unique())
    image = own.pivot_table(index="arm", columns="case", values="recall").reindex(arms)[cases].to_numpy()
    chance = float(own.chance.iloc[0])
    figure = Figure(figsize=(2.6 + 1.15 * len(cases), 0.9 + 0.27 * len(arms)), layout="constrained")
    axis = figure.subplots()
    width = max(chance, 1 - chance)
    drawn = axis.imshow(image, aspect="auto", cmap="RdBu", vmin=chance - width, vmax=chance + width)
    for (i, j), value in np.ndenumerate(image):
        if value == value:
            ink = "white" if abs(value - chance) > 0.7 * width else "black"
            axis.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
    axis.set_yticks(range(len(arms)), arms, fontsize=8)
    axis.set_xticks(range(len(cases)), [case.replace(", ", ",\n") for case in cases], fontsize=8)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(drawn, ax=axis, shrink=0.6, boundaries=np.linspace(0, 1, 101))
    bar.set_ticks([0, chance, 1], labels=["0", f"{chance:.2f}, chance", "1"], fontsize=8)
    return figure


def size_figure(frame: pd.DataFrame) -> Figure:
    """Recall by pretraining rows, a panel a signal; the band holds 90 % of random choices."""
    own = frame[frame.variant != ""]
    signals = sorted(own.signal.unique())
    figure = Figure(figsize=(2.2 + 3.2 * len(signals), 3.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(signals), sharey=True))
    for axis, signal in zip(axes, signals, strict=True):
        part = own[own.signal == signal]
        ends = []
        sizes = sorted(part.rows.unique())
        for (variant, redundant), curve in part.groupby(["variant", "redundant"]):
            recall = curve.groupby("rows").recall
            mean, error = recall.mean(), recall.std().fillna(0)
            colour = PRINTED if variant == "as printed" else SUBSET
            style = "-" if redundant == 0 else "--"
            axis.plot(mean.index, mean, color=colour, ls=style, marker="o", ms=4, lw=1.8)
            axis.fill_between(mean.index, mean - error, mean + error, color=colour, alpha=0.12, lw=0)
            ends.append((float(mean.iloc[-1]), f"{variant}, {redundant or 'no'} redundant", colour))
        truth = truth_of(part.reference.iloc[0])
        k, n = len(part.kept_fields.iloc[0]), len(truth.informative)
        low, high = hypergeom(truth.num_fields, n, k).ppf((0.05, 0.95))
        axis.axhspan(low / n, high / n, color=GREY, alpha=0.15, lw=0)
        axis.axhline(part.chance.iloc[0], color=GREY, lw=1.2)
        ends.append((float(part.chance.iloc[0]), "chance", GREY))
        axis.set_xscale("log")
        axis.set_xticks(sizes, [f"{n:,}" for n in sizes], fontsize=8)
        axis.minorticks_off()
        axis.set_ylim(0, 1.02)
        bare(axis, xlabel="pretraining rows", title=f"signal {signal:g}")
        if axis is axes[-1]:
            label_ends(axis, ends)
    axes[0].set_ylabel("recall of informative fields")
    return figure
