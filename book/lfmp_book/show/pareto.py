"""What is bought at what price: points with a front of those that nothing beats, each labelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import ArrayLike

Looks = Mapping[str, tuple[str, str]]
_SIZE, _FONT = (7.2, 4.1), 8.5  # inches of a panel, points
_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_NOTHING = np.zeros((0, 2))
_RADII = np.array([7, 12, 18, 26, 36, 48, 64, 84, 108])  # pixels at 100 dpi


@dataclass(frozen=True)
class Point:
    """One method: what it costs (smaller is better) and what it is worth (larger is better).

    Attributes:
        spread: of the worth, drawn as a faint bar.
        other: the cost by another account, drawn hollow where it differs by more than a fiftieth.
    """

    label: str
    kind: str
    cost: float
    worth: float
    spread: float = 0.0
    other: float | None = None


@dataclass(frozen=True)
class Panel:
    """Points with the names of their axes."""

    cost: str
    worth: str
    points: Sequence[Point]


def front(costs: ArrayLike, worths: ArrayLike) -> np.ndarray:
    """Which points no other beats, being at least as cheap and as good, and better in one: bool [n]."""
    cost, worth = np.asarray(costs, float), np.asarray(worths, float)
    no_worse = (cost[None] <= cost[:, None]) & (worth[None] >= worth[:, None])
    better = (cost[None] < cost[:, None]) | (worth[None] > worth[:, None])
    return np.asarray(~(no_worse & better).any(1))


def place_labels(
    points: np.ndarray,
    sizes: np.ndarray,
    frame: tuple[float, float, float, float],
    avoid: np.ndarray = _NOTHING,
) -> np.ndarray:
    """Centres [n, 2] of labels beside their points, apart from each other and from all points.

    Each label in turn takes the cheapest of some places around its point while the others stay, until nothing
    moves: overlapping another label costs most, then covering a point, then what else is to be avoided, then
    distance.

    Args:
        points, sizes: [n, 2], places and widths with heights, in pixels.
        frame: left, bottom, right, top that labels stay in.
        avoid: [k, 2], other places to keep off, in pixels.
    """
    unit = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], 1)
    offsets = unit[:, None] * (
        sizes[:, None, None] / 2 + _RADII[None, None, :, None]
    )  # [n, angles, radii, 2]
    offsets = offsets.reshape(len(points), -1, 2)
    reach = np.tile(_RADII, len(_ANGLES)).astype(float)
    centres = points + offsets[:, 0]
    low, high = np.array(frame[:2]), np.array(frame[2:])
    fixed = []  # what a place costs wherever the other labels are
    for tried, size in zip(points[:, None] + offsets, sizes, strict=True):
        covered = (np.abs(tried[:, None] - points) - size / 2 < 5).all(-1).sum(1)
        crossed = (np.abs(tried[:, None] - avoid) < size / 2).all(-1).any(1)
        outside = np.clip(low - tried + size / 2, 0, None) + np.clip(tried + size / 2 - high, 0, None)
        fixed.append(150 * covered + 40 * crossed + 1e4 * outside.sum(1) + reach)
    order = np.argsort([np.hypot(*(points - p).T).mean() for p in points])
    for _ in range(40):
        moved = False
        for i in order:
            tried = points[i] + offsets[i]
            others = np.arange(len(points)) != i
            apart = np.abs(tried[:, None] - centres[others]) - (sizes[i] + sizes[others]) / 2 - 2
            overlap = np.prod(np.clip(-apart, 0, None), -1).sum(1)
            best = tried[int((50 * overlap + fixed[i]).argmin())]
            moved |= bool((best != centres[i]).any())
            centres[i] = best
        if not moved:
            break
    return centres


def pareto_figure(panels: Sequence[Panel], looks: Looks) -> Figure:
    """The panels one below the other, with the front as steps and its labels bold; cost on a log scale.

    Args:
        panels: of the same kinds.
        looks: kind → colour and marker.
    """
    width, height = _SIZE
    figure = Figure(figsize=(width, height * len(panels) + 0.5), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(len(panels), 1))
    top = 1 - 0.45 / figure.get_figheight()
    figure.subplots_adjust(left=0.1, right=0.985, top=top, bottom=0.07, hspace=0.24)
    for axis, panel in zip(axes, panels, strict=True):
        _draw(axis, panel, looks, canvas.get_renderer())
    kinds = list(dict.fromkeys(p.kind for panel in panels for p in panel.points))
    marks = [
        Line2D([], [], color=looks[k][0], marker=looks[k][1], lw=0, ms=6, label=k)
        for k in kinds
        if k in looks
    ]
    marks.append(Line2D([], [], color="#bbbbbb", lw=1.5, label="not beaten"))
    figure.legend(handles=marks, ncols=4, frameon=False, fontsize=_FONT, loc="upper center", borderpad=0)
    return figure


def _draw(axis: Axes, panel: Panel, looks: Looks, renderer: RendererBase) -> None:
    points = panel.points
    cost, worth = np.array([p.cost for p in points]), np.array([p.worth for p in points])
    best = front(cost, worth)
    for p in points:
        colour, marker = looks[p.kind]
        axis.errorbar(p.cost, p.worth, p.spread or None, color=colour, elinewidth=1, alpha=0.3, lw=0)
        axis.scatter(p.cost, p.worth, s=34, color=colour, marker=marker, zorder=3, lw=0)
        if p.other is not None and abs(p.other / p.cost - 1) > 0.02:
            axis.plot([p.other, p.cost], [p.worth] * 2, color=colour, lw=0.8, ls=":", zorder=1)
            axis.scatter(p.other, p.worth, s=30, facecolor="white", edgecolor=colour, marker=marker, zorder=2)
    axis.margins(x=0.16, y=0.14)
    line = steps(axis, cost[best], worth[best])
    axis.set_xlabel(panel.cost, fontsize=_FONT + 1)
    axis.set_ylabel(panel.worth, fontsize=_FONT + 1)
    axis.tick_params(labelsize=_FONT, which="both")
    axis.spines[["top", "right"]].set_visible(False)
    _label(axis, points, np.stack([cost, worth], 1), best, looks, renderer, line)


def steps(axis: Axes, costs: ArrayLike, worths: ArrayLike) -> np.ndarray:
    """Make the costs' axis logarithmic, draw what is not beaten as steps and return places [k, 2] along them.

    Args:
        axis: with all its points and margins.
        costs, worths: of the points that nothing beats.
    """
    order = np.argsort(np.asarray(costs))
    cost, worth = np.asarray(costs, float)[order], np.asarray(worths, float)[order]
    axis.set_xscale("log")
    left, right = axis.get_xlim()
    x = np.append(np.repeat(cost, 2)[1:], right)
    corners = np.stack([x, np.repeat(worth, 2)], 1)
    axis.plot(*corners.T, color="#bbbbbb", lw=1.5, zorder=1)
    axis.set_xlim(left, right)
    if right < 5 * left:  # a log scale's own ticks leave most of so narrow a range bare
        axis.xaxis.set_major_locator(MaxNLocator(8))
        axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter(lambda x, _: f"{x:g}" if f"{x:e}"[0] in "235" else "")
    return (corners[:-1] + np.linspace(0, 1, 50)[:, None, None] * np.diff(corners, axis=0)).reshape(-1, 2)


def _label(
    axis: Axes,
    points: Sequence[Point],
    places: np.ndarray,
    best: np.ndarray,
    looks: Looks,
    renderer: RendererBase,
    line: np.ndarray,
) -> None:
    texts = [
        axis.text(
            0, 0, p.label, color=looks[p.kind][0], fontsize=_FONT, ha="center", va="center", zorder=4,
            weight="bold" if on else "normal", path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )
        for p, on in zip(points, best, strict=True)
    ]  # fmt: skip
    boxes = [text.get_window_extent(renderer) for text in texts]
    pixels = axis.transData.transform(places)
    frame = axis.get_window_extent(renderer)
    sizes = np.array([(b.width, b.height) for b in boxes])
    centres = place_labels(pixels, sizes, frame.extents, axis.transData.transform(line))
    for text, box, point, centre in zip(texts, boxes, pixels, centres, strict=True):
        text.set_position(tuple(axis.transData.inverted().transform(centre)))
        half = np.array([box.width, box.height]) / 2
        edge = centre + np.clip(point - centre, -half, half)
        if np.hypot(*(edge - point)) > 14:
            lead = axis.transData.inverted().transform([edge, point])
            axis.plot(*lead.T, color=text.get_color(), lw=0.6, alpha=0.6, zorder=2)
