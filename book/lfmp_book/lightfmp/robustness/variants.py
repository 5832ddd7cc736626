"""The main verdicts on Light-FMP, and how each comes out when one thing of the protocol is another."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.store import store_for
from lfmp_core.metrics import AUC

from ...evidence import results
from ...evidence.frames import COMPARED, framed
from ...evidence.outcomes import outcomes
from ...evidence.results import ALL_FIELDS, RANDOM_FIELDS
from .. import chance_grids, control_grids, passes_grids, rows_grids
from ..arms import BACKBONES, LITERAL, ONE_PASS
from ..arms import FEW as TABLE3_FEW
from ..chance_grids import RECHECK
from ..grids import TABLE3_BACKBONES
from ..passes_grids import CONSTANTS, FEW, MANY, PASSES, PRINTED, UNGATED, by_passes, constants
from ..rows_grids import curve_rows
from ..selection_grids import FRESH
from ..selectors import set_of

# name of a verdict → what it asks, as a difference of two arms in test AUC
VERDICTS = {
    "2,000 rows − random": "Are fields and weights of 2,000 rows together better than chance?",
    "2,000 rows − all": "Is half of the fields, so chosen, better than all of them?",
    "as printed − random": "Is the method as printed better than chance?",
    "100,000 rows − random": "And with 100,000 rows?",
    "kept − fresh": "Do the pretrained weights help the cut model?",
}
_OTHER = {"random": RANDOM_FIELDS, "all": ALL_FIELDS}
ITEMS = (
    "lightfmp_table3",
    "lightfmp_fig2b",
    "lightfmp_table2",
    chance_grids.ITEM,
    passes_grids.ITEM,
    rows_grids.ITEM,
    control_grids.ITEM,
)
Comparisons = Mapping[str, pd.DataFrame]  # by item


@dataclass(frozen=True)
class Variant:
    """One thing of the protocol set otherwise.

    Attributes:
        doubt: whose answer it is. name: what is set how.
        item: whose records. arms: the arm that stands for each word of a verdict.
        backbone, budget, dataset: of the cell.
        rows: of the curve over rows, see `curve_rows`.
        besides: what differs from the starting point too.
    """

    doubt: str
    name: str
    item: str
    arms: Mapping[str, str]
    backbone: str = "deepfm"
    budget: float = 0.5
    dataset: str = "criteo"
    rows: int | None = None
    besides: str = ""

    def pair(self, verdict: str) -> tuple[str, str] | None:
        """The two arms of a verdict; None where the variant says nothing of it.

        So other draws of random fields say nothing of what is held against all fields.
        """
        ours, theirs = (self.arms.get(word, _OTHER.get(word)) for word in verdict.split(" − "))
        if self.doubt == DRAWN and theirs != RANDOM_FIELDS:
            return None
        return None if ours is None or theirs is None else (ours, theirs)


def _weights(arm: str) -> dict[str, str]:
    """The arm with its pretrained weights, and with fresh ones."""
    return {"kept": arm, "fresh": arm + FRESH}


_TABLE3 = {"2,000 rows": TABLE3_FEW, "as printed": LITERAL, "100,000 rows": ONE_PASS}
_CHOSEN = {"2,000 rows": FEW, "as printed": PRINTED, "100,000 rows": MANY}
_CHOSEN |= _weights(FEW)
_ROWS = {"2,000 rows": FEW, "100,000 rows": rows_grids.ONE_LOOK}
DRAWN = "number of draws"
# what differs besides, in a word; `BESIDES` says it at length
BESIDES = (
    "gates: the repaired readings have some on first-order weights too; "
    f"draws: {chance_grids.DRAWS} others of random fields, fewer of planted rows; "
    f"seeds: close candidates are tried with {1 + len(RECHECK)}"
)
_PASSES = "gates, draws, seeds"


def variants() -> list[Variant]:
    """All of them, by doubt; DeepFM on Criteo at τ = .5 where nothing else is said."""
    base = "as in Table 3: 125 passes, rates by one seed, five draws"
    found = [
        Variant("starting point", base, "lightfmp_table3", _TABLE3),
        Variant(
            "starting point",
            "its weights, as in Figure 2b",
            "lightfmp_fig2b",
            {"kept": TABLE3_FEW, "fresh": TABLE3_FEW + FRESH},
        ),
        Variant(DRAWN, f"{chance_grids.DRAWS} draws of its own, one rate", chance_grids.ITEM, _TABLE3),
        Variant("passes", "searched on validation", passes_grids.ITEM, _CHOSEN, besides=_PASSES),
    ]
    for count in PASSES:
        doubt, name = "passes", f"{count} pass{'es' * (count > 1)}"
        if count == PASSES[-1]:
            doubt, name = "rate search", f"{count} passes still, close rates by {1 + len(RECHECK)} seeds"
        own = {"2,000 rows": by_passes(count), **_weights(by_passes(count))}
        found.append(Variant(doubt, name, passes_grids.ITEM, own, besides=_PASSES))
    found.append(
        Variant(
            "reading of the mask",
            "first-order weights without gates, passes searched",
            passes_grids.ITEM,
            {"2,000 rows": UNGATED},
            besides="draws, seeds",
        )
    )
    for worth in CONSTANTS:
        name, own = f"as printed, λ = φ = {worth:g}", {"as printed": constants(worth)}
        found.append(Variant("reading of the mask", name, passes_grids.ITEM, own, besides=_PASSES))
    for backbone in (name for name in TABLE3_BACKBONES if name != "deepfm"):  # which all others are of
        name = f"{BACKBONES[backbone]}, passes searched"
        found.append(Variant("backbone", name, passes_grids.ITEM, _CHOSEN, backbone, besides=_PASSES))
    for ratio in (0.25, 0.75):
        name = f"τ = {ratio:g}, xDeepFM, passes searched"
        own = {"2,000 rows": FEW, "as printed": PRINTED}
        found.append(
            Variant("fields removed", name, passes_grids.ITEM, own, "xdeepfm", ratio, besides=_PASSES)
        )
    for item, name in (
        ("lightfmp_table2", "xDeepFM as in Table 2, three seeds"),
        ("lightfmp_table3", "xDeepFM as in Table 3, five seeds"),
    ):
        besides = "backbone, rate that its search chose"
        found.append(Variant("seeds", name, item, _TABLE3, "xdeepfm", besides=besides))
    for dataset, many in rows_grids.ROWS.items():
        for rows in many:
            found.append(
                Variant(
                    "rows",
                    f"{set_of(dataset)}, {rows:,} rows",
                    rows_grids.ITEM,
                    _ROWS,
                    dataset=dataset,
                    rows=rows,
                    besides="passes searched, gates, draws",
                )
            )
    for dataset in control_grids.SETS:
        name = f"{set_of(dataset)} with as many of them as fields"
        shadowed = Variant("shadow fields added", name, control_grids.ITEM, _TABLE3, dataset=dataset)
        found.append(replace(shadowed, besides="draws"))
    return found


def kept_for_all() -> dict[str, pd.DataFrame]:
    """The comparisons kept for each item, of what has been run; of the curve over rows with `rows`."""
    found = {}
    for item in ITEMS:
        reference = results.reference_frame(item)
        compared, _ = results.known_comparisons(item, reference)
        found[item] = compared
    store, curve = store_for("reference"), rows_grids.ITEM
    sizes = {s.id: curve_rows(s.dataset) for s in get_item(curve).plan("reference", store)}
    found[curve] = found[curve].assign(rows=[sizes.get(ids[0]) for ids in found[curve].ids])
    return found


def verdict_rows(compared: Comparisons) -> pd.DataFrame:
    """One row for each variant and verdict that was run: `results.compare`'s columns, doubt, variant,
    verdict and outcome, adjusted for all of them together.

    Args:
        compared: see `kept_for_all`.
    """
    rows = []
    for variant in variants():
        own = compared[variant.item]
        own = own[(own.metric == AUC.name) & (own.dataset == variant.dataset)]
        own = own[(own.backbone == variant.backbone) & (own.budget == variant.budget)]
        if variant.rows is not None:
            own = own[own["rows"] == variant.rows]
        for verdict in VERDICTS:
            pair = variant.pair(verdict)
            row = None if pair is None else own[(own.arm == pair[0]) & (own.against == pair[1])]
            if row is not None and len(row):
                told = {"doubt": variant.doubt, "variant": variant.name, "verdict": verdict}
                told["besides"] = variant.besides
                rows.append({**row.iloc[0].to_dict(), **told})
    columns = {**COMPARED, "freedom": "float64"}
    columns |= dict.fromkeys(("doubt", "variant", "verdict", "besides"), "str")
    found = framed(rows, columns)
    return outcomes(found, tuple(found.against.unique()))
