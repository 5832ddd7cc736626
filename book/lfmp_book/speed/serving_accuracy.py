"""What the forms that were timed lose in accuracy, by the reference records of the pages on accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from lfmp_core.metrics import AUC

from ..evidence import results
from ..evidence.outcomes import WORSE, outcomes
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS, UNPRUNED
from ..lers.grids import ORIGINAL
from ..lightfmp.arms import ONE_PASS
from ..show.html import EMPTY
from .serving_grids import BITS, SET
from .serving_grids import ITEM as SERVED

# items: compressed tables; fields cut from xDeepFM by every selector, from other backbones, by ratio; what
# none of these has
TABLE5, TABLE2, TABLE3, RATIOS = "lers_table5", "lightfmp_table2", "lightfmp_table3", "lightfmp_fig3"
ITEMS = (TABLE5, TABLE2, TABLE3, RATIOS, SERVED)
BEST = "best selector"  # stands for the one of Table 2 that is best on validation rows


@dataclass(frozen=True)
class AccuracySource:
    """A cell of an item's records on Criteo's sample that stands for a form.

    Attributes:
        item, arm, budget: which; held against the arm `against` of the same item.
    """

    item: str
    arm: str
    budget: float
    against: str = ORIGINAL


def _both(name: str, label: str) -> dict[str, tuple[AccuracySource, ...]]:
    """A table whose rows are worked out, in all its ways to be served."""
    at = {share: (AccuracySource(TABLE5, label, share),) for share in (0.8, 0.95)}
    return {name: at[0.8], f"{name}, rows kept": at[0.8], f"{name}, 95%, rows kept within bytes": at[0.95]}


SOURCES: dict[str, Mapping[str, tuple[AccuracySource, ...]]] = {
    "deepfm": {
        "fields cut, τ = 0.25": (AccuracySource(SERVED, ONE_PASS, 0.25, ALL_FIELDS),),
        "fields cut, τ = 0.5": (AccuracySource(TABLE3, ONE_PASS, 0.5, ALL_FIELDS),),
        "fields cut, τ = 0.75": (AccuracySource(SERVED, ONE_PASS, 0.75, ALL_FIELDS),),
        "smaller dense": (AccuracySource(TABLE5, "smaller dense", 0.8),),
        "QR": (AccuracySource(TABLE5, "QR", 0.8),),
        **_both("TT-Rec", "TT-Rec"),
        **_both("DHE", "DHE"),
        "PEP, MagPrune (CSR)": (AccuracySource(TABLE5, "PEP", 0.8), AccuracySource(TABLE5, "MagPrune", 0.8)),
        "CERP (pair of CSR)": (AccuracySource(TABLE5, "CERP", 0.8),),
        "OptEmbed (ragged)": (AccuracySource(TABLE5, "OptEmbed", 0.8),),
        **{bits: (AccuracySource(SERVED, bits, 0.0),) for bits in BITS},
    },
    "xdeepfm": {
        "fields cut, τ = 0.25": (AccuracySource(RATIOS, ONE_PASS, 0.25, UNPRUNED),),
        "fields cut, τ = 0.5": tuple(
            AccuracySource(TABLE2, arm, 0.5, ALL_FIELDS) for arm in (ONE_PASS, BEST)
        ),
        "fields cut, τ = 0.75": (AccuracySource(RATIOS, ONE_PASS, 0.75, UNPRUNED),),
    },
}


KEYS = ["group", "arm", "budget", "against"]


def accuracies() -> pd.DataFrame:
    """One row for each source whose records were compared: group, form, arm, difference in test AUC, low and
    high (95 %), seeds, outcome; adjusted for all of them together."""
    kept = {item: _kept(item) for item in ITEMS}
    parts = []
    for group, forms in SOURCES.items():
        for form, sources in forms.items():
            for source in sources:
                frame, rows = kept[source.item]
                arm = best_on_validation(frame) if source.arm == BEST else source.arm
                alike = {"arm": arm, "against": source.against, "metric": AUC.name, "backbone": group}
                own = rows[(rows.budget == source.budget) & (rows[list(alike)] == alike).all(axis=1)]
                parts.append(own.assign(group=group, form=form))
    found = pd.concat(parts, ignore_index=True)
    # a form that is served in several ways is one comparison
    told = outcomes(found.drop_duplicates(KEYS), (ORIGINAL, ALL_FIELDS, UNPRUNED)).set_index(KEYS).outcome
    return found.assign(outcome=told.reindex(pd.MultiIndex.from_frame(found[KEYS])).to_numpy())


def _kept(item: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs on the set, and their comparisons."""
    frame = results.reference_frame(item)
    rows, _ = results.known_comparisons(item, frame)
    return frame[frame.dataset == SET], rows[rows.dataset == SET]


def best_on_validation(frame: pd.DataFrame) -> str:
    """Of the arms that cut fields by a search, the one whose seeds have the best mean AUC on validation rows;
    empty without any."""
    fields = frame.fields_kept.max()
    searched = frame[(frame.fields_kept < fields) & ~frame.arm.isin([RANDOM_FIELDS, ONE_PASS])]
    means = searched.groupby("arm").val_auc.mean()
    return str(means.idxmax()) if len(means) else ""


def loses(found: pd.DataFrame) -> bool | None:
    """Whether a form is worse by every method that leads to it; None without a comparison.

    Args:
        found: the form's rows of `accuracies`.
    """
    return bool((found.outcome == WORSE).all()) if len(found) else None


def accuracy_in_words(found: pd.DataFrame) -> str:
    """Difference in AUC and outcome, method by method; a dash without a comparison."""
    told = [f"{r.arm}: {r.difference:+.4f}, {r.outcome}" for r in found.itertuples()]
    return "; ".join(told) or EMPTY
