"""Prune ratio and pretraining rows together: each run of Light-FMP on Criteo as a slice to look at."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pandas as pd

from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.store import store_for
from lfmp_core.metrics import AUC

from ..evidence import datasets, results
from ..evidence.outcomes import interval
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..show.html import Spread, table
from ..show.touch import Touch, settled

ITEMS = ("lightfmp_fig2d", "lightfmp_fig3")  # rows at one ratio; ratios of three ways to pretrain
METHOD, NETWORK = "light_fmp", "xdeepfm"


def slices() -> list[dict[str, Any]]:
    """A line for each prune ratio and way to pretrain with reference records, by rows and then by ratio.

    `arm`, `rows`, `passes`, `tau`; `auc` over `seeds` with its `spread`; `random` and `whole`: differences to
    as many random fields and to all, [difference, low, high], None where they weren't compared; `kept`: in
    how many seeds each field stays.
    """
    found = []
    for item in ITEMS:
        grids = get_item(item).grids("reference")
        cells = defaultdict(list)
        for arm, record in results.finals(grids, store_for("reference")):
            if record.spec.method == METHOD and record.spec.backbone["name"] == NETWORK:
                cells[arm, record.spec.budget.share].append(record)
        compared, _ = results.known_comparisons(item, results.reference_frame(item))
        auc = compared[compared.metric == AUC.name]
        for (arm, tau), records in cells.items():
            settings = records[0].spec.method_settings
            values = Spread.of([r.metrics["test_auc"] for r in records])
            kept = [r.details["kept_fields"] for r in records]
            own = auc[(auc.arm == arm) & (auc.budget == tau) & (auc.backbone == NETWORK)]
            found.append(
                {
                    "arm": arm,
                    "rows": settings["pretrain_rows"],
                    "passes": settings["pretrain_passes"],
                    "tau": tau,
                    "seeds": len(records),
                    "auc": values.mean,
                    "spread": values.spread,
                    "random": _difference(own, RANDOM_FIELDS),
                    "whole": _difference(own, ALL_FIELDS),
                    "kept": [sum(f in one for one in kept) for f in range(_fields())],
                }
            )
    return sorted(found, key=lambda s: (s["rows"], s["passes"], s["arm"], s["tau"]))


def _fields() -> int:
    return len(datasets.fields(datasets.description("criteo"))[0])


def _difference(compared: pd.DataFrame, other: str) -> list[float] | None:
    own = compared[compared.against == other]
    return [float(own.iloc[0][c]) for c in ("difference", "low", "high")] if len(own) else None


def slices_knob(found: Sequence[dict[str, Any]]) -> Touch:
    """The slices to choose from; without scripts a table of them all.

    Args:
        found: see `slices`.
    """
    names, sizes = datasets.fields(datasets.description("criteo"))
    held = [{key: _settled(value) for key, value in one.items()} for one in found]
    rows = [
        {
            "pretraining": one["arm"],
            "rows": one["rows"],
            "passes": one["passes"],
            "τ": one["tau"],
            "test AUC": Spread(one["auc"], one["spread"], one["seeds"]),
            "to random fields": interval(*one["random"]) if one["random"] else None,
            "fields": round(sum(one["kept"]) / one["seeds"]),
        }
        for one in found
    ]
    still = table(
        pd.DataFrame(rows), caption="Light-FMP on Criteo by pretraining and prune ratio",
        formats={"τ": ".2f"}, group="pretraining",
    )  # fmt: skip
    data = {"slices": held, "names": list(names), "ids": list(sizes)}
    words = (
        "Choose how the gates were pretrained and how much they had to prune; what no run has is said to be "
        "missing."
    )
    return Touch("slices", "Prune ratio and pretraining rows together", data, still, words)


def _settled(value: Any) -> Any:
    if isinstance(value, list):
        return [_settled(one) for one in value]
    return settled(value) if isinstance(value, float) else value
