"""What was planted, and how much of it a choice of fields finds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import hypergeom, rankdata

from lfmp_core.data.planted import NAMES, PlantedSettings, make_plan
from lfmp_core.experiments.executor import open_dataset
from lfmp_core.experiments.reach import planted_truth
from lfmp_core.experiments.spec import DatasetRef


@dataclass(frozen=True)
class PlantedTruth:
    """What was planted: number of fields, positions of the informative and of the redundant ones."""

    num_fields: int
    informative: frozenset[int]
    redundant: frozenset[int]
    signal: float

    @property
    def useful(self) -> frozenset[int]:
        """Informative or redundant."""
        return self.informative | self.redundant


@lru_cache(maxsize=64)
def truth_of(ref: DatasetRef) -> PlantedTruth:
    """The truth of planted rows; of generated ones by their settings alone, without the rows.

    Raises:
        LfmpError: the data were not planted.
    """
    if "planted" in ref.settings:
        settings = PlantedSettings(**ref.settings["planted"])
        plan = make_plan(settings)
        return PlantedTruth(
            len(NAMES), frozenset(plan.informative), frozenset(plan.redundant), settings.signal
        )
    truth, schema = planted_truth(ref), open_dataset(ref).schema
    found = {
        role: frozenset(schema.field_names.index(name) for name in truth[role])
        for role in ("informative", "redundant")
    }
    signal = truth["settings"]["signal"]
    return PlantedTruth(schema.num_fields, found["informative"], found["redundant"], signal)


def scored(kept: Iterable[int], scores: Sequence[float], truth: PlantedTruth) -> dict[str, float]:
    """Precision and recall of the kept fields, and how well the scores rank.

    precision = |K ∩ I| / |K|, recall = |K ∩ I| / |I|; useful_…: the same with informative or redundant
    fields for I. ranking: chance that an informative field's score is above a noise field's, a tie counting
    half; NaN without scores.
    """
    own = set(kept)
    hits, useful = len(own & truth.informative), len(own & truth.useful)
    return {
        "precision": hits / len(own),
        "recall": hits / len(truth.informative),
        "useful_precision": useful / len(own),
        "useful_recall": useful / len(truth.useful),
        "ranking": _ranking(scores, truth),
    }


def _ranking(scores: Sequence[float], truth: PlantedTruth) -> float:
    informative = sorted(truth.informative)
    noise = [f for f in range(truth.num_fields) if f not in truth.useful]
    if not len(scores) or not noise:
        return float("nan")
    ranks = rankdata(np.array(scores)[informative + noise])[: len(informative)]
    n = len(informative)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * len(noise)))


def chance_limit(truth: PlantedTruth, kept: int) -> float:
    """The recall that 95 of 100 random choices of so many fields don't exceed."""
    n = len(truth.informative)
    return float(hypergeom(truth.num_fields, n, kept).ppf(0.95)) / n
