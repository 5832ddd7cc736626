"""Test AUC against bytes as served: a panel for each set and backbone, with those that nothing beats."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from ...claims.claim import Prose
from ...claims.pending import NOT_YET
from ...evidence.fronts import mean_and_spread, over_others
from ...show import pareto
from ...show.curves import bare
from ...show.figures import Picture
from ...show.front import RUNS_TOUCHED, Axis, Mark, front_to_touch
from ...show.touch import Touch
from ..grids import KINDS, ORIGINAL
from .page import TITLES, block, cell_of, compared_of, ordered, seeds_of

COLOURS = dict(zip(KINDS, ("#222222", "#0072b2", "#b3261e", "#7b3fa0", "#8a6100"), strict=True))
MARKERS = "os^Dv<>P"
_SMALL = 8.0  # points
AXES = (
    Axis("bytes", "MB of the model as served", "across", log=True),
    Axis("removed", "sparsity reached, of the table's numbers", "across", more=True, digits=3),
    Axis("TT", "processor seconds of training", "across", log=True),
    Axis("IT", "processor seconds to score a million rows", "across", log=True),
    Axis("test_auc", "test AUC", "up", more=True, digits=4),
    Axis("test_logloss", "test log-loss", "up", digits=4),
    Axis("to_whole", "test AUC, less that of Original", "up", more=True, digits=4, zero=True),
)
FAR, FAR_AT_LEAST = 10, 0.02  # beneath the first quartile: interquartile ranges, and test AUC


def arm_style(arm: str) -> tuple[str, str]:
    """Colour of an arm's kind and a marker of its own within it."""
    kind = next(kind for kind, arms in KINDS.items() if arm in arms)
    return COLOURS[kind], MARKERS[KINDS[kind].index(arm)]


def arm_title(arm: str, t: float) -> str:
    """An arm with its sparsity, where it was asked for one."""
    return f"{arm} {t:.0%}" if t else arm


def points(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean bytes and test AUC of each cell, its spread, and whether nothing is as small and as good.

    `far`: so far beneath the others that a panel with room for it would show nothing else.

    Args:
        frame: runs on one set and backbone.
    """
    rows = []
    for t, arm in ordered((), frame):
        runs = cell_of(frame, t, arm)
        spread = float(runs.test_auc.std()) if len(runs) > 1 else 0.0
        rows.append(
            {"t": t, "arm": arm, "bytes": runs.bytes.mean(), "auc": runs.test_auc.mean(), "spread": spread}
        )
    found = pd.DataFrame(rows)
    front = pareto.front(found.bytes, found.auc)
    low, high = found.auc.quantile([0.25, 0.75])
    beyond = max(FAR * (high - low), FAR_AT_LEAST)
    return found.assign(front=front, far=~front & (found.auc < low - beyond))


def beneath(found: pd.DataFrame) -> str:
    """The cells that a panel has no room for and their AUC, in words; empty without any."""
    told = [f"{arm_title(str(p.arm), p.t)} at {p.auc:.3f}" for p in found[found.far].itertuples()]
    return f"far below: {', '.join(told)}" if told else ""


def draw_panels(panels: dict[str, pd.DataFrame]) -> Figure:
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
        bare(axis, xlabel="MB of the model as served", ylabel="test AUC")
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
        axis.errorbar(p.bytes / 1e6, p.auc, p.spread or None, color=colour, elinewidth=1, alpha=0.25, lw=0)
        axis.scatter(p.bytes / 1e6, p.auc, s=30, color=colour, marker=marker, lw=0, zorder=3)
    best = found[found.front]
    axis.margins(x=0.08, y=0.12)
    axis.tick_params(labelsize=_SMALL, which="both")
    return pareto.steps(axis, best.bytes / 1e6, best.auc)


def _names(axis: Axes, found: pd.DataFrame, canvas: FigureCanvasAgg, line: np.ndarray) -> None:
    """Names of the points of the front, apart from each other, off the other points and the front's line."""
    best = found[found.front]
    renderer = canvas.get_renderer()
    halo = [withStroke(linewidth=2.5, foreground="white")]
    texts = [
        axis.text(1, p.auc, arm_title(str(p.arm), p.t), color=arm_style(str(p.arm))[0], fontsize=_SMALL,
                  ha="center", va="center", zorder=4, path_effects=halo)
        for p in best.itertuples()
    ]  # fmt: skip
    boxes = [text.get_window_extent(renderer) for text in texts]
    places = np.stack([found.bytes / 1e6, found.auc], 1)
    pixels = axis.transData.transform(places[found.front])
    avoid = axis.transData.transform(np.concatenate([places, line]))
    sizes = np.array([(b.width, b.height) for b in boxes])
    centres = pareto.place_labels(pixels, sizes, axis.get_window_extent(renderer).extents, avoid)
    for text, centre in zip(texts, centres, strict=True):
        text.set_position(tuple(axis.transData.inverted().transform(centre)))


def picture(name: str, frame: pd.DataFrame, title: str = "") -> Picture | Prose:
    """The trade-off on one set, a panel a backbone, or a line that says that there is none yet.

    Args:
        name: as the paper calls it. frame: see `lers_table5.completed`.
        title: of the runs, where they aren't the reference's.
    """
    blocks = {network: block(frame, name, network) for network in TITLES}
    panels = {f"{title or name}, {TITLES[n]}": points(own) for n, own in blocks.items() if len(own)}
    if not panels:
        return Prose((f"{title or name}: {NOT_YET}.",))
    best = [
        f"{head}: " + ", ".join(arm_title(str(p.arm), p.t) for p in found[found.front].itertuples())
        for head, found in panels.items()
    ]
    below = [f" {head}, {told}." for head, found in panels.items() if (told := beneath(found))]
    seeds = seeds_of(pd.concat([own for own in blocks.values() if len(own)]))
    words = f"Test AUC against bytes, means over {seeds}. Not beaten in both at once: {'; '.join(best)}."
    words += "".join(below)
    return Picture(draw_panels(panels), words, wide=True)


def touched(name: str, frame: pd.DataFrame, compared: pd.DataFrame) -> Touch | Prose:
    """The trade-off on one set on axes of choice, over its picture.

    Args:
        name, frame: as of `picture`. compared: see `results.compare`.
    """
    still = picture(name, frame)
    if isinstance(still, Prose):
        return still
    marks = [
        mark
        for network, title in TITLES.items()
        for mark in _marks(title, block(frame, name, network), compared_of(compared, name, network))
    ]
    return front_to_touch(
        f"{name}: quality against cost",
        marks,
        AXES,
        still,
        families=tuple(KINDS),
        words=RUNS_TOUCHED,
        noun="cells",
    )


def _marks(panel: str, own: pd.DataFrame, compared: pd.DataFrame) -> Iterator[Mark]:
    """The cells of one set and backbone."""
    for t, arm in ordered((), own):
        runs = cell_of(own, t, arm)
        values = mean_and_spread(runs, [axis.key for axis in AXES if axis.key in runs])
        values["bytes"] = (values["bytes"][0] / 1e6,)
        if difference := over_others(compared, arm, t, ORIGINAL):
            values["to_whole"] = difference
        kind = next(kind for kind, arms in KINDS.items() if arm in arms)
        yield Mark(arm_title(arm, t), kind, panel, values, f"{len(runs)} seeds")
