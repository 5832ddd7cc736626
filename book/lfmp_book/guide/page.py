"""The table of every way of removing a part, and the picture of loss against bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ..evidence.datasets import test_units
from ..evidence.outcomes import OUTCOMES
from ..lers.grids import KINDS
from ..show import pareto
from ..show.curves import bare
from ..show.figures import Picture
from ..show.front import TOUCHED, Axis, Mark, Value, front_to_touch
from ..show.html import HtmlTable, table
from ..show.touch import Touch
from ..show.words import listed, percent, ranged
from .effects import SAVINGS, Action, Class, num_comparisons
from .words import loss, place_of, taken, times

WORDS: dict[Class, str] = {
    "free": "free in every case",
    "open": "undecided: worse in none",
    "costs": "costs: worse in some",
    "never": "never pays here",
}
COLOURS = {"table": "#0072b2", "fields": "#b3261e"}
LABELS = {"table": "a share of the table", "fields": "half of the fields"}
LOWEST = -0.025  # of test AUC, below which the picture has no room


@dataclass(frozen=True)
class Links:
    """Names of pages that lead to them.

    Args:
        folder: where they lie, from the page that shows this.
    """

    pages: tuple[str, ...]
    folder: str = ""

    def _repr_html_(self) -> str:
        return ", ".join(
            f'<a href="{self.folder}{escape(page)}.html">{escape(page)}</a>' for page in self.pages
        )

    def __repr__(self) -> str:
        return ", ".join(self.pages)


def decision_table(
    found: Sequence[Action],
    *,
    of: Sequence[Action] | None = None,
    caption: str = "Every way of removing a part",
    folder: str = "",
) -> HtmlTable:
    """A line for each way: what the records say, its worst loss, what it saves, on how much it stands.

    Args:
        found: the ways. of: all that were adjusted together, where these are a part.
        caption: of the table. folder: see `Links`.
    """
    order, metric = list(WORDS), (of or found)[0].metric
    lines = sorted(found, key=lambda a: (order.index(a.verdict), a.possible))
    data = pd.DataFrame(
        [
            {
                "method": a.arm,
                "removes": taken(a),
                "the records say": WORDS[a.verdict],
                "loss not excluded": a.possible,
                "lowest difference [95 %]": loss(a.worst),
                "bytes ×": times(a, "bytes"),
                "training ×": times(a, "TT"),
                "scoring ×": times(a, "IT"),
                "there": place_of(a.worst),
                **{word: a.count(word) for word in OUTCOMES},
                "seeds": ranged([case.seeds for case in a.cases]),
                f"test {metric.unit}s": ranged([test_units(case.dataset) for case in a.cases]),
                "page": Links(tuple(dict.fromkeys(case.page for case in a.cases)), folder),
            }
            for a in lines
        ]
    )
    note = (
        f"Test {metric.title} against the whole model, paired bootstrap over test {metric.unit}s and seeds, "
        "a case for each data set and backbone that was compared; the lowest of its differences is shown, "
        "and the largest loss that some case's interval leaves open, by which the lines are in order. "
        f"Better, worse and equal hold for all {num_comparisons(of or found)} comparisons of the guide in "
        "this metric together (Holm). ×: over the whole model, means over seeds, smallest to largest of the "
        "cases. Bytes: of the model as served; training: processor seconds, with those of finding what "
        "stays; scoring: of the form whose bytes are given."
    )
    return table(
        data,
        caption=caption,
        formats={"loss not excluded": ".4f"},
        rule=data["the records say"].tolist(),
        note=note,
    )


def picture(found: Sequence[Action]) -> Picture:
    """Mean difference in test AUC against the mean share of bytes that stays, a point for each way."""
    data = pd.DataFrame(
        {
            "name": f"{a.arm} {percent(a.share)}" if a.removes == "table" else a.arm,
            "removes": a.removes,
            "bytes": a.mean("bytes"),
            "gain": a.gain,
        }
        for a in found
    )
    near = data[data.gain >= LOWEST].reset_index(drop=True)
    best = near[pareto.front(near.bytes, near.gain)].sort_values("bytes")
    below = data[data.gain < LOWEST]
    words = (
        f"Mean difference in test AUC against bytes for {len(data)} ways of removing a part, each to its own "
        f"whole model. Not beaten in both at once: {listed(list(best.name))}."
    )
    if len(below):
        told = listed([f"{r.name} at {r.gain:+.3f}" for r in below.itertuples(index=False)])
        words += f" Below the picture: {told}."
    return Picture(_drawn(near, best), words)


AXES = (
    Axis("bytes", "bytes of the model, over those of the whole", "across", log=True),
    Axis("TT", "processor seconds of training, over those of the whole", "across", log=True),
    Axis("IT", "processor seconds of scoring, over those of the whole", "across", log=True),
    Axis("share", "share removed, of fields or of the table's numbers", "across", more=True),
    Axis("gain", "test AUC, less that of the whole", "up", more=True, digits=4, zero=True),
)
OTHERS, FIELDS = "others", "choices of fields"


def touched(found: Sequence[Action]) -> Touch:
    """Every way on axes of choice, over the picture: all cases together, or one set and backbone."""
    kinds = {arm: kind for kind, arms in KINDS.items() for arm in arms}
    every = "all sets and backbones: mean, lowest and highest"
    marks = []
    for action in found:
        of_table = action.removes == "table"
        name = f"{action.arm} {percent(action.share)}" if of_table else action.arm
        family = kinds.get(action.arm, OTHERS) if of_table else FIELDS
        losses, own = [case.difference for case in action.cases], {"share": (action.share,)}
        means: dict[str, Value] = {column: (action.mean(column),) for column in SAVINGS}
        gain = (action.gain, min(losses), max(losses))
        marks.append(Mark(name, family, every, {**own, **means, "gain": gain}, _counted(action)))
        for case in action.cases:
            ratios: dict[str, Value] = {column: (case.ratios[column],) for column in SAVINGS}
            gain = (case.difference, case.low, case.high)
            seeds = f"{case.seeds} seeds"
            marks.append(Mark(name, family, place_of(case), {**own, **ratios, "gain": gain}, seeds))
    words = (
        f"{TOUCHED} Bars: of all cases together the lowest and the highest difference, of a single one its "
        "95 % interval."
    )
    return front_to_touch(
        "Loss against savings", marks, AXES, picture(found), families=(*KINDS, OTHERS, FIELDS), words=words,
        noun="ways",
    )  # fmt: skip


def _counted(action: Action) -> str:
    return ", ".join(f"{action.count(word)} {word}" for word in OUTCOMES if action.count(word))


def _drawn(near: pd.DataFrame, best: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(6.4, 4.3), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axis = figure.add_axes((0.14, 0.13, 0.84, 0.79))
    for removes, own in near.groupby("removes"):
        axis.scatter(own.bytes, own.gain, s=26, lw=0, alpha=0.45, color=COLOURS[str(removes)])
    for removes, own in best.groupby("removes"):
        axis.scatter(own.bytes, own.gain, s=44, lw=0, color=COLOURS[str(removes)], zorder=3)
    axis.axhline(0, color="#555555", lw=1)
    axis.margins(x=0.12, y=0.1)
    bare(
        axis, xlabel="bytes of the model, over those of the whole", ylabel="test AUC, less that of the whole"
    )
    line = pareto.steps(axis, best.bytes, best.gain)
    marks = [axis.scatter([], [], s=44, color=COLOURS[k], label=LABELS[k]) for k in COLOURS]
    figure.legend(handles=marks, ncols=2, frameon=False, fontsize=9, loc="upper center")
    halo = [withStroke(linewidth=2.5, foreground="white")]
    texts = [
        axis.text(
            0.5, 0, r.name, color=COLOURS[r.removes], fontsize=8, ha="center", va="center", path_effects=halo
        )
        for r in best.itertuples(index=False)
    ]
    renderer = canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in texts]
    places = axis.transData.transform(best[["bytes", "gain"]].to_numpy())
    avoid = axis.transData.transform(np.concatenate([near[["bytes", "gain"]].to_numpy(), line]))
    sizes = np.array([(box.width, box.height) for box in boxes])
    centres = pareto.place_labels(places, sizes, axis.get_window_extent(renderer).extents, avoid)
    for text, centre in zip(texts, centres, strict=True):
        text.set_position(tuple(axis.transData.inverted().transform(centre)))
    return figure
