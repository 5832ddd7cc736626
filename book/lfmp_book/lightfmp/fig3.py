"""Light-FMP's Figure 3: which fields the gates keep, how surely, and whether it pays."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from ..claims.claim import Claim
from ..claims.judge import Judge
from ..claims.test import Test
from ..evidence import datasets, results
from ..show.html import HtmlTable, Spread, is_stale, table
from .arms import judged_by_arm
from .fig3_claims import ON_CHOICE, ON_GATES, Gates, expected_jaccard, mean_jaccard

ITEM = "lightfmp_fig3"


def _gated(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame.log_alpha.notna()]


def _by_arm(frame: pd.DataFrame) -> list[tuple[tuple[str, float], pd.DataFrame]]:
    """((arm, prune ratio), runs): arms in their own order, ratios rising."""
    arms = frame.arm.unique()
    return [((a, ratio), runs) for a in arms for ratio, runs in frame[frame.arm == a].groupby("budget")]


def gate_heatmap(frame: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Gates by field, one panel an arm, one row a prune ratio.

    Colour: log α of a run scaled to 0…1 over its fields, mean over seeds. Dot: kept in most seeds; its size
    says in how many.
    """
    gated = _gated(frame)
    arms = list(gated.arm.unique())
    figure = Figure(figsize=(11, 1.2 + 1.75 * len(arms)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(arms), 1, sharex=True))
    for axis, arm in zip(axes, arms, strict=True):
        own = gated[gated.arm == arm]
        ratios = sorted(own.budget.unique())
        image = np.zeros((len(ratios), len(names)))
        for i, ratio in enumerate(ratios):
            runs = own[own.budget == ratio]
            a = np.array(runs.log_alpha.tolist())
            low, high = a.min(1, keepdims=True), a.max(1, keepdims=True)
            # gates that all ran into the same bound are all wide open, or all shut
            flat = np.where(low > 0, 1.0, 0.0)
            image[i] = np.where(high > low, (a - low) / np.where(high > low, high - low, 1), flat).mean(0)
            share = np.array([sum(f in kept for kept in runs.kept_fields) for f in range(len(names))]) / len(
                runs
            )
            most = np.flatnonzero(share > 0.5)
            axis.scatter(
                most, np.full(len(most), i), s=60 * share[most] ** 3, c="#1f77b4", edgecolors="white", lw=0.6
            )
        drawn = axis.imshow(image, aspect="auto", cmap="Greys", vmin=0, vmax=1)
        axis.set_yticks(range(len(ratios)), [f"τ = {r:g}" for r in ratios])
        axis.set_title(arm, loc="left", fontsize=10)
        axis.spines[:].set_visible(False)
    axes[-1].set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    figure.colorbar(drawn, ax=list(axes), label="gate, scaled per run", shrink=0.7)
    return figure


def stability_table(frame: pd.DataFrame, names: Sequence[str], field_sizes: Sequence[int]) -> HtmlTable:
    """Is the choice the same over seeds, and what does it follow? A row for each arm and prune ratio."""
    rows = []
    for (arm, ratio), runs in _by_arm(_gated(frame)):
        kept = runs.kept_fields.tolist()
        k, m = len(kept[0]), len(names)
        # gates that all ran into the same bound rank nothing
        rank = [
            spearmanr(a, np.log(field_sizes)).statistic if np.ptp(a) else float("nan") for a in runs.log_alpha
        ]
        row = {
            "arm": arm,
            "τ": ratio,
            "kept": f"{k} of {m}",
            "same over seeds": mean_jaccard(kept) if ratio else None,
            "at random": expected_jaccard(m, k) if ratio else None,
            "rank correlation with vocabulary": Spread.of(rank, 2, stale=is_stale(runs)),
        }
        rows.append(row)
    note = (
        "Same over seeds: mean Jaccard index of two seeds' kept fields. Rank correlation: Spearman's, "
        "between a field's gate and its number of ids; mean ± standard deviation over seeds."
    )
    formats = {"τ": ".2f", "same over seeds": ".2f", "at random": ".2f"}
    data = pd.DataFrame(rows)
    return table(
        data, caption="How stable the choice is, and what it follows", formats=formats, group="arm", note=note
    )


def accuracy_table(reference: pd.DataFrame, run: pd.DataFrame, digits: int = 4) -> HtmlTable:
    """Test AUC by prune ratio: what the choice is worth. The paper prints no figures for Fig. 3."""
    source = reference if len(reference) else run
    ratios = sorted(source.budget.unique())
    rows = []
    for heading, data, places in (("reference", reference, 4), ("this run", run, digits)):
        for arm in data.arm.unique():
            row: dict = {"": heading, "arm": arm}
            for ratio in ratios:
                cell = data[(data.arm == arm) & (data.budget == ratio)]
                row[f"τ = {ratio:g}"] = Spread.over(cell, "test_auc", places)
            rows.append(row)
    return table(
        pd.DataFrame(rows),
        caption="Test AUC by prune ratio",
        highlight={f"τ = {r:g}": "max" for r in ratios},
        group="",
        note="Mean ± standard deviation over seeds.",
    )


def claims(
    reference: pd.DataFrame,
    compared: pd.DataFrame,
    names: Sequence[str],
    tests: Sequence[Test[Gates]] = ON_CHOICE,
) -> list[Claim]:
    """What §4.5 says of Figure 3, judged on the reference records.

    Args:
        names: of the fields. tests: on the choice of fields by default; the page leaves those on the gates
            themselves to the ledger.
    """
    arms = _gated(reference).arm.unique()
    return judged_by_arm(ITEM, tests, {arm: Gates(arm, reference, compared, names) for arm in arms})


def _judged(reference: pd.DataFrame) -> list[Claim]:
    compared = results.load_comparisons(ITEM, reference)
    names, _ = datasets.fields(datasets.description("criteo"))
    return [claim for tests in (ON_CHOICE, ON_GATES) for claim in claims(reference, compared, names, tests)]


JUDGE = Judge(
    ITEM,
    "lightfmp_fig3_mask",
    (*ON_CHOICE, *ON_GATES),
    partial(results.reference_frame, ITEM),
    _judged,
)
