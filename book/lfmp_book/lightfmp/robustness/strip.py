"""Each selector among the draws of as many random fields: its percentile, and its distance to their mean."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from lfmp_core.experiments.chance import LEAST, percentile
from lfmp_core.metrics import AUC

from ...claims import pending
from ...claims.claim import Prose
from ...evidence.frames import framed
from ...evidence.outcomes import interval, outcomes
from ...evidence.results import RANDOM_FIELDS
from ...show.curves import GREY, INK, bare, colour_of, short_name
from ...show.html import HtmlTable, table
from ..arms import BACKBONES, STREAM
from ..chance_grids import CELLS, FieldCount
from ..selectors import arm_kind, set_of

CELL = ("dataset", "backbone", "budget")
RIVAL = "#0072b2"
PLACES = {
    **{"dataset": "str", "backbone": "str", "budget": "float64", "arm": "str", "seeds": "int64"},
    **dict.fromkeys(("auc", "percentile", "difference", "low", "high"), "float64"),
    **{"draws": "object", "outcome": "str"},
}


def places(reference: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """One row an arm of each cell (data set, backbone, share removed) that has its draws.

    Columns: those of `CELL`, arm, seeds, auc (mean over seeds), draws (AUC of each), percentile, and
    difference, low, high and outcome against the mean of the draws, the outcomes adjusted for all rows.

    Args:
        reference: see `results.frame`. compared: see `results.compare`.
    """
    rows = []
    found = outcomes(compared, (RANDOM_FIELDS,))
    for d in found.itertuples():
        cell = reference[(reference[list(CELL)] == (d.dataset, d.backbone, d.budget)).all(axis=1)]
        drawn = sorted(cell[cell.arm == RANDOM_FIELDS].test_auc)
        if len(drawn) < LEAST:  # while the runs are being made
            continue
        own = cell[cell.arm == d.arm].test_auc
        rows.append(
            {
                **{key: getattr(d, key) for key in (*CELL, "arm", "difference", "low", "high", "outcome")},
                "auc": own.mean(),
                "seeds": len(own),
                "draws": tuple(drawn),
                "percentile": percentile(own.mean(), drawn, AUC),
            }
        )
    order = {cell: place for place, cell in enumerate(CELLS)}
    rows.sort(key=lambda row: order.get(FieldCount(*(row[key] for key in CELL)), len(order)))
    return framed(rows, PLACES)


def cell_name(row: pd.Series) -> str:
    """A cell's name."""
    return f"{set_of(row.dataset)}, {BACKBONES.get(row.backbone, row.backbone)}, τ = {row.budget:g}"


def strip(found: pd.DataFrame) -> Figure:
    """A strip a cell: a grey line for each draw, a mark for each arm of Light-FMP, a dot for each other one.

    Args:
        found: see `places`.
    """
    cells = list(found.groupby(list(CELL), sort=False))
    figure = Figure(figsize=(10, 1.1 + 0.75 * len(cells)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(cells), 1))
    for axis, (_, own) in zip(axes, cells, strict=True):
        first = own.iloc[0]
        axis.scatter(first.draws, np.zeros(len(first.draws)), marker="|", s=300, color=GREY, lw=1.2)
        axis.scatter([np.mean(first.draws)], [0], marker="|", s=500, color=INK, lw=2.5, label="mean of draws")
        for arm, auc in zip(own.arm, own.auc, strict=True):
            ours = arm_kind(arm) == "Light-FMP"
            look = {"s": 46, "color": colour_among_rivals(arm)} if ours else {"s": 16, "color": RIVAL}
            label = short_name(arm) if ours else "other selectors"
            axis.scatter([auc], [0.55 if ours else -0.55], zorder=3, label=label, **look)
        axis.set_ylim(-1, 1)
        axis.set_yticks([])
        axis.spines["left"].set_visible(False)
        axis.tick_params(labelsize=7)
        bare(axis)
        axis.set_title(cell_name(first), loc="left", fontsize=8)
    handles: dict[str, Artist] = {}
    for axis in axes:
        shown, words = axis.get_legend_handles_labels()
        handles |= dict(zip(map(str, words), shown, strict=True))
    figure.legend(
        list(handles.values()),
        list(handles),
        frameon=False,
        fontsize=8,
        ncols=len(handles),
        loc="outside lower left",
    )
    axes[-1].set_xlabel("test AUC; a grey line: a random draw of as many fields", fontsize=8)
    return figure


def colour_among_rivals(arm: str) -> str:
    """As on every page, but Lasso that of the other selectors and the stream one of its own."""
    return {"Lasso": RIVAL, STREAM: "#7b3fa0"}.get(arm) or colour_of(arm)


def strip_table(found: pd.DataFrame, compared: pd.DataFrame) -> HtmlTable | Prose:
    """Percentile and difference of every arm in every cell.

    Args:
        found: see `places`. compared: that it was made from.
    """
    if not len(found):
        return pending.reason(compared)
    rows = [
        {
            "cell": cell_name(r),
            "selector": r.arm,
            "AUC": r.auc,
            "percentile": r.percentile,
            "AUC − mean of draws": interval(r.difference, r.low, r.high),
            "outcome": r.outcome,
            "seeds": r.seeds,
        }
        for _, r in found.iterrows()
    ]
    draws = sorted({len(d) for d in found.draws})
    note = (
        f"Against {' or '.join(map(str, draws))} random draws of as many fields, made for this set, backbone "
        "and number of fields alone. Percentile: share of the draws that the arm's mean over seeds is better "
        "than. Difference to the mean of the draws [95 % interval], paired bootstrap over test rows, seeds "
        f"and draws; outcomes adjusted for all {len(found)} rows together (Holm)."
    )
    return table(
        pd.DataFrame(rows),
        caption="Where each selector stands among random draws",
        formats={"AUC": ".4f", "percentile": ".0f"},
        group="cell",
        note=note,
    )
