"""What `python -m benchmarks.tables` measured: compressed tables in training and in serving."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lfmp_core.errors import check_name

from ..claims.claim import Prose
from ..evidence.rounds import Ratio, Rounds, kept_figures, made_table, shown
from ..show.html import Format, HtmlTable, Stack, table

COMMAND = "python -m benchmarks.tables --out book/performance/tables.json"
PLAIN, BITS = "full", "bits"  # an entry; a group
YARDSTICKS = ("before", "floor", "peer")
BUSY = 0.5  # load beside the measurement's own threads above which the figures are not to be relied on


def figures(name: str = "tables") -> dict[str, Any]:
    """The committed figures; no groups where there is no file."""
    return kept_figures(name)


def yardstick(group: Mapping[str, Any], own: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """The fastest of what an entry is held against; None where nothing of that kind was measured.

    Args:
        group: the entry's.
        own: the entry.
        kind: `before`, `floor` or `peer`.

    Raises:
        UnknownName: there is no such kind.
    """
    check_name(kind, YARDSTICKS, "yardstick")
    measure = group["measure"]
    named = own["yardsticks"].get(kind, ())
    found = [one for one in group["entries"] if one["name"] in named and Rounds.of(one, measure).seconds]
    return min(found, key=lambda one: Rounds.of(one, measure).median, default=None)


def speed_up(
    group: Mapping[str, Any], slow: Mapping[str, Any] | None, fast: Mapping[str, Any]
) -> Ratio | None:
    """How many times faster `fast` is than `slow`, over the rounds of both; None where one has none."""
    measure = group["measure"]
    return Ratio.of(Rounds.of(slow or {}, measure), Rounds.of(fast, measure))


def entry_rows(group: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each entry: seconds, rate, and how it stands against the plain table and its yardsticks.

    `× full`, `× before`, `× peer`: so many times faster. `× floor`: so many times the floor's time.
    """
    measure, rows = group["measure"], []
    plain = next((one for one in group["entries"] if one["name"] == PLAIN), None)
    for own in group["entries"]:
        rounds = Rounds.of(own, measure)
        floor = yardstick(group, own, "floor")
        rows.append(
            {
                "table": own["name"],
                "parameters": own["parameters"] or float("nan"),  # of a reference nothing is told
                "bytes": own["bytes"] or float("nan"),
                "seconds": rounds.median,
                "× full": None if own["name"] == PLAIN else speed_up(group, plain, own),
                "× before": speed_up(group, yardstick(group, own, "before"), own),
                "× floor": speed_up(group, own, floor) if floor else None,
                "× peer": speed_up(group, yardstick(group, own, "peer"), own),
                "rounds": len(rounds.seconds),
            }
        )
    return pd.DataFrame(rows)


def _widest(group: Mapping[str, Any]) -> float | None:
    """Largest relative distance between vectors that should be the same."""
    found = [value for one in group["entries"] for value in one["differences"].values()]
    return max(found, default=None)


def _note(group: Mapping[str, Any], words: str) -> str:
    """What holds for every table of figures, and how well the ways agree."""
    bench, made, away = group["bench"], group["made"], _widest(group)
    note = (
        f"{bench['sizes']} fields, {bench['ids']:,} ids, D = {bench['dim']}; {made['threads']} thread"
        f"{'s' if made['threads'] > 1 else ''}; a batch of {group['batch']:,} rows has "
        f"{group['distinct']:,.0f} distinct ids. Median; ratios are medians over rounds, with the lowest and "
        f"the highest round. {words}"
    )
    if (made["load"] or 0) > made["threads"] + BUSY:
        note += f" The machine was busy (load {made['load']:.1f}): to be measured again."
    if away is not None:
        note += f" Ways of one table differ by at most {away:.0e} of its largest entry before training."
    return note


def _formats(columns: Sequence[str]) -> dict[str, Format]:
    """Of the ratios among the columns."""
    return {column: shown for column in columns if column.startswith("×")}


def training_table(group: Mapping[str, Any]) -> HtmlTable:
    """Rows a second of a DeepFM step with each table."""
    rows = entry_rows(group)
    rows["ms"], rows["rows/s"] = 1e3 * rows.seconds, (group["batch"] / rows.seconds).round()
    columns = ["table", "parameters", "ms", "rows/s", "× full", "× before", "× floor", "rounds"]
    columns = [c for c in columns if not c.startswith("×") or rows[c].notna().any()]
    return table(
        rows[columns],
        caption=f"{group['title']}: a step of DeepFM, B = {group['batch']:,}, sparsity "
        f"{group['bench']['sparsity']:g}, {group['bench']['precision']}",
        formats=_formats(columns) | {"parameters": ",.0f", "ms": ".1f", "rows/s": ",.0f"},
        note=_note(
            group,
            "Forward, backward and Adam; × full and × before: times the rows a second; × floor: times the "
            "time.",
        ),
    )


def serving_table(group: Mapping[str, Any]) -> HtmlTable:
    """Look-ups a second of each table."""
    rows = entry_rows(group)
    rows["MiB"] = rows["bytes"] / 2**20
    rows["ns"], rows["million/s"] = (
        1e9 * rows.seconds / group["lookups"],
        group["lookups"] / rows.seconds / 1e6,
    )
    columns = ["table", "MiB", "ns", "million/s", "× full", "× before", "× floor", "× peer"]
    columns = [c for c in columns if not c.startswith("×") or rows[c].notna().any()]
    return table(
        rows[columns],
        caption=f"{group['title']}: ids to vectors, batches of {group['lookups']:,} look-ups",
        formats=_formats(columns) | {"MiB": ".1f", "ns": ".1f", "million/s": ".2f"},
        note=_note(
            group,
            "Nanoseconds and millions of look-ups; × full, × before and × peer: times the look-ups a second "
            "(before: the same table without remembering; peer: the faster one); × floor: times the time. "
            f"Tables that are no CSR have sparsity {group['bench']['sparsity']:g}.",
        ),
    )


SHOWN = {"train": training_table, "serve": serving_table}


def _trained(group: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """Rows a second of one table, before and now, and beside the plain table."""

    def rate(one: Mapping[str, Any]) -> str:
        return f"{group['batch'] / Rounds.of(one, group['measure']).median:,.0f}"

    words = [f"{rate(own)} rows/s"]
    if before := yardstick(group, own, "before"):
        ratio = speed_up(group, before, own)
        words.append(f"before {rate(before)}" + (f", × {shown(ratio)}" if ratio else ""))
    floor = yardstick(group, own, "floor")
    if floor and (times := speed_up(group, own, floor)):
        words.append(f"{shown(times)} times the floor's time")
    plain = next((one for one in group["entries"] if one["name"] == PLAIN), None)
    if share := speed_up(group, plain, own):
        words.append(f"{shown(share)} of the plain table's")
    return "; ".join(words)


def _served(group: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """How near one table's look-up comes to its floor, and how far it leaves the others behind."""
    words = []
    before = yardstick(group, own, "before")
    if before and (faster := speed_up(group, before, own)):
        words.append(f"{shown(faster)} times as fast as {before['name']}")
    floor, peer = yardstick(group, own, "floor"), yardstick(group, own, "peer")
    if floor and (times := speed_up(group, own, floor)):
        words.append(f"{shown(times)} times the floor's time")
    if peer and (faster := speed_up(group, peer, own)):
        words.append(f"{shown(faster)} times as fast as {peer['name']}")
    return "; ".join(words)


def summary(results: Mapping[str, Any], names: Sequence[str] | None = None) -> HtmlTable:
    """What has a way before it, a floor or a peer, in one line each.

    Args:
        results: the figures.
        names: tables to tell of; by default all that are held against anything in some group.

    Raises:
        UnknownName: no group has a table of that name.
    """
    groups = results["groups"].values()
    known = {one["name"] for group in groups for one in group["entries"]}
    held = {one["name"] for group in groups for one in group["entries"] if one["yardsticks"]}
    wanted = held if names is None else {check_name(name, known, "table") for name in names}
    rows = []
    for group in groups:
        say = _trained if group["measure"] == "train" else _served
        for own in group["entries"]:
            if own["name"] in wanted and Rounds.of(own, group["measure"]).seconds and say(group, own):
                where = f"{group['title'].lower()}, B = {group['batch']:,}"
                rows.append({"table": own["name"], "where": where, "found": say(group, own)})
    return table(pd.DataFrame(rows, columns=["table", "where", "found"]), caption="In short")


def bits_table(results: Mapping[str, Any]) -> HtmlTable:
    """The plain table in few bits: what is left of its bytes, and how much faster or slower it is read."""
    group = results["groups"].get(BITS)
    if group is None:
        lacking = f"The plain table in few bits: not measured yet; run: {COMMAND} --groups {BITS}"
        return table(pd.DataFrame({"table": []}), caption=lacking)
    plain, rows = next(one for one in group["entries"] if one["name"] == PLAIN), []
    for own in group["entries"]:
        ratio = speed_up(group, plain, own)
        if own["name"].startswith("int") and ratio is not None:
            told = "faster" if ratio.low > 1 else "slower" if ratio.high < 1 else "can't be told"
            share = own["bytes"] / plain["bytes"]
            rows.append(
                {"table": own["name"], "bytes ×": share, "look-ups a second ×": ratio, "than plain": told}
            )
    formats: dict[str, Format] = {"bytes ×": ".3f", "look-ups a second ×": shown}
    words = "×: over the plain table. Faster or slower: in every round."
    note = _note(group, words)
    return table(pd.DataFrame(rows), caption="The plain table in few bits", formats=formats, note=note)


def tables(results: Mapping[str, Any]) -> list[HtmlTable]:
    """All tables that the figures allow."""
    groups = results["groups"]
    if not groups:
        return []
    found = [SHOWN[group["measure"]](group) for group in groups.values()]
    return [summary(results), *found, made_table(results)]


def page(results: Mapping[str, Any]) -> Stack | Prose:
    """The tables, or how to get them where nothing was measured yet."""
    found = tables(results)
    if not found:
        return Prose((f"no figures yet; run: {COMMAND}",))
    short, *rest = found
    return Stack((short, bits_table(results), *rest))
