"""Tables and the picture of a page on one's own data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ..evidence.outcomes import interval
from ..evidence.results import RANDOM_FIELDS
from ..show import pareto
from ..show.figures import Picture
from ..show.html import HtmlTable, Spread, table
from ..show.words import percent
from .ways import OwnRun, Way, whole_models

LOOKS = {
    "the whole model": ("#222222", "*"),
    "fewer fields": ("#b3261e", "^"),
    "smaller tables": ("#0072b2", "s"),
    RANDOM_FIELDS: ("#9aa0a6", "v"),
}
MOST = 24  # points of a panel that are all named; of more only those that nothing beats


def removed(way: Way) -> str:
    """What was asked to go, in words."""
    return f"{way.budget}" if way.budget.share else "nothing"


def way_name(way: Way, several: bool) -> str:
    """A way in a few words; with its backbone where there are several."""
    share = f" at {percent(way.budget.share)}" if way.budget.share else ""
    return f"{way.arm}{share}{f', {way.backbone}' * several}"


def main_table(own: OwnRun, ways: Sequence[Way]) -> HtmlTable:
    """A line for each way: what it scores, what it comes to beside the whole model, what it weighs."""
    whole = whole_models(ways)
    several, backbones, (decides, other) = len(whole) > 1, list(whole), own.metrics
    beside = f"{decides.title} to the whole"
    rows: list[tuple[tuple[int, float], dict[str, Any]]] = []
    for way in ways:
        base, r = whole.get(way.backbone), way.runs
        found = way.outcome
        line = ({"backbone": way.backbone} if several else {}) | {
            "removed": removed(way),
            "method": way.arm,
            f"test {decides.title}": Spread.over(r, f"test_{decides.name}"),
            other.title: Spread.over(r, f"test_{other.name}"),
            beside: None if found is None else interval(found.gain, found.low, found.high),
            "comes to": None if found is None else found.outcome,
            **({"fields": round(r.fields_kept.mean())} if own.names else {}),
            "table, kB": way.table_bytes / 1e3,
            "of the whole table": None if base is None else way.table_bytes / base.table_bytes,
            "model, kB": r.bytes.mean() / 1e3,
            "finding, s": Spread.over(r, "PT", 1) if r.PT.any() else None,
            "training, s": Spread.over(r, "CT", 1),
            "seeds": len(r),
        }
        rows.append(((backbones.index(way.backbone), way.budget.share), line))
    for place, name in enumerate(backbones if own.left_out else ()):
        for one in own.left_out:
            line = {"backbone": name} if several else {}
            line |= {"removed": f"{one.arm.budget}", "method": one.arm.label}
            rows.append(((place, one.arm.budget.share), line | {beside: f"– ({one.needs})"}))
    note = (
        f"Mean ± standard deviation over seeds. {beside}: the paired difference and its 95 % interval over "
        f"test {decides.unit}s and seeds; what it comes to (better, equal, worse, undecided) holds for all "
        "lines together (Holm). Bytes as served, with indices, masks and hashes. Seconds of the processor, "
        "on one thread; a machine that does other things disturbs them."
    )
    formats: dict[Any, Any] = dict.fromkeys(("table, kB", "model, kB"), ",.1f")
    formats |= dict.fromkeys(("fields", "seeds") if own.names else ("seeds",), ".0f")
    formats["of the whole table"] = ".1%"
    caption = f"{own.data.schema.name}: what was removed, and what it costs"
    data = pd.DataFrame([line for _, line in sorted(rows, key=lambda one: one[0])])
    return table(data, caption=caption, formats=formats, group="removed", note=note)


def kept_by_name(own: OwnRun, ways: Sequence[Way]) -> HtmlTable | None:
    """Fields by name that each way of choosing keeps, and in how many of its trainings; None without any."""
    several, rows = own.run.backbone.nunique() > 1, []
    for way in ways if own.names else ():
        kept = way.runs.kept_fields
        if way.arm == RANDOM_FIELDS or max(map(len, kept)) == len(own.names):
            continue
        n, counts = len(kept), Counter(field for one in kept for field in one)
        some = [f"{own.names[f]} ({counts[f]})" for f in sorted(counts) if counts[f] < n]
        rows.append(
            ({"backbone": way.backbone} if several else {})
            | {
                "method": way.arm,
                "removed": removed(way),
                "kept": len(kept.iloc[0]),
                "kept in every training": ", ".join(own.names[f] for f in sorted(counts) if counts[f] == n),
                f"kept in some of {n}": ", ".join(some),
            }
        )
    if not rows:
        return None
    caption = f"{own.data.schema.name}: fields that stay, by name"
    note = "In brackets: trainings, each of another seed, that keep the field."
    data = pd.DataFrame(rows).replace("", None)
    return table(data, caption=caption, group="backbone" if several else None, note=note)


def look_of(way: Way, fields: int) -> str:
    """A key of `LOOKS`.

    Args:
        fields: of the data; 0 of pairs.
    """
    if way.keeps_all:
        return "the whole model"
    if way.arm == RANDOM_FIELDS:
        return RANDOM_FIELDS
    fewer = fields and way.runs.fields_kept.mean() < fields
    return "fewer fields" if fewer else "smaller tables"


def picture(own: OwnRun, ways: Sequence[Way]) -> Picture | None:
    """What decides, on test, against bytes of the table, a panel a backbone; None without a way beside the
    whole model."""
    panels, fronts = [], []
    title, score = own.metrics[0].title, f"test_{own.metrics[0].name}"
    for backbone, whole in whole_models(ways).items():
        these = [way for way in ways if way.backbone == backbone]
        if len(these) < 2:
            continue
        mean = whole.runs[score].mean()
        points = [
            pareto.Point(
                "" if way is whole else way_name(way, several=False),
                look_of(way, len(own.names)),
                way.table_bytes,
                float(way.runs[score].mean() - mean),
                float(way.runs[score].std(ddof=1)) if len(way.runs) > 1 else 0.0,
            )
            for way in these
        ]
        best = pareto.front([p.cost for p in points], [p.worth for p in points])
        fronts.append(
            f"{backbone}: {'; '.join(p.label or p.kind for p, on in zip(points, best, strict=True) if on)}"
        )
        points = [
            p if on or len(points) <= MOST else replace(p, label="")
            for p, on in zip(points, best, strict=True)
        ]
        panels.append(
            pareto.Panel(f"bytes of the table, {backbone}", f"test {title}, less the whole's", points)
        )
    if not panels:
        return None
    there = {point.kind for panel in panels for point in panel.points}
    figure = pareto.pareto_figure(panels, {kind: look for kind, look in LOOKS.items() if kind in there})
    figure.subplots_adjust(bottom=max(0.07, 0.5 / figure.get_figheight()))  # room for the axis' name
    words = f"Test {title} less that of the whole model against bytes of the table. Not beaten in both: "
    return Picture(figure, f"{words}{'. '.join(fronts)}.")
