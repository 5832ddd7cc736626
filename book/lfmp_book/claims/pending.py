"""What a page shows while its reference records are missing or were not compared."""

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.errors import LfmpError

from ..evidence.frames import COMPARED, framed
from ..evidence.results import load_comparisons
from ..show.figures import Picture
from ..show.html import HtmlTable
from .claim import Claim, Prose, claims_table
from .judge import Judge

NOT_YET = "no reference records yet"


def kept_comparisons(item: str, reference: pd.DataFrame) -> pd.DataFrame:
    """The comparisons kept for an item; none, with the reason in `attrs`, where they can't be shown.

    Args:
        reference: the runs that the page shows, see `results.frame`; without any there is nothing to compare.
    """
    try:
        if not len(reference):
            raise LfmpError(f"{NOT_YET}; run: lfmp run {item} --profile reference --workers 2")
        return load_comparisons(item, reference)
    except LfmpError as error:
        empty = framed((), COMPARED)
        empty.attrs["reason"] = str(error)
        return empty


def reason(frame: pd.DataFrame) -> Prose:
    """Why there is nothing to show."""
    return Prose((frame.attrs.get("reason", NOT_YET),))


def verdicts(claims: Sequence[Claim], compared: pd.DataFrame) -> HtmlTable | Prose:
    """The claims of a page, or why there are none yet."""
    return claims_table(claims) if claims else reason(compared)


def verdicts_or_reason(judge: Judge) -> HtmlTable | Prose:
    """What a page's sentences come to by its reference records, or why they can't be judged yet."""
    reference = judge.reference()
    if not len(reference):
        return Prose((NOT_YET,))
    try:
        return claims_table(judge.claims(reference))
    except LfmpError as error:
        return Prose((str(error),))


def picture_or_reason(
    draw: Callable[[pd.DataFrame], Figure], frame: pd.DataFrame, words: str, *, wide: bool = False
) -> Picture | Prose:
    """The figure of some rows, or why there is none yet; arguments besides as of `figures.Picture`."""
    return Picture(draw(frame), words, wide) if len(frame) else reason(frame)
