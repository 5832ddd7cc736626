"""Figures as pages show them."""

import base64
import io
import re
from dataclasses import dataclass
from html import escape

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter

_FINER = re.compile(r"(\.\d{3})\d+")  # than a thousandth of a point, which nobody sees
# what an address of data may not hold, beside the quotes that HTML needs
_ENCODED = str.maketrans({"%": "%25", "#": "%23", "<": "%3C", ">": "%3E", "&": "%26", '"': "'", "\n": " "})


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

    def svg(self) -> str:
        """The figure as lines and letters' outlines; the same figure gives the same text."""
        as_written(self.figure)
        buffer = io.StringIO()
        with rc_context({"svg.hashsalt": "", "svg.fonttype": "path"}):
            self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        text = buffer.getvalue()
        return _FINER.sub(r"\1", text[text.index("<svg") :])

    def _address(self) -> str:
        """The figure as an address that holds it, in the shorter of both forms."""
        painted = "data:image/png;base64," + base64.b64encode(self.png()).decode()
        drawn = "data:image/svg+xml," + self.svg().translate(_ENCODED)
        return min(painted, drawn, key=len)

    def _repr_html_(self) -> str:
        kind = "lfmp-figure lfmp-wide" if self.wide else "lfmp-figure"
        image = f'<img alt="{escape(self.words)}" src="{self._address()}">'
        return f'<div class="{kind}" tabindex="0">{image}</div>'

    def __repr__(self) -> str:
        return f"[figure: {self.words}]"
