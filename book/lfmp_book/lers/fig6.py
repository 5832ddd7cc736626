"""LERS's Figure 6: which weight decay suits which sparsity."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.experiments.items import Grid, get_item
from lfmp_core.experiments.stamp import outdated
from lfmp_core.experiments.store import Store, store_for

from ..claims.cases import Case
from ..claims.claim import Claim, Prose
from ..claims.judge import Judge
from ..claims.pending import NOT_YET
from ..claims.test import CasesFound, Test, claims_of
from ..evidence.frames import framed
from ..evidence.results import clearly_below, seeds_in_words
from ..show.curves import band, bare
from ..show.html import HtmlTable, Spread, is_stale, table
from .grids import DECAYS

ITEM = "lers_fig6"
COLUMNS = {
    **{"dataset": "str", "backbone": "str", "arm": "str", "sparsity": "float64", "l2": "float64"},
    **{"seed": "int64", "val_auc": "float64", "stale": "bool", "id": "str"},
}
PREFERRED = {
    **{"dataset": "str", "arm": "str", "sparsity": "float64", "best": "float64", "auc": "object"},
    **{"tried": "int64", "tied": "object", "border": "bool", "stale": "bool"},
}
COLOURS = ("#0072b2", "#8a6100", "#b3261e", "#7b3fa0")
TIE = "Welch's t over seeds at 95 %"


def finished_runs(grids: Sequence[Grid], store: Store) -> pd.DataFrame:
    """A row for each finished run: method, sparsity, λ, seed, validation AUC. No run saw test rows."""
    rows = []
    for grid in grids:
        for spec in grid.plan(store):
            record = store.get(spec)
            if record is not None:
                rows.append(
                    {
                        "dataset": spec.dataset.name,
                        "backbone": spec.backbone["name"],
                        "arm": grid.arm_of(spec),
                        "sparsity": spec.budget.share,
                        "l2": float(spec.training["l2"]),
                        "seed": spec.seed,
                        "val_auc": record.metrics["val_auc"],
                        "stale": bool(outdated(record)),
                        "id": record.id,
                    }
                )
    return framed(rows, COLUMNS)


def reference(store: Store | None = None) -> pd.DataFrame:
    """The reference records that are there, see `finished_runs`; needs no data."""
    return finished_runs(get_item(ITEM).grids("reference"), store or store_for("reference"))


def preferred(frame: pd.DataFrame) -> pd.DataFrame:
    """The λ of highest mean validation AUC for each method and sparsity.

    Columns: dataset, arm, sparsity, best (λ), auc (of its seeds), tried (how many λ), tied (λ not below it
    by Welch's t at 95 % over the seeds, itself among them; with a single seed all are), border (whether it
    is the least or the greatest of those tried).
    """
    rows = []
    for (name, arm, sparsity), own in frame.groupby(["dataset", "arm", "sparsity"], sort=False):
        scores = {float(l2): part.val_auc for l2, part in own.groupby("l2")}
        best = max(scores, key=lambda l2: scores[l2].mean())
        tied = tuple(l2 for l2, auc in scores.items() if l2 == best or not clearly_below(auc, scores[best]))
        ends = min(scores), max(scores)
        rows.append(
            {
                "dataset": name,
                "arm": arm,
                "sparsity": sparsity,
                "best": best,
                "auc": scores[best].tolist(),
                "stale": is_stale(own[own.l2 == best]),
                "tried": len(scores),
                "tied": tied,
                "border": best in ends and len(scores) > 1,
            }
        )
    return framed(rows, PREFERRED).sort_values(["dataset", "arm", "sparsity"], ignore_index=True)


def lower(low: pd.Series, high: pd.Series) -> bool | None:
    """Whether a higher sparsity prefers a lower λ; None where the seeds can't tell.

    Args:
        low, high: rows of `preferred` at the lower and the higher sparsity.
    """
    if high.best == low.best:
        return False if len(low.tied) == len(high.tied) == 1 else None
    return None if low.best in high.tied or high.best in low.tied else bool(high.best < low.best)


def choice_table(reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable:
    """The best λ by method and sparsity, with those that seeds can't tell from it: reference | this run."""
    found = {"reference": preferred(reference), "this run": preferred(run)}
    keys = dict.fromkeys(
        key for own in found.values() for key in own[["arm", "sparsity"]].itertuples(index=False, name=None)
    )
    rows = []
    for arm, sparsity in keys:
        row: dict[tuple[str, str], object] = {("", "method"): arm, ("", "t"): f"{sparsity:.0%}"}
        for heading, own in found.items():
            if not len(own):
                continue
            cell = own[(own.arm == arm) & (own.sparsity == sparsity)]
            best = cell.iloc[0] if len(cell) else None
            edge = "" if best is None else " (border)" * bool(best.border)
            row[heading, "best λ"] = None if best is None else f"{best.best:g}{edge}"
            others = () if best is None else [f"{x:g}" for x in best.tied if x != best.best]
            row[heading, "tied with"] = None if best is None else ", ".join(others) or "none"
            row[heading, "validation AUC"] = None if best is None else Spread.of(best.auc, stale=best.stale)
        rows.append(row)
    data = pd.DataFrame(rows)
    if len(data):
        data.columns = pd.MultiIndex.from_tuples(data.columns)
    note = f"Tied: not below the best by {TIE}; with one seed nothing can be told apart. λ tried: "
    note += ", ".join(f"{x:g}" for x in sorted({*reference.l2, *run.l2})) + "."
    note += "" if len(reference) else f" Reference: {NOT_YET}."
    group = ("", "method") if len(data) else None
    return table(data, caption="Which weight decay is best", group=group, note=note)


def score_table(frame: pd.DataFrame) -> HtmlTable | Prose:
    """Mean validation AUC of every λ tried."""
    if not len(frame):
        return Prose((NOT_YET,))
    rows = []
    for (arm, sparsity), own in frame.groupby(["arm", "sparsity"], sort=False):
        cells = {f"λ = {l2:g}": Spread.over(part, "val_auc") for l2, part in own.groupby("l2")}
        rows.append({"method": arm, "t": f"{sparsity:.0%}", **cells})
    data = pd.DataFrame(rows).sort_values(["method", "t"], ignore_index=True)
    seeds = seeds_in_words(frame.groupby(["arm", "sparsity", "l2"]).size())
    note = f"Mean ± standard deviation over {seeds}."
    return table(data, caption="Validation AUC by weight decay", group="method", note=note)


def picture(frame: pd.DataFrame) -> Figure:
    """Validation AUC against λ: a panel for each method, a line for each sparsity; a ring: the best."""
    arms = list(frame.arm.unique())
    best = preferred(frame)
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axis, arm in zip(figure.subplots(1, len(arms), squeeze=False).flat, arms, strict=True):
        own = frame[frame.arm == arm]
        for sparsity, colour in zip(sorted(own.sparsity.unique()), COLOURS, strict=False):
            cells = own[own.sparsity == sparsity].groupby("l2").val_auc.apply(list)
            band(axis, cells.index, cells.tolist(), colour, label=f"t = {sparsity:.0%}")
            at = best[(best.arm == arm) & (best.sparsity == sparsity)].iloc[0]
            top = sum(at.auc) / len(at.auc)
            axis.scatter([at.best], [top], s=90, facecolor="none", edgecolor=colour, lw=1.5, zorder=4)
        bare(axis, xlabel="λ", ylabel="validation AUC" if arm == arms[0] else "", title=arm, xscale="log")
        axis.legend(frameon=False, fontsize=8)
    return figure


def _lower(best: pd.DataFrame) -> CasesFound:
    """The λ preferred at the least and at the greatest sparsity, method by method."""
    cases = []
    for arm, own in best.groupby("arm", sort=False):
        ends = (
            own[own.sparsity == own.sparsity.min()].iloc[0],
            own[own.sparsity == own.sparsity.max()].iloc[0],
        )
        if len(own) < 2 or ends[0].tried < len(DECAYS) or ends[1].tried < len(DECAYS):
            cases.append(Case(str(arm), "", None, "records missing"))
            continue
        told = ", ".join(f"{row.best:g} at {row.sparsity:.0%}" for row in own.itertuples())
        passed = lower(*ends)
        cases.append(Case(str(arm), "", passed, told + " (seeds can't tell)" * (passed is None)))
    return CasesFound(cases, "; ".join(f"{case.where}: {case.figure}" for case in cases))


TESTS = (
    Test(
        ("6.6-1",),
        "the λ of highest mean validation AUC is lower at the greatest sparsity than at the least, and each "
        f"of the two is clearly worse than the other at the other's sparsity ({TIE}); for each method",
        _lower,
        also=("6.6-2",),
    ),
)


def claims(reference: pd.DataFrame) -> list[Claim]:
    """Whether a higher sparsity prefers a lower weight decay, from the least to the greatest sparsity."""
    best = preferred(reference)
    return claims_of("lers", ITEM, TESTS, {"": best}) if len(best) else []


JUDGE = Judge(ITEM, "lers_fig6_weight_decay", TESTS, reference, claims)
