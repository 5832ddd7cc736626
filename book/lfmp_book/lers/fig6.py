"""LERS's Figure 6: which weight decay suits which sparsity."""

from collections.abc import Sequence

import pandas as pd

from lfmp_core.experiments.items import Grid, get_item
from lfmp_core.experiments.stamp import outdated
from lfmp_core.experiments.store import Store, store_for

from ..claims.claim import Claim
from ..claims.judge import Judge
from ..claims.test import Test, claims_of
from ..evidence.frames import framed
from .grids import DECAYS
from .preference import TIE, Tried, falls

ITEM = "lers_fig6"
COLUMNS = {
    **{"dataset": "str", "backbone": "str", "arm": "str", "sparsity": "float64", "l2": "float64"},
    **{"seed": "int64", "val_auc": "float64", "stale": "bool", "id": "str"},
}
DECAY = Tried("l2", "λ", "weight decay", "val_auc", "validation AUC", log=True)
preferred, picture = DECAY.preferred, DECAY.picture
choice_table, score_table = DECAY.choice_table, DECAY.score_table


def finished_runs(grids: Sequence[Grid], store: Store) -> pd.DataFrame:
    """A row for each finished run: method, sparsity, λ, seed, validation AUC. No run saw test rows."""
    rows = []
    for grid in grids:
        for spec in grid.plan(store):
            record = store.get(spec)
            if record is not None:
                rows.append(
                    {
                        "dataset": spec.dataset.name,
                        "backbone": spec.backbone["name"],
                        "arm": grid.arm_of(spec),
                        "sparsity": spec.budget.share,
                        "l2": float(spec.training["l2"]),
                        "seed": spec.seed,
                        "val_auc": record.metrics["val_auc"],
                        "stale": bool(outdated(record)),
                        "id": record.id,
                    }
                )
    return framed(rows, COLUMNS)


def reference(store: Store | None = None) -> pd.DataFrame:
    """The reference records that are there, see `finished_runs`; needs no data."""
    return finished_runs(get_item(ITEM).grids("reference"), store or store_for("reference"))


TESTS: tuple[Test[pd.DataFrame], ...] = (
    Test(
        ("6.6-1",),
        "the λ of highest mean validation AUC is lower at the greatest sparsity than at the least, and each "
        f"of the two is clearly worse than the other at the other's sparsity ({TIE}); for each method",
        lambda best: falls(best, len(DECAYS)),
        also=("6.6-2",),
    ),
)


def claims(reference: pd.DataFrame) -> list[Claim]:
    """Whether a higher sparsity prefers a lower weight decay, from the least to the greatest sparsity."""
    best = preferred(reference)
    return claims_of("lers", ITEM, TESTS, {"": best}) if len(best) else []


JUDGE = Judge(ITEM, "lers_fig6_weight_decay", TESTS, reference, claims)
