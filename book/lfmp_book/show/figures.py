"""Figures as pages show them."""

import base64
import io
from dataclasses import dataclass
from html import escape

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter


def as_written(figure: Figure) -> None:
    """Show every text as it is, so that a name such as `$\\frac{1$` is a name and not a broken formula; only
    what matplotlib itself writes beside a logarithmic axis is one."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        for ticks, formatter in (
            (axis.get_major_ticks(), axis.get_major_formatter()),
            (axis.get_minor_ticks(), axis.get_minor_formatter()),
        ):
            for text in (t for tick in ticks for t in (tick.label1, tick.label2)):
                text.set_parse_math(isinstance(formatter, LogFormatter))


@dataclass(frozen=True)
class Picture:
    """A figure with words for those who can't see it; on a narrow screen a wide one scrolls by itself.

    Args:
        figure: drawn without pyplot, so that nothing global is touched.
        words: what there is to see, one sentence.
        wide: keep it legible on a phone by scrolling instead of shrinking.
    """

    figure: Figure
    words: str
    wide: bool = False

    def png(self, dpi: int = 144) -> bytes:
        """The figure as PNG; the same figure gives the same bytes."""
        FigureCanvasAgg(self.figure)
        as_written(self.figure)
        buffer = io.BytesIO()
        self.figure.savefig(buffer, dpi=dpi, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png()).decode()
        kind = "lfmp-figure lfmp-wide" if self.wide else "lfmp-figure"
        image = f'<img alt="{escape(self.words)}" src="data:image/png;base64,{data}">'
        return f'<div class="{kind}" tabindex="0">{image}</div>'

    def __repr__(self) -> str:
        return f"[figure: {self.words}]"
