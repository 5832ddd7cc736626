"""Light-FMP's Figure 2b: what the pretrained weights are worth to the cut model."""

import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.metrics import AUC, LOG_LOSS, Metric, metric_of

from ..claims import pending
from ..claims.claim import Claim, Prose
from ..claims.judge import Judge
from ..evidence import published, results
from ..evidence.frames import framed
from ..evidence.outcomes import difference_note, interval_and_outcome, outcomes
from ..show.curves import bare, colour_of, short_name
from ..show.html import HtmlTable, Spread, is_stale, table
from .arms import BACKBONES, judged_by_arm
from .fig2b_claims import PAPER_LARGE, PAPER_SMALL, TESTS, warm_starts
from .selection_grids import FRESH
from .values import METRICS

ITEM = "lightfmp_fig2b"
GAINS = {
    **dict.fromkeys(("backbone", "arm", "metric"), "str"),
    **dict.fromkeys(("kept", "fresh"), "object"),
    **dict.fromkeys(("difference", "low", "high", "percent", "percent_low", "percent_high"), "float64"),
    "stale": "bool",
    "outcome": "str",
}


def fresh_arms(frame: pd.DataFrame) -> list[str]:
    """Labels of the arms that train the cut model from fresh weights."""
    return [arm for arm in frame.arm.unique() if arm.endswith(FRESH)]


def ablated(frame: pd.DataFrame) -> pd.DataFrame:
    """All runs if some start from fresh weights, else none."""
    return frame if fresh_arms(frame) else frame.iloc[:0]


def paper_loss() -> float:
    """PNN's gain in log-loss in percent, the only one that is printed as a number."""
    rows = published.printed_table("lightfmp_fig2").set_index(["figure", "method", "quantity"])["value"]
    return float(rows["2b", "PNN", "logloss"])


def gains(frame: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """Kept weights against fresh ones: a row for each backbone, arm and metric.

    Columns kept, fresh: values of the seeds; difference, low, high: kept − fresh; percent, percent_low,
    percent_high: 100 · difference / fresh, signed so that positive is better; outcome: beside all others in
    the metric.

    Args:
        frame: see `results.frame`. compared: see `results.compare`, with `fresh_arms` among `against`.
    """
    own, rows = compared[compared.against == compared.arm + FRESH], []
    told = [outcomes(own, own.against.unique(), metric) for metric in METRICS]
    for d in pd.concat(told).loc[own.index].itertuples():
        runs = frame[frame.backbone == d.backbone]
        kept, fresh = (runs[runs.arm == arm][f"test_{d.metric}"].tolist() for arm in (d.arm, d.against))
        scale = 100 * len(fresh) / sum(fresh) * metric_of(d.metric).sign
        ends = sorted((scale * d.low, scale * d.high))
        rows.append(
            {
                "backbone": d.backbone,
                "arm": d.arm,
                "metric": d.metric,
                "kept": kept,
                "fresh": fresh,
                "stale": is_stale(runs[runs.arm.isin((d.arm, d.against))]),
                "difference": d.difference,
                "low": d.low,
                "high": d.high,
                "percent": scale * d.difference,
                "percent_low": ends[0],
                "percent_high": ends[1],
                "outcome": d.outcome,
            }
        )
    found = framed(rows, GAINS)
    found.attrs = compared.attrs
    return found


def _said(backbone: str, metric: Metric) -> str:
    if backbone == "pnn" and metric == LOG_LOSS:
        return f"{paper_loss():+.2f}"
    return "significant" if backbone in PAPER_LARGE else "marginal" if backbone in PAPER_SMALL else ""


def main_table(reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable:
    """Paper | reference | this run, a row for each backbone and arm.

    Args:
        reference, run: see `gains`.
    """
    rows = []
    for backbone, arm in dict.fromkeys(
        pd.concat([reference, run])[["backbone", "arm"]].itertuples(index=False, name=None)
    ):
        row: dict = {("", "backbone"): BACKBONES.get(backbone, backbone), ("", "arm"): arm}
        for metric in METRICS:
            row["paper, gain in %", metric.title] = _said(backbone, metric)
        for heading, data, places in (("reference", reference, 4), ("this run", run, 3)):
            cell = data[(data.backbone == backbone) & (data.arm == arm)].set_index("metric")
            for side in ("kept", "fresh"):
                stale = is_stale(cell)
                value = Spread.of(cell[side][AUC.name], places, stale=stale) if len(cell) else None
                row[f"{heading}, {AUC.title}", side] = value
            for metric in METRICS:
                gain = float(cell.percent[metric.name]) if len(cell) else None
                row[f"{heading}, gain in %", metric.title] = gain
        rows.append(row)
    data = pd.DataFrame(rows)
    data.columns = pd.MultiIndex.from_tuples(data.columns)
    formats = {c: "+.2f" for c in data.columns if "gain" in c[0] and "paper" not in c[0]}
    counts = [
        f"{heading}: {len(part.kept.iloc[0])} seeds kept, {len(part.fresh.iloc[0])} fresh"
        for heading, part in (("reference", reference), ("this run", run))
        if len(part)
    ]
    return table(
        data,
        caption="Continued training from the pretrained weights and from fresh ones",
        formats=formats,
        group=("", "backbone"),
        note="Gain: relative to fresh weights, positive is better. The paper draws bars and prints one "
        f"number. {'; '.join(counts)}.",
    )


def kept_difference_table(found: pd.DataFrame) -> HtmlTable | Prose:
    """Kept − fresh with intervals.

    Args:
        found: see `gains`.
    """
    if not len(found):
        return pending.reason(found)
    rows = []
    for (backbone, arm), part in found.groupby(["backbone", "arm"], sort=False):
        row = {"backbone": BACKBONES.get(backbone, backbone), "arm": arm}
        for d in part.itertuples():
            row[f"{metric_of(d.metric).title}, kept − fresh"] = interval_and_outcome(d)
        rows.append(row)
    note = difference_note(int((found.metric == AUC.name).sum()), "this table in each metric")
    return table(pd.DataFrame(rows), caption="Kept weights against fresh ones", group="backbone", note=note)


def picture(found: pd.DataFrame) -> Figure:
    """Gains in percent with 95 % intervals, a panel a metric; a cross: the paper's number."""
    backbones, arms = list(found.backbone.unique()), list(found.arm.unique())
    figure = Figure(figsize=(9, 1.4 + 0.55 * len(backbones)), layout="constrained")
    for axis, metric in zip(figure.subplots(1, 2, sharey=True), METRICS, strict=True):
        for i, arm in enumerate(arms):
            part = found[(found.arm == arm) & (found.metric == metric.name)]
            y = [backbones.index(b) + 0.24 * (i - (len(arms) - 1) / 2) for b in part.backbone]
            axis.hlines(y, part.percent_low, part.percent_high, color=colour_of(arm), lw=2, alpha=0.6)
            axis.scatter(part.percent, y, color=colour_of(arm), s=28, zorder=3, label=short_name(arm))
        if metric == LOG_LOSS and "pnn" in backbones:
            place = paper_loss(), backbones.index("pnn")
            axis.scatter(*place, marker="x", color="#222222", s=40, zorder=4, label="paper")
        axis.axvline(0, color="#222222", lw=0.8)
        bare(axis, xlabel=f"gain in {metric.title}, % (right is better)")
        axis.set_yticks(range(len(backbones)), [BACKBONES.get(b, b) for b in backbones])
    axis.invert_yaxis()
    axis.legend(frameon=False, fontsize=8, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def same_choice(frame: pd.DataFrame) -> bool:
    """Whether each arm and its twin with fresh weights keep the same fields, seed by seed."""
    kept = frame.set_index(["backbone", "arm", "seed"]).kept_fields
    fresh = [key for key in kept.index if key[1].endswith(FRESH)]
    return all(kept[b, arm.removesuffix(FRESH), seed] == kept[b, arm, seed] for b, arm, seed in fresh)


def claims(reference: pd.DataFrame, compared: pd.DataFrame) -> list[Claim]:
    """What the paper says of the pretrained weights, judged on the reference records."""
    return judged_by_arm(ITEM, TESTS, warm_starts(gains(reference, compared), reference))


JUDGE = Judge(
    ITEM,
    "lightfmp_fig2b_domain_init",
    TESTS,
    lambda: ablated(results.reference_frame(ITEM)),
    lambda reference: claims(reference, results.load_comparisons(ITEM, reference)),
)
