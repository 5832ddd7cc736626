"""What `make bench` measured: tables, picture and verdicts from its committed figures."""

from collections.abc import Mapping
from statistics import median
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ..evidence.rounds import Ratio, Rounds, made_table
from ..show.html import HtmlTable, table, verdict
from .speed import agrees, entry_named, fastest, met, preparation_rows, target_ratios

MEASURES = {"train": "training step", "infer": "inference"}
COLOURS = {"ours": "#2a6f97", "cut": "#89c2d9", "peer": "#a44a3f", "aside": "#dbb3ae"}


def floor_of(group: Mapping[str, Any], entry: Mapping[str, Any], measure: str) -> float | None:
    """Seconds of the bound for a contender's precision and optimiser; None where none was computed."""
    floors = group.get("floors", {}).get(measure, {})
    options = entry["options"]
    key = "bf16" if options.get("precision") == "bfloat16" else "fp32"
    if measure == "train" and options.get("optimizer") == "lazy":
        key += ", rows touched"
    parts = {} if entry["role"] == "cut" or options.get("matmul") else floors.get(key, {})
    return sum(parts.values()) or None


def measured_rows(results: Mapping[str, Any], measure: str) -> pd.DataFrame:
    """One row for each contender that took part in a measure, failures included."""
    rows = []
    for group in results["groups"].values():
        peer = fastest(group["entries"], measure)
        for entry in group["entries"]:
            if measure not in entry["measures"]:
                continue
            rounds = Rounds.of(entry, measure)
            row: dict[str, Any] = {"model": group["title"], "contender": entry["name"], "role": entry["role"]}
            if rounds.seconds:
                low, high = rounds.quartiles
                floor = floor_of(group, entry, measure)
                row |= {
                    "ms": rounds.median * 1e3,
                    "quartiles": f"{low * 1e3:.0f}–{high * 1e3:.0f}",
                    "owed ms": 1e3 * entry["owed_seconds"] if "owed_seconds" in entry else None,
                    "rows/s": round(group["made"]["batch"] / rounds.median),
                    "× fastest peer": peer and Ratio.of(Rounds.of(peer, measure), rounds),
                    "floor ms": floor and floor * 1e3,
                    "× floor": floor and rounds.median / floor,
                }
            row |= {
                "MiB": entry.get("peak_mib"),
                "parameters": entry.get("parameters"),
                "samples": sum(map(len, rounds.seconds)),
                "failure": entry.get("error"),
            }
            rows.append(row)
    return pd.DataFrame(rows)


def measure_table(results: Mapping[str, Any], measure: str) -> HtmlTable:
    """All contenders of a measure, model by model."""
    rows = measured_rows(results, measure).drop(columns="role")
    rows = rows.drop(columns=[c for c in ("owed ms", "failure") if c in rows and not rows[c].notna().any()])
    formats = {
        "ms": ".1f",
        "owed ms": ".1f",
        "floor ms": ".1f",
        "× floor": ".1f",
        "MiB": ",.0f",
        "parameters": ",.0f",
    }
    return table(
        rows,
        caption=f"{MEASURES[measure].capitalize()}, batches of {batch_of(results):,}",
        formats={k: v for k, v in formats.items() if k in rows},
        highlight={"ms": "min"} if "ms" in rows else {},
        group="model",
        note="Median of all samples and their quartiles; ratios are medians over rounds, with the lowest and "
        "highest round. Owed: what each step leaves for the end of the epoch. MiB: highest resident memory.",
    )


def batch_of(results: Mapping[str, Any]) -> int:
    """B of the figures."""
    return next(iter(results["groups"].values()))["made"]["batch"]


def _or_none(found: dict[str, Ratio]) -> list[tuple[str, Ratio | None]]:
    return list(found.items()) if found else [("–", None)]


def targets_table(results: Mapping[str, Any]) -> HtmlTable:
    """Every target that was set beforehand, with each contender of ours that was measured for it."""
    rows = []
    for target in results["targets"]:
        bound = f"{'≤' if target['versus'] == 'whole' else '≥'} {target['ratio']:g}"
        for name, ratio in _or_none(target_ratios(results, target)):
            kept = "not measured" if ratio is None else verdict("holds" if met(target, ratio) else "fails")
            rows.append(
                {
                    "target": target["text"],
                    "bound": bound,
                    "contender": name,
                    "measured": ratio,
                    "verdict": kept,
                }
            )
    return table(
        pd.DataFrame(rows),
        caption="Targets",
        group="target",
        note="Fastest peer over ours, or the cut model over the whole one: median over rounds, with the "
        "lowest and highest round.",
    )


PREPARERS = {
    "ours": "ours",
    "fuxictr": "FuxiCTR, build_dataset",
    "fuxictr_single": "FuxiCTR, its processor in one process",
}


def floors_table(results: Mapping[str, Any]) -> HtmlTable:
    """What the floors are made of."""
    rows = []
    for group in results["groups"].values():
        for measure, title in MEASURES.items():
            for kind, parts in group.get("floors", {}).get(measure, {}).items():
                milliseconds = {name: 1e3 * s for name, s in parts.items()}
                row = {"model": group["title"], "case": f"{title}, {kind}", **milliseconds}
                rows.append(row | {"ms": sum(milliseconds.values())})
    frame = pd.DataFrame(rows)
    return table(
        frame,
        caption="Floors",
        formats=dict.fromkeys(frame.columns[2:], ".1f"),
        group="model",
        note="Milliseconds at the highest rates measured. Rows touched: Adam moves the batch's rows alone.",
    )


def profile_table(results: Mapping[str, Any], key: str, measure: str = "train") -> HtmlTable:
    """Where the processor's time of a step goes: this project beside the fastest peer."""
    group = results["groups"][key]
    columns = []
    for entry in (entry_named(group["entries"], "ours"), fastest(group["entries"], measure) or {}):
        shares = entry.get(measure, {}).get("profile") or {}
        columns.append(pd.DataFrame({(entry.get("name", "–"), "operation"): list(shares)}))
        columns.append(pd.DataFrame({(entry.get("name", "–"), "share"): list(shares.values())}))
    frame = pd.concat(columns, axis=1)
    formats = {column: ".0%" for column in frame.columns if column[1] == "share"}
    caption = f"{group['title']}: where the time of a {MEASURES[measure]} goes"
    return table(frame, caption=caption, formats=formats, note="Each operation without those it calls.")


def preparation_table(results: Mapping[str, Any]) -> HtmlTable:
    """Whole processes from raw rows to ids on disk."""
    setting, entries = results["preparation"], preparation_rows(results)
    peer, rows = fastest(entries, "prepare"), []
    for entry in entries:
        rounds = Rounds.of(entry, "prepare")
        row: dict[str, Any] = {"contender": PREPARERS[entry["name"]]}
        if rounds.seconds:
            row |= {
                "s": rounds.median,
                "quartiles": "–".join(f"{q:.1f}" for q in rounds.quartiles),
                "rows/s": round(setting["rows"] / rounds.median),
                "× fastest peer": peer and Ratio.of(Rounds.of(peer, "prepare"), rounds),
            }
        row |= {"MiB": entry.get("peak_mib"), "ids": entry.get("ids"), "failure": entry.get("error")}
        rows.append(row)
    frame = pd.DataFrame(rows)
    if not frame["failure"].notna().any():
        frame = frame.drop(columns="failure")
    formats = {"s": ".1f", "MiB": ",.0f", "ids": ",.0f"}
    return table(
        frame,
        caption=f"Preparation of {setting['rows']:,} raw rows ({setting['file_bytes'] / 2**20:.0f} MiB)",
        formats={k: v for k, v in formats.items() if k in frame},
        note=f"Values seen fewer than {setting['threshold']} times in training rows share an id. Splits "
        "differ, and with them the number of ids.",
    )


def peaks_table(results: Mapping[str, Any]) -> HtmlTable:
    """The machine's rates beside each group: the floors stand on the highest ones."""
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for key, group in results["groups"].items():
        for name, rates in group.get("peaks", {}).items():
            unit, form = ("GFLOP/s", ",.0f") if "GEMM" in name else ("GB/s", ".1f")
            columns.setdefault((name, unit), {})[key] = f"{median(rates):{form}} (best {max(rates):{form}})"
    rows = [{"what": name, "unit": unit, **values} for (name, unit), values in columns.items()]
    return table(pd.DataFrame(rows), caption="What the machine can do, measured before and after each group")


def picture(results: Mapping[str, Any]) -> Figure:
    """Speed relative to the fastest peer, with the spread over rounds and each contender's floor."""
    groups = results["groups"]
    heights = [len(g["entries"]) for g in groups.values()]
    figure = Figure(figsize=(9.5, 0.28 * sum(heights) + 0.9 * len(heights)), layout="constrained")
    axes = figure.subplots(len(groups), len(MEASURES), squeeze=False, height_ratios=heights)
    for row, group in zip(axes, groups.values(), strict=True):
        for axis, (measure, title) in zip(row, MEASURES.items(), strict=True):
            _bars(axis, group, measure)
            axis.set_title(f"{group['title']}\n{title}" if measure == "train" else f"\n{title}", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("times the fastest peer's rows a second", fontsize=8)
    return figure


def _bars(axis: Any, group: Mapping[str, Any], measure: str) -> None:
    entries = group["entries"]
    peer = fastest(entries, measure)
    for place, entry in enumerate(entries):
        rounds = Rounds.of(entry, measure)
        if not rounds.seconds or peer is None:
            note = "failed" if "error" in entry else "not measured"
            axis.text(0.05, place, note, va="center", fontsize=7, color="0.4")
            continue
        yardstick = Rounds.of(peer, measure)
        ratio = Ratio.of(yardstick, rounds)
        assert ratio is not None
        spread = [[ratio.value - ratio.low], [ratio.high - ratio.value]]
        axis.barh(place, ratio.value, color=COLOURS[entry["role"]], xerr=spread, error_kw={"lw": 0.8})
        floor = floor_of(group, entry, measure)
        if floor and entry["role"] == "ours":
            axis.plot([yardstick.median / floor] * 2, [place - 0.4, place + 0.4], color="black", lw=1.5)
    axis.axvline(1, color="0.5", lw=0.8, ls=":")
    axis.set_yticks(range(len(entries)), [e["name"] for e in entries], fontsize=7)
    axis.tick_params(axis="x", labelsize=7)
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)


def agreement_table(results: Mapping[str, Any]) -> HtmlTable:
    """Own weights in the peers' models: as many parameters, the same logits."""
    rows = []
    for group in results["groups"].values():
        found = group.get("agreement", {})
        for name, figures in found.items():
            row: dict[str, Any] = {"model": group["title"], "contender": name, **figures}
            same = name != "ours" and verdict("holds" if agrees(figures, found["ours"]) else "fails")
            rows.append(row | {"same function": same or "–"})
    return table(
        pd.DataFrame(rows),
        caption="The contenders compute the same function",
        formats={"difference": ".1e", "parameters": ",.0f"},
        group="model",
        note="Each model with this project's weights, field sizes cut to a thousandth. Spread: standard "
        "deviation of the logits; difference: the largest between a peer's logits and ours.",
    )


def tables(results: Mapping[str, Any]) -> list[HtmlTable]:
    """All tables that the figures allow; an interrupted or failed run allows fewer."""
    groups = results["groups"].values()
    taken = {measure for group in groups for entry in group["entries"] for measure in entry["measures"]}
    found = [measure_table(results, measure) for measure in MEASURES if measure in taken]
    if "preparation" in results:
        found.append(preparation_table(results))
    found.append(targets_table(results))
    for part, make in (("floors", floors_table), ("peaks", peaks_table), ("agreement", agreement_table)):
        if any(group.get(part) for group in groups):
            found.append(make(results))
    return [*found, made_table(results)] if groups or "preparation" in results else found


def markdown(results: Mapping[str, Any]) -> str:
    """The same for a terminal or a note."""
    blocks = []
    for one in tables(results):
        lines = [" | ".join(filter(None, parts)) for parts in zip(*one.header, strict=True)]
        rules = ["--:" if number else "---" for number in one.numeric]
        body = [lines, rules, *one.plain]
        text = "\n".join(f"| {' | '.join(cells)} |" for cells in body)
        blocks.append("\n\n".join(filter(None, [f"**{one.caption}**", text, one.note])))
    return "\n\n".join(blocks)
