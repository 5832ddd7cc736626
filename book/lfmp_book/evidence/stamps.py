"""Runs under one stamp: what a cell of a table shows, and what may be held against what."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from lfmp_core.experiments.record import Record
from lfmp_core.experiments.stamp import carried, comparable, outdated
from lfmp_core.settings import canonical_json, digest

MIXED = "some of these records were made when the code computed other numbers, see: lfmp status"
Named = tuple[str, Record]  # arm label, record


def under_one_stamp(found: Iterable[Named]) -> list[Named]:
    """The runs whose cell (data set, backbone, arm, what is removed) shows them, in their order.

    A cell's runs all have one stamp: its current ones if there is any, else those of the old stamp that most
    of them have, of equals the newest.
    """
    cells: dict[str, dict[str, list[Record]]] = {}
    named = list(found)
    for arm, record in named:
        stamp = "" if not outdated(record) else canonical_json(carried(record))
        cells.setdefault(_cell(arm, record), {}).setdefault(stamp, []).append(record)
    shown = set()
    for stamps in cells.values():
        best = "" if "" in stamps else max(stamps, key=lambda s: (len(stamps[s]), _newest(stamps[s])))
        shown |= {record.id for record in stamps[best]}
    return [(arm, record) for arm, record in named if record.id in shown]


def marks(record: Record) -> dict[str, Any]:
    """What a row of a frame says of a run's numerics: the digest of its test logits, its stamp, and whether
    the code computes otherwise now."""
    return {"logits": record.logits, "numerics": carried(record), "stale": bool(outdated(record))}


def _cell(arm: str, record: Record) -> str:
    spec = record.spec
    return canonical_json([spec.dataset.id, spec.backbone["name"], arm, spec.budget.share])


def _newest(records: Iterable[Record]) -> str:
    return max((r.certificate.started for r in records if r.certificate), default="")


def contents(ids: Iterable[str], logits: Mapping[str, str]) -> str:
    """A digest of what some records say, which their ids alone don't: a record that was stale is replaced
    under its id.

    Args:
        ids: of the records. logits: digests of the logits by id.
    """
    return digest([[i, logits.get(i, "")] for i in sorted(ids)], 8)


def stamps_of(reference: pd.DataFrame) -> dict[str, Mapping[str, str]]:
    """The stamps of the records of a frame, by id; see `results.frame`."""
    return dict(zip(reference.id, reference.get("numerics", [{}] * len(reference)), strict=True))


def unmixed(rows: pd.DataFrame, stamps: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """The comparisons whose records are under stamps that agree: `ids` of each, stamps by id.

    Of others `attrs["reason"]` says why they are left out.
    """
    agree = [all(comparable(stamps[i], stamps[j]) for i, j in combinations(ids, 2)) for ids in rows["ids"]]
    if all(agree):
        return rows
    found = rows[agree]
    found.attrs["reason"] = MIXED
    return found


def made_from(rows: pd.DataFrame, reference: pd.DataFrame, at_hand: Mapping[str, str] | None = None) -> bool:
    """Whether comparisons were made from just the records that a page shows, as they are now.

    Where some are stale, one may be without a partner: it is compared with none. Nor is the only arm that a
    backbone has yet.

    Args:
        rows: comparisons. reference: the records that the page shows.
        at_hand: digests of the logits, by id, of the records that there were when they were made, where that
            was kept; a control of another backbone may be among them, which nobody is held against.
    """
    used, records = {i for ids in rows["ids"] for i in ids}, set(reference.id)
    if at_hand is not None:
        whole = set(at_hand) == records and used <= records
    else:
        if {"dataset", "backbone", "arm"} <= set(reference.columns):
            arms = reference.groupby(["dataset", "backbone"]).arm.transform("nunique")
            records = set(reference.id[arms > 1])
        whole = used == records or ("stale" in reference and reference.stale.any() and used < records)
    if not whole or "logits" not in reference:
        return whole
    logits = dict(zip(reference.id, reference.logits, strict=True))
    if any(logits[i] != own for i, own in (at_hand or {}).items()):
        return False
    known = rows.dropna(subset="contents")  # kept by an earlier release: without
    return all(contents(ids, logits) == own for ids, own in zip(known.ids, known.contents, strict=True))
