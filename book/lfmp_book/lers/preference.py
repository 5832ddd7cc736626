"""Which value of a hyper-parameter suits which sparsity, as LERS's Figures 6 and 7 draw it."""

from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from ..claims.cases import Case
from ..claims.claim import Prose
from ..claims.pending import NOT_YET
from ..claims.test import CasesFound
from ..claims.told import clearly_below
from ..evidence.frames import framed
from ..evidence.results import seeds_in_words
from ..show.curves import band, bare
from ..show.html import HtmlTable, Spread, is_stale, table

PREFERRED = {
    **{"dataset": "str", "arm": "str", "sparsity": "float64", "best": "float64", "scores": "object"},
    **{"tried": "int64", "tied": "object", "border": "bool", "stale": "bool"},
}
COLOURS = ("#0072b2", "#8a6100", "#b3261e", "#7b3fa0")
TIE = "Welch's t over seeds at 95 %"


class Tried(NamedTuple):
    """A hyper-parameter of which several values are tried, and what decides among them.

    Attributes:
        column: of the runs, that holds it. sign: as the paper has it. words: what it is.
        score: column of what decides, the larger the better. title: of that.
        log: its values are apart by factors.
    """

    column: str
    sign: str
    words: str
    score: str
    title: str
    log: bool = False

    def preferred(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The value of highest mean score for each method and sparsity.

        Columns: dataset, arm, sparsity, best, scores (of its seeds), tried (how many values), tied (values
        not below it by Welch's t at 95 % over the seeds, itself among them; with a single seed all are),
        border (whether it is the least or the greatest of those tried).
        """
        rows = []
        for (name, arm, sparsity), own in frame.groupby(["dataset", "arm", "sparsity"], sort=False):
            scores = {float(value): part[self.score] for value, part in own.groupby(self.column)}
            best = max(scores, key=lambda value: scores[value].mean())
            tied = tuple(v for v, s in scores.items() if v == best or not clearly_below(s, scores[best]))
            ends = min(scores), max(scores)
            rows.append(
                {
                    "dataset": name,
                    "arm": arm,
                    "sparsity": sparsity,
                    "best": best,
                    "scores": scores[best].tolist(),
                    "stale": is_stale(own[own[self.column] == best]),
                    "tried": len(scores),
                    "tied": tied,
                    "border": best in ends and len(scores) > 1,
                }
            )
        return framed(rows, PREFERRED).sort_values(["dataset", "arm", "sparsity"], ignore_index=True)

    def choice_table(self, reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable:
        """The best value by method and sparsity, with those that seeds can't tell from it: reference | this
        run."""
        found = {"reference": self.preferred(reference), "this run": self.preferred(run)}
        keys = dict.fromkeys(
            key
            for own in found.values()
            for key in own[["arm", "sparsity"]].itertuples(index=False, name=None)
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
                row[heading, f"best {self.sign}"] = None if best is None else f"{best.best:g}{edge}"
                others = () if best is None else [f"{x:g}" for x in best.tied if x != best.best]
                row[heading, "tied with"] = None if best is None else ", ".join(others) or "none"
                row[heading, self.title] = None if best is None else Spread.of(best.scores, stale=best.stale)
            rows.append(row)
        data = pd.DataFrame(rows)
        if len(data):
            data.columns = pd.MultiIndex.from_tuples(data.columns)
        note = (
            f"Tied: not below the best by {TIE}; with one seed nothing can be told apart. {self.sign} tried: "
        )
        note += ", ".join(f"{x:g}" for x in sorted({*reference[self.column], *run[self.column]})) + "."
        note += "" if len(reference) else f" Reference: {NOT_YET}."
        group = ("", "method") if len(data) else None
        return table(data, caption=f"Which {self.words} is best", group=group, note=note)

    def score_table(self, frame: pd.DataFrame) -> HtmlTable | Prose:
        """Mean score of every value tried."""
        if not len(frame):
            return Prose((NOT_YET,))
        rows = []
        for (arm, sparsity), own in frame.groupby(["arm", "sparsity"], sort=False):
            cells = {
                f"{self.sign} = {value:g}": Spread.over(part, self.score)
                for value, part in own.groupby(self.column)
            }
            rows.append({"method": arm, "t": f"{sparsity:.0%}", **cells})
        data = pd.DataFrame(rows).sort_values(["method", "t"], ignore_index=True)
        seeds = seeds_in_words(frame.groupby(["arm", "sparsity", self.column]).size())
        note = f"Mean ± standard deviation over {seeds}."
        title = f"{self.title[0].upper()}{self.title[1:]} by {self.words}"
        return table(data, caption=title, group="method", note=note)

    def picture(self, frame: pd.DataFrame) -> Figure:
        """Score against value: a panel for each method, a line for each sparsity; a ring: the best."""
        arms = list(frame.arm.unique())
        best = self.preferred(frame)
        figure = Figure(figsize=(11, 3.4), layout="constrained")
        for axis, arm in zip(figure.subplots(1, len(arms), squeeze=False).flat, arms, strict=True):
            own = frame[frame.arm == arm]
            for sparsity, colour in zip(sorted(own.sparsity.unique()), COLOURS, strict=False):
                cells = own[own.sparsity == sparsity].groupby(self.column)[self.score].apply(list)
                band(axis, cells.index, cells.tolist(), colour, label=f"t = {sparsity:.0%}")
                at = best[(best.arm == arm) & (best.sparsity == sparsity)].iloc[0]
                top = sum(at.scores) / len(at.scores)
                axis.scatter([at.best], [top], s=90, facecolor="none", edgecolor=colour, lw=1.5, zorder=4)
            label = self.title if arm == arms[0] else ""
            bare(axis, xlabel=self.sign, ylabel=label, title=arm, xscale="log" if self.log else "linear")
            axis.legend(frameon=False, fontsize=8)
        return figure


def lower(low: Any, high: Any) -> bool | None:
    """Whether a higher sparsity prefers a lower value; None where the seeds can't tell.

    Args:
        low, high: rows of `Tried.preferred` at the lower and the higher sparsity.
    """
    if high.best == low.best:
        return False if len(low.tied) == len(high.tied) == 1 else None
    return None if low.best in high.tied or high.best in low.tied else bool(high.best < low.best)


def falls(best: pd.DataFrame, tried: int) -> CasesFound:
    """Whether the value preferred at the greatest sparsity is lower than at the least, method by method.

    Args:
        best: see `Tried.preferred`. tried: how many values there are to try.
    """
    cases = []
    for arm, own in best.groupby("arm", sort=False):
        ends = (
            own[own.sparsity == own.sparsity.min()].iloc[0],
            own[own.sparsity == own.sparsity.max()].iloc[0],
        )
        if len(own) < 2 or ends[0].tried < tried or ends[1].tried < tried:
            cases.append(Case(str(arm), "", None))
            continue
        told = ", ".join(f"{row.best:g} at {row.sparsity:.0%}" for row in own.itertuples())
        passed = lower(*ends)
        cases.append(Case(str(arm), "", passed, told + " (seeds can't tell)" * (passed is None)))
    return CasesFound(cases, "; ".join(f"{case.where}: {case.figure or 'records missing'}" for case in cases))
