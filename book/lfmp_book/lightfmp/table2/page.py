"""Light-FMP's Table 2: every selector on xDeepFM, on three data sets."""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

from lfmp_core.metrics import AUC

from ...claims.claim import Prose
from ...claims.pending import NOT_YET as NO_RECORDS
from ...evidence import published
from ...evidence.differences import difference_table
from ...evidence.fronts import mean_and_spread, over_others
from ...evidence.processors import untimed
from ...evidence.results import ALL_FIELDS
from ...show import pareto
from ...show.comparison import ResultColumn, comparison
from ...show.figures import Picture
from ...show.front import RUNS_TOUCHED, Axis, Mark, front_to_touch
from ...show.html import HtmlTable, Spread, Stack, table
from ...show.touch import Touch
from ..selectors import ITEM as ITEM  # as the page's own
from ..selectors import (
    KINDS,
    PRINTED,
    arm_kind,
    arms_of,
    part,
    relative,
    scaled,
    seeds_of,
    set_of,
    short,
)
from ..values import METRICS, SETS

LOOKS = dict(
    zip(
        KINDS,
        [
            ("#222222", "*"), ("#0072b2", "^"), ("#8a6100", "o"), ("#7b3fa0", "s"), ("#b3261e", "D"),
            ("#6b6b6b", "X"),
        ],
        strict=True,
    )
)  # fmt: skip
# what a method is meant to remove, where not fields
MEANT = {
    ALL_FIELDS: "nothing",
    "AdaFS, soft": "nothing, weighs fields",
    "AdaFS, hard": "fields of each row; values, says §4.1",
    "MvFS": "nothing, weighs fields; values, says §4.1",
    "OptFS": "values",
    "OptEmbed": "values, dimensions",
}
FIGURES = {"test_auc": "auc", "test_logloss": "logloss", "TT ×": "tt"}  # ours → the paper's
COLUMNS = (
    *map(ResultColumn.measured, METRICS),
    ResultColumn("TT ×", "TT ×", 2, best="min"),
    ResultColumn("TT × scaled", "TT × scaled", 2, best="min", sides=("reference",)),
    ResultColumn("TT", "TT, s", 1, sides=("reference",)),
)


def parted(kinds: Sequence[str]) -> str:
    """What the rules of a table part, for its note."""
    return f"Rules part: {'; '.join(dict.fromkeys(kinds))}."


def run_counts(reference: pd.DataFrame) -> str:
    """How many final runs of how many arms there are by data set, a line each."""
    lines = []
    for name in SETS:
        own = part(reference, name)
        if len(own):
            lines.append(f"{name}: {len(own)} reference runs of {own.arm.nunique()} arms, {seeds_of(own)}")
        else:
            lines.append(f"{name}: {NO_RECORDS}")
    return "\n".join(lines)


def timed(frame: pd.DataFrame) -> pd.DataFrame:
    """Runs with their total time over the mean of all fields', as measured and, where it is known, scaled."""
    base = frame[frame.arm == ALL_FIELDS]
    totals = [column for column in ("TT", "TT scaled") if column in frame]
    ratios = {c.replace("TT", "TT ×"): frame[c] / base[c].mean() for c in totals}
    return frame.assign(**ratios)


def main_table(
    name: str, reference: pd.DataFrame, run: pd.DataFrame | None = None, digits: int = 4
) -> HtmlTable:
    """Paper | reference | this run, a row for each selector.

    Args:
        name: the paper's name of the set. reference, run: see `results.frame`.
        digits: decimals of this run's AUC and log-loss.
    """
    printed = published.printed_table("lightfmp_table2").query("dataset == @name").set_index("method")
    reference = scaled(name, part(reference, name))
    shown = {"reference": timed(reference)} if len(reference) else {}
    run = part(reference[:0] if run is None else run, name)
    if len(run):
        other = [d for d in run.dataset.unique() if set_of(d) != name]
        shown[f"this run ({', '.join(other)})" if other else "this run"] = timed(run)
    columns: tuple[ResultColumn, ...] = COLUMNS
    if len(reference) and seeds_of(reference).count("to"):  # else the note says it
        columns = (
            *COLUMNS,
            ResultColumn("seed", "seeds", sides=("reference",), of=lambda own, _: str(len(own))),
        )

    def paper(arm: str) -> dict[str, float]:
        row = printed.loc[PRINTED[arm]] if arm in PRINTED else {}
        return {key: float(row[column]) for key, column in FIGURES.items() if column in row}

    arms = arms_of(pd.DataFrame({"arm": list(PRINTED)}), *shown.values())
    said = [f"{h}: {seeds_of(d)}" for h, d in shown.items()]
    said += ["mean ± standard deviation"] if len(reference) else [f"reference: {NO_RECORDS}"]
    note = (
        f"{'; '.join(said)}. TT ×: total training time, choosing included, over that of all fields, in "
        "processor time on one thread. Scaled: as on the paper's number of rows, where Light-FMP's fixed "
        "number of pretraining steps weighs little and all else grows with the rows. The paper's AdaFS is "
        f"beside the hard one.{untimed(reference) if len(reference) else ''}"
    )
    caption = f"{name}: test AUC, log-loss, training time"
    kinds = [arm_kind(arm) for arm in arms]
    return comparison(
        [(arm,) for arm in arms],
        {"arm": "selector"},
        columns,
        paper,
        shown,
        digits={side: digits for side in shown if side != "reference"},
        caption=caption,
        rule=kinds,
        note=f"{note} {parted(kinds)}",
    )


def cost_table(title: str, frame: pd.DataFrame) -> HtmlTable:
    """What a served model really lacks, and what the paper leaves out: sizes and inference time.

    Args:
        frame: runs on one data set. title: of the set.
    """
    if not len(frame):
        return table(pd.DataFrame({"selector": []}), caption=f"{title}: {NO_RECORDS}")
    fields = int(frame.fields_kept.max())
    frame = frame.assign(epoch=frame.CT / frame.epochs)
    ratio = {column: relative(frame, column) for column in ("parameters", "bytes", "IT", "epoch")}
    arms, rows = arms_of(frame), []
    for arm in arms:
        own = frame[frame.arm == arm]
        rows.append(
            {
                "selector": arm,
                "meant to remove": MEANT.get(arm, "fields"),
                "fields kept": f"{own.fields_kept.mean():.3g} of {fields}",
                "parameters": round(own.parameters.mean()),
                "parameters ×": ratio["parameters"](arm),
                "MB": own.bytes.mean() / 1e6,
                "MB ×": ratio["bytes"](arm),
                "IT, s": Spread.over(own, "IT", 1),
                "IT ×": ratio["IT"](arm),
                "epochs": own.epochs.mean(),
                "CT of an epoch ×": ratio["epoch"](arm),
            }
        )
    note = (
        "×: over all fields. MB: of the model as served, indices and gates included. IT: processor "
        f"seconds of one thread to score a million rows. Means over seeds.{untimed(frame)}"
    )
    kinds = [arm_kind(arm) for arm in arms]
    bold: dict[Any, Literal["max", "min"]] = {"MB ×": "min", "IT ×": "min"}
    formats: dict[Any, Any] = {"MB": ".2f", "epochs": ".1f"}
    formats |= dict.fromkeys(("parameters ×", "MB ×"), lambda r: f"{float(r):.2f}")  # they hardly spread
    return table(
        pd.DataFrame(rows), caption=f"{title}: what is really removed", formats=formats, highlight=bold,
        rule=kinds, note=f"{note} {parted(kinds)}",
    )  # fmt: skip


def panels(name: str, frame: pd.DataFrame) -> list[pareto.Panel]:
    """Test AUC against training time and against bytes, a point for each arm of the set `name`."""
    frame = scaled(name, frame)
    base = frame[frame.arm == ALL_FIELDS].TT.mean()
    title, whole = "training time over that of all fields, choosing included", base
    if base != base:
        title, whole = "processor seconds of training, choosing included", 1.0
    costs = {title: ("TT", whole), "MB of the model as served": ("bytes", 1e6)}
    found = []
    for title, (column, divisor) in costs.items():
        points = []
        for arm in arms_of(frame):
            own = frame[frame.arm == arm]
            spread = float(own.test_auc.std()) if len(own) > 1 else 0.0
            cost, worth = float(own[column].mean() / divisor), float(own.test_auc.mean())
            if cost != cost:
                continue
            other = float(own["TT scaled"].mean() / divisor) if column == "TT" and name in SETS else cost
            points.append(pareto.Point(short(arm), arm_kind(arm), cost, worth, spread, other))
        found.append(pareto.Panel(title, "test AUC", points))
    return found


def picture(title: str, frame: pd.DataFrame) -> Picture | Prose:
    """The trade-off on one data set, or a line that says that there is none yet."""
    if not len(frame):
        return Prose((f"{title}: {NO_RECORDS}.",))
    drawn = panels(title, frame)
    points = drawn[0].points
    on_front = pareto.front([p.cost for p in points], [p.worth for p in points])
    best = [p.label for p, on in zip(points, on_front, strict=True) if on]
    words = (
        f"{title}: test AUC against training time (above) and size (below), means over {seeds_of(frame)}. "
        f"Not beaten in AUC and time at once: {', '.join(best)}."
        + " Hollow: the time scaled to the paper's rows."
        * (title in SETS)
    )
    return Picture(pareto.pareto_figure(drawn, LOOKS), words, wide=True)


AXES = (
    Axis("TT ×", "training time over that of all fields, choosing included", "across", log=True),
    Axis("bytes", "MB of the model as served", "across", log=True),
    Axis("IT", "processor seconds to score a million rows", "across", log=True),
    Axis("test_auc", "test AUC", "up", more=True, digits=4),
    Axis("test_logloss", "test log-loss", "up", digits=4),
    Axis("to_whole", "test AUC, less that of all fields", "up", more=True, digits=4, zero=True),
)


def touched(title: str, frame: pd.DataFrame, compared: pd.DataFrame) -> Touch | Prose:
    """The trade-off on one data set on axes of choice, over its picture.

    Args:
        title: the paper's name of the set. frame: runs on it. compared: see `results.compare`.
    """
    still = picture(title, frame)
    if isinstance(still, Prose):
        return still
    own, marks = timed(scaled(title, frame)), []
    pairs = compared[compared.dataset.isin(frame.dataset.unique())]
    for arm in arms_of(own):
        runs = own[own.arm == arm]
        values = mean_and_spread(runs, [axis.key for axis in AXES if axis.key in runs])
        values["bytes"] = (values["bytes"][0] / 1e6,)
        if difference := over_others(pairs, arm, float(runs.budget.iloc[0]), ALL_FIELDS, AUC):
            values["to_whole"] = difference
        marks.append(Mark(short(arm), arm_kind(arm), title, values, f"{len(runs)} seeds"))
    return front_to_touch(
        f"{title}: quality against cost", marks, AXES, still, families=tuple(KINDS), words=RUNS_TOUCHED,
        noun="selectors",
    )  # fmt: skip


def own_stack(run: pd.DataFrame, compared: pd.DataFrame) -> Stack:
    """This run's sizes, trade-off and differences, data set by data set."""
    parts: list[Any] = []
    for name in run.dataset.unique():
        own = run[run.dataset == name]
        parts += [cost_table(f"This run, {name}", own), picture(f"This run, {name}", own)]
        rows = compared[compared.dataset == name]
        parts += [difference_table(rows, by="dataset")] if len(rows) else []
    return Stack(tuple(parts))
