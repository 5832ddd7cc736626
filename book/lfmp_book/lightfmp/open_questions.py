"""What Light-FMP's paper leaves open: what helped, and what did not."""

from collections.abc import Sequence

import pandas as pd

from lfmp_core.metrics import AUC

from ..claims import told
from ..claims.cases import Case, Tally
from ..claims.claim import Claim, Prose
from ..evidence.outcomes import difference_note, interval, interval_and_outcome, outcomes
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS, seeds_in_words
from ..show.comparison import ResultColumn, comparison
from ..show.html import HtmlTable, table
from .arms import ONE_PASS, STREAM

COLUMNS = (
    ResultColumn("test_auc", "AUC"),
    ResultColumn("test_logloss", "log-loss"),
    ResultColumn("fields_kept", "fields", of=lambda runs, _: f"{runs.fields_kept.mean():.1f}"),
    ResultColumn("PT", "PT, s", of=lambda runs, _: runs.PT.mean()),
    ResultColumn("TT", "TT, s", of=lambda runs, _: runs.TT.mean()),
)


def base_of(arm: str) -> str:
    """The arm that this one changes in one thing; the stream is held against the one pass."""
    return ONE_PASS if arm == STREAM else arm.split(":")[0]


def changes(arms: Sequence[str]) -> list[str]:
    """The arms that change one thing of another one."""
    return [arm for arm in arms if ":" in arm or arm == STREAM]


def main_table(reference: pd.DataFrame, run: pd.DataFrame, digits: int = 3) -> HtmlTable:
    """AUC, log-loss, fields kept and processor seconds by arm: reference beside this run."""
    source = reference if len(reference) else run
    formats = {(side, title): ".1f" for side in ("reference", "this run") for title in ("PT, s", "TT, s")}
    seeds = reference.groupby("arm").seed.nunique() if len(reference) else pd.Series([0])
    return comparison(
        [(arm,) for arm in source.arm.unique()],
        {"arm": "arm"},
        COLUMNS,
        None,
        {"reference": reference, "this run": run},
        digits={"this run": digits},
        caption="Test AUC, log-loss, fields kept and processor seconds",
        formats=formats,
        note=f"Mean ± standard deviation over {seeds_in_words(seeds)} of the reference. "
        "PT: until the cut; TT: all of it, on one thread.",
    )


def difference_row(compared: pd.DataFrame, arm: str, other: str) -> pd.Series | None:
    """The row of `compared` that holds this arm against another in test AUC."""
    found = compared[(compared.arm == arm) & (compared.against == other) & (compared.metric == AUC.name)]
    return found.iloc[0] if len(found) else None


def _told(compared: pd.DataFrame) -> pd.DataFrame:
    """Each change against the arm that it changes, random fields and all fields, adjusted together."""
    base = compared.against == compared.arm.map(base_of)
    shown = compared.arm.isin(changes(list(compared.arm.unique())))
    own = compared[shown & (base | compared.against.isin((RANDOM_FIELDS, ALL_FIELDS)))]
    return outcomes(own, own.against.unique())


def change_table(compared: pd.DataFrame) -> HtmlTable:
    """Each change in test AUC against the arm that it changes, against random fields and all fields."""
    rows, found = [], _told(compared)
    for arm in changes(list(compared.arm.unique())):
        row: dict = {"change": arm}
        for heading, other in (
            ("against the arm it changes", base_of(arm)),
            ("against random fields", RANDOM_FIELDS),
            ("against all fields", ALL_FIELDS),
        ):
            d = difference_row(found, arm, other)
            row[heading] = None if d is None else interval_and_outcome(d)
        rows.append(row)
    caption = "What each change does to test AUC"
    return table(pd.DataFrame(rows), caption=caption, note=difference_note(len(found)))


def findings(compared: pd.DataFrame) -> Prose:
    """One sentence for each change."""
    sentences, found = [], _told(compared)
    for arm in changes(list(compared.arm.unique())):
        d = difference_row(found, arm, base_of(arm))
        said = "not compared" if d is None else interval_and_outcome(d)
        sentences.append(f"**{arm}**, against {base_of(arm)}: {said}.")
    return Prose(tuple(sentences))


def claims(reference: pd.DataFrame, compared: pd.DataFrame) -> list[Claim]:
    """The questions as claims: does any change of what the paper leaves open beat random fields?"""
    found = []
    for arm in changes(list(compared.arm.unique())):
        d = difference_row(compared, arm, RANDOM_FIELDS)
        if d is not None:
            figure = interval(d.difference, d.low, d.high)
            tally = Tally.of([Case(arm, RANDOM_FIELDS, told.gained(d, AUC), figure)])
            found.append(
                Claim(
                    f"{arm}: better than as many random fields",
                    "beyond the paper",
                    "AUC above random fields' at τ = .5, 95 % interval above 0",
                    figure,
                    tally.verdict,
                    tally=tally,
                )
            )
    return found
