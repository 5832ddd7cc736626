"""Quality against bytes as served: a panel for each set and backbone, with those that nothing beats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from lfmp_core.metrics import Metric

from ..evidence.fronts import mean_and_spread, over_others
from ..show import pareto
from ..show.curves import bare
from ..show.figures import Picture
from ..show.front import RUNS_TOUCHED, Axis, Mark, front_to_touch
from ..show.touch import Touch
from ..show.words import number
from .grids import KINDS, ORIGINAL

COLOURS = dict(zip(KINDS, ("#222222", "#0072b2", "#b3261e", "#7b3fa0", "#8a6100"), strict=True))
MARKERS = "os^Dv<>P"
_SMALL = 8.0  # points
COSTS = (
    Axis("bytes", "MB of the model as served", "across", log=True),
    Axis("removed", "sparsity reached, of the table's numbers", "across", more=True, digits=3),
    Axis("TT", "processor seconds of training", "across", log=True),
)
FAR, FAR_AT_LEAST = 10, 0.02  # beneath the first quartile: interquartile ranges, and of the metric


@dataclass(frozen=True)
class FrontPanel:
    """Cells of one set and backbone.

    Attributes:
        title: of its panel. runs: a row a run. cells: (sparsity, arm), in their order.
    """

    title: str
    runs: pd.DataFrame
    cells: Sequence[tuple[float, str]]

    def cell(self, t: float, arm: str) -> pd.DataFrame:
        """Runs of one arm at one sparsity."""
        return self.runs[(self.runs.arm == arm) & (self.runs.budget == t)]


def family_of(arm: str) -> str:
    """A key of `KINDS`."""
    return next(kind for kind, arms in KINDS.items() if arm in arms)


def arm_style(arm: str) -> tuple[str, str]:
    """Colour of an arm's kind and a marker of its own within it."""
    kind = family_of(arm)
    return COLOURS[kind], MARKERS[KINDS[kind].index(arm)]


def arm_title(arm: str, t: float) -> str:
    """An arm with its sparsity, where it was asked for one."""
    return f"{arm} {t:.0%}" if t else arm


def points(panel: FrontPanel, metric: Metric) -> pd.DataFrame:
    """Mean bytes and test metric of each cell, its spread, and whether nothing is as small and as good.

    `far`: so far beneath the others that a panel with room for it would show nothing else.
    """
    rows = []
    for t, arm in panel.cells:
        runs = panel.cell(t, arm)
        own = runs[f"test_{metric.name}"]
        spread = float(own.std()) if len(runs) > 1 else 0.0
        rows.append({"t": t, "arm": arm, "bytes": runs.bytes.mean(), "worth": own.mean(), "spread": spread})
    found = pd.DataFrame(rows)
    front = pareto.front(found.bytes, found.worth)
    low, high = found.worth.quantile([0.25, 0.75])
    beyond = max(FAR * (high - low), FAR_AT_LEAST)
    return found.assign(front=front, far=~front & (found.worth < low - beyond))


def beneath(found: pd.DataFrame) -> str:
    """The cells that a panel has no room for and their worth, in words; empty without any."""
    told = [f"{arm_title(str(p.arm), p.t)} at {p.worth:.3f}" for p in found[found.far].itertuples()]
    return f"far below: {', '.join(told)}" if told else ""


def draw_panels(panels: dict[str, pd.DataFrame], metric: Metric) -> Figure:
    """The panels one below the other.

    Args:
        panels: title → `points`.
    """
    figure = Figure(figsize=(8.6, 4.4 * len(panels) + 0.2), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(len(panels), 1))
    height = figure.get_figheight()
    figure.subplots_adjust(left=0.09, right=0.74, top=1 - 0.35 / height, bottom=0.5 / height, hspace=0.28)
    for axis, (title, found) in zip(axes, panels.items(), strict=True):
        near = found[~found.far]
        line = _panel(axis, near)
        bare(axis, xlabel="MB of the model as served", ylabel=f"test {metric.title}")
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_title(beneath(found), fontsize=_SMALL, loc="right")
        _names(axis, near, canvas, line)
    present = {arm for found in panels.values() for arm in found.arm}
    marks = [
        Line2D([], [], color=arm_style(arm)[0], marker=arm_style(arm)[1], lw=0, ms=6, label=arm)
        for arms in KINDS.values()
        for arm in arms
        if arm in present
    ]
    marks.append(Line2D([], [], color="#bbbbbb", lw=1.5, label="not beaten"))
    figure.legend(handles=marks, frameon=False, fontsize=_SMALL, loc="upper left",
                  bbox_to_anchor=(0.75, 1 - 0.3 / height))  # fmt: skip
    return figure


def _panel(axis: Axes, found: pd.DataFrame) -> np.ndarray:
    for p in found.itertuples():
        colour, marker = arm_style(str(p.arm))
        axis.errorbar(p.bytes / 1e6, p.worth, p.spread or None, color=colour, elinewidth=1, alpha=0.25, lw=0)
        axis.scatter(p.bytes / 1e6, p.worth, s=30, color=colour, marker=marker, lw=0, zorder=3)
    best = found[found.front]
    axis.margins(x=0.08, y=0.12)
    axis.tick_params(labelsize=_SMALL, which="both")
    return pareto.steps(axis, best.bytes / 1e6, best.worth)


def _names(axis: Axes, found: pd.DataFrame, canvas: FigureCanvasAgg, line: np.ndarray) -> None:
    """Names of the points of the front, apart from each other, off the other points and the front's line."""
    best = found[found.front]
    renderer = canvas.get_renderer()
    halo = [withStroke(linewidth=2.5, foreground="white")]
    texts = [
        axis.text(1, p.worth, arm_title(str(p.arm), p.t), color=arm_style(str(p.arm))[0], fontsize=_SMALL,
                  ha="center", va="center", zorder=4, path_effects=halo)
        for p in best.itertuples()
    ]  # fmt: skip
    boxes = [text.get_window_extent(renderer) for text in texts]
    places = np.stack([found.bytes / 1e6, found.worth], 1)
    pixels = axis.transData.transform(places[found.front])
    avoid = axis.transData.transform(np.concatenate([places, line]))
    sizes = np.array([(b.width, b.height) for b in boxes])
    centres = pareto.place_labels(pixels, sizes, axis.get_window_extent(renderer).extents, avoid)
    for text, centre in zip(texts, centres, strict=True):
        text.set_position(tuple(axis.transData.inverted().transform(centre)))


def front_picture(head: str, panels: Sequence[FrontPanel], metric: Metric, seeds: str) -> Picture:
    """The trade-off, a panel for each set and backbone.

    Args:
        head: before a panel's title, the set. seeds: of each cell, in words.
    """
    shown = {f"{head}, {panel.title}": points(panel, metric) for panel in panels}
    best = [
        f"{title}: " + ", ".join(arm_title(str(p.arm), p.t) for p in found[found.front].itertuples())
        for title, found in shown.items()
    ]
    below = [f" {title}, {told}." for title, found in shown.items() if (told := beneath(found))]
    words = f"Test {metric.title} against bytes, means over {seeds}. "
    words += f"Not beaten in both at once: {'; '.join(best)}." + "".join(below)
    return Picture(draw_panels(shown, metric), words, wide=True)


def touched_front(
    name: str,
    panels: Sequence[FrontPanel],
    metric: Metric,
    axes: Sequence[Axis],
    still: Picture,
    compared: pd.DataFrame,
) -> Touch:
    """The trade-off on axes of choice, over its picture.

    Args:
        name: of the set. axes: keys are columns of the runs, or `to_whole`: the difference to Original.
        compared: see `results.compare`.
    """
    return front_to_touch(
        f"{name}: quality against cost",
        [mark for panel in panels for mark in _marks(panel, metric, axes, compared)],
        axes,
        still,
        families=tuple(KINDS),
        words=RUNS_TOUCHED,
        noun="cells",
    )


def _marks(panel: FrontPanel, metric: Metric, axes: Sequence[Axis], compared: pd.DataFrame) -> Iterator[Mark]:
    keys = panel.runs[["dataset", "backbone"]].iloc[0]
    own = compared[(compared.dataset == keys.dataset) & (compared.backbone == keys.backbone)]
    for t, arm in panel.cells:
        runs = panel.cell(t, arm)
        values = mean_and_spread(runs, [axis.key for axis in axes if axis.key in runs])
        values["bytes"] = (values["bytes"][0] / 1e6,)
        if difference := over_others(own, arm, t, ORIGINAL, metric):
            values["to_whole"] = difference
        yield Mark(arm_title(arm, t), family_of(arm), panel.title, values, number(len(runs), "seed"))
