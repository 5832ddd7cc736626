"""Times of records, where they were taken on one kind of processor, and of scoring with one kind of loops."""

from math import nan

import pandas as pd

SCORING = ("IT", "IT_remembered")
TIMES = ("PT", "CT", "TT", "clock", *SCORING)
UNTIMED = "No time: taken on another processor than most of the set's, which would compare machines."
UNSCORED = "TT without IT: scored with other loops than most of the set's."


def on_one_processor(runs: pd.DataFrame) -> pd.DataFrame:
    """Final runs without times of cells that were taken elsewhere than most of their set's and backbone's.

    A record renewed on another machine has the same numbers and other seconds; so it has after the loops that
    score were made faster, see `Task.timed`. A cell of which one seed has no time has none: a mean over the
    others would stand beside means over all.

    Args:
        runs: see `results.frame`, with `cpu`, which without a name is one of its own, and `timed`.
    """
    if not len(runs):
        return runs
    blocks = runs.groupby(["dataset", "backbone"])
    most = {key: blocks[key].transform(lambda own: own.value_counts().idxmax()) for key in ("cpu", "timed")}
    alike = {key: runs[key] == usual for key, usual in most.items()}
    scored = alike["cpu"] & alike["timed"]
    cell = [runs[key] for key in ("dataset", "backbone", "arm", "budget")]
    trained, scored = (own.groupby(cell).transform("all") for own in (alike["cpu"], scored))
    kept = {name: scored if name in SCORING else trained for name in TIMES}
    return runs.assign(**{name: runs[name].where(kept[name], nan) for name in TIMES})


def untimed(runs: pd.DataFrame) -> str:
    """What a table's note says where some runs have no time, or none of scoring; else nothing."""
    reasons = {UNTIMED: runs.TT.isna(), UNSCORED: runs.TT.notna() & runs.IT.isna()}
    return "".join(f" {reason}" for reason, without in reasons.items() if without.any())
