"""LERS's Table 4: the search for learning rate, weight decay and dropout or γ, trial by trial.

That of collaborative filtering has its intervals in `search_pairs`.
"""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lfmp_core.experiments.items import Grid
from lfmp_core.experiments.search import DIGITS, EDGE, TPE, Interval, Trial, quiet_optuna
from lfmp_core.experiments.spec import DatasetRef, RunSpec
from lfmp_core.experiments.store import Store
from lfmp_core.metrics import AUC, Metric

from ..claims.claim import Prose, literal
from ..claims.pending import NOT_YET
from ..evidence import published
from ..evidence.frames import framed
from ..show.html import HtmlTable, table
from . import cf_arms
from . import grids as clicks
from .grids import BACKBONES, SPACE, backbone_for, tpe_for, training_for

if TYPE_CHECKING:
    import optuna

ITEM = "lers_table4"
TITLES = {**clicks.TITLES, **cf_arms.TITLES}
# ours → the paper's
NAMES = {"learning_rate": "learning rate", "l2": "λ", "dropout": "dropout", "contrast": "γ"}
_CROSS = {"r": "rank", "L": "cross_layers", "K": "experts"}  # of DCN-Mix: the paper's letters
_PRINTED = {"DCN-Mix": "DCN–Mix"}  # Table 4 has another dash
COLUMNS = {
    **{"dataset": "str", "backbone": "str", "arm": "str", "sparsity": "float64"},
    **{"trial": "int64", "drawn": "str"},
    **dict.fromkeys(NAMES, "float64"),
    **{"state": "str", "score": "float64", "best": "float64", "epochs": "float64", "chosen": "bool"},
    "border": "str",
}
SEARCH = ["dataset", "backbone", "arm", "sparsity"]  # columns that name one search


def interval_ends(low: float, high: float) -> str:
    """The ends of an interval, in words."""
    return f"{low:g} to {high:g}"


def interval_table() -> HtmlTable:
    """What the paper fixes and searches for its two backbones, beside what this book does."""
    printed, rows = published.printed_table("lers_table4"), []
    reference = tpe_for("reference").space
    for backbone in BACKBONES:
        network = TITLES[backbone]
        sizes = dict(backbone_for(backbone, "reference"))
        ours = {
            "MLP": ", ".join(map(str, sizes["hidden"])),
            "d": sizes["embedding_dim"],
            **{letter: sizes.get(key) for letter, key in _CROSS.items()},
        }
        for row in printed[printed.base_model == _PRINTED.get(network, network)].to_dict("records"):
            name = row["hyperparameter"]
            fixed = isinstance(row["fixed"], str)
            key = next((key for key, theirs in NAMES.items() if theirs == name), "")
            own = SPACE.get(key)
            rows.append(
                {
                    "backbone": network,
                    "hyper-parameter": name,
                    "paper": row["fixed"] if fixed else interval_ends(row["low"], row["high"]),
                    "here": str(ours[name]) if own is None else interval_ends(own.low, own.high),
                    "reference": ""
                    if own is None
                    else interval_ends(reference[key].low, reference[key].high),
                    "drawn": "" if own is None else "by magnitude" if own.log else "evenly",
                }
            )
    note = (
        "The paper prints no scale; its code draws learning rate and λ by magnitude. A dropout of 1 leaves "
        "nothing, so ours ends below it."
    )
    return table(pd.DataFrame(rows), caption="Table 4, and this book's", group="backbone", note=note)


def search_budget_table(given: TPE | None = None) -> HtmlTable:
    """Trials and epochs of one search: the paper's, and of this book by profile.

    Args:
        given: this run's own.
    """
    rows = []
    names = {"paper": "LERS §3.3; profile paper", "reference": "profile reference", "quick": "profile quick"}
    for profile, name in names.items():
        tpe, epochs = tpe_for(profile), training_for(profile, "criteo").epochs
        rows.append({"budget": name, "trials": tpe.trials, "random": tpe.random, "epochs at most": epochs})
    if given is not None and given not in [tpe_for(profile) for profile in names]:
        rows.append({"budget": "this run", "trials": given.trials, "random": given.random})
    columns = ["budget", "trials", "random", "epochs at most"]
    return table(
        pd.DataFrame(rows, columns=columns), caption="Budget of each search", formats={columns[-1]: ".0f"}
    )


def name_of(grid: Grid) -> str:
    """The data set of a grid; of one that would have to be prepared first, planted."""
    return grid.dataset.name if isinstance(grid.dataset, DatasetRef) else "planted"


def trials(grids: Sequence[Grid], store: Store) -> pd.DataFrame:
    """Every trial that can be named by now.

    Columns: data set, backbone, arm, its sparsity, trial from 1, drawn (start, random or TPE), the
    hyper-parameters, state (done, failed or waiting), score (the best on validation), best so far, epochs,
    chosen, border (of the chosen trial: hyper-parameters at an end of their interval, and which).
    """
    rows = []
    for grid in grids:
        runs: dict[tuple[str, str], list[RunSpec]] = {}
        for spec in grid.plan(store):  # search by search, each in the order of its trials
            if spec.role == "search":
                runs.setdefault((spec.backbone["name"], grid.arm_of(spec)), []).append(spec)
        shares = {arm.label: arm.budget.share for arm in grid.arms}
        for choice in grid.choices(store):
            tpe = tpe_of(grid, choice.arm)
            specs = runs[choice.backbone, choice.arm][:: len(grid.search_seeds)]
            best = accumulate((score or 0.0 for score in choice.scores), max)
            found = zip(choice.candidates, choice.scores, specs, best, strict=True)
            for k, (values, score, spec, top) in enumerate(found):
                own = {name: float(values[name]) for name in tpe.space}
                failed = score is None and store.failure(spec) is not None
                record = store.get(spec) if score is not None else None
                rows.append(
                    {
                        "dataset": name_of(grid),
                        "backbone": choice.backbone,
                        "arm": choice.arm,
                        "sparsity": shares[choice.arm],
                        "trial": k + 1,
                        "drawn": tpe.drawn(k),
                        **own,
                        "state": "failed" if failed else "waiting" if score is None else "done",
                        "score": score,
                        "best": top or None,
                        "epochs": len(record.details["history"]) if record else None,
                        "chosen": k == choice.chosen,
                        "border": at_border(tpe, own) if k == choice.chosen else "",
                    }
                )
    return framed(rows, COLUMNS).astype({"score": float, "best": float})


def tpe_of(grid: Grid, label: str) -> TPE:
    """The search of one arm of a grid that has some."""
    [found] = [grid.tpe_of(arm) for arm in grid.arms if arm.label == label]
    assert found is not None
    return found


def at_border(tpe: TPE, values: dict[str, float]) -> str:
    """Hyper-parameters at an end of their interval, with the end, in words."""
    return ", ".join(
        f"{NAMES.get(name, name)} {tpe.space[name].end(values[name])}" for name in tpe.on_border(values)
    )


def finished(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials of searches that have chosen; see `trials`."""
    return frame[frame.groupby(SEARCH).chosen.transform("any")]


def over_first(search: pd.DataFrame) -> float | None:
    """What TPE's own trials added to the best of those drawn or given; None where all of these failed.

    Args:
        search: the trials of one that has chosen; see `trials`.
    """
    first = search[search.drawn != "TPE"].score
    return None if first.isna().all() else float(search[search.chosen].score.iloc[0] - first.max())


def state(frame: pd.DataFrame, names: Sequence[str] = ()) -> Prose:
    """How far the searches are, set by set.

    Args:
        frame: see `trials`. names: data sets that should be there.
    """
    said = []
    for name in dict.fromkeys([*names, *frame.dataset]):
        own = frame[frame.dataset == name]
        done, failed = int((own.state == "done").sum()), int((own.state == "failed").sum())
        searches, chosen = own.groupby(["backbone", "arm"]).ngroups, int(own.chosen.sum())
        told = f"{done} trials done, {failed} failed; {chosen} of {searches} searches finished"
        said.append(f"{literal(name)}: {told if done + failed else NOT_YET}.")
    return Prose(tuple(said))


def chosen_table(
    frame: pd.DataFrame, title: str, metric: Metric = AUC, space: Sequence[str] = tuple(SPACE)
) -> HtmlTable | Prose:
    """What each finished search chose, and whether it lies on a border.

    Args:
        frame: see `trials`. metric: that decides. space: names of what was searched.
    """
    own = finished(frame)
    if not len(own):
        return Prose((f"{title}: {NOT_YET}.",))
    several = frame.groupby("arm").sparsity.nunique() > 1  # unfinished ones too
    rows = []
    for (name, backbone, arm, sparsity), search in own.groupby(SEARCH, sort=False):
        best = search[search.chosen].iloc[0]
        rows.append(
            {
                "data": name,
                "backbone": TITLES.get(backbone, backbone),
                "method": f"{arm}, {sparsity:.0%}" if several[arm] else arm,
                f"validation {metric.title}": best.score,
                "best at trial": f"{best.trial} of {len(search)}",
                "over the random ones": over_first(search),
                **{NAMES[key]: best[key] for key in space},
                "on a border": best.border,
                "failed": int((search.state == "failed").sum()) or None,
            }
        )
    data = pd.DataFrame(rows)
    formats: dict[str, Any] = {NAMES[key]: ".3g" for key in space}
    formats |= {"over the random ones": "+.4f", "failed": ".0f"}
    note = (
        f"On a border: within {EDGE:.0%} of the interval's length, by magnitude where it is drawn so. "
        "Over the random ones: what TPE's own trials added to the best of those drawn or given."
    )
    kinds = [f"{row['data']} {row['backbone']}" for row in rows]
    return table(data, caption=f"{title}: chosen values", formats=formats, rule=kinds, note=note)


def border_table(frame: pd.DataFrame, space: dict[str, Interval] | None = None) -> HtmlTable | Prose:
    """How many finished searches end at the low or the high end of each interval, and what chance would give.

    A choice that was given and not drawn is left out: where it lies was chosen by hand.

    Args:
        frame: see `trials`. space: the intervals.
    """
    if not frame.chosen.any():
        return Prose((f"chosen values: {NOT_YET}.",))
    chosen = frame[frame.chosen & (frame.drawn != "start")]
    given = int(frame.chosen.sum()) - len(chosen)
    rows = []
    for key, interval in (space or SPACE).items():
        ends = [interval.end(value) for value in chosen[key]]
        low, high = ends.count("low"), ends.count("high")
        rows.append(
            {
                "hyper-parameter": NAMES.get(key, key),
                "interval": interval_ends(interval.low, interval.high),
                "searches": len(ends),
                "at the low end": low,
                "at the high end": high,
                "inside": ends.count(""),
                "expected at each end": EDGE * len(ends),
            }
        )
    note = "Expected: if the best place were anywhere alike. Many more at one end: the best may lie outside."
    note += f" Left out where the choice was a given trial: {given}." * bool(given)
    caption, formats = "Does the optimum lie on a border?", {"expected at each end": ".1f"}
    return table(pd.DataFrame(rows), caption=caption, formats=formats, note=note)


def failures(grids: Sequence[Grid], store: Store) -> HtmlTable | Prose:
    """Trials that raised, with the last line of what they said."""
    rows: list[dict[str, Any]] = []
    done = 0
    for grid in grids:
        for spec in grid.plan(store):
            done += store.get(spec) is not None
            record = store.failure(spec) if store.get(spec) is None else None
            if record is not None:
                values = {**spec.training, **spec.backbone}
                rows.append(
                    {
                        "data": name_of(grid),
                        "backbone": TITLES.get(spec.backbone["name"], spec.backbone["name"]),
                        "method": grid.arm_of(spec),
                        **{NAMES[key]: float(values[key]) for key in tpe_of(grid, grid.arm_of(spec)).space},
                        "cause": record.cause or "not written down",
                        "error": record.error.strip().splitlines()[-1] if record.error.strip() else "",
                    }
                )
    if not rows:
        return Prose((f"none of {done} trials failed" if done else NOT_YET,))
    formats = {name: ".3g" for name in NAMES.values() if name in rows[0]}
    return table(pd.DataFrame(rows), caption="Failed trials", formats=formats)


def journal(grid: Grid, backbone: str, arm: str, store: Store, path: Path | str) -> "optuna.Study":
    """One search written into a journal file of Optuna's own, for its dashboard and plots.

    Args:
        grid: with `tpe`. backbone, arm: of the search. path: of the file; opened if it is there.

    Raises:
        LfmpError: Optuna is not installed, or the file has this search already.
    """
    with quiet_optuna() as optuna:
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    known, name = grid.trials(backbone, arm, store), f"{name_of(grid)}, {backbone}, {arm}"
    return tpe_of(grid, arm).study(known, storage, name)


def same_trials(study: "optuna.Study", tpe: TPE, known: Sequence[Trial | None]) -> bool:
    """Whether a study holds these trials: as many, with the values that were tried and their scores."""
    found = [({n: float(f"{v:.{DIGITS}g}") for n, v in t.params.items()}, t.value) for t in study.trials]
    own = [t.score if t else None for t in known]
    expected = [(values, s) for values, s in zip(tpe.proposals(known), own, strict=False)]
    return found == expected
