"""Light-FMP's Table 3: five backbones with and without Light-FMP."""

from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.store import store_for

from ..claims.claim import Claim
from ..claims.judge import Judge
from ..evidence import published, results
from ..evidence.results import ALL_FIELDS
from ..show.comparison import ResultColumn, comparison, keys
from ..show.html import HtmlTable, table
from .arms import BACKBONES, LITERAL, judged, judged_by_arm, readings
from .table3_claims import ON_MODELS, ON_TABLE
from .values import METRICS

ITEM = "lightfmp_table3"
CELL = {"backbone": "backbone", "arm": "arm"}
COLUMNS = (
    *map(ResultColumn.measured, METRICS),
    ResultColumn("TT", "TT, s", 1, best="min", sides=("paper", "reference")),
)


def _paper(backbone: str, arm: str) -> dict[str, float]:
    """The printed row; the paper has all fields and Light-FMP only."""
    rows = published.printed_table("lightfmp_table3").set_index("backbone")
    part = "base" if arm == ALL_FIELDS else "lightfmp" if arm.startswith(LITERAL) else None
    name = BACKBONES.get(backbone)
    if part is None or name not in rows.index:
        return {}
    row = rows.loc[name]
    return {
        "test_auc": row[f"{part}_auc"],
        "test_logloss": row[f"{part}_logloss"],
        "TT": float(row[f"{part}_seconds"]),
    }


def main_table(reference: pd.DataFrame, run: pd.DataFrame, digits: int = 4) -> HtmlTable:
    """Paper | reference | this run, a row for each backbone and arm.

    Args:
        reference, run: see `results.frame`.
        digits: decimals of this run's AUC and log-loss.
    """
    order = list(dict.fromkeys([*reference.backbone, *run.backbone]))
    runs = {"reference": reference, "this run": run}
    seeds = {side: int(own.groupby(list(CELL)).size().min()) for side, own in runs.items() if len(own)}
    note = "; ".join(
        f"{heading}: {count} seeds, mean ± standard deviation" for heading, count in seeds.items()
    )
    return comparison(
        sorted(keys(CELL, reference, run), key=lambda cell: order.index(cell[0])),
        CELL,
        COLUMNS,
        _paper,
        runs,
        head={"backbone": lambda backbone, _: BACKBONES.get(backbone, backbone)},
        digits={"this run": digits},
        bold=runs,
        caption="Test AUC, log-loss and total training time",
        formats={("paper", "TT, s"): ".0f"},
        group=("", "backbone"),
        note=f"{note}. TT of the reference is processor time on one thread.",
    )


def improvement_table(reference: pd.DataFrame) -> HtmlTable:
    """Improvement over all fields in percent, as the paper computes it: printed | recomputed | reference."""
    printed = published.printed_table("lightfmp_table3").set_index("backbone")
    means = reference.groupby(list(CELL), sort=False)[[c.key for c in COLUMNS]].mean()
    rows = []
    for backbone in reference.backbone.unique():
        paper = printed.loc[BACKBONES[backbone]]
        base = means.loc[backbone, ALL_FIELDS]
        for arm in [a for a in means.loc[backbone].index if a != ALL_FIELDS]:
            row: dict = {("", "backbone"): BACKBONES[backbone], ("", "arm"): arm}
            for key, column, label in (
                ("test_auc", "auc", "AUC"),
                ("test_logloss", "logloss", "log-loss"),
                ("TT", "seconds", "TT"),
            ):
                own = means.loc[backbone, arm][key]
                is_printed = arm == LITERAL
                pair = paper[f"base_{column}"], paper[f"lightfmp_{column}"]
                row["paper, printed", label] = float(paper[f"improvement_{column}"]) if is_printed else None
                row["paper, recomputed", label] = published.improvement(*pair, column) if is_printed else None
                row["reference", label] = published.improvement(base[key], own, column)
            rows.append(row)
    data = pd.DataFrame(rows)
    data.columns = pd.MultiIndex.from_tuples(data.columns)
    headings = ("", "paper, printed", "paper, recomputed", "reference")
    data = data[sorted(data.columns, key=lambda column: headings.index(column[0]))]
    formats = {c: "+.2f" for c in data.columns if c[0]}
    caption = "Improvement over all fields in percent (positive is better)"
    return table(data, caption=caption, formats=formats, group=("", "backbone"))


def search_table(item: str) -> HtmlTable:
    """What the search chose, by backbone and arm: validation AUC of each learning rate."""
    rows = []
    for grid in get_item(item).grids("reference"):
        for choice in grid.choices(store_for("reference")):
            row: dict = {"backbone": BACKBONES.get(choice.backbone, choice.backbone), "arm": choice.arm}
            row |= {
                f"{c['learning_rate']:g}": s for c, s in zip(choice.candidates, choice.scores, strict=True)
            }
            chosen = choice.candidate
            row["chosen"] = "" if chosen is None else f"{chosen['learning_rate']:g}"
            row["on the border"] = "yes" if choice.border else ""
            rows.append(row)
    decided = {
        (BACKBONES.get(b, b), arm) for grid in get_item(item).grids("reference") for b, arm in grid.decided
    }
    note = "".join(
        f"{arm} on {backbone}: its runs stand on the rate that its search chose before the search "
        "was computed anew, by later code. "
        for backbone, arm in sorted(decided)
    )
    caption = "Validation AUC of each learning rate, one seed"
    return table(pd.DataFrame(rows), caption=caption, group="backbone", note=note.strip() or None)


def claims(reference: pd.DataFrame, compared: pd.DataFrame) -> list[Claim]:
    """The paper's sentences on Table 3, judged on the reference records."""
    return judged(ITEM, ON_TABLE, readings(reference, compared))


def _judged(reference: pd.DataFrame) -> list[Claim]:
    """The same, and the sentences on what the cut models are like, which the page leaves to the ledger."""
    compared = results.load_comparisons(ITEM, reference)
    models = judged_by_arm(ITEM, ON_MODELS, readings(reference, compared))
    return [*claims(reference, compared), *models]


JUDGE = Judge(
    ITEM,
    "lightfmp_table3_backbones",
    (*ON_TABLE, *ON_MODELS),
    partial(results.reference_frame, ITEM),
    _judged,
)

ARM_COLOURS = ("#222222", "#c44e52", "#dd8452", "#0b6e4f", "#9aa0a6")


def picture(reference: pd.DataFrame) -> Figure:
    """Test AUC by backbone and arm: a faint dot a seed, a bar for the mean."""
    backbones, arms = list(reference.backbone.unique()), list(reference.arm.unique())
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axis = figure.subplots()
    for i, arm in enumerate(arms):
        colour = ARM_COLOURS[i % len(ARM_COLOURS)]
        for j, backbone in enumerate(backbones):
            values = reference[(reference.backbone == backbone) & (reference.arm == arm)].test_auc
            x = j + 0.15 * (i - (len(arms) - 1) / 2)
            axis.scatter([x] * len(values), values, s=14, color=colour, alpha=0.4, lw=0)
            axis.hlines(values.mean(), x - 0.06, x + 0.06, color=colour, lw=2.5, label=arm if j == 0 else "")
    axis.set_xticks(range(len(backbones)), [BACKBONES.get(b, b) for b in backbones])
    axis.set_ylabel("test AUC")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8, ncols=len(arms), loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure
