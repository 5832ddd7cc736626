"""What the pages of Table 8, Figures 3 and 4 show: seconds and megabytes, on a server and at the edge."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...claims.claim import Prose
from ...evidence.rounds import Ratio, made_table, shown, three_figures
from ...show.html import Format, HtmlTable, Stack, table
from ..grids import ORIGINAL
from .measured import (
    CLICKS,
    COMMAND,
    EDGE,
    PAIRS,
    SAMPLE,
    SERVE,
    SERVER,
    STORED,
    TASKS,
    TRAIN,
    MeasuredCosts,
    cost_rows,
)
from .resources import hours
from .views import COLUMNS, METHODS, TITLES, PrintedTable8, label_of

PLACES = {SERVER: "all cores, batches of 2,048", EDGE: "one thread, batches of 64"}
STAGES = {TRAIN: "training", SERVE: "serving"}
_FORMATS: dict[Any, Format] = {
    "× original": shown,
    **dict.fromkeys(("ms", "hours an epoch"), three_figures),
    **dict.fromkeys(("packages", "metadata", "model", "at its height", "MB as stored"), ",.0f"),
    "memory ×": ".2f",
}
_WHAT = {"step": "a step", "candidate": "a candidate", "rest": "all of it", "score": "a batch"}
_OF_PAIRS = {STORED: "all vectors", "similarity": "one user", "ranking": "one user"}


def lacking_groups(results: Mapping[str, Any], tasks: tuple[str, ...] = (CLICKS, PAIRS)) -> Prose:
    """What was not measured yet, and how to; else nothing is lacking, and on what the figures stand."""
    there = results["groups"]
    wanted = [f"{task}-{stage}-{profile}" for task in tasks for stage in STAGES for profile in PLACES]
    lacking = [name for name in wanted if name not in there]
    if lacking:
        return Prose((f"Not measured yet: {', '.join(lacking)}; run: `{COMMAND}`.",))
    loads = [there[name]["made"]["load"] for name in wanted if there[name]["made"]["load"] is not None]
    said = f"All {len(wanted)} groups are measured"
    if loads:
        said += f"; processes that waited for a core as a group began: at most {max(loads):g}"
    return Prose((f"{said}.",))


def _named(row: pd.Series) -> dict[str, Any]:
    return {"method": row.method, "phase": row.phase}


def _seconds(row: pd.Series) -> dict[str, Any]:
    ratio = row.ratio if isinstance(row.ratio, Ratio) else None
    comparable = row.kind in ("step", "score") and row.phase not in ("similarity", "ranking")
    if not row.samples:
        return {"ms": None, "quartiles": row.failed or None, "× original": None}
    return {
        "of": _OF_PAIRS.get(row.phase, _WHAT[row.kind]) if row.task == PAIRS else _WHAT[row.kind],
        "ms": row.seconds * 1e3,
        "quartiles": f"{row.low * 1e3:.3g}–{row.high * 1e3:.3g}",
        "× original": ratio if comparable else None,
    }


def _megabytes(row: pd.Series) -> dict[str, Any]:
    return {
        "packages": row.packages,
        "metadata": row.metadata,
        "model": row.model,
        "at its height": row.work,
        "memory ×": row.memory_ratio,
    }


def resources_table(costs: MeasuredCosts, task: str, stage: str, profile: str) -> HtmlTable:
    """Time and memory of every phase, or of every form that is served."""
    own, head = costs.cases(task, stage, profile), f"{TASKS[task]}: {STAGES[stage]}, {PLACES[profile]}"
    if not len(own):
        return table(pd.DataFrame({"method": []}), caption=f"{head}: not measured yet; run: {COMMAND}")
    rows = []
    for _, row in own.iterrows():
        cells = _named(row) | _seconds(row)
        if stage == TRAIN:
            epoch = hours(row) if row.kind == "step" else None
            if row.kind == "candidate":
                epoch = row.seconds * row.candidates / 3600
            cells["hours an epoch"] = epoch
        else:
            cells["MB as stored"] = row.bytes / 2**20
        rows.append(cells | _megabytes(row))
    data = pd.DataFrame(rows)
    formats = {name: of for name, of in _FORMATS.items() if name in data}
    note = (
        "Median and quartiles of all samples; × original: over the unpruned model, medians over rounds in "
        "turns with the lowest and the highest round. MB are 2²⁰ bytes of main memory, each case in a "
        "process of its own: packages, libraries imported and code compiled; metadata, the maps of raw "
        "values to ids; model, at rest"
    )
    if stage == TRAIN:
        note += ", with Adam's moments; at its height, with what a step computes. An epoch: the pace of its "
        note += "steps times their number; of an evolution, all of its candidates."
    else:
        note += "; at its height, with what a batch computes. Rows kept: those worked out stay in memory."
    return table(data, caption=head, formats=formats, rule=data["method"].tolist(), note=note)


def resources(costs: MeasuredCosts, task: str, stage: str) -> Stack:
    """Both profiles, one below the other."""
    return Stack(tuple(resources_table(costs, task, stage, profile) for profile in PLACES))


def overhead_table(costs: MeasuredCosts, task: str) -> HtmlTable:
    """Table 8 beside what serving takes here: differences to the unpruned model, absolute and relative."""
    printed, rows = PrintedTable8(), []
    known = {ORIGINAL, *(label_of(m, task) for m in METHODS)}
    beyond = dict.fromkeys(m for m in costs.cases(task, SERVE, SERVER).method if m not in known)
    for method in (*METHODS, *beyond):
        row: dict[tuple[str, str], Any] = {("", "method"): method}
        if method in METHODS:
            for what, unit in (("runtime", "ms"), ("memory", "MB")):
                row["paper", unit] = printed.overhead(task, method, what)
                row["paper", f"{unit}, %"] = printed.rows.loc[method, f"{COLUMNS[task]}_{what}_relative"]
        for profile in PLACES:
            own = costs.one(task, SERVE, profile, label_of(method, task), STORED)
            whole = costs.one(task, SERVE, profile, ORIGINAL, STORED)
            if own is not None and whole is not None and own.ratio is not None:
                row[profile, "ms"] = (own.seconds - whole.seconds) * 1e3
                row[profile, "×"] = own.ratio
                row[profile, "MB"] = own.work - whole.work
                row[profile, "MB, %"] = 100 * (own.memory_ratio - 1)
        rows.append(row)
    data = pd.DataFrame(rows)
    data.columns = pd.MultiIndex.from_tuples(data.columns)
    formats: dict[Any, Format] = {}
    for column in data.columns[1:]:
        formats[column] = shown if column[1] == "×" else "+.1f" if "%" in column[1] else "+.2f"
    absolute = [
        f"{profile} {three_figures(found.seconds * 1e3)} ms, {found.work:.0f} MB"
        for profile in PLACES
        if (found := costs.one(task, SERVE, profile, ORIGINAL, STORED)) is not None and found.samples
    ]
    note = (
        "Differences to the unpruned model in serving at 80 %: of "
        + ("a batch" if task != PAIRS else "all users' and items' vectors")
        + "; ×: over it, medians over rounds with the lowest and the highest. Memory without packages and "
        "metadata, at its height. The unpruned model here: "
        + ("; ".join(absolute) or "not measured yet")
        + "."
    )
    if task == PAIRS:
        note += " The paper's relative columns stand over the unpruned model of CTR; see below."
    return table(data, caption=f"Table 8, {TITLES[task]}: {TASKS[task]}", formats=formats, note=note)


def overheads(costs: MeasuredCosts) -> Stack:
    """Both halves of Table 8."""
    return Stack(tuple(overhead_table(costs, task) for task in TITLES))


def sample_tables(costs: MeasuredCosts) -> Stack | Prose:
    """The same on the rows of Criteo that are at hand, where that was measured."""
    if not len(costs.cases(SAMPLE, SERVE, SERVER)):
        return Prose((f"The sample is not measured yet; run: `{COMMAND} --tasks sample`.",))
    return Stack((*resources(costs, SAMPLE, TRAIN).parts, *resources(costs, SAMPLE, SERVE).parts))


def birth_table(results: Mapping[str, Any]) -> HtmlTable | Prose:
    """Where the figures come from."""
    return made_table(results) if results["groups"] else Prose((f"no figures yet; run: `{COMMAND}`",))


def costs_of(results: Mapping[str, Any]) -> MeasuredCosts:
    """The measurements, to be asked."""
    return MeasuredCosts(cost_rows(results))
