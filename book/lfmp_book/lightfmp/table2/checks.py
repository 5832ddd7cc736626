"""Beside Light-FMP's Table 2: what can be told apart, which ids are kept, what the search chose."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lfmp_core.experiments.items import Grid, get_item
from lfmp_core.experiments.spec import DatasetRef
from lfmp_core.experiments.store import Store, store_for

from ...claims.claim import Prose
from ...claims.pending import NOT_YET as NO_RECORDS
from ...evidence import datasets, published
from ...evidence.differences import difference_table
from ...evidence.outcomes import BETTER, WORSE, outcome_counts, outcomes
from ...evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ...show.html import HtmlTable, Spread, table
from ..selectors import ITEM, PRINTED, arm_kind, arms_of, part, set_of, short
from ..values import SETS

IDS = ("user_id", "movie_id")


def ids_table(reference: pd.DataFrame) -> HtmlTable:
    """MovieLens: which runs keep both the user and the movie, and the AUC with and without."""
    frame = part(reference, "MovieLens")
    names, _ = datasets.fields(datasets.description("ml-1m"))
    printed = (
        published.printed_table("lightfmp_table2").query("dataset == 'MovieLens'").set_index("method").auc
    )
    rows = []
    for arm in arms_of(frame):
        own = frame[frame.arm == arm]
        keeps = {i: own.kept_fields.map(lambda kept, at=names.index(i): at in kept) for i in IDS}
        both = keeps[IDS[0]] & keeps[IDS[1]]
        row: dict = {"selector": arm}
        row |= {f"{i} kept": f"{int(kept.sum())} of {len(own)}" for i, kept in keeps.items()}
        row["AUC with both"] = Spread.over(own[both], "test_auc")
        row["AUC without"] = Spread.over(own[~both], "test_auc")
        row["paper's AUC"] = float(printed[PRINTED[arm]]) if arm in PRINTED else None
        rows.append(row)
    columns = ["selector", *(f"{i} kept" for i in IDS), "AUC with both", "AUC without", "paper's AUC"]
    caption = "MovieLens: seeds in which the user and the movie are kept, and what that is worth"
    note = None if rows else f"reference: {NO_RECORDS}"
    kinds = [arm_kind(row["selector"]) for row in rows]
    return table(pd.DataFrame(rows, columns=columns), caption=caption, rule=kinds, note=note)


def clusters(reference: pd.DataFrame) -> Prose:
    """MovieLens: AUC of the runs that keep both ids and of the others, beside the paper's two clusters."""
    frame = part(reference, "MovieLens")
    names, _ = datasets.fields(datasets.description("ml-1m"))
    auc = (
        published.printed_table("lightfmp_table2")
        .query("dataset == 'MovieLens'")
        .set_index("method")
        .auc.sort_values()
    )
    gap = int(np.nanargmax(auc.diff()))
    low, high = auc.iloc[:gap], auc.iloc[gap:]
    spans = [f"{c.min():.4f} to {c.max():.4f} ({', '.join(c.index)})" for c in (low, high)]
    said = [f"The paper's AUC fall into two clusters: {' and '.join(spans)}."]
    if not len(frame):
        return Prose((*said, f"MovieLens: {NO_RECORDS}."))
    where = [names.index(i) for i in IDS]
    both = frame.kept_fields.map(lambda kept: all(i in kept for i in where))
    for word, runs in (("keep both the user and the movie", frame[both]), ("lack one or both", frame[~both])):
        span = f", AUC {runs.test_auc.min():.4f} to {runs.test_auc.max():.4f}" if len(runs) else ""
        said.append(f"{len(runs)} of {len(frame)} reference runs {word}{span}.")
    return Prose(tuple(said))


def differences_by_set(compared: pd.DataFrame, missing: Sequence[str] = ()) -> HtmlTable | Prose:
    """Differences in test AUC to all fields and to random ones, set by set.

    Args:
        compared: see `results.compare`. missing: why sets have none.
    """
    if not len(compared):
        return Prose(tuple(missing) or (NO_RECORDS,))
    return difference_table(compared.assign(dataset=compared.dataset.map(set_of)), by="dataset")


def findings(reference: pd.DataFrame, compared: pd.DataFrame, missing: Sequence[str] = ()) -> Prose:
    """How many selectors are better or worse than all fields and than as many random ones, set by set."""
    said = []
    auc = outcomes(compared, (ALL_FIELDS, RANDOM_FIELDS))
    for name in SETS:
        own = part(auc, name)
        if not len(own):
            said += [] if len(part(reference, name)) else [f"**{name}**: {NO_RECORDS}."]
            continue
        halves = (own.high - own.low) / 2
        said.append(f"**{name}**: 95 % intervals are ± {halves.median():.4f} AUC, in the median.")
        for other in (ALL_FIELDS, RANDOM_FIELDS):
            rows = own[(own.against == other) & (own.arm != RANDOM_FIELDS)]
            names = [
                f"{word}: {', '.join(short(arm) for arm in r.arm)}"
                for word in (BETTER, WORSE)
                if len(r := rows[rows.outcome == word])
            ]
            some = f" ({'; '.join(names)})" * bool(names)
            said.append(f"**{name}**, against {other}: {outcome_counts(rows, 'arm')}{some}.")
    if len(auc):
        said.append(f"Adjusted for all {len(auc)} comparisons of the page together (Holm).")
    return Prose((*said, *(f"{line[0].upper()}{line[1:]}." for line in missing)))


def search_rows(grids: Sequence[Grid], store: Store) -> pd.DataFrame:
    """One row for each data set and arm that was searched: validation AUC by learning rate, and the choice.

    A grid without seeds is asked on validation rows alone: its rates stand beside, and choose nothing.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for grid in grids:
        name = set_of(grid.dataset.name) if isinstance(grid.dataset, DatasetRef) else "planted"
        for choice in grid.choices(store):
            scores = {c["learning_rate"]: s for c, s in zip(choice.candidates, choice.scores, strict=True)}
            row = rows.setdefault((name, choice.arm), {"data": name, "selector": choice.arm, "scores": {}})
            row["scores"] |= {rate: score for rate, score in scores.items() if score is not None}
            if grid.seeds and choice.candidate is not None:
                row["chosen"] = choice.candidate["learning_rate"]
                row["border"] = choice.border
    return pd.DataFrame([row for row in rows.values() if row["scores"]])


def search_table(store: Store | None = None) -> HtmlTable | Prose:
    """What the search of the reference runs chose, set by set."""
    found = search_rows(get_item(ITEM).grids("reference"), store or store_for("reference"))
    if not len(found):
        return Prose((f"{NO_RECORDS[0].upper()}{NO_RECORDS[1:]}.",))
    rates = sorted({rate for scores in found.scores for rate in scores})
    rows = []
    for row in found.to_dict("records"):
        scores, chosen = row["scores"], row.get("chosen")
        known = chosen is not None and chosen == chosen
        best = max(scores, key=scores.__getitem__)
        rows.append(
            {"data": row["data"], "selector": row["selector"]}
            | {f"{rate:g}": scores.get(rate) for rate in rates}
            | {
                "chosen": f"{chosen:g}" if known else "",
                "on the border": "yes" if known and row["border"] else "",
                "best of all tried": f"{best:g}" if known and best != chosen else "",
            }
        )
    note = (
        "One seed. The paper's lowest rates were tried on validation rows alone and choose nothing; the last "
        "column names one that would have been better than the chosen."
    )
    caption = "Validation AUC of each learning rate"
    return table(pd.DataFrame(rows), caption=caption, rule=[row["data"] for row in rows], note=note)
