"""LERS's Table 5: every compression on click prediction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import pandas as pd

from lfmp_core.experiments.items import Grid, get_item
from lfmp_core.experiments.store import Store, store_for
from lfmp_core.metrics import AUC, LOG_LOSS

from ...claims.pending import NOT_YET
from ...evidence import published, results
from ...evidence.decided import decided
from ...show.comparison import ResultColumn, comparison
from ...show.html import HtmlTable, table
from ...show.words import number
from .. import grids as lers
from ..grids import KINDS, LERS_METHODS, ORIGINAL, OTHERS, OWN_SIZE, SMALLER, SMALLER_IN_BYTES
from ..scores.blocks import HIGH, Cell
from ..scores.clicks import DATASETS, NETWORKS, SETS, arm_of, cells, methods_at, printed_of
from ..scores.records import runs_on, seeds_of

ITEM = "lers_table5"
PLANNED_SETS = tuple(DATASETS.values())
TITLES = {"DeepFM": "DeepFM", "DCN": "DCN-Mix"}
ARMS = (ORIGINAL, OWN_SIZE, *LERS_METHODS, *OTHERS)
TOLERANCE = 0.01  # of a budget met
OUTGROWN = 0.02  # of test AUC, lost with a larger table
Which = Literal["max", "min"]


def completed(frame: pd.DataFrame, grids: Sequence[Grid], store: Store) -> pd.DataFrame:
    """Runs with what this page derives of them.

    `retain`: test AUC over the mean of Original on the same set and backbone; `removed`: share of Original's
    table that is gone; `before`: of OptEmbed, validation AUC of the fittest widths under the supernet's
    weights, `supernet` and `evolution` the seconds of both (of the arms on a budget); `name` and `network`:
    set and backbone as the paper calls them.

    Args:
        frame: see `results.frame`. grids, store: that it was made of.
    """
    plain = frame[frame.arm == ORIGINAL].groupby(["dataset", "backbone"])[
        ["test_auc", "embedding_parameters"]
    ]
    whole = frame.join(plain.mean().add_prefix("whole_"), on=["dataset", "backbone"])
    searches = {
        record.id: record.details
        for arm, record in results.finals(grids, store)
        if arm.startswith("OptEmbed") and record.details.get("best_fitness")
    }
    seconds = {i: details.get("finding_seconds", {}) for i, details in searches.items()}
    return frame.assign(
        retain=whole.test_auc / whole.whole_test_auc,
        removed=1 - whole.embedding_parameters / whole.whole_embedding_parameters,
        before=frame.id.map({i: details["best_fitness"][-1] for i, details in searches.items()}),
        supernet=frame.id.map({i: own.get("supernet") for i, own in seconds.items()}).astype(float),
        evolution=frame.id.map({i: own.get("evolution") for i, own in seconds.items()}).astype(float),
        name=frame.dataset.map(lambda d: DATASETS.get(d, d)),
        network=frame.backbone.map(lambda b: NETWORKS.get(b, b)),
    )


def reference(store: Store | None = None) -> pd.DataFrame:
    """The reference records of every set whose runs have all ended, see `completed`; needs no data.

    `attrs["begun"]` has, by set, how many of its runs have ended and how many there will be.
    """
    grids, store = get_item(ITEM).grids("reference"), store or store_for("reference")
    begun = {DATASETS[name]: grid.ended(store) for name, grid in zip(lers.SETS, grids, strict=True)}
    whole = results.whole(grids, begun.values())
    found = completed(results.frame(whole, store), whole, store)
    found.attrs["begun"] = begun
    return found


def ordered(names: Sequence[str], *frames: pd.DataFrame) -> Iterator[tuple[float, str]]:
    """(sparsity, arm) of a table's rows: those of the runs, and the paper's own of the named sets."""
    there = {key for f in frames for key in zip(f.budget, f.arm, strict=True)}
    if any(name in SETS for name in names):
        there |= {(0.0, ORIGINAL), (0.0, OWN_SIZE)}
    for cell in cells([name for name in names if name in SETS]):
        there |= {(cell.sparsity, arm_of(cell, method)) for method in methods_at(cell)}
    return ((t, arm) for t in sorted({t for t, _ in there}) for arm in ARMS if (t, arm) in there)


def block(frame: pd.DataFrame, name: str, network: str) -> pd.DataFrame:
    """Runs on one set and backbone, in the paper's names; those of planted or one's own rows are Criteo's."""
    return runs_on(frame, name, network, PLANNED_SETS)


def cell_of(frame: pd.DataFrame, t: float, arm: str) -> pd.DataFrame:
    """Runs of one arm at one sparsity."""
    return frame[(frame.arm == arm) & (frame.budget == t)]


def printed_row(name: str, network: str, t: float, arm: str) -> Mapping[str, float] | None:
    """The paper's row beside one of ours: auc, logloss, params, retain; None where it has none."""
    method = printed_of(Cell(name, network, t or HIGH), arm)
    if name not in SETS or method is None:
        return None
    rows = published.lers_table5()
    at = rows.sparsity.isna() if arm == OWN_SIZE else rows.sparsity == t
    found = rows[(rows.dataset == name) & (rows.backbone == network) & (rows.method == method) & at]
    return None if not len(found) else found.iloc[0].to_dict()


def share(t: float, arm: str) -> str:
    """The asked sparsity of a row in words."""
    return "own" if arm == OWN_SIZE else f"{t:.0%}"


def run_counts(frame: pd.DataFrame) -> str:
    """How many final runs there are by data set, a line each.

    Args:
        frame: see `reference`.
    """
    lines, begun = [], frame.attrs.get("begun", {})
    for name in PLANNED_SETS:
        own = frame[frame.name == name]
        ended, planned = begun.get(name, (0, 0))
        told = f"{ended} of {planned} reference runs have ended; shown when all have" if ended else NOT_YET
        if len(own):
            told = f"{len(own)} reference runs of {own.arm.nunique()} arms, {seeds_of(own)}"
        lines.append(f"{name}: {told}")
    return "\n".join(lines)


def headed(frame: pd.DataFrame) -> str:
    """The heading of this run's columns."""
    other = [d for d in frame.dataset.unique() if d not in DATASETS]
    return f"this run ({', '.join(other)})" if other else "this run"


def absent(title: str) -> HtmlTable:
    """In place of a table, among others, whose runs are missing."""
    return table(pd.DataFrame({"method": []}), caption=f"{title}: {NOT_YET}")


def with_outcomes(compared: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with plain tables in test AUC, with what each comes to beside all of them.

    Args:
        compared: see `results.compare`. reference: the records that they are of.
    """
    shown = (compared.metric == AUC.name) & compared.against.isin(KINDS["plain"])
    return decided(compared[shown], reference)


def adjusted_note(compared: pd.DataFrame) -> str:
    """How comparisons are adjusted, for the note of a table.

    Args:
        compared: see `with_outcomes`.
    """
    return (
        f"better, worse, equal (within ± {AUC.margin:g}) or undecided: by a paired bootstrap over test rows "
        f"and seeds, for all {number(len(compared), 'comparison')} with plain tables together (Holm)"
    )


def difference_cell(compared: pd.DataFrame, t: float, arm: str, other: str) -> str | None:
    """A difference in test AUC and what it comes to, as a cell.

    Args:
        compared: of one set and backbone; see `with_outcomes`.
    """
    if arm == other or (other == SMALLER and not t):
        return None
    rows = compared[(compared.metric == AUC.name) & (compared.budget == t)]
    rows = rows[(rows.arm == arm) & (rows.against == other)]
    if not len(rows):
        return None
    d = rows.iloc[0]
    return f"{d.difference:+.4f} {d.outcome}"


def compared_of(compared: pd.DataFrame, name: str, network: str) -> pd.DataFrame:
    """Comparisons on one set and backbone, in the paper's names."""
    own = compared.dataset.map(lambda d: DATASETS.get(d, d)) == name
    return compared[own & (compared.backbone.map(lambda b: NETWORKS.get(b, b)) == network)]


def off_budget(own: pd.DataFrame) -> str:
    """The arms whose table is not of the size asked for, and the share of Original's that each removed.

    A method that decides on sizes by itself may stop short of what it is allowed, and a plain table has whole
    dimensions only. The smaller dense table of equal bytes is asked for bytes.

    Args:
        own: runs on one set and backbone, see `completed`.
    """
    asked = own[(own.budget > 0) & (own.arm != SMALLER_IN_BYTES)]
    found = asked.groupby(["budget", "arm"], sort=False).removed.mean()
    found = {key: mean for key, mean in found.items() if abs(mean - key[0]) > TOLERANCE}
    return ", ".join(
        f"{arm} at {t:.0%} ({found[t, arm]:.0%})" for t, arm in ordered((), own) if (t, arm) in found
    )


def outgrown(own: pd.DataFrame) -> str:
    """The arms that fare worse, by more than `OUTGROWN`, with a larger table than with a smaller one.

    One search at `lers.SEARCHED_AT` serves all sparsities: what suits one size may leave another untrained.

    Args:
        own: runs on one set and backbone, see `completed`.
    """
    asked = own[own.budget > 0]
    means = asked.groupby(["arm", "budget"]).test_auc.mean()
    told = []
    for t, arm in ordered((), asked):
        here, smaller = means[arm, t], means[arm][means[arm].index > t]
        if len(smaller) and smaller.max() - here > OUTGROWN:
            told.append(f"{arm} at {t:.0%} ({here:.3f}; {smaller.max():.3f} at {smaller.idxmax():.0%})")
    return ", ".join(told)


def main_table(
    name: str, network: str, reference: pd.DataFrame, compared: pd.DataFrame, run: pd.DataFrame
) -> HtmlTable:
    """Paper | reference | this run: AUC and log-loss of one set and backbone, and what can be told apart.

    Args:
        name, network: as the paper calls them. reference, run: see `completed`.
        compared: see `with_outcomes`.
    """
    title = f"{name}, {TITLES[network]}"
    own, ours = block(reference, name, network), block(run, name, network)
    paper = name in SETS
    if not (paper or len(own) or len(ours)):
        return absent(title)
    pairs, figures = compared_of(compared, name, network), {"test_auc": "auc", "test_logloss": "logloss"}

    def printed(t: float, arm: str) -> dict[str, float]:
        row = printed_row(name, network, t, arm)
        return {} if row is None else {key: float(row[column]) for key, column in figures.items()}

    def to(other: str) -> Callable[[pd.DataFrame, float, str], str | None]:
        return lambda _, t, arm: difference_cell(pairs, t, arm, other)

    note = [f"reference: {seeds_of(own)}, mean ± standard deviation" if len(own) else f"reference: {NOT_YET}"]
    note += [f"{headed(ours)}: {seeds_of(ours)}"] if len(ours) else []
    if len(own):
        note.append(adjusted_note(compared))
        asides = {
            "removed, where it is more than 1 % off the share asked for": off_budget(own),
            f"worse by more than {OUTGROWN} AUC than with fewer numbers": outgrown(own),
        }
        note += [f"{what}: {arms}" for what, arms in asides.items() if arms]
    caption = f"{title}: test AUC and log-loss"
    return comparison(
        ordered((name,), own, ours),
        {"budget": "t", "arm": "method"},
        [
            ResultColumn.measured(AUC),
            ResultColumn.measured(LOG_LOSS),
            ResultColumn("original", "AUC to Original", sides=("reference",), of=to(ORIGINAL)),
            ResultColumn("smaller", "AUC to smaller dense", sides=("reference",), of=to(SMALLER)),
        ],
        printed if paper else None,
        ({"reference": own} if len(own) else {}) | ({headed(ours): ours} if len(ours) else {}),
        head={"t": share},
        digits={headed(ours): 3},
        caption=caption,
        group=("", "t"),
        note="; ".join(note) + ".",
    )
