"""Light-FMP's Figure 3: which fields the gates keep, how surely, and whether it pays."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import hypergeom, spearmanr

from ..claims.claim import Claim, share_verdict
from ..evidence.differences import interval
from ..evidence.results import TWIN, UNPRUNED
from ..show.html import Spread, Table, is_stale, table

# §4.5 names the fields that Figure 3 keeps at every ratio, prunes at the higher ones, and always prunes.
PAPER_KEPT = ("C3", "C4", "C7", "C11", "C16", "C20", "C25", "C26")
PAPER_PRUNED = ("C8", "C9", "C17", "C18", "C21", "C22")


def expected_jaccard(num_fields: int, kept: int) -> float:
    """Mean |A∩B| / |A∪B| of two sets of `kept` fields drawn at random from `num_fields`."""
    overlap = np.arange(kept + 1)
    return float((hypergeom(num_fields, kept, kept).pmf(overlap) * overlap / (2 * kept - overlap)).sum())


def mean_jaccard(sets: Sequence[Sequence[int]]) -> float:
    """Mean |A∩B| / |A∪B| over all pairs of the sets; NaN for a single one."""
    pairs = [len(set(a) & set(b)) / len(set(a) | set(b)) for a, b in combinations(sets, 2)]
    return float(np.mean(pairs)) if pairs else float("nan")


def _gated(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame.log_alpha.notna()]


def _by_arm(frame: pd.DataFrame) -> list[tuple[tuple[str, float], pd.DataFrame]]:
    """((arm, prune ratio), runs): arms in their own order, ratios rising."""
    arms = frame.arm.unique()
    return [((a, ratio), runs) for a in arms for ratio, runs in frame[frame.arm == a].groupby("prune_ratio")]


def heatmap(frame: pd.DataFrame, names: Sequence[str]) -> Figure:
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
        ratios = sorted(own.prune_ratio.unique())
        image = np.zeros((len(ratios), len(names)))
        for i, ratio in enumerate(ratios):
            runs = own[own.prune_ratio == ratio]
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


def stability_table(frame: pd.DataFrame, names: Sequence[str], field_sizes: Sequence[int]) -> Table:
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


def accuracy_table(reference: pd.DataFrame, run: pd.DataFrame, digits: int = 4) -> Table:
    """Test AUC by prune ratio: what the choice is worth. The paper prints no figures for Fig. 3."""
    source = reference if len(reference) else run
    ratios = sorted(source.prune_ratio.unique())
    rows = []
    for heading, data, places in (("reference", reference, 4), ("this run", run, digits)):
        for arm in data.arm.unique():
            row: dict = {"": heading, "arm": arm}
            for ratio in ratios:
                cell = data[(data.arm == arm) & (data.prune_ratio == ratio)]
                row[f"τ = {ratio:g}"] = Spread.over(cell, "test_auc", places)
            rows.append(row)
    return table(
        pd.DataFrame(rows),
        caption="Test AUC by prune ratio",
        highlight={f"τ = {r:g}": "max" for r in ratios},
        group="",
        note="Mean ± standard deviation over seeds.",
    )


def claims(reference: pd.DataFrame, compared: pd.DataFrame, names: Sequence[str]) -> list[Claim]:
    """What §4.5 says of Figure 3, judged on the reference records."""
    found = []
    m = len(names)
    position = {name: i for i, name in enumerate(names)}
    for arm in _gated(reference).arm.unique():
        runs = reference[(reference.arm == arm) & (reference.prune_ratio > 0)]
        same = {r: mean_jaccard(g.kept_fields.tolist()) for r, g in runs.groupby("prune_ratio")}
        chance = {r: expected_jaccard(m, len(g.kept_fields.iloc[0])) for r, g in runs.groupby("prune_ratio")}
        # half-way from chance to certainty: more often alike than not
        wins = [same[r] >= (1 + chance[r]) / 2 for r in same]
        figures = ", ".join(f"{same[r]:.2f} ({chance[r]:.2f}) at {r:g}" for r in same)
        found.append(
            Claim(
                "a consistent pattern in how the masking variable is learned",
                f"§4.5 ({arm})",
                "kept fields of two seeds alike at least half-way from chance to identity, at each ratio",
                f"Jaccard (chance) {figures}",
                share_verdict(wins),
            )
        )
        tight = runs[runs.prune_ratio == runs.prune_ratio.max()]
        k = len(tight.kept_fields.iloc[0])
        theirs = [position[n] for n in PAPER_KEPT if n in position]
        hits = [len(set(kept) & set(theirs)) for kept in tight.kept_fields]
        # the most that chance reaches in 95 of 100 draws
        limit = int(hypergeom(m, len(theirs), k).ppf(0.95))
        found.append(
            Claim(
                f"{', '.join(PAPER_KEPT)} are the most impactful",
                f"§4.5 ({arm})",
                f"of the {k} fields kept at τ = {tight.prune_ratio.iloc[0]:g}, more of these than 95 % of "
                "random choices have, in each seed",
                f"{min(hits)} to {max(hits)} of {len(theirs)}; by chance {k * len(theirs) / m:.1f}, and "
                f"{limit} at most in 95 of 100 draws",
                share_verdict([h > limit for h in hits]),
            )
        )
        rows = compared[(compared.arm == arm) & (compared.metric == "auc") & (compared.against == TWIN)]
        rows = rows[rows.prune_ratio > 0]
        better = [bool(r.low > 0) for r in rows.itertuples()]
        gains = ", ".join(f"{r.difference:+.4f} at {r.prune_ratio:g}" for r in rows.itertuples())
        found.append(
            Claim(
                "feature selection is driven by data relevance rather than arbitrary choices",
                f"§4.5 ({arm})",
                "AUC above as many random fields, 95 % interval above 0, at each ratio",
                gains,
                share_verdict(better),
            )
        )
        rows = compared[(compared.arm == arm) & (compared.metric == "auc") & (compared.against == UNPRUNED)]
        quarter = rows[rows.prune_ratio == 0.25]
        if len(quarter):
            gain = quarter.iloc[0]
            found.append(
                Claim(
                    "Accuracy improves when τ increases from 0% to 25%",
                    f"§4.4 ({arm})",
                    "AUC at τ = .25 above the same arm's at τ = 0, 95 % interval above 0",
                    interval(gain.difference, gain.low, gain.high),
                    share_verdict([bool(gain.low > 0)]),
                )
            )
    return found
