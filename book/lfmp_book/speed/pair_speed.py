"""What `python -m benchmarks.pairs` measured: recommenders in training and in ranking."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..claims.claim import Prose
from ..evidence.rounds import Ratio, Rounds, made_table, shown
from ..show.html import Format, HtmlTable, Stack, table
from ..show.words import listed
from .performance import targets_table
from .speed import entry_named, fastest
from .table_speed import BUSY

COMMAND = "python -m benchmarks.pairs --out book/performance/pairs.json"


def contender_rows(group: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each contender: its size, its speed, and how it stands against the fastest peer."""
    measure, rows = group["measure"], []
    peer = fastest(group["entries"], measure)
    for entry in group["entries"]:
        rounds = Rounds.of(entry, measure)
        named = {"s an epoch": rounds.median} if measure == "train" else {"users/s": 1 / rounds.median}
        rows.append(
            {
                "contender": entry["name"],
                "parameters": entry["parameters"],
                **named,
                "× fastest peer": peer and Ratio.of(Rounds.of(peer, measure), rounds),
                "samples": sum(map(len, rounds.seconds)),
            }
        )
    return pd.DataFrame(rows)


def _note(group: Mapping[str, Any]) -> str:
    bench, made, (users, items) = group["bench"], group["made"], group["degrees"]
    note = (
        f"{bench['users']:,} users and {bench['items']:,} items, degrees {users[0]}–{users[1]:,} and "
        f"{items[0]}–{items[1]:,}, {bench['pairs']:,} pairs; {made['threads']} thread"
        f"{'s' if made['threads'] > 1 else ''}. Median; ratios are medians over rounds, with the lowest and "
        "the highest round."
    )
    if group["measure"] == "train":
        note += f" An epoch: so many steps on batches of B = {bench['batch']:,} that lie in memory."
    note += _products(group)
    away = max((d for one in group["entries"] for d in one["differences"].values()), default=None)
    if away is not None:
        note += f" Before any step the scores differ from the peers' by at most {away:.0e} of the largest."
    if (made["load"] or 0) > made["threads"] + BUSY:
        note += f" The machine was busy (load {made['load']:.1f}): to be measured again."
    return note


def _products(group: Mapping[str, Any]) -> str:
    """Of a ranking by products of vectors: the least arithmetic a user, and what rate a goal asks for."""
    peer, bench = fastest(group["entries"], group["measure"]), group["bench"]
    ours = entry_named(group["entries"], "ours")
    if group["measure"] != "serve" or not (group["targets"] and ours and peer):
        return ""
    flop = 2 * bench["dim"] * bench["items"]
    rate = lambda entry: flop / Rounds.of(entry, "serve").median / 1e9
    goals = listed(
        [f"{t['ratio'] * rate(peer):,.0f} for {t['ratio']:g} times the peer" for t in group["targets"]]
    )
    return (
        f" Scores alone are 2Dn = {flop / 1e6:.1f} million operations a user: ours are {rate(ours):,.0f} "
        f"GFLOP/s, with the choice of the best in them; asked for are {goals}."
    )


def all_targets(results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The targets of every group."""
    return [target for group in results["groups"].values() for target in group["targets"]]


def group_table(group: Mapping[str, Any]) -> HtmlTable:
    """One group's contenders."""
    rows = contender_rows(group)
    formats: dict[str, Format] = {
        "parameters": ",.0f",
        "s an epoch": ".3g",
        "users/s": ",.0f",
        "× fastest peer": shown,
    }
    return table(
        rows,
        caption=f"{group['title']}: {'an epoch' if group['measure'] == 'train' else 'users a second'}",
        formats={name: of for name, of in formats.items() if name in rows},
        note=_note(group),
    )


def tables(results: Mapping[str, Any]) -> list[HtmlTable]:
    """All tables that the figures allow."""
    groups = results["groups"]
    if not groups:
        return []
    targets = all_targets(results)
    of_targets = [targets_table({**results, "targets": targets})] if targets else []
    return [*of_targets, *(group_table(group) for group in groups.values()), made_table(results)]


def page(results: Mapping[str, Any]) -> Stack | Prose:
    """The tables, or how to get them where nothing was measured yet."""
    found = tables(results)
    return Stack(tuple(found)) if found else Prose((f"no figures yet; run: {COMMAND}",))
