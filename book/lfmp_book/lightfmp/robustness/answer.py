"""What the records of the robustness page answer."""

import pandas as pd

from lfmp_core.metrics import AUC

from ...evidence.datasets import test_rows
from ...evidence.outcomes import OUTCOMES, outcome_counts
from ...show.answer import Answer, waiting
from ...show.words import listed, number, ranged
from .variants import VERDICTS, variants

STARTING = "starting point"


def answer(found: pd.DataFrame) -> Answer:
    """Which of the main verdicts stand whatever is changed, and which turn with what.

    Args:
        found: see `variants.verdict_rows`.
    """
    changed = found[found.doubt != STARTING]
    if not len(changed):
        return waiting("lfmp run lightfmp_passes --profile reference")
    said = []
    for verdict in VERDICTS:
        own = changed[changed.verdict == verdict].drop_duplicates("contents")  # two names of one run
        start = found[(found.doubt == STARTING) & (found.verdict == verdict)]
        if not len(own):
            continue
        begun = (
            f", {start.outcome.iloc[0]} ({start.difference.iloc[0]:+.4f}) to begin with" if len(start) else ""
        )
        named = [
            f"{word} under {listed(_counted(own, word))}"
            for word in ("better", "worse")
            if (own.outcome == word).any()
        ]
        said.append(
            f"**{verdict}**{begun}: {outcome_counts(own, 'change')}, AUC "
            f"{ranged(own.difference.tolist(), '+.4f')}{'; ' + '; '.join(named) if named else ''}."
        )
    return Answer(tuple(said), " ".join([grounds(found), *not_run(found)]))


def _counted(own: pd.DataFrame, word: str) -> list[str]:
    """Doubts with an outcome, and in how many of their changes."""
    counts = {doubt: (part.outcome == word) for doubt, part in own.groupby("doubt", sort=False)}
    return [f"{doubt} ({told.sum()} of {len(told)})" for doubt, told in counts.items() if told.any()]


def grounds(found: pd.DataFrame) -> str:
    """On how much the table stands."""
    half = ((found.high - found.low) / 2).median()
    counts = number(len(found), "difference")
    rows = f"{test_rows('criteo'):,} test rows of Criteo where no other set is named"
    outcomes = listed([word for word in OUTCOMES if word != "undecided"])
    return (
        f"{rows}; {ranged(found.seeds.tolist())} seeds a cell. Intervals of "
        f"95 % are ± {half:.4f} in the median; {outcomes} (within ± {AUC.margin:g}) hold for all {counts} "
        "together (Holm). Samples, not the paper's full sets."
    )


def not_run(found: pd.DataFrame) -> list[str]:
    """What is not changed yet, and the commands that do it; empty where everything was."""
    there = set(found[["doubt", "variant"]].itertuples(index=False, name=None))
    missing = [one for one in variants() if (one.doubt, one.name) not in there]
    if not missing:
        return []
    doubts = "; ".join(f"{one.doubt}: {one.name}" for one in missing)
    commands = "; ".join(
        f"lfmp run {item} --profile reference" for item in dict.fromkeys(o.item for o in missing)
    )
    return [f"Not run yet: {doubts} ({commands})."]
