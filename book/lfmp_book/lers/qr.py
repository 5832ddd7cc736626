"""What is learnt from where QR starts, as a table."""

import pandas as pd

from ..show.html import HtmlTable, table
from .studies.qr_starts import STARTS, Learnt

WHOSE = dict(zip(STARTS, ("here", "a natural choice", "published"), strict=True))


def learnt_table(found: list[Learnt]) -> HtmlTable:
    """AUC by start and by p."""
    rows = [
        {
            "p": one.remainders,
            "start": one.start,
            "whose": WHOSE[one.start],
            "cosine of rows": one.alike,
            "AUC": one.auc,
            "best possible": one.best,
        }
        for one in found
    ]
    formats = {"cosine of rows": ".2f", "AUC": ".3f", "best possible": ".3f"}
    note = (
        "Cosine: mean over pairs of starting rows of a field of six ids. AUC of DeepFM on fresh rows whose "
        "click depends on two such fields together and on neither alone."
    )
    caption = "What is learnt from where QR starts"
    return table(pd.DataFrame(rows), caption=caption, formats=formats, group="p", note=note)
