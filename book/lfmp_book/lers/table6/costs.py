"""What LERS's Table 6 leaves out: sizes as served and the seconds of each phase."""

import pandas as pd

from ...claims.pending import NOT_YET
from ...evidence.processors import untimed
from ...show.html import HtmlTable, Stack, table
from ..scores.blocks import ORIGINAL
from ..scores.records import seeds_of
from ..sizes import BEST, FORMATS, cost_cells
from .apart import outcome_table
from .page import ordered


def cost_table(name: str, network: str, frame: pd.DataFrame, title: str = "") -> HtmlTable:
    """Sizes and seconds of one set and recommender.

    Args:
        name, network: as the paper calls them. frame: see `page.completed`.
        title: of the runs, where they aren't the reference's.
    """
    own = frame[(frame.name == name) & (frame.network == network)]
    head = f"{title or name}, {network}"
    if not len(own):
        return table(pd.DataFrame({"method": []}), caption=f"{head}: {NOT_YET}")
    plain, rows = own[own.arm == ORIGINAL], []
    for t, arm in ordered(own):
        runs = own[(own.arm == arm) & (own.budget == t)]
        if len(runs):
            rows.append({"t": f"{t:.0%}", "method": arm, **cost_cells(runs, plain)})
    note = (
        f"{seeds_of(own)}. kB served: of the whole model, with the indices and masks that a sparse table "
        "needs. PT: finding what stays; CT: the training that is served; TT: both; in processor seconds of "
        "one thread. IT: the same to rank all items for a million users from the form whose bytes are given; "
        f"rows kept: with every row that was worked out kept in memory. ×: over Original.{untimed(own)}"
    )
    caption = f"{head}: sizes and seconds"
    return table(pd.DataFrame(rows), caption=caption, formats=FORMATS, highlight=BEST, group="t", note=note)


def own_stack(run: pd.DataFrame, compared: pd.DataFrame) -> Stack:
    """This run's sizes, seconds and differences, for each recommender.

    Args:
        run: see `page.completed`. compared: see `evidence.decided.decided`.
    """
    parts: list[HtmlTable] = []
    for (dataset, network), own in run.groupby(["name", "network"], sort=False):
        title = f"This run, {dataset}"
        parts += [cost_table(dataset, network, own, title)]
        if set(own.backbone) & set(compared.backbone):
            parts += [outcome_table(f"{title}, {network}", own, compared)]
    return Stack(tuple(parts))
