"""LERS's Figure 5: what MagPrune's n_min, the numbers that each row keeps, does for LightGCN."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.experiments.items import Grid, get_item
from lfmp_core.experiments.store import Store, store_for
from lfmp_core.metrics import NDCG20

from ..claims.claim import Prose, literal
from ..claims.pending import NOT_YET
from ..evidence import results
from ..evidence.results import seeds_in_words
from ..show.comparison import ResultColumn, comparison
from ..show.curves import band, bare
from ..show.html import HtmlTable
from .cf_arms import TITLES
from .fig5_grids import ITEM, SEARCHED, SETS, fixed

VALIDATION, TEST = f"val_{NDCG20.name}", f"test_{NDCG20.name}"
CHOSEN = "searched"
COLOURS = {VALIDATION: "#8a6100", TEST: "#0072b2"}


def runs_by_minimum(grids: Sequence[Grid], store: Store) -> pd.DataFrame:
    """`results.frame` of the finished runs with what this page asks of them.

    `searched`: whether the run chose n_min itself; `n_min`: that it has; `tried`: validation NDCG@20 of each
    n_min from 0 on, of at most 2,048 users, where it was searched.
    """
    found = results.frame(grids, store)
    records = {record.id: record for _, record in results.finals(grids, store)}
    rows = [records[name] for name in found.id]
    searched = found.arm == SEARCHED
    minimum = [
        r.details["row_minimum"] if chose else r.spec.method_settings["row_minimum"]
        for r, chose in zip(rows, searched, strict=True)
    ]
    tried = [tuple(r.details.get("minimums", ())) for r in rows]
    frame = found.assign(searched=searched, n_min=minimum, tried=tried)
    return frame.assign(choice=[CHOSEN if s else f"{m:.0f}" for s, m in zip(searched, minimum, strict=True)])


def reference(store: Store | None = None) -> pd.DataFrame:
    """The reference records that are there, see `runs_by_minimum`; needs no data."""
    return runs_by_minimum(get_item(ITEM).grids("reference"), store or store_for("reference"))


def minimum_panels(frame: pd.DataFrame) -> Iterator[tuple[str, float, pd.DataFrame]]:
    """Data set, sparsity and runs of each."""
    for (name, t), own in frame.groupby(["dataset", "budget"], sort=False):
        yield TITLES.get(name, name), t, own


def answer(reference: pd.DataFrame, compared: pd.DataFrame, sets: Sequence[str] = SETS) -> Prose:
    """What searching n_min gains over leaving it at 0, and what too large a one costs, in a sentence each.

    Args:
        reference: see `runs_by_minimum`. compared: see `evidence.decided.decided`.
        sets: of which there should be runs.
    """
    said = []
    for title, t, own in minimum_panels(reference):
        name = literal(title)
        scores = own.groupby("arm")[TEST].mean()
        chosen = own[own.searched]
        if fixed(0) not in scores or not len(chosen):
            said.append(f"**{name}, {t:.0%}**: {_in_the_search(chosen)}not all runs on test pairs are there.")
            continue
        gain = _gained(chosen)
        kept = _minimums(chosen) + ("" if gain is None else f", by {gain:+.4f} in the search")
        line = (
            f"**{name}, {t:.0%}**: NDCG@20 {scores[fixed(0)]:.4f} where a row may lose all its numbers, "
            f"{scores[SEARCHED]:.4f} with the n_min that validation chose ({kept}): "
            f"{scores[SEARCHED] - scores[fixed(0)]:+.4f}{_outcome(compared, own, SEARCHED, fixed(0))}"
        )
        most = own[~own.searched].n_min.max()
        if most > 0:
            gap = scores[fixed(most)] - scores[SEARCHED]
            line += (
                f"; with the largest, {most}, {scores[fixed(most)]:.4f}: {gap:+.4f}"
                f"{_outcome(compared, own, fixed(most), SEARCHED)}"
            )
        said.append(f"{line}. {seeds_in_words(own.groupby('arm').size()).capitalize()}.")
    missing = [TITLES[name] for name in sets if name not in set(reference.dataset)]
    said += [f"**{name}**: {NOT_YET}." for name in missing]
    return Prose(tuple(said))


def _minimums(runs: pd.DataFrame) -> str:
    """Every n_min that runs have."""
    return ", ".join(map(str, sorted(set(runs.n_min))))


def _in_the_search(chosen: pd.DataFrame) -> str:
    """What n_min the search's users liked, and by how much; empty where none was searched."""
    gain = _gained(chosen)
    if gain is None:
        return ""
    return (
        f"the search chose n_min = {_minimums(chosen)}, by {gain:+.4f} of NDCG@20 over 0 among the "
        "validation users that it ranks for; "
    )


def _gained(chosen: pd.DataFrame) -> float | None:
    """By how much the best n_min is over 0 among the search's users, over seeds; None without a search."""
    gains = [max(scores) - scores[0] for scores in chosen.tried if len(scores)]
    return sum(gains) / len(gains) if gains else None


def _outcome(compared: pd.DataFrame, own: pd.DataFrame, arm: str, other: str) -> str:
    """The outcome of one comparison, in brackets; empty where there is none."""
    there = compared.dataset.isin(own.dataset) & compared.budget.isin(own.budget)
    one = compared[there & (compared.arm == arm) & (compared.against == other)]
    one = one[one.metric == NDCG20.name]
    return f" ({one.outcome.item()})" if len(one) else ""


def main_table(reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable:
    """Reference | this run: NDCG@20 on validation and test pairs by sparsity and n_min.

    Args:
        reference, run: see `runs_by_minimum`; they may be empty.
    """
    sides = {side: own for side, own in (("reference", reference), ("this run", run)) if len(own)}
    key = ["budget", "choice"]
    every = pd.concat(list(sides.values()))[[*key, "searched", "n_min"]] if sides else run
    every = every.sort_values(["budget", "searched", "n_min"])
    rows = list(dict.fromkeys(every[key].itertuples(index=False, name=None)))
    columns = [
        ResultColumn(VALIDATION, "validation", best="max"),
        ResultColumn(TEST, "test", best="max"),
        ResultColumn("n_min", "chosen", of=_chosen),
    ]
    note = "" if len(reference) else f"Reference: {NOT_YET}. "
    note += "Mean ± standard deviation over seeds. The paper draws its curves without numbers."
    return comparison(
        rows,
        {"budget": "t", "choice": "n_min"},
        columns,
        None,
        sides,
        head={"t": lambda t, _: f"{t:.0%}"},
        caption="NDCG@20 of MagPrune by the numbers that each row keeps",
        group=("", "t"),
        note=note,
    )


def _chosen(runs: pd.DataFrame, *_: Any) -> str | None:
    """The n_min that runs chose."""
    return _minimums(runs) if runs.searched.all() else None


def picture(frame: pd.DataFrame) -> Figure:
    """By how much n_min moves NDCG@20 from where it is at 0: a row for each set, a panel for each sparsity.

    A ring: what validation chose. A thin line: what it was chosen by, NDCG@20 of at most 2,048 users.
    """
    shown = list(minimum_panels(frame))
    names = list(dict.fromkeys(name for name, _, _ in shown))
    shares = sorted({t for _, t, _ in shown})
    figure = Figure(figsize=(11, 0.6 + 2.9 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), len(shares), squeeze=False)
    for name, t, own in shown:
        axis = axes[names.index(name)][shares.index(t)]
        _panel(axis, own)
        bare(axis, xlabel="n_min", title=f"{name}, t = {t:.0%}")
        axis.xaxis.get_major_locator().set_params(integer=True)
    for row in axes:
        row[0].set_ylabel("NDCG@20 − that at n_min = 0")
        row[0].legend(frameon=False, fontsize=8)
    return figure


def _panel(axis: Any, own: pd.DataFrame) -> None:
    """The curves of one set and sparsity, seed by seed against n_min = 0, which is the same training."""
    axis.axhline(0, color="#9aa0a6", lw=0.8)
    for column, name in ((TEST, "test"), (VALIDATION, "validation")):
        at_none = own[own.arm == fixed(0)].set_index("seed")[column]
        moved = own.assign(moved=own[column] - own.seed.map(at_none)).dropna(subset="moved")
        if not len(moved):
            continue
        cells = moved[~moved.searched].groupby("n_min").moved.apply(list)
        band(axis, cells.index, cells.tolist(), COLOURS[column], label=name)
        chosen = moved[moved.searched]
        ring = {"facecolor": "none", "edgecolor": COLOURS[column], "lw": 1.5, "zorder": 4}
        axis.scatter(chosen.n_min, chosen.moved, s=90, **ring)
    for k, scores in enumerate(own[own.searched].tried):
        label = "validation, in the search" if k == 0 else None
        axis.plot(
            range(len(scores)),
            [score - scores[0] for score in scores],
            color=COLOURS[VALIDATION],
            lw=0.8,
            alpha=0.6,
            label=label,
        )
