"""A front that can be touched: points on axes of choice, with intervals and names, over its still picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .touch import Touch, settled

TOUCHED = (
    "Hover, tap, or go from point to point with the arrow keys. The line joins what nothing beats in both."
)
# of cells of runs
RUNS_TOUCHED = f"{TOUCHED} Bars: ± standard deviation over seeds, and of differences the 95 % interval."
Value = tuple[float] | tuple[float, float, float]  # a mean, or with the ends of its interval


@dataclass(frozen=True)
class Axis:
    """A figure that points have.

    Attributes:
        key: its name in `Mark.values`. title: with its unit.
        way: where it can stand: "across", "up" or both ("either").
        more: more of it is better. log: its scale, across. digits: shown. zero: has a line at 0, up.
    """

    key: str
    title: str
    way: str
    more: bool = False
    log: bool = False
    digits: int = 2
    zero: bool = False


@dataclass(frozen=True)
class Mark:
    """One point.

    Attributes:
        name: short. family: of its kind, among those of the figure. panel: on which of them it stands.
        values: key of an axis → its value; what a point lacks keeps it off that axis.
        more: what else is told of it, such as its seeds.
    """

    name: str
    family: str
    panel: str
    values: Mapping[str, Value]
    more: str = ""


def front_to_touch(
    title: str,
    marks: Sequence[Mark],
    axes: Sequence[Axis],
    still: Any,
    *,
    families: Sequence[str],
    words: str = "",
    noun: str = "points",
) -> Touch:
    """The marks to touch.

    Args:
        axes: the first that may stand across and the first that may stand up are shown first.
        still: picture for paper. families: in their order, which decides on colours and shapes.
        noun: what a point stands for.
    """
    panels = list(dict.fromkeys(mark.panel for mark in marks))
    names = list(dict.fromkeys(mark.name for mark in marks))
    used = [name for name in families if any(mark.family == name for mark in marks)]
    ways = {"across": ("across", "either"), "up": ("up", "either")}
    data = {
        "panels": panels,
        "families": used,
        "axes": [
            {
                **{key: getattr(axis, key) for key in ("key", "title", "more", "log", "digits", "zero")},
                **{way: axis.way in own for way, own in ways.items()},
            }
            for axis in axes
        ],
        "x": next(axis.key for axis in axes if axis.way in ways["across"]),
        "y": next(axis.key for axis in axes if axis.way in ways["up"]),
        "names": names,
        "points": [
            [names.index(mark.name), used.index(mark.family), panels.index(mark.panel), mark.more]
            + [_told(mark.values.get(axis.key)) for axis in axes]
            for mark in marks
        ],
        "noun": noun,
    }
    return Touch("front", title, data, still, words)


def _told(value: Value | None) -> Any:
    """A mean alone, or with its ends; None where there is none."""
    if value is None or value[0] != value[0]:
        return None
    return settled(value[0], 5) if len(value) == 1 else [settled(v, 5) for v in value]
