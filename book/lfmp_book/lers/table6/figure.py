"""Test NDCG@20 against bytes as served, of each set."""

import pandas as pd

from lfmp_core.metrics import NDCG20

from ...claims.claim import Prose
from ...show.front import Axis
from ...show.touch import Touch
from .. import quality
from ..cf_arms import METHODS
from ..scores.lists import BACKBONES, SETS
from ..scores.records import runs_on, seeds_of
from .page import ordered

AXES = (
    *quality.COSTS,
    Axis("IT", "processor seconds to rank all items for a million users", "across", log=True),
    Axis("test_ndcg20", "test NDCG@20", "up", more=True, digits=4),
    Axis("test_recall20", "test Recall@20", "up", more=True, digits=4),
    Axis("to_whole", "test NDCG@20, less that of Original", "up", more=True, digits=4, zero=True),
)


def touched(name: str, frame: pd.DataFrame, compared: pd.DataFrame) -> Touch | Prose:
    """The trade-off on one set on axes of choice, over its picture, of the recommenders with compressed
    runs; or a line that says that there is none yet.

    Args:
        name: as the paper calls it. frame: see `page.completed`. compared: see `results.compare`.
    """
    own = {network: runs_on(frame, name, network, SETS) for network in BACKBONES}
    found = [
        quality.FrontPanel(network, runs, cells_there(runs))
        for network, runs in own.items()
        if runs.arm.isin(METHODS).any()
    ]
    if not found:
        return Prose((f"{name}: no compressed table has reference records yet.",))
    still = quality.front_picture(name, found, NDCG20, seeds_of(pd.concat([each.runs for each in found])))
    return quality.touched_front(name, found, NDCG20, AXES, still, compared)


def cells_there(runs: pd.DataFrame) -> list[tuple[float, str]]:
    """(sparsity, arm) of the cells that have runs: the paper's rows without any are no points."""
    known = {*zip(runs.budget, runs.arm, strict=True)}
    return [cell for cell in ordered(runs) if cell in known]
