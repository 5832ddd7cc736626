"""LERS's Table 7: what of the unpruned model's accuracy each method keeps, in both tasks."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any, NamedTuple

import pandas as pd
from scipy.stats import kendalltau

from lfmp_core.metrics import AUC, NDCG20

from ...claims.claim import Prose
from ...claims.pending import NOT_YET
from ...evidence import published
from ...show.comparison import ResultColumn, comparison
from ...show.html import HtmlTable, Spread, is_stale, table
from ..scores import clicks as five
from ..scores import lists as six
from ..scores.blocks import METHODS, SHARES, Cell, tau
from ..scores.records import runs_on
from .view import CLICKS, LISTS


class Half(NamedTuple):
    """One half of Table 7.

    Attributes:
        overall: its column of means in the published table. sets: as the paper calls them. backbone: whose
            ratios they are. metric: of what. arm: (block, the paper's method) → our arm. known: sets that
            have names there.
    """

    overall: str
    sets: tuple[str, ...]
    backbone: str
    metric: str
    arm: Callable[[Cell, str], str]
    known: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Of its ratios: one a set, and their mean."""
        return (*self.sets, self.overall)


HALVES = {
    LISTS: Half(
        "overall_cf", six.SETS, six.GRAPH, NDCG20.title, lambda _, method: six.arm_of(method), six.SETS
    ),
    CLICKS: Half("overall_ctr", five.SETS, "DCN", AUC.title, five.arm_of, tuple(five.DATASETS.values())),
}
_Side = tuple[str, Mapping[str, pd.DataFrame], Mapping[str, str]]  # heading, ratios, columns
MEANS = {task: half.overall for task, half in HALVES.items()}
ROWS = tuple(product(SHARES, METHODS))
NOT_MADE = 0.0  # what the paper prints where there was no run


def ratios(task: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each sparsity, method and seed: the ratio on each set, and their mean.

    A seed that one set lacks has no mean.

    Args:
        task: a key of `HALVES`. frame: its runs, see `table5.page.completed` and `table6.page.completed`;
            they may be none.
    """
    half, rows = HALVES[task], []
    for t, method in ROWS:
        cells = {}
        for name in half.sets:
            arm = half.arm(Cell(name, half.backbone, t), method)
            runs = runs_on(frame, name, half.backbone, half.known)
            cells[name] = runs[(runs.arm == arm) & (runs.budget == t)].set_index("seed")
        found = pd.DataFrame({name: runs.retain for name, runs in cells.items()})
        found[half.overall] = found.mean(axis=1, skipna=False)
        stale = any(is_stale(runs) for runs in cells.values())
        rows.append(found.rename_axis("seed").reset_index().assign(budget=t, method=method, stale=stale))
    return pd.concat(rows, ignore_index=True)


def printed_row(task: str, t: float, method: str) -> Mapping[str, float]:
    """The paper's row by the columns of a half; without the ratios of runs that were not made."""
    rows = published.printed_table("lers_table7")
    own = rows[(rows.sparsity == round(100 * t)) & (rows.method == method)].iloc[0]
    values = {column: float(own[column.lower()]) for column in HALVES[task].columns}
    return {column: value for column, value in values.items() if value != NOT_MADE}


def _over_seeds(column: str) -> Callable[..., Spread | None]:
    """Mean and spread of a ratio over the seeds that have it."""

    def made(runs: pd.DataFrame, *_: Any) -> Spread | None:
        known = runs[column].dropna().tolist()
        return Spread.of(known, stale=is_stale(runs)) if known else None

    return made


def retain_table(task: str, reference: pd.DataFrame, run: pd.DataFrame, title: str = "this run") -> HtmlTable:
    """Paper | reference | this run: the ratios of one task, mean ± spread over seeds.

    Args:
        task: a key of `HALVES`. reference, run: see `ratios`. title: heading of this run's columns.
    """
    half = HALVES[task]
    headings = dict(zip(half.columns, (*half.sets, "mean of both"), strict=True))
    sides = {side: frame for side, frame in (("reference", reference), (title, run)) if len(frame)}
    note = "" if "reference" in sides else f"Reference: {NOT_YET}. "
    note += "Mean ± standard deviation over seeds; the mean of both sets is taken seed by seed."
    return comparison(
        ROWS,
        {"budget": "t", "method": "method"},
        [ResultColumn(key, heading, best="max", of=_over_seeds(key)) for key, heading in headings.items()],
        lambda t, method: printed_row(task, t, method),
        sides,
        head={"t": lambda t, _: f"{t:.0%}"},
        caption=f"{task.capitalize()}, {half.backbone}: {half.metric} over that of Original",
        group=("", "t"),
        note=note,
    )


def transfer_table(reference: Mapping[str, pd.DataFrame], run: Mapping[str, pd.DataFrame]) -> HtmlTable:
    """Are methods that are strong in one task strong in the other? (RQ2)

    Kendall's τ of their mean ratios, and the best of each task, of the methods that have both; of one set of
    collaborative filtering where the other has no runs (`means_of`).

    Args:
        reference, run: `ratios` by task.
    """
    rows, paper = [], of_paper()
    named = means_of(reference)
    sides: list[_Side] = [
        ("paper", paper, MEANS),
        *((f"paper, {name}", paper, own) for name, own in named if name),
    ]
    sides += [(f"reference{f', {name}' * bool(name)}", reference, own) for name, own in named]
    for t in SHARES:
        row: dict[tuple[str, str], Any] = {("", "t"): f"{t:.0%}"}
        for side, frames, columns in (*sides, ("this run", run, MEANS)):
            row |= {(side, key): value for key, value in _transfer(frames, t, columns).items()}
        rows.append(row)
    data = pd.DataFrame(rows)
    data.columns = pd.MultiIndex.from_tuples(data.columns)
    data = data.dropna(axis=1, how="all")
    note = "τ: 1 where both tasks order the methods alike, −1 where one turns the other's order round. "
    note += "p: that two random orders agree or disagree as much."
    forms = {"methods": ".0f", "τ": "+.2f", "p": ".2f"}
    formats: dict[Any, Any] = {column: forms[column[1]] for column in data.columns if column[1] in forms}
    return table(data, caption="Which methods transfer", formats=formats, note=note)


def means_of(frames: Mapping[str, pd.DataFrame]) -> list[tuple[str, Mapping[str, str]]]:
    """What of both tasks can be held against each other, by a name and the columns of `ratios` by task.

    The means over both sets of each task, named ""; where no method has both, each set of collaborative
    filtering that has runs, by its name, against the mean of click prediction.
    """
    if any(_transfer(frames, t)["τ"] is not None for t in SHARES):
        return [("", MEANS)]
    alone = {name: {**MEANS, LISTS: name} for name in HALVES[LISTS].sets}
    able = lambda columns: any(_transfer(frames, t, columns)["τ"] is not None for t in SHARES)
    return [(name, columns) for name, columns in alone.items() if able(columns)]


def _transfer(
    frames: Mapping[str, pd.DataFrame], t: float, columns: Mapping[str, str] | None = None
) -> dict[str, Any]:
    means = {}
    for task, column in (columns or MEANS).items():
        own = frames[task]
        means[task] = own[own.budget == t].groupby("method", sort=False)[column].mean()
    known = pd.DataFrame(means).dropna()
    if len(known) < 2:
        return dict.fromkeys(("methods", "τ", "p", *(f"best, {task}" for task in HALVES)))
    best = {f"best, {task}": known[task].idxmax() for task in HALVES}
    ours, theirs = (known[task].tolist() for task in HALVES)
    chance = float(kendalltau(ours, theirs).pvalue)
    return {"methods": len(known), "τ": tau(ours, theirs), "p": chance, **best}


def answer(frames: Mapping[str, pd.DataFrame]) -> Prose:
    """What an order of methods in one task says of the other, by sparsity, or that a task has no runs.

    Args:
        frames: `ratios` by task.
    """
    said, paper = [], of_paper()
    for name, columns in means_of(frames):
        for t in SHARES:
            found = _transfer(frames, t, columns)
            if found["τ"] is None:
                continue
            best = ", ".join(f"{found[f'best, {task}']} in {task}" for task in HALVES)
            alone, printed = f", {name} alone" * bool(name), _transfer(paper, t, columns)
            theirs = f"; by the paper's numbers {printed['τ']:+.2f} over {printed['methods']}" * bool(name)
            said.append(
                f"**{t:.0%}{alone}**: τ {found['τ']:+.2f} over {found['methods']} methods "
                f"(p = {found['p']:.2f}{theirs}); best: {best}."
            )
    known = [task for task in HALVES if len(frames[task])]
    said += [f"{task.capitalize()}: {NOT_YET}." for task in HALVES if task not in known]
    if known == list(HALVES) and not said:
        said.append("No method has runs on both sets of both tasks yet.")
    return Prose(tuple(said))


def of_paper() -> dict[str, pd.DataFrame]:
    """The printed ratios as `ratios` has them, by task."""
    return {
        task: pd.DataFrame([{"budget": t, "method": m, **printed_row(task, t, m)} for t, m in ROWS])
        for task in HALVES
    }


def two_task_table(run: Mapping[str, pd.DataFrame]) -> HtmlTable:
    """What each method keeps of Original in the run's own two tasks.

    Args:
        run: runs by task, with `retain`; see `table5.page.completed` and `table6.page.completed`.
    """
    columns = {task: f"{task}, {', '.join(own.dataset.unique())}" for task, own in run.items()}
    keys = sorted({key for own in run.values() for key in zip(own.budget, own.arm, strict=True)})
    rows = []
    for t, arm in keys:
        row: dict[str, Any] = {"t": f"{t:.0%}", "method": arm}
        for task, own in run.items():
            cell = own[(own.arm == arm) & (own.budget == t)]
            row[columns[task]] = Spread.over(cell, "retain") if len(cell) else None
        rows.append(row)
    note = "NDCG@20 and AUC over those of Original; mean ± standard deviation over seeds."
    return table(pd.DataFrame(rows), caption="This run: what each method keeps", group="t", note=note)
