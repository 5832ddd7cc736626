"""What serving was to reach, set beforehand, and what keeps from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..claims.claim import share_verdict
from ..show.html import HtmlTable, table, verdict
from ..show.words import listed
from .serving_accuracy import accuracy_in_words
from .serving_speed import GRAPH, ORIGINAL, OWN, TITLES, ServingCell, cells_of, served_form, times_original
from .speed import Ratio

JUDGED = (OWN, GRAPH)  # runtimes
# the methods of LERS, whose §6.4.1 says that none serves faster than the original
LERS_FORMS = (
    *("QR", "TT-Rec", "TT-Rec, rows kept", "DHE", "DHE, rows kept"),
    *("PEP, MagPrune (CSR)", "CERP (pair of CSR)", "OptEmbed (ragged)"),
)


@dataclass(frozen=True)
class Goal:
    """A bound on how many times the original's time a form may take, in every cell.

    Attributes:
        group, form: which. bound: of the ratio.
    """

    group: str
    form: str
    bound: float


GOALS = (
    Goal("xdeepfm", "fields cut, τ = 0.5", 0.6),
    Goal("deepfm", "fields cut, τ = 0.5", 0.6),
    Goal("deepfm", "smaller dense", 1.0),
    Goal("deepfm", "int8", 1.0),
    Goal("deepfm", "PEP, MagPrune (CSR)", 1.2),
    Goal("deepfm", "CERP (pair of CSR)", 1.2),
    Goal("deepfm", "TT-Rec, rows kept", 1.5),
    Goal("deepfm", "TT-Rec, 95%, rows kept within bytes", 1.5),
    Goal("deepfm", "DHE, rows kept", 1.5),
    Goal("deepfm", "DHE, 95%, rows kept within bytes", 1.5),
)


def bounded_ratios(results: Mapping[str, Any], goal: Goal, runtime: str) -> dict[ServingCell, Ratio]:
    """The ratios that a goal bounds, by cell; none where nothing was measured."""
    group = results["groups"].get(goal.group)
    if group is None:
        return {}
    found = {
        cell: times_original(group, goal.form, cell) for cell in cells_of(group) if cell.runtime == runtime
    }
    return {cell: ratio for cell, ratio in found.items() if ratio is not None}


def kept_in(goal: Goal, ratios: Mapping[ServingCell, Ratio]) -> list[bool]:
    """Whether each ratio keeps the bound."""
    return [ratio.value <= goal.bound for ratio in ratios.values()]


def limits_of_serving(group: Mapping[str, Any], name: str) -> str:
    """What a form can't come below, or has to do beside a look-up, in numbers of what was served."""
    own, original = served_form(group, name), served_form(group, ORIGINAL)
    if not own or not original:
        return ""
    told = []
    if own["prune_ratio"] or own["dim"] != original["dim"]:
        told.append(f"{own['macs'] / original['macs']:.2f} of the network's multiply-adds are left")
    if "worked_out_per_row" in own:
        told.append(
            f"{own['kept_rows'] / group['ids']:.0%} of the rows are kept: of each row scored "
            f"{own['worked_out_per_row']:.2f} are not and are worked out"
        )
        if name.startswith("DHE"):  # whose whole network makes each row
            times = own["embedding_parameters"] / original["macs"]
            told[-1] += f", with {times:.1f} times the multiply-adds of the whole model"
    elif own["keep"] == "all":
        told.append("every row is kept, in the bytes of the original's table beside the form's own")
    elif own["table_bytes"] < original["table_bytes"]:
        told.append(f"{own['table_bytes'] / original['table_bytes']:.2f} of the table's bytes")
    return "; ".join(told)


def goals_table(results: Mapping[str, Any], compared: pd.DataFrame) -> HtmlTable:
    """Every goal by each runtime: in how many cells it is reached, where it is farthest from it, and why.

    Args:
        results: the figures. compared: see `serving_accuracy.accuracies`.
    """
    rows = []
    for goal in GOALS:
        group = results["groups"].get(goal.group, {"title": goal.group, "entries": []})
        for runtime in JUDGED:
            ratios = bounded_ratios(results, goal, runtime)
            kept = kept_in(goal, ratios)
            worst = max(ratios, key=lambda cell: ratios[cell].value) if ratios else None
            least = min(ratios, key=lambda cell: ratios[cell].value) if ratios else None
            if not ratios and runtime != OWN:
                continue  # rows are kept by our own scoring alone
            own = compared[(compared.group == goal.group) & (compared.form == goal.form)]
            rows.append(
                {
                    "goal": f"{group['title'].split(',')[0]}: {goal.form} ≤ {goal.bound:g}",
                    "by": TITLES[runtime],
                    "cells": f"{sum(kept)} of {len(kept)}" if ratios else "not measured",
                    "best": None if least is None else f"{ratios[least]!r}: {least.rows}",
                    "worst": None if worst is None else f"{ratios[worst]!r}: {worst.rows}",
                    "verdict": verdict(share_verdict(kept)),
                    "what limits it": limits_of_serving(group, goal.form),
                    "AUC over the original's": accuracy_in_words(own),
                }
            )
    columns = ["goal", "by", "cells", "best", "worst", "verdict", "what limits it", "AUC over the original's"]
    return table(
        pd.DataFrame(rows, columns=columns),
        caption="Goals: times the original's time",
        group="goal",
        note="A cell: a batch on a number of threads. A goal holds where all cells keep it; both sides "
        "of a ratio are served by the same runtime. AUC: of the records of the pages on accuracy, with the "
        "outcome among all of these comparisons; see there for what was trained on how many rows.",
    )


def verdict_tables(results: Mapping[str, Any], compared: pd.DataFrame) -> list[HtmlTable]:
    """The goals and the paper's sentence; none where nothing was measured."""
    return [goals_table(results, compared), sentence_table(results)] if results["groups"] else []


def cells_ahead(group: Mapping[str, Any], name: str) -> list[ServingCell]:
    """The cells in which a form took less time than the original in every round."""
    found = ((cell, times_original(group, name, cell)) for cell in cells_of(group))
    return [cell for cell, ratio in found if ratio is not None and ratio.high < 1]


def sentence_table(results: Mapping[str, Any]) -> HtmlTable:
    """Whether none of LERS's methods serves faster than the original, as its §6.4.1 says."""
    rows = []
    for runtime in JUDGED:
        group = results["groups"].get("deepfm")
        if group is None:
            break
        ahead = {
            name: [cell.rows for cell in cells_ahead(group, name) if cell.runtime == runtime]
            for name in LERS_FORMS
        }
        told = [f"{name} ({listed(where)})" for name, where in ahead.items() if where]
        rows.append(
            {
                "claim": "None of the methods outperforms the original model regarding inference runtime.",
                "place": "LERS, §6.4.1",
                "by": TITLES[runtime],
                "faster in every round": "; ".join(told) or "none",
                "verdict": verdict("fails" if told else "holds"),
            }
        )
    columns = ["claim", "place", "by", "faster in every round", "verdict"]
    return table(pd.DataFrame(rows, columns=columns), caption="The paper's sentence, on this machine")
