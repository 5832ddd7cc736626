"""The ways of removing a part that a page on one's own data holds against the whole model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lfmp_core.budget import Budget
from lfmp_core.data import Dataset, InteractionData
from lfmp_core.experiments.items import Grid
from lfmp_core.experiments.reach import Unmet
from lfmp_core.experiments.spec import plain
from lfmp_core.experiments.store import Store
from lfmp_core.metrics import AUC, LOG_LOSS, NDCG20, RECALL20, Metric

from ..evidence.decided import decided
from ..evidence.results import ALL_FIELDS, RANDOM_FIELDS
from ..lers.grids import ORIGINAL

WHOLES = (ALL_FIELDS, ORIGINAL)  # labels of the whole model


@dataclass(frozen=True)
class OwnRun:
    """What a page on one's own data has to show.

    Attributes:
        data: what it is about. grids: that were run. store: of their records. profile: of their sizes.
        run: see `results.frame`. compared: see `results.compare`.
    """

    data: Dataset | InteractionData
    grids: Sequence[Grid]
    store: Store
    profile: str
    run: pd.DataFrame
    compared: pd.DataFrame

    @property
    def names(self) -> tuple[str, ...]:
        """Of the fields; none of pairs of users and items."""
        return () if isinstance(self.data, InteractionData) else self.clicks.schema.field_names

    @property
    def clicks(self) -> Dataset:
        """The data, where it is rows of clicks."""
        assert isinstance(self.data, Dataset)
        return self.data

    @property
    def metrics(self) -> tuple[Metric, Metric]:
        """The one that decides, and another."""
        return (NDCG20, RECALL20) if isinstance(self.data, InteractionData) else (AUC, LOG_LOSS)

    @property
    def left_out(self) -> list[Unmet]:
        """What these columns hold too few values for."""
        every = [one for grid in self.grids for one in grid.left_out]
        return list({(one.arm.label, one.arm.budget): one for one in every}.values())


@dataclass(frozen=True)
class Way:
    """One arm on one backbone with its finished runs.

    Attributes:
        buffers: bytes of the whole model that are no parameters, such as the means of a normalisation.
        outcome: of what decides, on test, beside the whole model's: the comparison's row, see `decided`; None
            of the whole model itself. drawn: the same beside as many random fields.
    """

    backbone: str
    arm: str
    budget: Budget
    runs: pd.DataFrame
    buffers: float
    outcome: Any = None
    drawn: Any = None

    @property
    def table_bytes(self) -> float:
        """Of the tables: of all that is served less buffers and the four of each number outside of them."""
        r = self.runs
        return float((r.bytes - 4 * (r.parameters - r.embedding_parameters)).mean()) - self.buffers

    @property
    def keeps_all(self) -> bool:
        """It is the whole model."""
        return self.arm in WHOLES


def ways_of(own: OwnRun) -> list[Way]:
    """Every arm with finished runs, by backbone and by what goes; outcomes are adjusted for all at once."""
    against = {name: _decided(own, (name,)) for name in (RANDOM_FIELDS, *WHOLES)}
    whole = {key: row for name in WHOLES for key, row in against[name].items()}
    found = []
    for backbone, arm, budget in dict.fromkeys(_planned(own.grids)):
        r = own.run
        r = r[(r.backbone == backbone) & (r.arm == arm) & (r.budget == budget.share)]
        if len(r):
            key = (backbone, arm, budget.share)
            outcomes = whole.get(key), against[RANDOM_FIELDS].get(key)
            found.append(Way(backbone, arm, budget, r, _buffers(own.run, backbone), *outcomes))
    backbones = list(dict.fromkeys(way.backbone for way in found))
    return sorted(found, key=lambda way: (backbones.index(way.backbone), way.budget.share))


def whole_models(ways: Iterable[Way]) -> dict[str, Way]:
    """The whole model by backbone."""
    return {way.backbone: way for way in ways if way.keeps_all}


def beside_whole(ways: Iterable[Way]) -> list[Way]:
    """Those on a backbone of which there is the whole model; controls, such as popularity, have none."""
    found = list(ways)
    there = whole_models(found)
    return [way for way in found if way.backbone in there]


def _buffers(run: pd.DataFrame, backbone: str) -> float:
    plain = run[(run.backbone == backbone) & run.arm.isin(WHOLES)]
    return float((plain.bytes - 4 * plain.parameters).mean()) if len(plain) else 0.0


def _planned(grids: Iterable[Grid]) -> Iterable[tuple[str, str, Budget]]:
    for grid in grids:
        for backbone in grid.backbones if grid.seeds else ():
            for arm in grid.arms:
                yield plain(backbone)["name"], arm.label, arm.budget


def _decided(own: OwnRun, against: Sequence[str]) -> dict[tuple[str, str, float], Any]:
    c = own.compared
    rows = c[c.against.isin(against) & (c.metric == own.metrics[0].name)]
    if not len(rows):
        return {}
    return {(row.backbone, row.arm, row.budget): row for row in decided(rows, own.run).itertuples()}
