"""Collaborative filtering in the guide: what the records there say, and how many are there."""

from collections.abc import Sequence

from lfmp_core.experiments.items import get_item

from ..claims.claim import Prose
from ..claims.pending import NOT_YET
from ..evidence import results
from ..show.html import HtmlTable
from ..show.words import number, percent
from .effects import Action, cases_of, num_comparisons
from .known import LISTS
from .page import decision_table
from .words import loss, outcomes_in, place_of, shares_of, tables_of


def progress() -> tuple[int, int]:
    """Cells of the reference with records, and all: a set, a recommender, a method and its share each."""
    grids = [grid for grid in get_item(LISTS.item).grids("reference") if grid.seeds]
    there = results.reference_frame(LISTS.item).groupby(["dataset", "backbone", "arm", "budget"]).ngroups
    return there, sum(len(grid.backbones) * len(grid.arms) for grid in grids)


def losses_by_share(found: Sequence[Action], cells: tuple[int, int]) -> Prose:
    """What each share costs and which way loses least, and on how much that stands.

    Args:
        found: see `known.known_of_lists`. cells: see `progress`.
    """
    lines = []
    for share in shares_of(found):
        own = [(action, case) for action in tables_of(found, share) for case in action.cases]
        line = f"**{percent(share)} of the table**: {outcomes_in([case for _, case in own])}."
        for place in dict.fromkeys(place_of(case) for _, case in own):
            here = [(action, case) for action, case in own if place_of(case) == place]
            action, case = max(here, key=lambda one: one[1].difference)
            line += f" {place}: {action.arm} loses least of {len(here)}, {loss(case)}."
        lines.append(line)
    there, planned = cells
    compared = f"adjusted for {number(num_comparisons(found), 'comparison')} (Holm)"
    if any(case.seeds == 1 for case in cases_of(found)):
        compared += "; with one seed, intervals hold what other users would change, not another training"
    lines.append(f"{there} of {number(planned, 'cell')} have records. The words are {compared}.")
    return Prose(tuple(lines))


def ways_table(found: Sequence[Action]) -> HtmlTable | Prose:
    """A line for each way, as `page.decision_table` has them."""
    if not found:
        return Prose((f"Collaborative filtering: {NOT_YET}.",))
    return decision_table(found, caption="Every way of removing a part, collaborative filtering")
