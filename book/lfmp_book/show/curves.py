"""Curves that carry their names at their ends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

INK, GREY = "#222222", "#9aa0a6"
PRINTED, SUBSET, ONE_PASS = "#c44e52", "#dd8452", "#0b6e4f"


def colour_of(arm: str) -> str:
    """The colour that an arm has on every page."""
    known = {"all fields": INK, "random fields": GREY, "one pass": ONE_PASS, "as printed": PRINTED}
    return next((colour for words, colour in known.items() if words in arm), SUBSET)


def short_name(arm: str) -> str:
    """An arm's name without what all of them share."""
    return arm.removeprefix("Light-FMP, ")


def band(
    axis: Any, x: Sequence[float], values: Sequence[Sequence[float]], colour: str, **line: Any
) -> tuple[float, str]:
    """Mean over seeds as a line, ± standard deviation as a band, a faint dot a seed; (last mean, colour).

    Args:
        values: of the seeds, for each x.
    """
    means = [float(np.mean(v)) for v in values]
    spread = [float(np.std(v, ddof=1)) if len(v) > 1 else 0.0 for v in values]
    axis.fill_between(x, np.subtract(means, spread), np.add(means, spread), color=colour, alpha=0.15, lw=0)
    axis.plot(x, means, color=colour, marker="o", ms=4, lw=1.8, **line)
    for place, many in zip(x, values, strict=True):
        axis.scatter([place] * len(many), many, s=8, color=colour, alpha=0.35, lw=0)
    return means[-1], colour


def spread_out(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The places moved as little as need be (least squares) to stand `gap` apart within low … high."""
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(order))
    # with the gaps taken out, standing apart means no more than not falling
    level = isotonic_regression(np.array(places, dtype=float)[order] - steps).x
    room = max(low, high - gap * (len(order) - 1))
    found = np.empty(len(order))
    found[order] = np.clip(level, low, room) + steps
    return found.tolist()


def label_ends(axis: Any, ends: Sequence[tuple[float, str, str]], gap: float = 0.075) -> None:
    """Names right of the axis, at the height of the lines' ends.

    Args:
        ends: (height, text, colour). gap: between two names, as a share of the axis.
    """
    low, high = axis.get_ylim()
    heights = [np.clip((y - low) / (high - low), 0, 1) for y, _, _ in ends]
    for y, (_, text, colour) in zip(spread_out(heights, gap, 0.0, 1.0), ends, strict=True):
        axis.annotate(
            text, (1.02, y), xycoords="axes fraction", color=colour, fontsize=8, va="center", ha="left"
        )  # fmt: skip


def bare(axis: Any, **labels: Any) -> None:
    """An axis without a frame on top and right, with these labels."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.set(**labels)
