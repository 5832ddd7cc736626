"""Drawings by code: SVG inside the page, so that light, dark and print have the page's own colours.

A mark has one of a few kinds, whose colours `_static/drawings.css` gives: *kept*, *gone*, *shared* and
*learnt* cells, lines, text. Nothing is said by colour alone: what is gone has no filling, and what is shared
or learnt stands beside its name.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from zlib import crc32

KINDS = ("kept", "gone", "shared", "learnt")
CELL = 14  # side of a cell, in the drawing's own units


def _n(value: float) -> str:
    return f"{value:g}"


@dataclass
class Drawing:
    """A drawing that grows mark by mark.

    Args:
        title: what it shows, a few words. words: the same for those who can't see it, a sentence or two.
        width, height: in units that are pixels where there is room.
        wide: keep it legible on a phone by scrolling instead of shrinking.
    """

    title: str
    words: str
    width: int
    height: int
    wide: bool = False
    marks: list[str] = field(default_factory=list)

    def cells(
        self,
        x: float,
        y: float,
        rows: int,
        columns: int,
        kind: str | Callable[[int, int], str | None] = "kept",
        size: float = CELL,
    ) -> "Drawing":
        """A grid of cells, left and top at (x, y); `kind` of each by (row, column), None for no cell."""
        of = kind if callable(kind) else lambda _row, _column: kind
        paths: dict[str, list[str]] = {}
        for row in range(rows):
            for column in range(columns):
                if (name := of(row, column)) is not None:
                    at = f"M{_n(x + column * size)} {_n(y + row * size)}"
                    paths.setdefault(name, []).append(f"{at}h{_n(size)}v{_n(size)}h{_n(-size)}z")
        self.marks += [f'<path class="{name}" d="{"".join(parts)}"/>' for name, parts in paths.items()]
        return self

    def box(self, x: float, y: float, width: float, height: float, kind: str = "plain") -> "Drawing":
        """A frame with round corners."""
        self.marks.append(
            f'<rect class="{kind}" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="5"/>'
        )
        return self

    def text(
        self,
        x: float,
        y: float,
        words: str,
        anchor: str = "start",
        kind: str = "label",
        *,
        turned: bool = False,
    ) -> "Drawing":
        """A line of text, its base line at y; anchor: start, middle or end; turned: reads upwards."""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        place += f' transform="rotate(-90 {_n(x)} {_n(y)})"' * turned
        self.marks.append(f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}"{place}>{escape(words)}</text>')
        return self

    def line(self, *points: tuple[float, float], arrow: bool = False, kind: str = "line") -> "Drawing":
        """A line through points; an arrow has its head at the last."""
        path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        if arrow:
            (x0, y0), (x1, y1) = points[-2:]
            length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
            dx, dy = (x1 - x0) / length, (y1 - y0) / length
            for side in (1, -1):
                end = (x1 - 6 * dx + side * 3.5 * dy, y1 - 6 * dy - side * 3.5 * dx)
                path += f"M{_n(round(end[0], 1))} {_n(round(end[1], 1))}L{_n(x1)} {_n(y1)}"
        self.marks.append(f'<path class="{kind}" d="{path}"/>')
        return self

    def glyphs(self, kind: str, path: str, places: Iterable[tuple[float, float]]) -> "Drawing":
        """One small shape at several places; `path` is relative to a place, such as `m-4 0h8`."""
        drawn = "".join(f"M{_n(x)} {_n(y)}{path}" for x, y in places)
        if drawn:
            self.marks.append(f'<path class="{kind}" d="{drawn}"/>')
        return self

    def squares(self, kind: str, side: float, places: Iterable[tuple[float, float]]) -> "Drawing":
        """Squares around places: ends of lines of no length, which take few letters."""
        drawn = "".join(f"M{_n(x)} {_n(y)}h0" for x, y in places)
        self.marks.append(f'<path class="{kind}" stroke-width="{_n(side)}" d="{drawn}"/>')
        return self

    def svg(self) -> str:
        """The drawing as an element of a page, on one line."""
        name = f"d{crc32((self.title + self.words).encode()):08x}"
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" '
            f'role="img" aria-labelledby="{name}t {name}d"><title id="{name}t">{escape(self.title)}</title>'
            f'<desc id="{name}d">{escape(self.words)}</desc>{"".join(self.marks)}</svg>'
        )

    def _repr_html_(self) -> str:
        kind = "lfmp-drawing lfmp-drawing-wide" if self.wide else "lfmp-drawing"
        focus = ' tabindex="0" role="group" aria-label="Drawing"' if self.wide else ""
        return f'<div class="{kind}"{focus}>{self.svg()}</div>'

    def __repr__(self) -> str:
        return f"[drawing: {self.title}. {self.words}]"
