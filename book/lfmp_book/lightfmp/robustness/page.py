"""How the main verdicts on Light-FMP hang on the protocol: one table and one figure."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from ...claims import pending
from ...claims.claim import Prose
from ...evidence.outcomes import interval_and_outcome
from ...evidence.results import ALL_FIELDS
from ...show.curves import GREY, INK, bare, label_ends, short_name
from ...show.html import HtmlTable, table
from ..rows_grids import ROWS
from ..selectors import set_of
from .strip import colour_among_rivals
from .variants import BESIDES, VERDICTS

COLOURS = {"better": "#0b6e4f", "worse": "#b3261e", "equal": "#0072b2", "undecided": GREY}


def _lines(found: pd.DataFrame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(found[["doubt", "variant"]].itertuples(index=False, name=None)))


def main_table(found: pd.DataFrame) -> HtmlTable | Prose:
    """A row a variant, a column a verdict: difference, 95 % interval, outcome.

    Args:
        found: see `variants.verdict_rows`.
    """
    if not len(found):
        return pending.reason(found)
    rows = []
    for doubt, variant in _lines(found):
        own = found[(found.doubt == doubt) & (found.variant == variant)].set_index("verdict")
        row: dict = {"what is changed": doubt, "to": variant, "besides": own.besides.iloc[0]}
        for verdict in VERDICTS:
            row[verdict] = interval_and_outcome(own.loc[verdict]) if verdict in own.index else None
        rows.append(row)
    note = (
        "Differences in test AUC [95 % interval], paired bootstrap over test rows, seeds and draws of random "
        f"fields. Outcomes adjusted for all {len(found)} differences of the table together (Holm). Besides: "
        f"{BESIDES}. Empty: no matter of this change, or not run. 100,000 rows: on the curve over rows one "
        "look at as many of the training rows as there are, up to these. DeepFM, Criteo and half of the "
        "fields otherwise."
    )
    return table(
        pd.DataFrame(rows), caption="Five verdicts under other protocols", group="what is changed", note=note
    )


def picture(found: pd.DataFrame) -> Figure:
    """A panel a verdict, a row a variant: difference with its 95 % interval, coloured by outcome."""
    lines, shown = _lines(found), [v for v in VERDICTS if (found.verdict == v).any()]
    figure = Figure(figsize=(4.0 + 2.3 * len(shown), 1.2 + 0.24 * len(lines)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(shown), sharey=True))
    for axis, verdict in zip(axes, shown, strict=True):
        for d in found[found.verdict == verdict].itertuples():
            y, colour = lines.index((d.doubt, d.variant)), COLOURS[d.outcome]
            axis.hlines(y, d.low, d.high, color=colour, lw=2, alpha=0.7)
            axis.scatter([d.difference], [y], color=colour, s=18, zorder=3)
        axis.axvline(0, color=INK, lw=0.8)
        for y, ((doubt, _), (before, _)) in enumerate(zip(lines[1:], lines, strict=False)):
            if doubt != before:
                axis.axhline(y + 0.5, color="#dddddd", lw=0.6)
        axis.xaxis.set_major_locator(MaxNLocator(3))
        axis.tick_params(axis="x", labelsize=7)
        bare(axis, title=verdict)
        axis.title.set_fontsize(9)
    axes[0].set_yticks(range(len(lines)), [f"{doubt}: {variant}" for doubt, variant in lines], fontsize=7)
    axes[0].invert_yaxis()
    handles = [axes[0].scatter([], [], color=colour, s=18, label=word) for word, colour in COLOURS.items()]
    figure.legend(handles=handles, frameon=False, fontsize=8, ncols=len(COLOURS), loc="outside lower right")
    return figure


def rows_figure(compared: pd.DataFrame) -> Figure:
    """Distance to all fields in test AUC by rows, a panel a set: each arm with its 95 % band.

    Args:
        compared: of the curve over rows, with `rows`; see `variants.kept_for_all`.
    """
    own = compared[(compared.against == ALL_FIELDS) & (compared.metric == "auc")]
    sets = [name for name in ROWS if (own.dataset == name).any()]
    # the names at the last panel's ends lie outside of what the layout knows
    figure = Figure(
        figsize=(2.0 + 3.6 * len(sets), 3.6), layout=ConstrainedLayoutEngine(rect=(0, 0, 0.94, 1))
    )
    for axis, name in zip(np.atleast_1d(figure.subplots(1, len(sets))), sets, strict=True):
        ends = []
        for arm, curve in own[own.dataset == name].groupby("arm", sort=False):
            curve, colour = curve.sort_values("rows"), colour_among_rivals(str(arm))
            x = curve["rows"].to_numpy(float)
            axis.fill_between(
                x, curve.low.astype(float), curve.high.astype(float), color=colour, alpha=0.12, lw=0
            )
            axis.plot(x, curve.difference, color=colour, marker="o", ms=4, lw=1.6)
            ends.append((float(curve.difference.iloc[-1]), short_name(str(arm)), colour))
        axis.axhline(0, color=INK, lw=1, ls="--")
        axis.set_xscale("log")
        measured = sorted(own[own.dataset == name]["rows"].unique())
        axis.set_xticks(measured, [f"{int(n):,}" for n in measured], fontsize=8)
        axis.minorticks_off()
        bare(axis, xlabel="rows", title=f"{set_of(name)}: AUC − that of {ALL_FIELDS}")
        axis.title.set_fontsize(9)
        label_ends(axis, ends)
    return figure
