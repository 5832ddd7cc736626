"""Light-FMP's Figure 2d: how many rows the gates need."""

import re
from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.methods import LightFMPSettings
from lfmp_core.metrics import AUC, LOG_LOSS, Metric

from ..claims import pending
from ..claims.claim import Claim, Prose
from ..claims.judge import Judge
from ..evidence import published, results
from ..evidence.outcomes import OUTCOMES, outcomes
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..show.comparison import ResultColumn, comparison, seed_counts
from ..show.curves import GREY, INK, ONE_PASS, bare, label_ends
from ..show.html import HtmlTable
from .arms import judged
from .fig2d_claims import TESTS, Sizes, with_interval
from .values import METRICS

_ARM = re.compile(r"^([\d,]+) rows × (\d+)$")
ITEM = "lightfmp_fig2d"


def rows_pretrained_on(arm: str) -> int:
    """Pretraining rows of an arm; 0 for one without."""
    match = _ARM.match(arm)
    return int(match[1].replace(",", "")) if match else 0


def passes_of(arm: str) -> int:
    """Passes over them."""
    match = _ARM.match(arm)
    return int(match[2]) if match else 0


def steps_of(arm: str) -> int:
    """Optimiser steps of its pretraining."""
    return passes_of(arm) * -(-rows_pretrained_on(arm) // LightFMPSettings().pretrain_batch_size)


def sized(frame: pd.DataFrame) -> pd.DataFrame:
    """The runs of the arms that differ in pretraining rows, by their number; column `rows`."""
    rows = frame.arm.map(rows_pretrained_on).astype(int)
    return frame.assign(rows=rows)[rows > 0].sort_values(["rows", "seed"])


def complete_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """All runs if some sizes are among them, else none."""
    return frame if len(sized(frame)) else frame.iloc[:0]


def against(compared: pd.DataFrame, other: str, metric: Metric = AUC) -> pd.DataFrame:
    """Differences of every size to another arm, by rows: difference, low, high."""
    found = compared.assign(rows=compared.arm.map(rows_pretrained_on).astype(int))
    found = found[(found.rows > 0) & (found.against == other) & (found.metric == metric.name)]
    return found.set_index("rows")[["difference", "low", "high"]].sort_index()


def beats_from(differences: pd.DataFrame) -> int | None:
    """The least size from which on every size is better beyond doubt; None where the largest isn't.

    Args:
        differences: of AUC, see `against`.
    """
    found = None
    for rows, d in differences.sort_index(ascending=False).iterrows():
        if d.low <= 0:
            break
        found = rows
    return None if found is None else int(found)


def won(start: int | None, differences: pd.DataFrame) -> str:
    """The sizes of `beats_from` in words; a single one is no trend."""
    if start is None:
        return "not even with the most rows tried"
    return (
        f"only at {start:,} rows, the most tried"
        if start == max(differences.index)
        else (f"at every size tried from {start:,} rows on")
    )


def sizes_in_words(compared: pd.DataFrame) -> Prose:
    """Plain words: at which sizes the gates beat random fields, and all fields."""
    twin = against(compared, RANDOM_FIELDS)
    if not len(twin):
        return pending.reason(compared)
    sized_arms = compared[compared.arm.map(rows_pretrained_on) > 0]
    found, sentences = outcomes(sized_arms, (RANDOM_FIELDS, ALL_FIELDS)), []
    for other in (RANDOM_FIELDS, ALL_FIELDS):
        own = found[found.against == other]
        own = own.assign(rows=own.arm.map(rows_pretrained_on)).sort_values("rows")
        told = {word: [f"{n:,}" for n in own[own.outcome == word].rows] for word in OUTCOMES}
        said = "; ".join(f"{word} with {', '.join(sizes)} rows" for word, sizes in told.items() if sizes)
        sentences.append(
            f"In test AUC against {other} the gates are **{said}**, adjusted for {len(found)} comparisons."
        )
    best = twin.difference.idxmax()
    sentences.append(
        f"The best size tried is {best:,} rows: {with_interval(twin.loc[best])} over {RANDOM_FIELDS}."
    )
    return Prose(tuple(sentences))


def picture(compared: pd.DataFrame) -> Figure:
    """Differences to random fields by pretraining rows with 95 % bands; a line: all fields."""
    figure = Figure(figsize=(10.5, 3.8), layout="constrained")
    for axis, metric in zip(figure.subplots(1, 2), METRICS, strict=True):
        d = against(compared, RANDOM_FIELDS, metric)
        x = d.index.to_numpy(dtype=float)
        axis.fill_between(x, d.low.to_numpy(float), d.high.to_numpy(float), color=ONE_PASS, alpha=0.18, lw=0)
        axis.plot(x, d.difference, color=ONE_PASS, marker="o", ms=4, lw=1.8)
        axis.axhline(0, color=GREY, lw=1.5)
        ends = [(d.difference.iloc[-1], "chosen by gates", ONE_PASS), (0.0, RANDOM_FIELDS, GREY)]
        own = compared[compared.metric == metric.name]
        whole = own[(own.arm == RANDOM_FIELDS) & (own.against == ALL_FIELDS)]
        if len(whole):
            level = -float(whole.difference.iloc[0])
            axis.axhline(level, color=INK, lw=1, ls="--")
            ends.append((level, ALL_FIELDS, INK))
        axis.set_xscale("log")
        axis.set_xticks(x, [f"{int(n):,}" for n in x], fontsize=8, rotation=30, ha="right")
        axis.minorticks_off()
        side = "above is better" if metric.higher else "below is better"
        bare(axis, xlabel="pretraining rows", title=f"{metric.title} − that of {RANDOM_FIELDS} ({side})")
        label_ends(axis, ends)
    return figure


def main_table(
    reference: pd.DataFrame, run: pd.DataFrame, compared: pd.DataFrame, digits: int = 4
) -> HtmlTable:
    """Paper | reference | this run by pretraining rows, with all fields and as many random fields.

    Args:
        reference, run: see `results.frame`. compared: of the reference. digits: decimals of this run.
    """
    reference = complete_runs(reference)
    arms = sorted(
        {*reference.arm, *run.arm},
        key=lambda arm: (rows_pretrained_on(arm) == 0, rows_pretrained_on(arm), arm),
    )
    tried, base = (
        published.pretrain_sizes(),
        published.printed_table("lightfmp_table3").set_index("backbone").loc["xDeepFM"],
    )

    def paper(arm: str) -> dict[str, Any]:
        near = any(abs(rows_pretrained_on(arm) / size - 1) < 0.01 for size in tried)
        printed = {"test_auc": float(base.base_auc), "test_logloss": float(base.base_logloss)}
        return {"tried": "yes" if near else ""} | (printed if arm == ALL_FIELDS else {})

    def over(differences: pd.DataFrame) -> Callable[[pd.DataFrame, str], str | None]:
        known = differences.index  # a size may have another number of passes in this run
        return lambda _, arm: (
            with_interval(differences.loc[rows_pretrained_on(arm)])
            if rows_pretrained_on(arm) in known
            else None
        )

    reference_only = ("reference",)
    return comparison(
        [(arm,) for arm in arms],
        {"arm": "pretraining rows"},
        [
            ResultColumn("tried", "tried", sides=("paper",)),
            ResultColumn("test_auc", "AUC"),
            ResultColumn("test_logloss", "log-loss"),
            ResultColumn("PT", "PT, s", 1, sides=reference_only),
            ResultColumn("CT", "CT, s", 1, sides=reference_only),
            ResultColumn(
                "random", "AUC − random", sides=reference_only, of=over(against(compared, RANDOM_FIELDS))
            ),
            ResultColumn("all", "AUC − all", sides=reference_only, of=over(against(compared, ALL_FIELDS))),
        ],
        paper,
        {"reference": reference, "this run": run},
        head={
            "pretraining rows": lambda arm: (
                f"{rows_pretrained_on(arm):,}" if rows_pretrained_on(arm) else arm
            ),
            "passes": lambda arm: passes_of(arm) or None,
            "steps": lambda arm: steps_of(arm) or None,
        },
        digits={"this run": digits},
        caption="By pretraining rows, with about the same number of optimiser steps",
        formats={("", "passes"): ",.0f", ("", "steps"): ",.0f"},
        note=f"Mean ± standard deviation over seeds ({seed_counts(reference, run, ['arm'])}). AUC − random, "
        "AUC − all: differences to as many random fields and to all fields with 95 % intervals, paired "
        "bootstrap over test rows and seeds. The paper's curve is drawn without numbers. PT, CT: processor "
        "time of pretraining and continued training.",
    )


def claims(reference: pd.DataFrame, compared: pd.DataFrame) -> list[Claim]:
    """What §4.4 says of the pretraining size, judged on the reference records."""
    runs = {int(rows): part for rows, part in sized(reference).groupby("rows")}
    auc, loss = against(compared, ALL_FIELDS), against(compared, ALL_FIELDS, LOG_LOSS)
    if not runs or not set(runs) <= set(auc.index):  # of other numerics than all fields
        return []
    return judged(ITEM, TESTS, {"": Sizes(runs, auc, loss)})


JUDGE = Judge(
    ITEM,
    "lightfmp_fig2d_pretrain_size",
    TESTS,
    lambda: complete_runs(results.reference_frame(ITEM)),
    lambda reference: claims(reference, results.load_comparisons(ITEM, reference)),
)
