"""How many fields without meaning each selector keeps: its false-discovery rate by shadow fields."""

from collections.abc import Sequence

import pandas as pd
from scipy.stats import hypergeom

from lfmp_core.data.shadows import shadow_order
from lfmp_core.experiments.items import Grid

from ...arguments import valid_names
from ...claims.claim import Prose
from ...claims.pending import NOT_YET as NO_RECORDS
from ...evidence.frames import CHOSEN, framed
from ...show.comparison import ResultColumn, comparison
from ...show.html import HtmlTable
from ..choice_grids import shadows
from ..selection_grids import SETS as KEYS
from ..selectors import arm_kind, arms_of, set_of
from ..values import SETS

COLUMNS = (
    ResultColumn("share", "shadows", 2),
    ResultColumn(
        "shadows", "below chance", of=lambda own, _: f"{(own.shadows < own.limit).sum()} of {len(own)}"
    ),
)
COUNTS = {**dict.fromkeys(("total", "kept", "shadows"), "int64"), "share": "float64", "limit": "int64"}


def grids(
    profile: str,
    *,
    sets: str | Sequence[str] | None = None,
    seeds: int | None = None,
) -> list[Grid]:
    """The choices among fields and shadows that go with a run of Table 2; none for the full public sets.

    Args:
        sets, seeds: see `lightfmp_selection.table2`.
    """
    made = shadows(profile, seeds=seeds)
    if profile == "paper":
        return []
    wanted = valid_names(sets, KEYS, "data set") if profile == "reference" else KEYS[:1]
    return [grid for name, grid in zip(KEYS, made, strict=False) if name in wanted]


def false_discoveries(choices: pd.DataFrame) -> pd.DataFrame:
    """The choices with, for each: `total` = 2m fields, `kept`, `shadows` among them, their `share`, and
    `limit`, such that a choice made blindly has fewer in less than 5 of 100 draws.

    Needs no data: which fields are shadows follows from m and the seed of the shadows, and 2m from what was
    kept at which ratio.

    Args:
        choices: see `results.choice_frame`.
    """
    rows = []
    for row in choices.to_dict("records"):
        kept = row["kept_fields"]
        total = round(len(kept) / (1 - row["budget"]))
        order = shadow_order(total // 2, row["reference"].settings["shadows"])
        count = int((order[list(kept)] >= total // 2).sum())
        limit = int(hypergeom(total, total // 2, len(kept)).ppf(0.05))
        found = {"total": total, "kept": len(kept), "shadows": count, "share": count / len(kept)}
        rows.append({**row, **found, "limit": limit})
    return framed(rows, CHOSEN | COUNTS)


def shadow_table(reference: pd.DataFrame, run: pd.DataFrame) -> HtmlTable | Prose:
    """Share of shadows among the fields that each selector keeps, data set by data set.

    Args:
        reference, run: see `results.choice_frame`.
    """
    frames = {}
    for frame, form in ((reference, "{}"), (run, "this run ({})")):
        made = false_discoveries(frame)
        for name in dict.fromkeys(made.dataset):
            frames[form.format(set_of(name))] = made[made.dataset == name]
    missing = [name for name in SETS if name not in set(reference.dataset.map(set_of))]
    lacking = f"{', '.join(missing)}: {NO_RECORDS}" if missing else ""
    if not frames:
        return Prose((f"{lacking}.",))
    arms = arms_of(*frames.values())
    sizes = "; ".join(
        f"{heading}: {made.kept.iloc[0]} kept of {made.total.iloc[0]}" for heading, made in frames.items()
    )
    note = (
        f"{sizes}. Shadows: their share of the kept; a blind choice has .50. Below chance: seeds that keep "
        "fewer than 95 of 100 blind draws do. Mean ± standard deviation over seeds."
        + f" {lacking}."
        * bool(lacking)
    )
    return comparison(
        [(arm,) for arm in arms],
        {"arm": "selector"},
        COLUMNS,
        None,
        frames,
        caption="Fields without meaning among those kept",
        rule=[arm_kind(arm) for arm in arms],
        note=note,
    )
