"""What LERS's Table 5 leaves out: sizes as served, seconds of each phase, ties, and OptEmbed's retraining."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ...claims.claim import Prose
from ...claims.pending import NOT_YET
from ...evidence.outcomes import BETTER, WORSE, outcome_counts
from ...evidence.processors import untimed
from ...show.html import HtmlTable, Spread, Stack, is_stale, table
from ..grids import KINDS
from ..scores.blocks import ORIGINAL
from ..scores.clicks import SETS
from ..scores.records import seeds_of
from ..sizes import BEST, FORMATS, cost_cells
from .figure import picture
from .page import (
    OWN_SIZE,
    PLANNED_SETS,
    TITLES,
    absent,
    adjusted_note,
    block,
    cell_of,
    compared_of,
    difference_cell,
    ordered,
    printed_row,
    share,
)

PARA = "paper's #Para, M"
PLAIN = KINDS["plain"]


def cost_table(name: str, network: str, frame: pd.DataFrame, title: str = "") -> HtmlTable:
    """Sizes and seconds on one set and backbone.

    Args:
        name, network: as the paper calls them. frame: see `lers_table5.completed`.
        title: of the runs, where they aren't the reference's.
    """
    own, head = block(frame, name, network), f"{title or name}, {TITLES[network]}"
    if not len(own):
        return absent(head)
    plain, rows = cell_of(own, 0.0, ORIGINAL), []
    for t, arm in ordered((), own):
        runs, printed = cell_of(own, t, arm), printed_row(name, network, t, arm)
        para = None if printed is None else float(printed["params"]) / 1e6
        rows.append({"t": share(t, arm), "method": arm, PARA: para, **cost_cells(runs, plain)})
    data = pd.DataFrame(rows)
    formats = dict(FORMATS)
    if title or name not in SETS:
        data = data.drop(columns=PARA)
    else:
        formats[PARA] = ".2f"
    note = (
        f"{seeds_of(own)}. kB served: of the whole model, with the indices and masks that "
        "a sparse table needs. PT: finding what stays; CT: the training that is served; TT: both; in "
        "processor seconds of one thread. IT: the same to score a million rows from the form whose bytes are "
        "given; rows kept: with every row that was worked out kept in memory, which then is that of a plain "
        "table. "
        f"×: over Original.{untimed(own)}"
    )
    caption = f"{head}: sizes and seconds"
    return table(data, caption=caption, formats=formats, highlight=BEST, group="t", note=note)


def findings(reference: pd.DataFrame, compared: pd.DataFrame, missing: Sequence[str] = ()) -> Prose:
    """What can be told apart from Original and from a smaller dense table, set by set.

    Args:
        reference: see `lers_table5.completed`. compared: see `page.with_outcomes`.
        missing: why sets have none.
    """
    said = []
    for name in PLANNED_SETS:
        if name not in set(reference.name):
            said.append(f"**{name}**: {NOT_YET}.")
            continue
        for network, title in TITLES.items():
            rows = compared_of(compared, name, network)
            rows = rows[(rows.budget > 0) & ~rows.arm.isin(PLAIN)]
            for other in PLAIN:
                own = rows[rows.against == other]
                if not len(own):
                    continue
                named = [
                    f"{word}: {', '.join(f'{r.arm} at {r.budget:.0%}' for r in r_s.itertuples())}"
                    for word in (BETTER, WORSE)
                    if len(r_s := own[own.outcome == word])
                ]
                some = f" ({'; '.join(named)})" * bool(named)
                half = ((own.high - own.low) / 2).median()
                said.append(
                    f"**{name}, {title}**, against {other}: {outcome_counts(own)}{some}; intervals, "
                    f"adjusted, are ± {half:.4f} AUC in the median."
                )
    if len(compared):
        said.append(f"Adjusted for all {len(compared)} comparisons with plain tables together (Holm).")
    return Prose((*said, *(f"{line[0].upper()}{line[1:]}." for line in missing)))


def retraining_table(reference: pd.DataFrame) -> HtmlTable | Prose:
    """OptEmbed: validation AUC before and after its last phase."""
    own = reference[reference.before.notna()]
    if not len(own):
        return Prose((f"OptEmbed: {NOT_YET}.",))
    rows = []
    for (name, network, t, arm), runs in own.groupby(["name", "network", "budget", "arm"], sort=False):
        gains = (runs.val_auc - runs.before).tolist()
        rows.append(
            {
                "set": name,
                "backbone": TITLES.get(network, network),
                "t": "own" if arm == OWN_SIZE else f"{t:.0%}",
                "supernet, s": Spread.over(runs, "supernet", 1),
                "evolution, s": Spread.over(runs, "evolution", 1),
                "retraining, s": Spread.over(runs, "CT", 1),
                "with the supernet's weights": Spread.over(runs, "before"),
                "retrained": Spread.over(runs, "val_auc"),
                "gain": Spread.of(gains, stale=is_stale(runs)),
            }
        )
    note = (
        "Validation AUC, and processor seconds. Before: of the fittest widths, on at most 20,000 validation "
        "rows, the best of many tried there, so a little too high. After: on all validation rows. Mean ± "
        "standard deviation over seeds."
    )
    return table(pd.DataFrame(rows), caption="What OptEmbed's retraining is worth", group="set", note=note)


def own_stack(run: pd.DataFrame, compared: pd.DataFrame) -> Stack:
    """This run's sizes, seconds, trade-off and differences.

    Args:
        run: see `lers_table5.completed`. compared: see `page.with_outcomes`.
    """
    parts: list[Any] = []
    for name in PLANNED_SETS:
        blocks = {network: block(run, name, network) for network in TITLES}
        for network, own in blocks.items():
            if len(own):
                title = f"This run, {', '.join(own.dataset.unique())}"
                parts += [
                    cost_table(name, network, run, title),
                    block_difference_table(own, compared, title, network),
                ]
        if any(map(len, blocks.values())):
            parts.append(picture(name, run, "This run"))
    return Stack(tuple(parts))


def block_difference_table(own: pd.DataFrame, compared: pd.DataFrame, title: str, network: str) -> HtmlTable:
    """Differences in test AUC to Original and to the smaller dense table, of the runs of one block."""
    sets, networks = set(own.dataset), set(own.backbone)
    pairs = compared[compared.dataset.isin(sets) & compared.backbone.isin(networks)]
    rows: list[dict[str, Any]] = [
        {"t": share(t, arm), "method": arm}
        | {f"AUC to {other}": difference_cell(pairs, t, arm, other) for other in PLAIN}
        for t, arm in ordered((), own)
    ]
    note = f"{adjusted_note(compared).capitalize()}."
    caption = f"{title}, {TITLES[network]}: differences in test AUC"
    return table(pd.DataFrame(rows), caption=caption, group="t", note=note)
