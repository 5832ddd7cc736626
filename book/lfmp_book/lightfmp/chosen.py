"""Figures 2b, 2c, 2d and 3 with passes of pretraining searched, beside the 125 that their pages stand on."""

import pandas as pd

from lfmp_core.experiments.items import get_item
from lfmp_core.experiments.store import store_for
from lfmp_core.metrics import AUC

from ..claims import pending
from ..claims.claim import Prose
from ..evidence import results
from ..evidence.outcomes import interval_and_outcome, outcomes
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..show.html import HtmlTable, table
from .arms import BACKBONES
from .passes_grids import FEW, ITEM, KEPT_AT_RANDOM, PASSES, PRINTED, by_passes, by_size
from .selection_grids import FRESH, SUBSET_SIZES

NOTE = (
    "Differences in test AUC [95 % interval]; outcomes adjusted for the rows of this table. Passes and rate "
    "searched on validation rows, close candidates with three seeds; gates on first-order weights too, save "
    "as printed. Random fields: twenty draws."
)


def compared() -> pd.DataFrame:
    """The comparisons kept for the runs with passes searched; none, with the reason, before they are made."""
    return pending.kept_comparisons(ITEM, results.reference_frame(ITEM))


def at_each_ratio() -> pd.DataFrame:
    """The runs on xDeepFM at each prune ratio, see `results.frame`."""
    runs = results.reference_frame(ITEM)
    return runs[(runs.backbone == "xdeepfm") & runs.arm.isin((FEW, PRINTED))]


def _table(found: pd.DataFrame, heads: dict[str, list], caption: str) -> HtmlTable:
    cells = [interval_and_outcome(d) for _, d in found.iterrows()]
    data = pd.DataFrame({**heads, "difference": cells, "seeds": found.seeds.tolist()})
    formats = {"τ": ".2f"} if "τ" in heads else None
    return table(data, caption=caption, group=next(iter(heads)), formats=formats, note=NOTE)


def weights_table(known: pd.DataFrame) -> HtmlTable | Prose:
    """Figure 2b: choice and weights, each by itself; by backbone, and on DeepFM by passes.

    Args:
        known: see `compared`.
    """
    pairs = {
        "weights, of the chosen fields": (FEW, FEW + FRESH),
        "weights, of random fields": (KEPT_AT_RANDOM, RANDOM_FIELDS),
        "choice, with fresh weights": (FEW + FRESH, RANDOM_FIELDS),
        "both": (FEW, RANDOM_FIELDS),
        **{f"weights, {n} pass{'es' * (n > 1)}": (by_passes(n), by_passes(n) + FRESH) for n in PASSES},
    }
    names = {pair: name for name, pair in pairs.items()}
    asked = [(a, b) in names for a, b in zip(known.arm, known.against, strict=True)]
    own = known[pd.Series(asked, known.index, dtype=bool)]
    found = outcomes(own[own.budget == 0.5], own.against.unique())
    if not len(found):
        return pending.reason(known)
    order = list(pairs)
    what = pd.Series([names[d.arm, d.against] for d in found.itertuples()], found.index)
    found = found.assign(what=what, place=what.map(order.index)).sort_values(["backbone", "place"])
    heads = {"backbone": [BACKBONES[b] for b in found.backbone], "worth of": found.what.tolist()}
    return _table(found, heads, "Choice and weights apart, passes searched")


def ratios_table(known: pd.DataFrame) -> HtmlTable | Prose:
    """Figures 2c and 3: xDeepFM at each prune ratio against all fields and against random ones.

    Args:
        known: see `compared`.
    """
    own = known[(known.backbone == "xdeepfm") & known.arm.isin((FEW, PRINTED)) & (known.budget > 0)]
    found = outcomes(own, (ALL_FIELDS, RANDOM_FIELDS))
    if not len(found):
        return pending.reason(known)
    found = found.sort_values(["arm", "against", "budget"])
    heads = {"arm": found.arm.tolist(), "against": found.against.tolist(), "τ": found.budget.tolist()}
    return _table(found, heads, "By prune ratio, passes searched")


def sizes_table(known: pd.DataFrame) -> HtmlTable | Prose:
    """Figure 2d: xDeepFM by pretraining rows against random fields and against all.

    Args:
        known: see `compared`.
    """
    rows = {by_size(count): count for count in SUBSET_SIZES}
    found = outcomes(known[known.arm.isin(list(rows))], (ALL_FIELDS, RANDOM_FIELDS))
    if not len(found):
        return pending.reason(known)
    found = found.assign(place=found.arm.map(rows)).sort_values(["against", "place"])
    heads = {"against": found.against.tolist(), "rows": [f"{rows[arm]:,}" for arm in found.arm]}
    return _table(found, heads, "By pretraining rows, passes searched")


def searched_table() -> HtmlTable | Prose:
    """How many passes and which rate the search chose, by backbone and arm, with its validation score."""
    rows = []
    for grid in get_item(ITEM).grids("reference"):
        for choice in grid.choices(store_for("reference")):
            values = choice.candidate
            if values is None or "pretrain_passes" not in values:
                continue
            rows.append(
                {
                    "arm": choice.arm,
                    "backbone": BACKBONES[choice.backbone],
                    "passes": values["pretrain_passes"],
                    "learning rate": values["learning_rate"],
                    f"validation {AUC.title}": choice.scores[choice.chosen or 0],
                    "tried": len(choice.candidates),
                    "on the border": "yes" if choice.border else "",
                }
            )
    if not rows:
        return Prose((pending.NOT_YET,))
    formats = {f"validation {AUC.title}": ".4f", "learning rate": "g"}
    return table(pd.DataFrame(rows), caption="What the search chose", group="arm", formats=formats)
