"""Light-FMP's Figure 2c: accuracy and time by prune ratio."""

from itertools import pairwise

import pandas as pd
from matplotlib.figure import Figure

from ..claims import pending
from ..claims.claim import Claim, Prose, share_verdict
from ..evidence import published
from ..evidence.differences import interval
from ..evidence.results import BASE, TWIN, UNPRUNED, clearly_below
from ..show.comparison import Column, comparison, keys
from ..show.curves import band, bare, colour_of, label_ends, short
from ..show.html import Table, table

CELL = {"arm": "arm", "prune_ratio": "τ"}
COLUMNS = (
    Column("test_auc", "AUC"),
    Column("test_logloss", "log-loss"),
    Column("TT", "TT, s", 1, sides=("paper", "reference")),
)
TITLES = {"TT": "total training time, s"}


def curves_of(frame: pd.DataFrame) -> list[str]:
    """Arms that were run at several ratios, in their order."""
    counts = frame.groupby("arm", sort=False).prune_ratio.nunique()
    return [arm for arm, count in counts.items() if count > 1]


def picture(frame: pd.DataFrame) -> Figure:
    """AUC, log-loss and total training time by prune ratio: mean ± standard deviation over seeds."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    base = frame[frame.arm == BASE]
    for axis, column in zip(figure.subplots(1, 3), COLUMNS, strict=True):
        key, ends = column.key, []
        for arm in curves_of(frame):
            cells = [(r, g[key].tolist()) for r, g in frame[frame.arm == arm].groupby("prune_ratio")]
            ratios, values = zip(*cells, strict=True)
            height, colour = band(axis, [100 * r for r in ratios], values, colour_of(arm))
            ends.append((height, short(arm), colour))
        if len(base):
            axis.axhline(base[key].mean(), color=colour_of(BASE), lw=1, ls="--")
            ends.append((base[key].mean(), BASE, colour_of(BASE)))
        axis.set_xticks([100 * r for r in sorted(frame.prune_ratio.unique())])
        bare(axis, xlabel="τ, % of the fields removed", title=TITLES.get(key, f"test {column.title}"))
        label_ends(axis, ends)
    return figure


def _paper(arm: str, ratio: float) -> dict[str, float]:
    """Table 3's xDeepFM row, which is the figure's point at τ = .5; the others are drawn without numbers."""
    row = published.load("lightfmp_table3").set_index("backbone").loc["xDeepFM"]
    part = {(BASE, 0.0): "base", ("Light-FMP, as printed", 0.5): "lightfmp"}.get((arm, ratio))
    keys = {"test_auc": "auc", "test_logloss": "logloss", "TT": "seconds"}
    return {key: float(row[f"{part}_{name}"]) for key, name in keys.items()} if part else {}


def main_table(reference: pd.DataFrame, run: pd.DataFrame, digits: int = 4) -> Table:
    """Paper | reference | this run, a row for each arm and ratio.

    Args:
        reference, run: see `results.frame`. digits: decimals of this run's AUC and log-loss.
    """
    order = list(dict.fromkeys([*reference.arm, *run.arm]))
    return comparison(
        sorted(keys(CELL, reference, run), key=lambda cell: (order.index(cell[0]), cell[1])),
        CELL,
        COLUMNS,
        _paper,
        {"reference": reference, "this run": run},
        digits={"this run": digits},
        caption="Accuracy and total training time by prune ratio",
        formats={("paper", "TT, s"): ".0f", ("", "τ"): ".2f"},
        group=("", "arm"),
        note=f"Mean ± standard deviation over seeds ({seed_counts(reference, run, list(CELL))}). "
        "Of the paper's points only τ = .5 is printed, in its Table 3. TT of the reference is processor time "
        "on one thread.",
    )


def seed_counts(reference: pd.DataFrame, run: pd.DataFrame, cell: list[str]) -> str:
    """How many seeds a cell of a table stands on, for its note.

    Args:
        cell: columns that tell cells apart.
    """
    told = []
    for heading, data in (("reference", reference), ("this run", run)):
        if len(data):
            counts = data.groupby(cell).size()
            least, most = counts.min(), counts.max()
            told.append(f"{heading}: {least}" + (f" to {most}" if most > least else ""))
    return ", ".join(told)


def unpruned_table(compared: pd.DataFrame) -> Table | Prose:
    """Each arm at each ratio against itself without pruning, in AUC and log-loss."""
    own = compared[compared.against == UNPRUNED]
    if not len(own):
        return pending.reason(compared)
    rows = []
    for (arm, metric), part in own.groupby(["arm", "metric"], sort=False):
        row = {"arm": arm, "in": {"auc": "AUC", "logloss": "log-loss"}[metric]}
        for d in part.sort_values("prune_ratio").itertuples():
            tied = " tied" if d.low <= 0 <= d.high else ""
            row[f"τ = {d.prune_ratio:g}"] = interval(d.difference, d.low, d.high) + tied
        rows.append(row)
    note = (
        "Difference to the same arm at τ = 0 [95 % interval], paired bootstrap over test rows and seeds; "
        "tied: the interval holds 0."
    )
    order = list(own.arm.unique())
    rows.sort(key=lambda row: order.index(row["arm"]))
    return table(pd.DataFrame(rows), caption="What pruning itself changes", group="arm", note=note)


def free_shares(compared: pd.DataFrame) -> Prose:
    """Plain words: how much each arm removes before test AUC falls behind all fields."""
    rows = compared[(compared.metric == "auc") & (compared.against == BASE) & (compared.prune_ratio > 0)]
    if not len(rows):
        return pending.reason(compared)
    sentences = []
    for arm in rows.arm.unique():
        own = rows[rows.arm == arm].sort_values("prune_ratio")
        free = [d.prune_ratio for d in own.itertuples() if d.high >= 0]
        first = own.iloc[0]
        told = (
            f"not behind all fields at τ = {', '.join(f'{r:g}' for r in free)}"
            if free
            else f"behind all fields at every ratio, at τ = {first.prune_ratio:g} already by "
            f"{interval(first.difference, first.low, first.high)}"
        )
        sentences.append(f"**{arm}**: {told}.")
    return Prose(tuple(sentences))


def claims(reference: pd.DataFrame, compared: pd.DataFrame) -> list[Claim]:
    """What §4.4 says of the prune ratio, judged on the reference records of Figure 3."""
    found = []
    for arm in [a for a in curves_of(reference) if a != TWIN]:
        runs = {ratio: part for ratio, part in reference[reference.arm == arm].groupby("prune_ratio")}
        own = compared[(compared.arm == arm) & (compared.against == UNPRUNED)]
        auc = own[own.metric == "auc"].set_index("prune_ratio").sort_index()
        steps = list(pairwise(sorted(runs)))

        def rises(key: str, a: float, b: float, runs=runs) -> bool:
            return bool(clearly_below(runs[a][key], runs[b][key]))

        def told(key: str, places: int, runs=runs) -> str:
            return ", ".join(f"{part[key].mean():,.{places}f} at {ratio:g}" for ratio, part in runs.items())

        gains = [bool(auc.low[r] > 0) for r in (0.25,) if r in auc.index]
        falls = [rises("test_auc", b, a) for a, b in steps if a >= 0.25]
        change = ", ".join(f"{interval(d.difference, d.low, d.high)} at {r:g}" for r, d in auc.iterrows())
        harms = [bool(auc.high[r] < 0) for r in auc.index if r > 0.5]
        smaller = [bool(runs[b].parameters.max() < runs[a].parameters.min()) for a, b in steps]
        found += [
            Claim(
                "Accuracy improves when τ increases from 0% to 25%, but declines with further pruning (50% "
                "and 75%)",
                f"§4.4, Fig. 2c ({arm})",
                "AUC at .25 above the same arm's at τ = 0, 95 % interval above 0; then it falls at each step "
                "by Welch's t over seeds at 95 %",
                f"AUC {told('test_auc', 4)}, log-loss {told('test_logloss', 4)}; improves: {_yes(gains)}; "
                f"declines: {_yes(falls)}",
                share_verdict([*gains, *falls]),
            ),
            Claim(
                "moderate pruning (< 25%) can enhance generalization, while excessive removal (> 50%) likely "
                "discards important features and harms performance",
                f"§4.4 ({arm})",
                "AUC against the same arm's at τ = 0: above at .25, below at .75, 95 % intervals without 0",
                change,
                share_verdict([*gains, *harms]),
            ),
            Claim(
                "Total training time consistently decreases as τ increases",
                f"§4.4, Fig. 2c ({arm})",
                "processor time of both phases falls at each step, by Welch's t at 95 % over seeds",
                f"{told('TT', 0)} s; an epoch of continued training {_epochs(runs)} s",
                share_verdict([rises("TT", b, a) for a, b in steps]),
            ),
            Claim(
                "removing redundant features reduces model complexity … thereby improving generalization",
                f"§4.4 ({arm})",
                "fewer parameters at each step, and AUC at some ratio above the same arm's at τ = 0, 95 % "
                "interval above 0",
                f"{told('parameters', 0)} parameters; AUC {change}",
                share_verdict([all(smaller), bool((auc.low > 0).any())]),
            ),
        ]
    return found


def _yes(cases: list[bool]) -> str:
    return ", ".join("yes" if case else "no" for case in cases)


def _epochs(runs: dict[float, pd.DataFrame]) -> str:
    return ", ".join(f"{(part.CT / part.epochs).mean():.0f}" for part in runs.values())
