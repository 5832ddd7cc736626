"""The first logits of DeepFM over tables with published and with this book's values, as a table."""

import pandas as pd

from ..show.html import HtmlTable, table
from .studies.first_logits import Start


def starts_table(found: list[Start]) -> HtmlTable:
    """Mean and deviation of first logits, and what they cost."""
    rows = [
        {
            "table": start.name,
            "start": start.start,
            "whose": "published" if start.theirs else "here",
            "logits": f"{start.mean:.3g} ± {start.deviation:.3g}",
            "largest": start.largest,
            "log-loss": start.loss,
        }
        for start in found
    ]
    note = "Mean ± standard deviation over rows. A model that says the click rate has a log-loss near 0.56."
    formats = {"largest": ".3g", "log-loss": ".3g"}
    caption = "DeepFM's logits before the first step"
    return table(
        pd.DataFrame(rows), caption=caption, formats=formats, note=note, rule=[s.theirs for s in found]
    )
