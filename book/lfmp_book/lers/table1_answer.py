"""What the counts of LERS's Table 1 answer."""

import pandas as pd

from ..show.answer import Answer


def answer(found: pd.DataFrame) -> Answer:
    """Whether the printed sizes are those of the formulas and of this book's classes.

    Args:
        found: see `counts.counts`.
    """
    found = found[found.told.notna()]  # Original has nothing to count
    exact, agree = int((found["sum"] == found["our class"]).sum()), int(found["as DeepFM"].sum())
    off = (found.sparsity - found.t).abs()
    return Answer(
        (
            f"**This book's tables count what the formulas by hand give in {exact} of {len(found)} cells** "
            "of QR, TT-Rec "
            f"and DHE, and {agree} of {len(found)} are what Table 5 prints for DeepFM.",
            f"**A row of “50 %” is a name**: {int((off > 0.01).sum())} of {len(found)} cells are more than "
            "a point "
            f"away from their rate, {100 * off.max():.1f} points at most.",
        ),
        "Counts, without spread; the settings are those of the paper's public code, and those of one cell "
        "were found "
        "by trying.",
    )
