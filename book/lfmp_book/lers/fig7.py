"""LERS's Figure 7: what InfoNCE does for LightGCN, plain and compressed."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lfmp_core.experiments.items import Grid, get_item
from lfmp_core.experiments.store import Store, store_for
from lfmp_core.metrics import NDCG20

from ..claims.claim import Prose, literal
from ..claims.pending import NOT_YET
from ..evidence import results
from ..evidence.results import seeds_in_words
from ..show.curves import bare
from ..show.html import HtmlTable, Spread, table
from .cf_arms import TITLES
from .fig7_grids import ITEM, SETS, labelled
from .grids import ORIGINAL
from .preference import Tried

VALIDATION, TEST = f"val_{NDCG20.name}", f"test_{NDCG20.name}"
WEIGHT = Tried("contrast", "γ", "weight of InfoNCE", VALIDATION, "validation NDCG@20")
PALETTE = ("#222222", "#0072b2", "#8a6100", "#b3261e", "#7b3fa0")


def runs_by_weight(grids: Sequence[Grid], store: Store) -> pd.DataFrame:
    """`results.frame` of the finished runs with what this page asks of them.

    `contrast`: γ; `method`: the arm without it; `curve`: validation NDCG@20 after each epoch, of at most
    4,096 users; `last`: epochs that the training could have had.
    """
    found = results.frame(grids, store)
    records = {record.id: record for _, record in results.finals(grids, store)}
    rows = [records[name] for name in found.id]
    weights = [float(r.spec.training["contrast"]) for r in rows]
    methods = [arm.removesuffix(labelled("", w)) for arm, w in zip(found.arm, weights, strict=True)]
    curves = [tuple(row[VALIDATION] for row in r.details["history"]) for r in rows]
    last = [int(r.spec.training["epochs"]) for r in rows]
    return found.assign(contrast=weights, method=methods, curve=curves, last=last)


def reference(store: Store | None = None) -> pd.DataFrame:
    """The reference records that are there, see `runs_by_weight`; needs no data."""
    return runs_by_weight(get_item(ITEM).grids("reference"), store or store_for("reference"))


def by_method(frame: pd.DataFrame) -> pd.DataFrame:
    """Runs as `Tried` takes them: named by their method, at the sparsity that was asked for."""
    return frame.assign(arm=frame.method, sparsity=frame.budget)


class ContrastEffect(NamedTuple):
    """What InfoNCE does for one method at one sparsity.

    Attributes:
        dataset, method: names. sparsity: asked for.
        weight: the γ > 0 of highest mean validation NDCG@20. without, with_it: the runs at γ = 0 and at it.
    """

    dataset: str
    method: str
    sparsity: float
    weight: float
    without: pd.DataFrame
    with_it: pd.DataFrame

    @property
    def gain(self) -> float:
        """Of mean test NDCG@20."""
        return float(self.with_it[TEST].mean() - self.without[TEST].mean())


def effects(frame: pd.DataFrame) -> Iterator[ContrastEffect]:
    """Of each data set, method and sparsity that has runs without InfoNCE and with it; Original first."""
    best = WEIGHT.preferred(by_method(frame[frame.contrast > 0]))
    for row in best.sort_values("sparsity", kind="stable").itertuples():
        same = (frame.dataset == row.dataset) & (frame.method == row.arm) & (frame.budget == row.sparsity)
        own = frame[same]
        without = own[own.contrast == 0]
        if len(without):
            with_it = own[own.contrast == row.best]
            yield ContrastEffect(row.dataset, row.arm, row.sparsity, row.best, without, with_it)


class Pace(NamedTuple):
    """How soon a training with InfoNCE is as good as one without ever gets.

    Attributes:
        seed: of both. without: epochs until the one without is at its best. with_it: epochs until the other
            is as good; None if it never is. open: the one without was still rising when it had to end.
        higher: of the epochs that both have, those after which the one with it is higher.
        both: epochs that both have.
    """

    seed: int
    without: int
    with_it: int | None
    open: bool
    higher: tuple[bool, ...]

    @property
    def times(self) -> float | None:
        """How many times as soon."""
        return None if self.with_it is None else self.without / self.with_it


def paces(effect: ContrastEffect) -> list[Pace]:
    """Seed by seed; see `Pace`."""
    found = []
    for seed in sorted(set(effect.without.seed) & set(effect.with_it.seed)):
        [plain], [own] = (part[part.seed == seed].curve for part in (effect.without, effect.with_it))
        [last] = effect.without[effect.without.seed == seed]["last"]
        at = int(np.argmax(plain))
        there = [k + 1 for k, score in enumerate(own) if score >= plain[at]]
        higher = tuple(b > a for a, b in zip(plain, own, strict=False))
        found.append(Pace(int(seed), at + 1, there[0] if there else None, at + 1 == last, higher))
    return found


def answer(reference: pd.DataFrame, compared: pd.DataFrame) -> Prose:
    """What InfoNCE adds to each method's NDCG@20, and how much sooner the plain model is as good with it.

    Args:
        reference: see `runs_by_weight`. compared: see `evidence.decided.decided`.
    """
    said = []
    for effect in effects(reference):
        name = TITLES.get(effect.dataset, literal(effect.dataset))
        without, with_it = (own[TEST].mean() for own in (effect.without, effect.with_it))
        line = (
            f"**{name}, {_named(effect)}**: NDCG@20 {without:.4f} without InfoNCE, {with_it:.4f} with "
            f"γ = {effect.weight:g}: {effect.gain:+.4f}{_outcome(compared, effect)}"
        )
        if effect.method == ORIGINAL:
            line += f"; {_in_words(paces(effect))}"
        seeds = seeds_in_words(pd.Series([len(own) for own in (effect.without, effect.with_it)]))
        said.append(f"{line}. {seeds.capitalize()}.")
    said += [f"**{TITLES[name]}**: {NOT_YET}." for name in SETS if name not in set(reference.dataset)]
    return Prose(tuple(said))


def _named(effect: ContrastEffect) -> str:
    return f"{effect.method} at {effect.sparsity:.0%}" if effect.sparsity else effect.method


def _outcome(compared: pd.DataFrame, effect: ContrastEffect) -> str:
    """What the comparison of a method with itself without InfoNCE comes to, in brackets, if it is known."""
    one = compared[
        (compared.dataset == effect.dataset)
        & (compared.arm == labelled(effect.method, effect.weight))
        & (compared.against == labelled(effect.method, 0.0))
        & (compared.budget == effect.sparsity)
        & (compared.metric == NDCG20.name)
    ]
    return f" ({one.outcome.item()})" if len(one) else ""


def _in_words(found: Sequence[Pace]) -> str:
    """How much sooner, over seeds."""
    times = [pace.times for pace in found if pace.times is not None]
    if len(times) < len(found) or not found:
        return "with it, it does not become as good as without"
    after = f"{np.mean([p.with_it for p in found]):.1f} epochs"
    rising = ", which was still rising then" * any(p.open for p in found)
    return (
        f"with it, it is after {after} as good as without after "
        f"{np.mean([p.without for p in found]):.1f}{rising}"
    )


def effect_table(reference: pd.DataFrame, run: pd.DataFrame, compared: pd.DataFrame) -> HtmlTable:
    """Reference | this run: test NDCG@20 without InfoNCE and with the γ > 0 that validation likes best.

    Args:
        reference, run: see `runs_by_weight`; they may be empty.
        compared: of both, see `evidence.decided.decided`.
    """
    sides = {side: list(effects(own)) for side, own in (("reference", reference), ("this run", run))}
    keys = sorted({(e.method != ORIGINAL, e.method, e.sparsity) for own in sides.values() for e in own})
    rows = []
    for _, method, t in keys:
        row: dict[tuple[str, str], Any] = {("", "method"): method, ("", "t"): f"{t:.0%}"}
        for side, own in sides.items():
            one = next((e for e in own if (e.method, e.sparsity) == (method, t)), None)
            if not own:
                continue
            row[side, "γ = 0"] = None if one is None else Spread.over(one.without, TEST)
            row[side, "γ > 0"] = None if one is None else Spread.over(one.with_it, TEST)
            row[side, "γ"] = None if one is None else one.weight
            change = None if one is None else f"{one.gain:+.4f}{_outcome(compared, one)}"
            row[side, "change"] = change
        rows.append(row)
    data = pd.DataFrame(rows)
    if len(data):
        data.columns = pd.MultiIndex.from_tuples(data.columns)
    note = "" if len(reference) else f"Reference: {NOT_YET}. "
    note += "γ: of those above 0 the one of highest mean validation NDCG@20. "
    counts = [own.groupby(["arm", "budget"]).size() for own in (reference, run) if len(own)]
    note += f"Mean ± standard deviation over {seeds_in_words(pd.concat(counts))}." if counts else ""
    formats: dict[Any, Any] = {(side, "γ"): "g" for side, own in sides.items() if own}
    group = ("", "method") if len(data) else None
    return table(
        data, caption="Test NDCG@20 without InfoNCE and with it", formats=formats, group=group, note=note
    )


def pace_picture(frame: pd.DataFrame) -> Figure:
    """Validation NDCG@20 of the plain model after each epoch: a panel for each set, a line for each γ and
    seed."""
    own = frame[frame.method == ORIGINAL]
    sets = list(own.dataset.unique())
    figure = Figure(figsize=(9, 0.6 + 2.9 * len(sets)), layout="constrained")
    for axis, name in zip(figure.subplots(len(sets), 1, squeeze=False).flat, sets, strict=True):
        part = own[own.dataset == name]
        for weight, colour in zip(sorted(part.contrast.unique()), PALETTE, strict=False):
            for k, curve in enumerate(part[part.contrast == weight].curve):
                label = f"γ = {weight:g}" if k == 0 else None
                axis.plot(range(1, len(curve) + 1), curve, color=colour, lw=1.6, marker=".", label=label)
        title = f"{TITLES.get(name, name)}: {ORIGINAL}"
        bare(axis, xlabel="epoch", ylabel="validation NDCG@20", title=title)
        axis.set_ylim(bottom=0)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(frameon=False, fontsize=8)
    return figure
