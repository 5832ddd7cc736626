"""What the committed measurements of serving answer, and their picture."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ..claims.claim import Prose
from ..show.answer import Answer, waiting
from ..show.figures import Picture
from ..show.pareto import Panel, Point, pareto_figure
from ..show.words import listed, number
from .serving_accuracy import SOURCES, loses
from .serving_goals import GOALS, bounded_ratios, cells_ahead, kept_in
from .serving_speed import (
    COMMAND,
    ORIGINAL,
    OWN,
    TITLES,
    ServingCell,
    busy,
    cells_of,
    samples,
    served_form,
    times_original,
)

SHOWN = 2_048  # rows of a call in the picture, beside one row
# kinds of forms → colour and marker
LOOKS = {
    ORIGINAL: ("#555555", "o"),
    "fields cut": ("#2a6f97", "s"),
    "fewer dimensions": ("#7a5195", "D"),
    "composed rows": ("#bc5090", "^"),
    "pruned rows": ("#e07a1f", "v"),
}


def kind_of_form(name: str) -> str:
    """The kind of a form that has an accuracy."""
    if name == ORIGINAL:
        return ORIGINAL
    if name.startswith("fields cut"):
        return "fields cut"
    if name.startswith("smaller"):
        return "fewer dimensions"
    return "composed rows" if name.startswith(("QR", "TT", "DHE")) else "pruned rows"


def _short(title: str) -> str:
    return title.split(",")[0]


def _everywhere(results: Mapping[str, Any]) -> tuple[list[str], list[str], int]:
    """Forms that our scoring serves faster than the original in every cell, in some; and their number."""
    always, sometimes, count = [], [], 0
    for group in results["groups"].values():
        for own in group["entries"]:
            cells = [
                cell
                for cell in cells_of(group)
                if cell.runtime == OWN and times_original(group, own["name"], cell)
            ]
            if own["name"] == ORIGINAL or not cells:
                continue
            count += 1
            ahead = [cell for cell in cells_ahead(group, own["name"]) if cell.runtime == OWN]
            name = f"{_short(group['title'])}, {own['name']}"
            if len(ahead) == len(cells):
                always.append(name)
            elif ahead:
                sometimes.append(name)
    return always, sometimes, count


def answer(results: Mapping[str, Any], compared: pd.DataFrame) -> Answer:
    """Which forms serve faster, by how much cutting fields does, and which goals are reached.

    Args:
        results: the figures; their groups may be none.
        compared: see `serving_accuracy.accuracies`.
    """
    groups = results["groups"]
    always, sometimes, count = _everywhere(results)
    if not count:
        return waiting(COMMAND)
    said = [
        f"**{len(always)} of {number(count, 'form')} serve faster than the original** by our scoring, in "
        f"each round of each batch and number of threads ({'; '.join(always) or 'none'}); "
        f"{len(sometimes)} in some of them."
    ]
    told = []
    for key, group in groups.items():
        goal = next(goal for goal in GOALS if goal.group == key and goal.form.startswith("fields cut"))
        ratios = bounded_ratios(results, goal, OWN)
        if ratios:
            low, high = (pick(ratio.value for ratio in ratios.values()) for pick in (min, max))
            left = served_form(group, goal.form)["macs"] / served_form(group, ORIGINAL)["macs"]
            told.append(
                f"{_short(group['title'])} {low:.2f} to {high:.2f} of the time, with {left:.2f} of the "
                "multiply-adds left"
            )
    if told:
        said.append(f"Half of the fields cut: {'; '.join(told)}.")
    kept = {goal: kept_in(goal, bounded_ratios(results, goal, OWN)) for goal in GOALS}
    asked = {goal: found for goal, found in kept.items() if found}
    met = [goal for goal, found in asked.items() if all(found)]
    missed = [f"{goal.form} ≤ {goal.bound:g} ({goal.group})" for goal in asked if goal not in met]
    said.append(
        f"**{len(met)} of {number(len(asked), 'goal')} are reached** by our scoring in all cells; "
        f"not: {'; '.join(missed) or 'none'}."
    )
    if one := _alone(next(iter(groups.values()))):
        said.append(one)
    lost = [
        f"{form} ({group})"
        for (group, form), own in compared.groupby(["group", "form"], sort=False)
        if loses(own)
    ]
    known = set(zip(compared.group, compared.form, strict=True))
    lacking = [f"{form} ({key})" for key in groups for form in SOURCES[key] if (key, form) not in known]
    without = f"; without runs: {listed(lacking)}" if lacking else ""
    said.append(f"Clearly worse in AUC than their originals: {listed(lost)}{without}.")
    return Answer(tuple(said), _sure(results))


def _alone(group: Mapping[str, Any]) -> str:
    """Time of one row of the original by each runtime; empty where nothing was measured."""
    threads = min(group["threads"])
    found = {
        TITLES[runtime]: samples(served_form(group, ORIGINAL), ServingCell(runtime, threads, 1))
        for runtime in group["runtimes"]
    }
    times = [f"{name} {1e6 * own.median:,.0f} µs" for name, own in found.items() if own.seconds]
    if not times:
        return ""
    return f"One row of the original {_short(group['title'])} at p50: {listed(times)}."


def _sure(results: Mapping[str, Any]) -> str:
    """On what the figures stand, and what is wrong with them."""
    made = [group["made"] for group in results["groups"].values()]
    machines = sorted({f"{one['hardware']['cpu']}, {one['hardware']['cores']} cores" for one in made})
    told = f"One machine ({'; '.join(machines)}); random weights, generated rows; ratios round by round."
    lacking = [goal for goal in GOALS if not bounded_ratios(results, goal, OWN)]
    if lacking:
        told += f" Not measured: {listed([f'{goal.form} ({goal.group})' for goal in lacking])}."
    if any("interrupted" in group for group in results["groups"].values()):
        told += " A measurement was broken off."
    if any(busy(group) is not None for group in results["groups"].values()):
        told += " The machine was busy: to be measured again."
    return told


def _label(group: str, form: str, arm: str, several: bool) -> str:
    """Of a point: short, and with the method where several lead to a form."""
    name = form.replace("fields cut, ", "" if group == "deepfm" else "xDeepFM, ").split(" (")[0]
    return f"{name}: {arm}" if several and form.startswith("fields") else arm if several else name


def serving_points(results: Mapping[str, Any], compared: pd.DataFrame, batch: int | None) -> list[Point]:
    """Thousandths of AUC over the original's against times the original's time for a batch of our scoring on
    one thread, or where `batch` is None against times its bytes; of forms with both."""
    found: list[Point] = []
    for key, group in results["groups"].items():
        original = served_form(group, ORIGINAL)
        if not original:
            continue
        if not found:
            found.append(Point(ORIGINAL, ORIGINAL, 1.0, 0.0))
        for own in group["entries"]:
            if batch is None:
                cost = (own.get("bytes", 0) + own.get("kept_bytes", 0)) / original["bytes"] or None
            else:
                ratio = times_original(group, own["name"], ServingCell(OWN, min(group["threads"]), batch))
                cost = None if ratio is None else ratio.value
            rows = compared[(compared.group == key) & (compared.form == own["name"])]
            if cost is None:
                continue
            for row in rows.itertuples():
                label = _label(key, own["name"], str(row.arm), len(rows) > 1)
                spread = 500 * (row.high - row.low)
                found.append(Point(label, kind_of_form(own["name"]), cost, 1_000 * row.difference, spread))
    return found


def picture(results: Mapping[str, Any], compared: pd.DataFrame) -> Figure:
    """Accuracy against the time of one row, of many, and against bytes."""
    worth = "test AUC over the original's, thousandths"
    panels = [
        Panel("one row, times the original's time (our scoring, one thread)", worth,
              serving_points(results, compared, 1)),
        Panel(f"{SHOWN:,} rows, times the original's time (our scoring, one thread)", worth,
              serving_points(results, compared, SHOWN)),
        Panel("bytes of the served model and of the rows it keeps, times the original's", worth,
              serving_points(results, compared, None)),
    ]  # fmt: skip
    return pareto_figure(panels, LOOKS)


def picture_or_command(results: Mapping[str, Any], compared: pd.DataFrame) -> Picture | Prose:
    """The picture, or how to get its figures."""
    if not serving_points(results, compared, 1):
        return Prose((f"no figures yet; run: {COMMAND}",))
    words = "Change in AUC against times the original's time for one row and for many, and against bytes."
    return Picture(picture(results, compared), words, wide=True)
