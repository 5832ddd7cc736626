"""What the descriptions of LERS's data sets for collaborative filtering answer."""

from ..show.answer import Answer
from ..show.words import listed
from .table3 import COUNTS, counted, described_sets, printed_row


def answer() -> Answer:
    """Whether the sets are the paper's own."""
    here = counted(described_sets())
    same, told = [], []
    for row in here.to_dict("records"):
        theirs = printed_row(row["dataset"])
        if theirs:
            equal = [int(row[key]) == int(theirs[key]) for key in COUNTS]
            same.append(all(equal))
            told.append(
                f"{row['dataset']} {row['users']:,} users, {row['items']:,} items, {row['interactions']:,} "
                "pairs"
            )
    return Answer(
        (
            f"**{sum(same)} of {len(same)} sets have the paper's users, items and interactions to the "
            "number**: "
            f"{listed(told)}.",
            "So scores on them can be held against the printed ones, not orders alone.",
        ),
        "Counts of the prepared sets, pinned by a fingerprint; test pairs as published, validation pairs "
        "drawn here.",
    )
