"""What the descriptions of LERS's data sets for collaborative filtering answer."""

from ..evidence.datasets import Described
from ..show.answer import Answer
from ..show.words import listed
from .table3 import COUNTS, counted, described_sets, printed_row


def answer() -> Answer:
    """Whether the sets are the paper's own, and whether validation pairs are like test pairs."""
    sets = described_sets()
    here = counted(sets)
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
            "**Validation is no small test**: a test pair's item has in the mean "
            f"{listed([_popular(*one) for one in sets.items()])}; in brackets, a validation pair's.",
        ),
        "Counts of the prepared sets, pinned by a fingerprint; test pairs as published, validation pairs "
        "drawn here.",
    )


def _popular(name: str, described: Described) -> str:
    """How popular the items of test pairs are, and in brackets those of validation pairs."""
    test, val = (described["popularity"][split]["mean"] for split in ("test", "val"))
    return f"{test:.0f} ({val:.0f}) training pairs on {name}"
