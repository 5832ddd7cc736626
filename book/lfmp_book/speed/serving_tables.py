"""Tables of what serving costs, form by form."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import pandas as pd

from lfmp_core.errors import check_name

from ..claims.claim import Prose
from ..show.html import Format, HtmlTable, Stack, table
from ..show.words import number
from .performance import made_table
from .serving_speed import (
    COMMAND,
    ORIGINAL,
    TITLES,
    ServingCell,
    busy,
    cells_of,
    lacking,
    samples,
    served_form,
    times_original,
)
from .speed import Ratio, Rounds
from .table_speed import shown

KEEPS = {"none": "no", "within": "those that fit", "all": "all"}  # what is said of rows that are kept


def _note(group: Mapping[str, Any], words: str) -> str:
    """What holds for every table of figures of a group."""
    count = max((len(samples(one, cell).seconds) for one in group["entries"] for cell in cells_of(group)),
                default=0)  # fmt: skip
    note = (
        f"{group['sizes']} fields, {group['ids']:,} ids. Medians over {count} rounds, with the lowest and "
        f"the highest; in a round every form is asked for the same batches in turn. {words}"
    )
    if (most := busy(group)) is not None:
        note += f" The machine was busy (load {most:.1f}): to be measured again."
    return note


def serving_times_table(group: Mapping[str, Any], threads: int) -> HtmlTable:
    """Times the original's time: every form by every runtime and batch, on so many threads."""
    check_name(str(threads), [str(count) for count in group["threads"]], "number of threads")
    rows, formats = [], {}
    for own in group["entries"]:
        row: dict[tuple[str, str], Any] = {("", "form"): own["name"]}
        if own["name"] == ORIGINAL:
            continue
        for cell in (cell for cell in cells_of(group) if cell.threads == threads):
            column = (TITLES[cell.runtime], f"{cell.batch:,}")
            row[column] = times_original(group, own["name"], cell)
            formats[column] = shown
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame.columns = pd.MultiIndex.from_tuples(frame.columns)
    words = f"Rows of a call stand over the columns. {lacking(group)}".strip()
    return table(
        frame,
        caption=f"{group['title']}: times the original's time, {number(threads, 'thread')}",
        formats=formats,
        note=_note(group, words),
    )


def alone_table(group: Mapping[str, Any], threads: int) -> HtmlTable:
    """Percentiles of the time of a single row, in microseconds."""
    rows = []
    for own in group["entries"]:
        for runtime in group["runtimes"]:
            cell = ServingCell(runtime, threads, 1)
            if not samples(own, cell).seconds:
                continue
            times = {
                f"{share}, µs": 1e6 * samples(own, cell, share).median for share in ("p50", "p95", "p99")
            }
            calls = sum(own["cells"][runtime][str(threads)]["1"]["calls"])
            row = {"runtime": TITLES[runtime], "form": own["name"], **times, "calls": calls}
            original = own["name"] == ORIGINAL
            row |= {
                f"{share} ×": None if original else times_original(group, own["name"], cell, share)
                for share in ("p50", "p99")
            }
            rows.append(row)
    rows.sort(key=lambda row: list(TITLES.values()).index(row["runtime"]))
    columns = ["runtime", "form", "p50, µs", "p95, µs", "p99, µs", "p50 ×", "p99 ×", "calls"]
    formats: dict[str, Format] = {f"{share}, µs": ",.0f" for share in ("p50", "p95", "p99")}
    formats |= {"p50 ×": shown, "p99 ×": shown, "calls": ",.0f"}
    return table(
        pd.DataFrame(rows, columns=columns),
        caption=f"{group['title']}: one row, {number(threads, 'thread')}",
        formats=formats,
        group="runtime",
        note=_note(group, "×: over the original's."),
    )


def served_sizes_table(group: Mapping[str, Any]) -> HtmlTable:
    """Bytes, multiply-adds, and seconds until a folder serves."""
    original, rows = served_form(group, ORIGINAL), []
    for own in group["entries"]:
        if "bytes" not in own:
            continue
        kept = own.get("kept_bytes", 0)
        loads = own["load"]
        rows.append(
            {
                "form": own["name"],
                "numbers in the table": own["embedding_parameters"],
                "MiB": own["bytes"] / 2**20,
                "rows kept": KEEPS[own["keep"]],
                "MiB with them": (own["bytes"] + kept) / 2**20,
                "bytes ×": (own["bytes"] + kept) / original["bytes"] if original else None,
                "multiply-adds ×": own["macs"] / original["macs"] if original else None,
                "folder, s": median(loads["folder"]) if loads["folder"] else None,
                "folder ×": _times(own, original, "folder"),
                "graph, s": median(loads["graph"]) if loads["graph"] else None,
                "graph ×": _times(own, original, "graph"),
            }
        )
    formats: dict[str, Format] = {
        "numbers in the table": ",.0f",
        **dict.fromkeys(("MiB", "MiB with them"), ".1f"),
        **dict.fromkeys(("bytes ×", "multiply-adds ×", "folder, s", "graph, s"), ".2f"),
        **dict.fromkeys(("folder ×", "graph ×"), shown),
    }
    words = (
        "Bytes of the whole model; multiply-adds of the network behind the vectors, without what a table "
        "works out. Folder: load_served, with digests, vocabulary and weights, from the system's memory; "
        "graph: a session of onnxruntime."
    )
    return table(pd.DataFrame(rows), caption=f"{group['title']}: sizes and seconds to load",
                 formats=formats, note=_note(group, words))  # fmt: skip


def _times(own: Mapping[str, Any], original: Mapping[str, Any], what: str) -> Ratio | None:
    """Seconds to load over the original's, round by round."""
    if not original or own["name"] == ORIGINAL:
        return None
    ours, theirs = (Rounds(tuple((s,) for s in one["load"][what])) for one in (own, original))
    return Ratio.of(ours, theirs)


def group_tables(results: Mapping[str, Any], key: str) -> list[HtmlTable]:
    """All tables of one model's forms; none where they were not measured.

    Args:
        results: the figures. key: of the model.
    """
    group = results["groups"].get(key)
    if group is None or not group["entries"]:
        return []
    each = [
        make(group, threads) for threads in group["threads"] for make in (serving_times_table, alone_table)
    ]
    return [*each, served_sizes_table(group)]


def tables(results: Mapping[str, Any]) -> list[HtmlTable]:
    """All tables that the figures allow."""
    found = [one for key in results["groups"] for one in group_tables(results, key)]
    return [*found, made_table(results)] if found else []


def or_command(found: Sequence[HtmlTable]) -> Stack | Prose:
    """Tables, or how to get their figures where there are none yet."""
    return Stack(tuple(found)) if found else Prose((f"no figures yet; run: {COMMAND}",))
