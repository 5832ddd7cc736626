"""Pictures of one Light-FMP run."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

COLOURS = {"informative": "#0b6e4f", "redundant": "#e08e0b", "noise": "#9aa0a6", "field": "#1f77b4"}


def kinds(names: Sequence[str], truth: dict | None) -> list[str]:
    """Kind of each field: informative, redundant or noise where the truth is known, else "field"."""
    if truth is None:
        return ["field"] * len(names)
    known = dict.fromkeys(truth["informative"], "informative") | dict.fromkeys(
        truth["redundant"], "redundant"
    )
    return [known.get(name, "noise") for name in names]


def vectors(e: Tensor, z: Tensor, names: Sequence[str]) -> Figure:
    """One row's field vectors before and after the gates.

    Args:
        e: [m, D].
        z: [m].
    """
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    pictures = (e, "embedding: one vector a field"), (e * z[:, None], "after the masking layer: e′ = e ⊙ z")
    limit = float(e.abs().max())
    for axis, (data, title) in zip(axes, pictures, strict=True):
        axis.imshow(data.T, aspect="auto", cmap="RdBu", vmin=-limit, vmax=limit)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylabel("d")
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    axes[-1].set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    return figure


def hard_concrete(z: np.ndarray, log_alphas: Sequence[float]) -> Figure:
    """Histograms of sampled gates, one panel for each log α; z is [draws, len(log_alphas)]."""
    figure = Figure(figsize=(9, 2.4), layout="constrained")
    axes = figure.subplots(1, len(log_alphas), sharey=True)
    for axis, values, a in zip(np.atleast_1d(axes), z.T, log_alphas, strict=True):
        axis.hist(values, bins=25, range=(0, 1), color="#1f77b4", density=True)
        axis.set_title(f"log α = {a:g}:  P(z=0) = {(values == 0).mean():.2f}", fontsize=9)
        axis.set_xlabel("z")
        axis.set_xticks([0, 0.5, 1])
        axis.set_yticks([])
        axis.spines[["top", "right", "left"]].set_visible(False)
    return figure


def gate_paths(
    trace: Sequence[Sequence[float]], kind: Sequence[str], kept: Sequence[int], steps: int
) -> Figure:
    """log α of every field over the pretraining steps; kept fields end in a dot.

    Args:
        trace: log α after each pass, [passes, m].
        kind: see `kinds`.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    axis = figure.subplots()
    paths = np.array(trace)
    x = np.linspace(steps / len(paths), steps, len(paths))
    for field in np.argsort([k != "noise" for k in kind], kind="stable"):
        axis.plot(x, paths[:, field], color=COLOURS[kind[field]], lw=1.2, alpha=0.8)
    last = paths[-1, list(kept)]
    axis.scatter(np.full(len(last), x[-1]), last, s=16, color=[COLOURS[kind[f]] for f in kept], zorder=3)
    for name in dict.fromkeys(kind):
        axis.plot([], [], color=COLOURS[name], label=name)
    axis.legend(frameon=False, fontsize=9, loc="lower left")
    axis.set_xlabel("pretraining step")
    axis.set_ylabel("log α")
    axis.spines[["top", "right"]].set_visible(False)
    return figure
