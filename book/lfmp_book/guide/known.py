"""The committed records and comparisons that the guide stands on, and the rows under them."""

from collections.abc import Sequence
from functools import cache

import pandas as pd

from lfmp_core.errors import check_name
from lfmp_core.experiments.decisions import Contrast
from lfmp_core.metrics import NDCG20

from ..evidence import results
from ..lers.cf_arms import TITLES as LISTS_BY
from ..lers.grids import ORIGINAL, SMALLER, SMALLER_IN_BYTES
from ..lers.grids import TITLES as TABLES_ON
from ..lightfmp import arms
from .effects import Action, RecordSource, actions, standing

TABLE = RecordSource("lers_table5", "lers_table5_ctr", "table", ORIGINAL, (SMALLER, SMALLER_IN_BYTES))
FIELDS = RecordSource(
    "lightfmp_table2", "lightfmp_table2_overall", "fields", results.ALL_FIELDS, (results.RANDOM_FIELDS,)
)
BACKBONES = RecordSource(
    "lightfmp_table3", "lightfmp_table3_backbones", "fields", results.ALL_FIELDS, (results.RANDOM_FIELDS,)
)
SOURCES = (TABLE, FIELDS, BACKBONES)
LISTS = RecordSource(
    "lers_table6", "lers_table6_cf", "table", ORIGINAL, (SMALLER, SMALLER_IN_BYTES), metric=NDCG20
)
NETWORKS = {**arms.BACKBONES, **TABLES_ON, **LISTS_BY}
PRINTED, REPAIRED = arms.OURS  # the readings of Light-FMP that are the paper's own


@cache
def known() -> tuple[Action, ...]:
    """Every way of removing a part, of those data sets whose records were compared; needs no data."""
    return tuple(actions(_parts()))


@cache
def known_of_lists() -> tuple[Action, ...]:
    """The same in collaborative filtering."""
    return tuple(actions([_part(LISTS)]))


@cache
def together_adjusted() -> tuple[Contrast, ...]:
    """The comparisons of the guide, which are adjusted together."""
    return tuple(standing(_parts()))


@cache
def _parts() -> tuple[tuple[RecordSource, pd.DataFrame, pd.DataFrame], ...]:
    return tuple(map(_part, SOURCES))


def _part(source: RecordSource) -> tuple[RecordSource, pd.DataFrame, pd.DataFrame]:
    frame = results.reference_frame(source.item)
    compared, _ = results.known_comparisons(source.item, frame)
    return source, frame, compared


def those_that_remove(found: Sequence[Action], removes: str) -> list[Action]:
    """The ways that remove fields, or those that remove a share of the table; all for an empty name.

    Raises:
        UnknownName: it is neither.
    """
    if removes:
        check_name(removes, [source.removes for source in SOURCES], "part to remove")
    return [action for action in found if removes in ("", action.removes)]
