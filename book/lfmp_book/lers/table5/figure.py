"""Test AUC against bytes as served, of each set."""

import pandas as pd

from lfmp_core.metrics import AUC

from ...claims.claim import Prose
from ...claims.pending import NOT_YET
from ...show.figures import Picture
from ...show.front import Axis
from ...show.touch import Touch
from .. import quality
from ..scores.records import seeds_of
from .page import TITLES, block, ordered

AXES = (
    *quality.COSTS,
    Axis("IT", "processor seconds to score a million rows", "across", log=True),
    Axis("test_auc", "test AUC", "up", more=True, digits=4),
    Axis("test_logloss", "test log-loss", "up", digits=4),
    Axis("to_whole", "test AUC, less that of Original", "up", more=True, digits=4, zero=True),
)


def front_panels(name: str, frame: pd.DataFrame) -> list[quality.FrontPanel]:
    """Those of one set that have runs, a backbone each."""
    own = {title: block(frame, name, network) for network, title in TITLES.items()}
    return [quality.FrontPanel(title, runs, [*ordered((), runs)]) for title, runs in own.items() if len(runs)]


def picture(name: str, frame: pd.DataFrame, title: str = "") -> Picture | Prose:
    """The trade-off on one set, a panel a backbone, or a line that says that there is none yet.

    Args:
        name: as the paper calls it. frame: see `lers_table5.completed`.
        title: of the runs, where they aren't the reference's.
    """
    found = front_panels(name, frame)
    if not found:
        return Prose((f"{title or name}: {NOT_YET}.",))
    seeds = seeds_of(pd.concat([each.runs for each in found]))
    return quality.front_picture(title or name, found, AUC, seeds)


def touched(name: str, frame: pd.DataFrame, compared: pd.DataFrame) -> Touch | Prose:
    """The trade-off on one set on axes of choice, over its picture.

    Args:
        name, frame: as of `picture`. compared: see `results.compare`.
    """
    still = picture(name, frame)
    if isinstance(still, Prose):
        return still
    return quality.touched_front(name, front_panels(name, frame), AUC, AXES, still, compared)
