"""What `python -m benchmarks.cin_parts` measured: where the time of the interaction network goes."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..evidence.rounds import Ratio, Rounds, made_table, shown
from ..show.html import HtmlTable, table
from .speed import entry_named

COMMAND = "python -m benchmarks.cin_parts --threads 2 --out book/performance/cin.json"
WHOLE, PRODUCTS, BETWEEN = "whole", "its matrix products", "what is made between them"
MEASURES = {"train": "training", "serve": "scoring"}
SHORT = {"float32": "fp32", "bfloat16": "bf16"}  # names of rates


def best_rate(group: Mapping[str, Any]) -> float:
    """The highest rate of any matrix product in the group's precision, GFLOP/s."""
    short = SHORT[group["title"].rpartition(", ")[2]]
    return max(max(rates) for name, rates in group["peaks"].items() if name.startswith(f"{short} GEMM"))


def part_rows(group: Mapping[str, Any]) -> pd.DataFrame:
    """The floor, the parts and the whole: milliseconds, share of the whole, and times the floor."""
    floor = group["flop"] / best_rate(group) / 1e9
    whole = Rounds.of(entry_named(group["entries"], WHOLE), group["measure"])
    rows: list[dict[str, Any]] = [{"part": "floor", "ms": 1e3 * floor, "× floor": 1.0}]
    for entry in group["entries"]:
        own = Rounds.of(entry, group["measure"])
        row = {"part": entry["name"], "ms": 1e3 * own.median, "× floor": own.median / floor}
        rows.append(row | {"of the whole": Ratio.of(own, whole)})
    return pd.DataFrame(rows)


def parts_in_words(group: Mapping[str, Any]) -> str:
    """How far the parts lie above the floor."""
    rows = part_rows(group).set_index("part")["× floor"]
    return (
        f"Its products alone, at their own shapes, take {rows[PRODUCTS]:.2f} times the floor, what is made "
        f"between them {rows[BETWEEN]:.2f} times; together {rows[PRODUCTS] + rows[BETWEEN]:.2f}, and the "
        f"whole {rows[WHOLE]:.2f}."
    )


def parts_table(group: Mapping[str, Any]) -> HtmlTable:
    """The parts of one precision."""
    shape, stamp = group["shape"], group["made"]
    return table(
        part_rows(group),
        caption=f"{group['title']}, part by part",
        formats={"ms": ".0f", "× floor": ".2f", "of the whole": shown},
        note=f"{shape['fields']} fields, D = {shape['dim']}, maps {'-'.join(map(str, shape['maps']))}, "
        f"B = {stamp['batch']:,}, {stamp['threads']} threads. Floor: {group['flop'] / 1e9:.1f} GFLOP at the "
        f"highest rate of a matrix product measured beside it, {best_rate(group):.0f} GFLOP/s. Each part is "
        "measured by itself, with the whole one's shapes and chunks; median, and of ratios the lowest and "
        f"the highest round. {parts_in_words(group)}",
    )


def tables(results: Mapping[str, Any]) -> list[HtmlTable]:
    """The parts of each measure and precision, and where the figures come from; or how to get them."""
    groups = results["groups"].values()
    if not groups:
        lacking = f"The interaction network, part by part: not measured yet; run: {COMMAND}"
        return [table(pd.DataFrame({"part": []}), caption=lacking)]
    return [*(parts_table(group) for group in groups), made_table(results)]
