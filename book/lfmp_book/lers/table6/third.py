"""A third set beside those of LERS's Table 6."""

from ...evidence import results
from ...show.html import HtmlTable
from ..scores.lists import GRAPH
from .page import completed, main_table
from .third_grids import ITEM, NAME, TITLE


def third_table() -> HtmlTable:
    """The reference records of the third set; the paper has none."""
    frame = completed(results.reference_frame(ITEM))
    return main_table(TITLE, GRAPH, frame.assign(name=frame.name.replace(NAME, TITLE)), frame[:0])
