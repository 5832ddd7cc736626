"""A control that can come out positive: half of the fields are shadows, so that removing half should help."""

import pandas as pd

from lfmp_core.data.shadows import shadow_order

from ...claims.pending import NOT_YET
from ...evidence import results
from ...evidence.outcomes import interval_and_outcome, outcomes
from ...evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ...show.html import HtmlTable, Spread, table
from ..control_grids import ITEM, SEED
from ..selectors import arms_of, set_of

CAPTION = "Where half of the fields mean nothing"


def of_shadowed() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The reference runs on fields and shadows, see `results.frame`, and the comparisons kept for them."""
    reference = results.reference_frame(ITEM)
    return reference, results.known_comparisons(ITEM, reference)[0]


def share_of_shadows(runs: pd.DataFrame) -> list[float]:
    """Share of shadows among the fields that each run keeps.

    Args:
        runs: of one set at half of its fields and shadows, so that each keeps as many as there are fields.
    """
    found = []
    for kept in runs.kept_fields:
        m = len(kept)
        found.append(float((shadow_order(m, SEED)[list(kept)] >= m).mean()))
    return found


def control_table(reference: pd.DataFrame, compared: pd.DataFrame) -> HtmlTable:
    """Every selector on fields and as many shadows: AUC, differences to all of them and to random ones.

    Args:
        reference, compared: see `of_shadowed`.
    """
    found = outcomes(compared, (ALL_FIELDS, RANDOM_FIELDS))
    if not len(found):
        return table(pd.DataFrame({"selector": []}), caption=f"{CAPTION}: {NOT_YET}")
    rows = []
    for name in dict.fromkeys(found.dataset):
        own = reference[reference.dataset == name]
        for arm in arms_of(own):
            runs = own[own.arm == arm]
            row: dict = {"set": set_of(name), "selector": arm, "AUC": Spread.over(runs, "test_auc", 4)}
            row["validation"] = Spread.over(runs, "val_auc", 4)
            halved = (runs.fields_kept < own.fields_kept.max()).all()
            row["shadows kept"] = Spread.of(share_of_shadows(runs), 2) if halved else None
            for other in (ALL_FIELDS, RANDOM_FIELDS):
                d = found[(found.dataset == name) & (found.arm == arm) & (found.against == other)]
                row[f"AUC − {other}"] = interval_and_outcome(d.iloc[0]) if len(d) else None
            rows.append(row)
    note = (
        f"{own_seeds(reference)}. Backbone DeepFM; all fields are the real ones and their shadows; a "
        "selector keeps half of them. Differences [95 % interval], paired bootstrap over test rows, seeds "
        f"and draws; outcomes adjusted for all {len(found)} together (Holm). Validation: AUC on the rows by "
        "which rate and stop are chosen; far above the test's it would say that something learnt them."
    )
    return table(
        pd.DataFrame(rows),
        caption=CAPTION,
        group="set",
        note=note,
    )


def own_seeds(reference: pd.DataFrame) -> str:
    """Seeds of the arms, and draws of random fields."""
    cells = reference.groupby(["dataset", "arm"]).size()
    draws = cells[cells.index.get_level_values("arm") == RANDOM_FIELDS]
    return f"{results.seeds_in_words(cells.drop(draws.index))}, {draws.min()} draws of random fields"
